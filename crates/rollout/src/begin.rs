//! Begins rollouts: refuses, queues, supersedes (R14, R18), freezes the plan (R6), and takes edited files.

use std::collections::{BTreeMap, BTreeSet};

use policy::plan::{PlanError, RunningVersions};
use policy::settings::AutoDeploy;
use policy::{CustomerId, Plan, PlanInput, Role, Timestamp};

use crate::event::{Fact, Kind};
use crate::ids::RunId;
use crate::index::Run;
use crate::product::Product;
use crate::request::{Conflict, FilesRead, Rejected, RejectedCode, Request, Start};
use crate::running::Observed;
use crate::state::{DrainTo, Queued, RunState, RunningService, UnitState};

impl Rejected {
    /// Not in the present state.
    pub(crate) fn state(message: impl Into<String>, way_out: &str) -> Self {
        Self::new(RejectedCode::State, message, way_out)
    }

    /// It makes no sense as asked.
    pub(crate) fn usage(message: impl Into<String>, way_out: &str) -> Self {
        Self::new(RejectedCode::Usage, message, way_out)
    }

    pub(crate) fn new(code: RejectedCode, message: impl Into<String>, way_out: &str) -> Self {
        let way_out = (!way_out.is_empty()).then(|| way_out.to_owned());
        Self {
            code,
            message: message.into(),
            way_out,
        }
    }
}

impl Product {
    /// Takes a `start`: refuses it, or begins it now or when others have ended.
    pub(crate) fn request_start(
        &mut self,
        request: &Request,
        start: &Start,
    ) -> Result<(), Rejected> {
        self.nothing_elsewhere()?;
        let version = &start.input.release.version;
        if let Some(block) = self.state.product.blocks.get(version) {
            let text = format!("{version} is blocked by {}: {}", block.by, block.reason);
            return Err(Rejected::state(text, &format!("tranche unblock {version}")));
        }
        let running = self.running(&start.observed);
        let plan = Self::compile(&start.input, start.conflict, &[], &running, self.at)?;
        if plan.customers.is_empty() {
            let text = format!(
                "nobody is left to get {version}: every customer has it, is pinned or excluded"
            );
            return Err(Rejected::state(text, &format!("tranche plan {version}")));
        }
        refuse_services(&plan, start)?;
        let customers: BTreeSet<CustomerId> = plan.customers.keys().cloned().collect();
        let others = self.in_common(&customers, None);
        if !others.is_empty() && start.conflict == Conflict::Refuse {
            return Err(in_the_way(&others));
        }
        let id = RunId::Rollout(self.state.product.rollouts + 1);
        if others.is_empty() {
            let fact = with_request(started_fact(&request.by.name, &plan), start, &running);
            self.emit_in(id, fact);
            return Ok(());
        }
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            commit: Some(start.input.release.commit.clone()),
            ..Fact::new(Kind::RolloutQueued)
        };
        let fact = fact
            .with("version", version.clone())
            .with_value("conflict", &start.conflict)
            .with_value(
                "behind",
                &others.iter().map(|(other, _)| other).collect::<Vec<_>>(),
            )
            .with_value("input", &start.input);
        self.emit_in(id, with_request(fact, start, &running));
        if matches!(start.conflict, Conflict::Supersede | Conflict::Hotfix) {
            self.supersede(&others, request, version);
        }
        self.work.queued_dirty = true;
        Ok(())
    }

    /// Compiles a plan; by the `hotfix` policy, those already on the release of what it supersedes go first.
    fn compile(
        input: &PlanInput,
        conflict: Conflict,
        exposed: &[CustomerId],
        running: &RunningVersions,
        at: Timestamp,
    ) -> Result<Plan, Rejected> {
        let mut input = input.clone();
        if conflict == Conflict::Hotfix {
            input.scope.hotfix = Some(exposed.to_vec());
        }
        policy::plan::compile(&input, running, at).map_err(|error| match error {
            PlanError::Downgrade { .. } => {
                Rejected::state(error.to_string(), "the same command with --allow-downgrade")
            }
            PlanError::Unknown { .. }
            | PlanError::Cycle(_)
            | PlanError::TwoPhases { .. }
            | PlanError::NoHotfixPolicy => Rejected::usage(error.to_string(), "tranche validate"),
        })
    }

    /// Unfinished rollouts that have one of these customers unsettled or still watched (R14).
    fn in_common(
        &self,
        customers: &BTreeSet<CustomerId>,
        except: Option<RunId>,
    ) -> Vec<(RunId, CustomerId)> {
        let mut others = Vec::new();
        for (id, run) in &self.state.runs {
            if Some(*id) == except || run.is_ended() {
                continue;
            }
            let common = match &run.row.queued {
                Some(queued) => self.wanted(queued).intersection(customers).next().cloned(),
                None => customers.iter().find(|one| run.has_open(one)).cloned(),
            };
            others.extend(common.map(|customer| (*id, customer)));
        }
        others
    }

    /// Rollouts that a queued one waits for: unfinished ones before it with a customer in common.
    pub(crate) fn blockers(&self, id: RunId) -> Vec<RunId> {
        let run = &self.state.runs[&id];
        let Some(queued) = &run.row.queued else {
            return Vec::new();
        };
        let customers = self.wanted(queued);
        let draining = |other: &RunId| {
            let other = &self.state.runs[other];
            other.is_ending() && !other.is_ended()
        };
        let common = self
            .in_common(&customers, Some(id))
            .into_iter()
            .map(|(other, _)| other);
        let ending = self.state.runs.keys().copied().filter(draining);
        let before: BTreeSet<RunId> = common.chain(ending).filter(|other| *other < id).collect();
        before.into_iter().collect()
    }

    /// Customers of a queued rollout, as its plan would be now.
    fn wanted(&self, queued: &Queued) -> BTreeSet<CustomerId> {
        let running = self.running(&Observed::new());
        let plan = Self::compile(&queued.input, queued.conflict, &[], &running, self.at);
        plan.map_or_else(
            |_| BTreeSet::new(),
            |plan| plan.customers.into_keys().collect(),
        )
    }

    fn supersede(&mut self, others: &[(RunId, CustomerId)], request: &Request, version: &str) {
        // An operation is over before its customer's turn comes (R15), and an abort is final (P19).
        let rollouts = others.iter().filter(|(other, _)| {
            let aborting = matches!(
                self.state.runs[other].row.state,
                RunState::Draining {
                    to: DrainTo::Aborted,
                    ..
                }
            );
            matches!(other, RunId::Rollout(_)) && !aborting
        });
        let rollouts: Vec<RunId> = rollouts.map(|(other, _)| *other).collect();
        for other in rollouts {
            let fact = Fact {
                actor: Some(request.by.name.clone()),
                reason: Some(format!("superseded by {version}")),
                ..Fact::new(Kind::RolloutDraining)
            };
            self.emit_in(other, fact.with_value("to", &DrainTo::Superseded));
        }
    }

    /// Begins a rollout whose turn has come: the plan is made from what really runs, and its digest is final (R14).
    pub(crate) fn begin_rollout(&mut self, id: RunId) {
        let Some(queued) = self
            .state
            .runs
            .get(&id)
            .and_then(|run| run.row.queued.clone())
        else {
            return;
        };
        let running = self.running(&Observed::new());
        let exposed = self.exposed();
        let fact = match Self::compile(&queued.input, queued.conflict, &exposed, &running, self.at)
        {
            Ok(plan) => {
                let starter = self.state.runs[&id].row.starter.clone();
                started_fact(&starter, &plan)
            }
            Err(rejected) => {
                let outcome = crate::state::Outcome::Aborted;
                Fact {
                    reason: Some(rejected.message),
                    ..Fact::new(Kind::RolloutAborted)
                }
                .with_value("outcome", &outcome)
            }
        };
        self.emit_in(id, fact);
    }

    /// Customers on the release of a rollout that was superseded: they go first in a hotfix.
    fn exposed(&self) -> Vec<CustomerId> {
        let superseded = self.state.runs.values().rev().find(|run| {
            matches!(
                run.row.state,
                RunState::Ended {
                    outcome: crate::state::Outcome::Superseded,
                    ..
                }
            )
        });
        let healthy = superseded.into_iter().flat_map(|run| {
            run.healthy()
                .iter()
                .map(|(phase, _, place)| run.at_place(*phase, *place).clone())
        });
        healthy.collect()
    }

    /// Takes the project's files as now written (R6).
    pub(crate) fn files_read(&mut self, files: &FilesRead) {
        let known = self.state.product.files.as_ref();
        let same = known.is_some_and(|known| match &files.unreadable {
            Some(_) => known.unreadable == files.unreadable,
            None => {
                known.unreadable.is_none()
                    && known.directory == files.directory
                    && known.freezes == files.freezes
                    && known.pins == files.pins
                    && known.customers == files.customers
                    && known.unapplied == files.unapplied
            }
        });
        if same {
            return;
        }
        let joined = self.joined(files);
        let fact = Fact {
            reason: files.unreadable.clone(),
            ..Fact::new(Kind::FilesRead)
        };
        self.emit(
            fact.with_value("files", files)
                .with_value("joined_after_the_start", &joined),
        );
    }

    /// Customers that joined after every unfinished rollout's start.
    fn joined(&self, files: &FilesRead) -> Vec<CustomerId> {
        let mut unfinished = self
            .state
            .runs
            .values()
            .filter(|run| !run.is_ended())
            .peekable();
        if unfinished.peek().is_none() {
            return Vec::new();
        }
        let planned: Vec<_> = unfinished.collect();
        let known = |customer: &&CustomerId| {
            planned.iter().any(|run| {
                run.plan.customers.contains_key(*customer)
                    || run.plan.left_out.contains_key(*customer)
            })
        };
        files
            .customers
            .iter()
            .filter(|customer| !known(customer))
            .cloned()
            .collect()
    }
}

impl Run {
    /// Whether nobody starts in it any more, whatever people do: it has ended, or drains to its end.
    pub(crate) fn is_ending(&self) -> bool {
        match &self.row.state {
            RunState::Ended { .. }
            | RunState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => true,
            RunState::Queued
            | RunState::Running
            | RunState::Halted { .. }
            | RunState::Draining {
                to: DrainTo::Halted,
                ..
            } => false,
        }
    }

    /// Whether the customer has not settled here, or is still watched (R14).
    pub(crate) fn has_open(&self, customer: &CustomerId) -> bool {
        let state = &self.unit(customer).state;
        let settled = *state == UnitState::Healthy && !self.is_watched(customer);
        self.plan.customers.contains_key(customer) && !state.is_over() && !settled
    }
}

fn started_fact(starter: &policy::PersonId, plan: &Plan) -> Fact {
    let fact = Fact {
        actor: Some(starter.clone()),
        commit: Some(plan.release.commit.clone()),
        ..Fact::new(Kind::RolloutStarted)
    };
    fact.with("version", plan.release.version.clone())
        .with("digest", plan.digest.clone())
        .with_value("plan", plan)
}

/// What of the request counts beside the plan: options, and what Render said of the services.
fn with_request(fact: Fact, start: &Start, running: &RunningVersions) -> Fact {
    let mut seen: BTreeMap<&CustomerId, BTreeMap<&Role, RunningService>> = BTreeMap::new();
    for (customer, views) in &start.observed {
        for (role, view) in views {
            let known = running
                .get(customer)
                .and_then(|services| services.get(role));
            let service = RunningService {
                deploy: view.live().map(|live| live.id.clone()),
                version: known.and_then(|known| known.version.clone()),
                commit: known.and_then(|known| known.commit.clone()),
                since: Timestamp::default(),
            };
            seen.entry(customer).or_default().insert(role, service);
        }
    }
    fact.with_value("scope", &start.input.scope)
        .with("clear_cache", start.clear_cache)
        .with_value(
            "deploy_timeout_ms",
            &start.deploy_timeout.map(policy::Span::as_millis),
        )
        .with_value("running", &seen)
}

/// Services that a start refuses (R18): auto-deploy on, suspended, of another workspace.
fn refuse_services(plan: &Plan, start: &Start) -> Result<(), Rejected> {
    let manage = plan.project.render.auto_deploy == AutoDeploy::Manage;
    let mut reasons = Vec::new();
    let mut way_out = String::new();
    for (customer, planned) in &plan.customers {
        let views = start.observed.get(customer);
        for view in planned.services.iter().filter_map(|role| views?.get(role)) {
            if view.suspended && !start.input.scope.skip_suspended {
                reasons.push(format!("{} of {customer} is suspended", view.role));
                "tranche start --skip-suspended".clone_into(&mut way_out);
            }
            if view.auto_deploy && !manage {
                reasons.push(format!("auto-deploy of {}'s {} is on", customer, view.role));
                "switch it off at Render, or write `auto_deploy: manage` in tranche.yaml"
                    .clone_into(&mut way_out);
            }
            let unsuited = view.unsuited(&plan.release.commit);
            let refusals = view.refusals.iter().chain(&unsuited);
            reasons
                .extend(refusals.map(|refusal| format!("{customer}'s {}: {refusal}", view.role)));
        }
    }
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Rejected::state(reasons.join("; "), &way_out))
    }
}

fn in_the_way(others: &[(RunId, CustomerId)]) -> Rejected {
    let list: Vec<String> = others
        .iter()
        .map(|(id, customer)| format!("{id} still has {customer}"))
        .collect();
    let text = format!("another rollout is unfinished: {}", list.join(", "));
    Rejected::state(
        text,
        "add --queue to wait for it, --supersede to end it, or --hotfix",
    )
}
