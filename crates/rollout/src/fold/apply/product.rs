//! Folds what spans rollouts: freezes, blocks, clock, files, and what runs where.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

use std::collections::BTreeMap;

use policy::{CustomerId, PersonId, Role, Timestamp};

use super::folded::Folded;
use crate::fold::state::{RowKey, State};
use crate::model::directory::EntryChange;
use crate::model::event::Kind;
use crate::model::freeze::ManualFreeze;
use crate::model::ids::{DeployId, RolloutId};
use crate::model::recovery::Moved;
use crate::model::request::FilesRead;
use crate::model::state::{
    Block, CustomerState, FilesRow, FleetRow, Hidden, Mark, Operation, RunningService,
};
use crate::model::unhealthy::{Judged, Unhealthy, fold_unhealthy};

impl State {
    /// Folds a fact outside any rollout.
    pub(super) fn apply_product(&mut self, fact: &Folded<'_>, at: Timestamp) {
        let name = || fact.read::<String>("name").unwrap_or_default();
        let product = &mut self.product;
        match fact.kind {
            Kind::EngineStarted => {
                product.clock_suspected = Some("the engine was started".to_owned());
                product.is_unsure(fact);
            }
            Kind::ClockSuspected => {
                product.clock_suspected = Some(fact.reason.clone().unwrap_or_default());
                product.is_unsure(fact);
            }
            Kind::ClockTrusted => {
                product.clock_suspected = None;
                // Engine time would be there if it had not followed the wall clock.
                if let Some(from) = fact.read::<Timestamp>("from")
                    && let Some(since) = product.unsure_since.take()
                {
                    self.move_along(since, at - from);
                }
            }
            Kind::WorkspaceHeld => {
                product.workspace_held = Some(fact.reason.clone().unwrap_or_default());
            }
            Kind::WorkspaceReleased => product.workspace_held = None,
            Kind::Frozen => {
                if let (Some(until), Some(by)) = (
                    fact.take("until", fact.until.as_ref()),
                    fact.take("actor", fact.actor.as_ref()),
                ) {
                    let reason = fact.reason.clone().unwrap_or_default();
                    let customers = fact.read("customers").unwrap_or_default();
                    product.freezes.insert(
                        name(),
                        ManualFreeze {
                            from: at,
                            until,
                            by,
                            reason,
                            customers,
                        },
                    );
                }
            }
            Kind::Unfrozen => {
                product.freezes.remove(&name());
            }
            Kind::Blocked => {
                if let Some(by) = fact.take("actor", fact.actor.as_ref()) {
                    let reason = fact.reason.clone().unwrap_or_default();
                    product.blocks.insert(
                        fact.read("version").unwrap_or_default(),
                        Block {
                            by,
                            since: at,
                            reason,
                        },
                    );
                }
            }
            Kind::Unblocked => {
                product
                    .blocks
                    .remove(&fact.read::<String>("version").unwrap_or_default());
            }
            Kind::FilesRead => self.apply_files(fact),
            Kind::PeopleChanged => self.apply_people(fact, at),
            Kind::Restored | Kind::RolloutsHeld => self.apply_elsewhere(fact, at),
            Kind::Resumed => self.apply_moved(),
            Kind::RolloutQueued
            | Kind::RolloutStarted
            | Kind::OperationStarted
            | Kind::Replanned => fact.note("its `rollout` is missing".to_owned()),
            _ => {}
        }
    }

    /// Whatever is open rests. Older releases held rollouts alone and kept no reason.
    fn apply_elsewhere(&mut self, fact: &Folded<'_>, at: Timestamp) {
        if fact.data.contains_key("moved") {
            self.product.elsewhere = Some(Mark {
                by: None,
                at,
                reason: fact.reason.clone(),
            });
        }
        let open = self.runs.iter_mut().filter(|(_, run)| !run.is_ended());
        for (id, run) in open {
            run.row.held_as_moved = true;
            self.touched.insert(RowKey::run(*id));
        }
    }

    fn apply_moved(&mut self) {
        self.product.elsewhere = None;
        let held = self
            .runs
            .iter_mut()
            .filter(|(_, run)| run.row.held_as_moved);
        for (id, run) in held {
            run.row.held_as_moved = false;
            run.row.takes_over = true;
            self.touched.insert(RowKey::run(*id));
        }
    }

    fn apply_files(&mut self, fact: &Folded<'_>) {
        let Some(read) = fact.need::<FilesRead>("files") else {
            return;
        };
        self.touch(RowKey::files());
        let row = self.product.files.get_or_insert_with(|| FilesRow {
            never_read: true,
            ..FilesRow::default()
        });
        row.unreadable.clone_from(&read.unreadable);
        row.in_force = fact.read("in_force");
        row.gates_shut = fact.read("gates_shut").unwrap_or(false);
        if read.unreadable.is_none() {
            row.never_read = false;
            row.directory = read.directory;
            row.freezes = read.freezes;
            row.pins = read.pins;
            row.customers = read.customers;
            row.unapplied = read.unapplied;
            row.outside = read.outside;
        }
    }

    fn apply_people(&mut self, fact: &Folded<'_>, at: Timestamp) {
        let whom: BTreeMap<PersonId, Vec<String>> = fact.read("whom").unwrap_or_default();
        let Some(row) = &mut self.product.files else {
            return;
        };
        let changed = whom.into_iter();
        row.changed
            .extend(changed.map(|(person, what)| (person, EntryChange { at, what })));
        self.touch(RowKey::files());
    }

    /// What Render said of the services when the rollout was asked for.
    pub(super) fn apply_running(&mut self, id: RolloutId, fact: &Folded<'_>, at: Timestamp) {
        type Seen = BTreeMap<CustomerId, BTreeMap<Role, RunningService>>;
        type Newest = BTreeMap<CustomerId, BTreeMap<Role, DeployId>>;
        let Some(seen) = fact.read::<Seen>("running") else {
            return;
        };
        // Older releases did not say which deploys were there besides the live ones.
        let mut newest = fact.read::<Newest>("newest");
        for (customer, services) in seen {
            let row = self.fleet.entry(customer.clone()).or_default();
            if let Some(newest) = &mut newest {
                row.observed = Some(id);
                row.newest = newest.remove(&customer).unwrap_or_default();
            }
            for (role, mut service) in services {
                let known = row.running.get(&role);
                if known.is_none_or(|known| known.deploy != service.deploy) {
                    service.since = at;
                    row.running.insert(role, service);
                }
            }
            self.touch(RowKey::fleet(&customer));
        }
    }

    /// Release tracking and ownership.
    pub(super) fn apply_fleet(&mut self, id: RolloutId, fact: &Folded<'_>, at: Timestamp) {
        let Some(customer) = &fact.customer else {
            return;
        };
        match fact.kind {
            Kind::CustomerStarted | Kind::RollbackRequested | Kind::HealthFailed => {
                let row = self.fleet.entry(customer.clone()).or_default();
                row.owner = Some(id);
                apply_verdict(row, id, fact, at);
            }
            Kind::RollbackFailed | Kind::HealthPassed => {
                // Most verdicts change nothing, and a row that is touched is written.
                let row = self.fleet.get_mut(customer);
                if !row.is_some_and(|row| apply_verdict(row, id, fact, at)) {
                    return;
                }
            }
            Kind::VariablesSet | Kind::VariablesRestored => {
                self.apply_hidden(id, customer, fact, at);
            }
            Kind::DeployLive | Kind::RollbackLive => {
                let Some(role) = fact.service.clone() else {
                    return;
                };
                let service = RunningService {
                    deploy: fact.deploy.clone(),
                    version: fact.read("version"),
                    commit: fact.commit.clone(),
                    since: at,
                };
                let row = self.fleet.entry(customer.clone()).or_default();
                if fact.kind == Kind::DeployLive {
                    row.hidden.remove(&role);
                }
                row.running.insert(role, service);
            }
            // From the first variable that names the new database on.
            Kind::VariablesIntended | Kind::DatabaseSwitched => {
                let (Some(from), Some(to)) = (fact.read("from"), fact.read("to")) else {
                    return;
                };
                let (by, since) = (id, at);
                let row = self.fleet.entry(customer.clone()).or_default();
                row.moved = Some(Moved {
                    by,
                    from,
                    to,
                    since,
                });
            }
            kind if kind.lets_go() => {
                let unit = self.runs.get(&id).map(|run| run.customer(customer));
                let back = unit.is_some_and(CustomerState::is_pointed_back);
                let Some(row) = self.fleet.get_mut(customer) else {
                    return;
                };
                // An operation keeps what it watches; its end lets go (R15).
                let watched =
                    matches!(id, RolloutId::Operation(_)) && fact.kind == Kind::CustomerHealthy;
                if row.owner == Some(id) && !watched {
                    row.owner = None;
                }
                // Left out half-way, its services read the old database again.
                let skipped = fact.kind == Kind::CustomerSkipped && back;
                row.moved = row.moved.take().filter(|moved| !skipped || moved.by != id);
            }
            _ => return,
        }
        self.touch(RowKey::fleet(customer));
    }
}

impl State {
    /// Variables that an operation set, or took back, without a deploy (T9).
    fn apply_hidden(
        &mut self,
        id: RolloutId,
        customer: &CustomerId,
        fact: &Folded<'_>,
        at: Timestamp,
    ) {
        let operation = self.runs.get(&id).and_then(|run| run.row.operation);
        let (Some(Operation::Variables), Some(role)) = (operation, fact.service.clone()) else {
            return;
        };
        let keys: Vec<String> = fact.read("keys").unwrap_or_default();
        let row = self.fleet.entry(customer.clone()).or_default();
        if fact.kind == Kind::VariablesRestored || keys.is_empty() {
            row.hidden.remove(&role);
        } else {
            let since = at;
            row.hidden.insert(
                role,
                Hidden {
                    by: id,
                    keys,
                    since,
                },
            );
        }
    }
}

/// What was judged at a service: a failing version is remembered until it passes. Whether that changes anything.
fn apply_verdict(row: &mut FleetRow, id: RolloutId, fact: &Folded<'_>, at: Timestamp) -> bool {
    let Some(role) = fact.service.clone() else {
        return false;
    };
    if fact.kind == Kind::HealthPassed {
        let live = row.running.get(&role).and_then(|live| live.commit.as_ref());
        let Some(known) = row.unhealthy.get_mut(&role) else {
            return false;
        };
        known.retain(|one| Some(&one.commit) != live);
        row.unhealthy.retain(|_, known| !known.is_empty());
        return true;
    }
    let Some(Judged { version, commit }) = fact.read("judged") else {
        return false;
    };
    let judged = Unhealthy {
        version,
        commit,
        by: id,
        since: at,
    };
    fold_unhealthy(row.unhealthy.entry(role).or_default(), judged);
    true
}

impl Kind {
    /// Whether a customer is nobody's any more after this (R15).
    pub(crate) fn lets_go(self) -> bool {
        matches!(
            self,
            Self::CustomerHealthy
                | Self::CustomerUnchanged
                | Self::VariablesApplied
                | Self::CustomerRolledBack
                | Self::CustomerRollbackFailed
                | Self::CustomerSkipped
                | Self::CustomerExcluded
        )
    }
}
