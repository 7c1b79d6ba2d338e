//! What is read of a customer whose turn it is, and what follows before it starts?

use std::collections::BTreeMap;

use policy::Role;

use crate::fold::in_flight::{Preparing, Slot};
use crate::fold::index::Position;
use crate::model::command::{CommandKind, DeployView, Outcome, ServiceView};
use crate::model::fact::{BatchStarted, CustomerPlace, CustomerSkipped, CustomerStarted, Fact};
use crate::model::ids::RolloutId;
use crate::model::state::{Baseline, Operation, RolloutState};
use crate::product::Product;
use crate::progress::start_customers::SECRET_RETRY;

impl Product {
    /// A customer that has left customers.yaml is passed over at its turn (R6).
    pub(crate) fn gone(&self, id: RolloutId, position: Position) -> Option<String> {
        // A person has just named the services of an operation, and they need not be in the files.
        if matches!(id, RolloutId::Operation(_)) {
            return None;
        }
        let files = self.state.product.read_files()?;
        let customer = self.state.rollouts[&id].at(position);
        (!files.customers.contains(customer)).then(|| "it has left customers.yaml".to_owned())
    }

    pub(crate) fn skip_at_turn(&mut self, id: RolloutId, position: Position, reason: String) {
        let fact = self.ask(id, position, |ctx| CustomerSkipped {
            place: ctx.place(),
            actor: None,
            reason: Some(reason),
        });
        if let Some(fact) = fact {
            self.emit_in(id, fact);
        }
    }

    /// Reads everything that must hold before the customer is started.
    pub(crate) fn prepare(&mut self, id: RolloutId, position: Position) {
        let kind = self.ask(id, position, |ctx| CommandKind::Preflight {
            services: ctx
                .planned
                .services
                .iter()
                .map(|role| ctx.target(role))
                .collect(),
            variables: ctx
                .planned
                .services
                .iter()
                .map(|role| (role.clone(), ctx.variables(role)))
                .collect::<BTreeMap<Role, _>>(),
            urls: ctx.urls(),
            baseline: ctx
                .profile()
                .checks
                .iter()
                .any(|check| matches!(check.kind, policy::health::CheckKind::Baseline { .. }))
                .then(|| Box::new(ctx.profile().clone())),
        });
        let Some(kind) = kind else { return };
        self.in_flight
            .preparing
            .insert((id, position), Preparing::Asked);
        self.want(id, position, Slot::Preflight, kind);
    }

    /// Takes the answer of a preflight; the holds are asked once more before the start.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a preflight has three answers of its own"
    )]
    pub(crate) fn record_preflight(
        &mut self,
        id: RolloutId,
        position: Position,
        asked: &CommandKind,
        outcome: Outcome,
    ) {
        self.in_flight.preparing.remove(&(id, position));
        self.in_flight.unblock(id, position);
        if let Outcome::Trouble { .. } | Outcome::Failed { .. } = outcome {
            self.wait_for_render(id, position, asked, &outcome);
            return;
        }
        if let Some(scratch) = self.in_flight.scratch.get_mut(&(id, position)) {
            scratch.answered(asked);
        }
        match outcome {
            Outcome::Inspected { views } => self.judge_views(id, position, views),
            Outcome::SecretMissing { name } => {
                let missing = (name, self.at + SECRET_RETRY);
                self.in_flight.scratch_of(id, position).secret = Some(missing);
            }
            Outcome::Gone { role, reason } => {
                let reason = format!("its service {role} does not exist: {reason}");
                self.skip_at_turn(id, position, reason);
            }
            // Nothing was learned: the next tick reads it again.
            _ => {}
        }
    }

    /// Somebody else's hand on a customer whose turn it is (R18).
    fn judge_views(&mut self, id: RolloutId, position: Position, views: Vec<ServiceView>) {
        if let Some(view) = views.iter().find(|view| view.suspended) {
            self.skip_at_turn(
                id,
                position,
                format!("its service {} is suspended", view.role),
            );
            return;
        }
        let facts = self.ask(id, position, |ctx| {
            let refused = views.iter().find_map(|view| {
                let counts = ctx.planned.own.as_ref().is_none_or(|own| own.validate);
                let refusal = view.refusals.first().filter(|_| counts).cloned();
                let manage =
                    ctx.plan.project.render.auto_deploy == policy::settings::AutoDeploy::Manage;
                let auto =
                    (view.auto_deploy && !manage).then(|| "its auto-deploy is on".to_owned());
                let deploys = ctx.operation != Some(Operation::Variables);
                let unsuited = || view.unsuited(&ctx.release().commit).filter(|_| deploys);
                let reason = refusal.or(auto).or_else(unsuited)?;
                Some((view.role.clone(), reason))
            });
            refused.map(|(role, reason)| ctx.held(Some(&role), format!("{role}: {reason}")))
        });
        if let Some(Some(held)) = facts {
            self.emit_in(id, held);
            return;
        }
        if let Some((view, deploy)) = views
            .iter()
            .find_map(|view| view.unfinished().map(|deploy| (view, deploy)))
        {
            let (role, deploy) = (view.role.clone(), deploy.id.clone());
            let kind = self.ask(id, position, |ctx| CommandKind::AwaitQuiet {
                service: ctx.target(&role),
                deploy: deploy.clone(),
                until: None,
            });
            let at = self.at;
            self.in_flight.scratch_of(id, position).awaits(&deploy, at);
            if let Some(kind) = kind {
                self.want(id, position, Slot::Main, kind);
            }
            return;
        }
        if self.meets_another(id, position, &views) {
            return;
        }
        self.in_flight
            .preparing
            .insert((id, position), Preparing::Ready(views));
    }

    /// The begin that R7, R9, R10 and R13 mean.
    pub(crate) fn begin_customer(
        &mut self,
        id: RolloutId,
        position: Position,
        views: Vec<ServiceView>,
    ) {
        let rollout = &self.state.rollouts[&id];
        let customer = rollout.at(position).clone();
        let batch = rollout
            .batch_of(&customer)
            .unwrap_or(rollout.phases[position.phase].batches_begun + 1);
        let begun = rollout
            .batches
            .get(&(position.phase, batch))
            .is_some_and(|row| row.started_at.is_some());
        let mut facts = Vec::new();
        if !begun {
            let members = match rollout.is_dynamic(position.phase) {
                true => vec![customer.clone()],
                false => rollout.batch_customers(position.phase, batch),
            };
            let begun = BatchStarted {
                place: rollout.batch_place(position.phase, batch),
                customers: members,
            };
            facts.push(Fact::from(begun));
        }
        let passed = rollout.unpassed_gate(position.phase, batch, &customer);
        facts.extend(passed.map(Fact::from));
        let started = CustomerStarted {
            place: CustomerPlace {
                phase: rollout.phase_place(position.phase).phase,
                batch: Some(batch),
                customer: customer.clone(),
            },
            services: views.iter().map(found).collect(),
            warnings: views
                .iter()
                .flat_map(|view| view.warnings.clone())
                .collect(),
            unhealthy_targets: self.targets_at_start(id, &customer, &views),
        };
        facts.push(started.into());
        for fact in facts {
            self.emit_in(id, fact);
        }
        let scratch = self.in_flight.scratch_of(id, position);
        scratch.view = views.into_iter().next();
        scratch.go = true;
        self.in_flight.deploying.insert((id, position));
    }

    /// Preparations of customers whose turn has passed (a pause, a halt) are dropped.
    pub(crate) fn drop_stale_preparations(&mut self) {
        let is_stale = |(id, position): &(RolloutId, Position)| {
            let rollout = &self.state.rollouts[id];
            rollout.row.state != RolloutState::Running
                || !rollout.waiting(position.phase).contains(&position.index)
                || !self
                    .state
                    .phase_holds(rollout, position.phase, self.at)
                    .is_empty()
        };
        let stale: Vec<(RolloutId, Position)> = self
            .in_flight
            .preparing
            .keys()
            .copied()
            .filter(is_stale)
            .collect();
        for (id, position) in stale {
            self.unwant(id, position, Slot::Preflight);
            self.in_flight.preparing.remove(&(id, position));
            self.in_flight.unblock(id, position);
        }
    }
}

/// What is at a service when its customer begins (R19).
fn found(view: &ServiceView) -> (Role, Baseline) {
    let live = view.live();
    let baseline = Baseline {
        deploy: live.map(|live| live.id.clone()),
        commit: live.and_then(DeployView::exact),
        version: view.version.clone(),
        auto_deploy: view.auto_deploy,
        auto_deploy_trigger: view.auto_deploy_trigger.clone(),
        p95_ms: view.p95_ms,
    };
    (view.role.clone(), baseline)
}
