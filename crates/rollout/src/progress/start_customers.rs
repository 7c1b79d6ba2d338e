//! Starts what can start: the next service of a customer under way, then the next customers (R24). Only a tick comes here.

use std::collections::BTreeMap;

use policy::{CustomerId, Role};

use crate::fold::index::{Position, Rollout};
use crate::model::command::{CommandKind, DeployView, Outcome, ServiceView};
use crate::model::event::{Kind, Line};
use crate::model::ids::RolloutId;
use crate::model::state::{Baseline, CustomerStatus, Operation, RolloutState};
use crate::product::Product;
use crate::progress::in_flight::{Preparing, Slot, TimerKey};

/// A missing secret is asked for again after this long.
const SECRET_RETRY: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

impl Product {
    /// Starts whatever nothing holds back.
    pub(crate) fn start_what_can(&mut self) {
        self.let_services_go();
        let running: Vec<RolloutId> = self
            .state
            .runs
            .iter()
            .filter(|(_, run)| run.row.state == RolloutState::Running)
            .map(|(id, _)| *id)
            .collect();
        for id in running {
            for phase in 0..self.state.runs[&id].phases.len() {
                if self.state.runs[&id].row.state == RolloutState::Running {
                    self.start_phase_customers(id, phase);
                }
            }
        }
        self.drop_stale_preparations();
    }

    /// What goes back goes first, and a started customer's next service before a new customer's first (P16).
    fn let_services_go(&mut self) {
        let (back, forward): (Vec<_>, Vec<_>) = self
            .work
            .waiting_go
            .iter()
            .partition(|(id, place)| self.is_going_back(*id, *place));
        for (id, place) in back.into_iter().chain(forward) {
            let limit = self.max_parallel(id);
            if self.work.deploying.len() >= limit {
                continue;
            }
            self.work.waiting_go.remove(&(id, place));
            self.work.scratch.entry((id, place)).or_default().go = true;
            self.work.deploying.insert((id, place));
            self.work.dirty_units.insert((id, place));
            self.advance();
        }
    }

    fn is_going_back(&self, id: RolloutId, place: Position) -> bool {
        let run = &self.state.runs[&id];
        run.customer(run.at_place(place.phase, place.place)).state == CustomerStatus::Backward
    }

    fn max_parallel(&self, id: RolloutId) -> usize {
        let limit = self.state.runs[&id].plan.project.render.max_parallel;
        usize::try_from(limit.max(1)).unwrap_or(usize::MAX)
    }

    fn start_phase_customers(&mut self, id: RolloutId, phase: usize) {
        loop {
            let run = &self.state.runs[&id];
            if run.row.state != RolloutState::Running
                || run.phases[phase].started_at.is_none()
                || run.waiting(phase).is_empty()
            {
                return;
            }
            if !self.state.phase_holds(run, phase, self.at).is_empty()
                || !self.confirm_before(id, phase)
            {
                return;
            }
            match self.pick(id, phase) {
                Some(Picked::Prepare(place)) => {
                    self.about(id, place, |product| product.prepare(id, place));
                }
                Some(Picked::Begin(place, views)) => {
                    self.about(id, place, |product| {
                        product.begin_customer(id, place, views);
                    });
                    self.advance();
                }
                Some(Picked::Skip(place, reason)) => {
                    self.skip_at_turn(id, place, reason);
                    self.advance();
                }
                None => return,
            }
        }
    }

    /// The first customer that can go (or, in strict order, the first at all).
    fn pick(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        self.pick_prepared(id, phase)
            .or_else(|| self.pick_next(id, phase))
    }

    /// A customer that has been read and that still nothing holds.
    fn pick_prepared(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        // While it was read, somebody on the way back may have taken its place.
        if self.work.deploying.len() >= self.max_parallel(id) {
            return None;
        }
        let range = self.turn_places(id, phase);
        let strict = self.is_strict(id, phase);
        let first = self.state.runs[&id].waiting(phase).first().copied();
        let prepared = self.work.preparing_in(id, phase);
        let prepared: Vec<Position> = prepared
            .filter(|(_, state)| matches!(state, Preparing::Ready(_)))
            .map(|(place, _)| place)
            .collect();
        for place in prepared
            .into_iter()
            .filter(|place| range.contains(&place.place))
        {
            if strict && first != Some(place.place) {
                return None;
            }
            if self.about(id, place, |product| product.block_if_held(id, place)) {
                continue;
            }
            if let Some(Preparing::Ready(views)) = self.work.preparing.remove(&(id, place)) {
                return Some(Picked::Begin(place, views));
            }
        }
        None
    }

    /// A customer that is to be read, if a place is free for it.
    fn pick_next(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        if !self.has_slot(id, phase) {
            return None;
        }
        let range = self.turn_places(id, phase);
        let strict = self.is_strict(id, phase);
        loop {
            let run = &self.state.runs[&id];
            let next = *self
                .work
                .ready(id, phase, run)
                .range(range.clone())
                .next()?;
            let place = Position { phase, place: next };
            if !run.waiting(phase).contains(&next) || self.work.preparing.contains_key(&(id, place))
            {
                self.work.ready(id, phase, run).remove(&next);
                continue;
            }
            // Nobody overtakes: everybody before must have begun, or be about to.
            if self.goes_before(id, place).is_some() {
                return None;
            }
            let gone = self.gone(id, place);
            let held = |product: &mut Self| product.block_if_held(id, place);
            if gone.is_none() && self.about(id, place, held) {
                if strict {
                    return None;
                }
                continue;
            }
            self.work
                .ready(id, phase, &self.state.runs[&id])
                .remove(&next);
            return Some(match gone {
                Some(reason) => Picked::Skip(place, reason),
                None => Picked::Prepare(place),
            });
        }
    }

    fn is_strict(&self, id: RolloutId, phase: usize) -> bool {
        self.state.runs[&id].plan.phases[phase].policy.order == policy::rules::Order::Strict
    }

    /// The places of the batch whose turn it is.
    fn turn_places(&self, id: RolloutId, phase: usize) -> std::ops::Range<usize> {
        let run = &self.state.runs[&id];
        if run.is_dynamic(phase) {
            let retried = run.reopened(phase);
            return retried.map_or(0..usize::MAX, |(_, place)| place..place + 1);
        }
        run.turn(phase)
            .map_or(0..usize::MAX, |batch| run.batch_places(phase, batch))
    }

    /// Whether another customer may be on its way, by the batch and over all rollouts (P16).
    pub(crate) fn has_slot(&self, id: RolloutId, phase: usize) -> bool {
        let run = &self.state.runs[&id];
        let policy = &run.plan.phases[phase].policy;
        let limit = if run.is_dynamic(phase) {
            1
        } else {
            usize::try_from(policy.max_parallel.max(1)).unwrap_or(usize::MAX)
        };
        let (in_work, preparing) = match (id, run.turn(phase)) {
            // Each service of an operation is a phase of its own, and they share the limit (A11).
            (RolloutId::Operation(_), _) => {
                (run.working().len(), self.work.preparing_of(id).count())
            }
            (RolloutId::Rollout(_), Some(batch)) => (
                run.at_work(phase, batch),
                self.work.preparing_in(id, phase).count(),
            ),
            (RolloutId::Rollout(_), None) => (
                run.working_in(phase).count(),
                self.work.preparing_in(id, phase).count(),
            ),
        };
        let in_flight = self.work.deploying.len() + self.work.preparing.len();
        in_work + preparing < limit && in_flight < self.max_parallel(id)
    }

    /// Passes over a waiting customer until something in its way changes.
    fn block_if_held(&mut self, id: RolloutId, place: Position) -> bool {
        let run = &self.state.runs[&id];
        let customer = run.at_place(place.phase, place.place);
        let mut holds =
            self.state
                .unit_holds(run, id, customer, &Self::windows_of(run, customer), self.at);
        holds.extend(self.work.reading_holds(id, run, customer, self.at));
        if holds.is_empty() {
            return false;
        }
        let until = holds.iter().filter_map(|hold| hold.until).min();
        self.work.ready(id, place.phase, run).remove(&place.place);
        self.work.preparing.remove(&(id, place));
        self.unwant(id, place, Slot::Preflight);
        self.work.timers.set(TimerKey::Position(id, place), until);
        true
    }

    /// A customer that has left customers.yaml is passed over at its turn (R6).
    fn gone(&self, id: RolloutId, place: Position) -> Option<String> {
        // A person has just named the services of an operation, and they need not be in the files.
        if matches!(id, RolloutId::Operation(_)) {
            return None;
        }
        let files = self.state.product.read_files()?;
        let customer = self.state.runs[&id].at_place(place.phase, place.place);
        (!files.customers.contains(customer)).then(|| "it has left customers.yaml".to_owned())
    }

    fn skip_at_turn(&mut self, id: RolloutId, place: Position, reason: String) {
        let fact = self.ask(id, place, |ctx| Line {
            reason: Some(reason),
            ..ctx.fact(Kind::CustomerSkipped)
        });
        if let Some(fact) = fact {
            self.emit_in(id, fact);
        }
    }

    /// Reads everything that must hold before the customer is started.
    fn prepare(&mut self, id: RolloutId, place: Position) {
        let kind = self.ask(id, place, |ctx| CommandKind::Preflight {
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
        self.work.preparing.insert((id, place), Preparing::Asked);
        self.want(id, place, Slot::Preflight, kind);
    }

    /// Takes the answer of a preflight; the holds are asked once more before the start.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a preflight has three answers of its own"
    )]
    pub(crate) fn record_preflight(
        &mut self,
        id: RolloutId,
        place: Position,
        asked: &CommandKind,
        outcome: Outcome,
    ) {
        self.work.preparing.remove(&(id, place));
        self.work.unblock(id, place);
        if let Outcome::Trouble { .. } | Outcome::Failed { .. } = outcome {
            self.wait_for_render(id, place, asked, &outcome);
            return;
        }
        if let Some(scratch) = self.work.scratch.get_mut(&(id, place)) {
            scratch.answered(asked);
        }
        match outcome {
            Outcome::Inspected { views } => self.judge_views(id, place, views),
            Outcome::SecretMissing { name } => {
                let missing = (name, self.at + SECRET_RETRY);
                self.work.scratch.entry((id, place)).or_default().secret = Some(missing);
            }
            Outcome::Gone { role, reason } => {
                let reason = format!("its service {role} does not exist: {reason}");
                self.skip_at_turn(id, place, reason);
            }
            // Nothing was learned: the next tick reads it again.
            _ => {}
        }
    }

    /// Somebody else's hand on a customer whose turn it is (R18).
    fn judge_views(&mut self, id: RolloutId, place: Position, views: Vec<ServiceView>) {
        if let Some(view) = views.iter().find(|view| view.suspended) {
            self.skip_at_turn(id, place, format!("its service {} is suspended", view.role));
            return;
        }
        let facts = self.ask(id, place, |ctx| {
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
            let kind = self.ask(id, place, |ctx| CommandKind::AwaitQuiet {
                service: ctx.target(&role),
                deploy: deploy.clone(),
                until: None,
            });
            let at = self.at;
            self.work
                .scratch
                .entry((id, place))
                .or_default()
                .awaits(&deploy, at);
            if let Some(kind) = kind {
                self.want(id, place, Slot::Main, kind);
            }
            return;
        }
        if self.meets_another(id, place, &views) {
            return;
        }
        self.work
            .preparing
            .insert((id, place), Preparing::Ready(views));
    }

    /// The begin that R7, R9, R10 and R13 mean.
    fn begin_customer(&mut self, id: RolloutId, place: Position, views: Vec<ServiceView>) {
        let run = &self.state.runs[&id];
        let customer = run.at_place(place.phase, place.place).clone();
        let batch = run
            .batch_of(&customer)
            .unwrap_or(run.phases[place.phase].batches_begun + 1);
        let begun = run
            .batches
            .get(&(place.phase, batch))
            .is_some_and(|row| row.started_at.is_some());
        let mut facts = Vec::new();
        if !begun {
            let members = match run.is_dynamic(place.phase) {
                true => vec![customer.clone()],
                false => run.batch_customers(place.phase, batch),
            };
            let fact = Line {
                batch: Some(batch),
                ..run.phase_fact(Kind::BatchStarted, place.phase)
            };
            facts.push(fact.with_value("customers", &members));
        }
        facts.extend(run.unpassed_gate(place.phase, batch, &customer));
        let started = started(run, place.phase, batch, &customer, &views);
        facts.push(self.with_unhealthy_targets(id, &customer, &views, started));
        for fact in facts {
            self.emit_in(id, fact);
        }
        let scratch = self.work.scratch.entry((id, place)).or_default();
        scratch.view = views.into_iter().next();
        scratch.go = true;
        self.work.deploying.insert((id, place));
    }

    /// Preparations of customers whose turn has passed (a pause, a halt) are dropped.
    fn drop_stale_preparations(&mut self) {
        let is_stale = |(id, place): &(RolloutId, Position)| {
            let run = &self.state.runs[id];
            run.row.state != RolloutState::Running
                || !run.waiting(place.phase).contains(&place.place)
                || !self.state.phase_holds(run, place.phase, self.at).is_empty()
        };
        let stale: Vec<(RolloutId, Position)> = self
            .work
            .preparing
            .keys()
            .copied()
            .filter(is_stale)
            .collect();
        for (id, place) in stale {
            self.unwant(id, place, Slot::Preflight);
            self.work.preparing.remove(&(id, place));
            self.work.unblock(id, place);
        }
    }

    /// The customer that must go before this one: in strict order nobody overtakes.
    pub(crate) fn goes_before(&self, id: RolloutId, place: Position) -> Option<Position> {
        if !self.is_strict(id, place.phase) {
            return None;
        }
        let phase = place.phase;
        let start = self.turn_places(id, phase).start.min(place.place);
        let before = self.state.runs[&id]
            .waiting(phase)
            .range(start..place.place);
        before
            .map(|before| Position {
                phase,
                place: *before,
            })
            .find(|before| !self.work.preparing.contains_key(&(id, *before)))
    }
}

enum Picked {
    Prepare(Position),
    Begin(Position, Vec<ServiceView>),
    Skip(Position, String),
}

fn started(
    run: &Rollout,
    phase: usize,
    batch: u32,
    customer: &CustomerId,
    views: &[ServiceView],
) -> Line {
    let tracked = |view: &ServiceView| {
        let live = view.live();
        Baseline {
            deploy: live.map(|live| live.id.clone()),
            commit: live.and_then(DeployView::exact),
            version: view.version.clone(),
            auto_deploy: view.auto_deploy,
            auto_deploy_trigger: view.auto_deploy_trigger.clone(),
            p95_ms: view.p95_ms,
        }
    };
    let services: BTreeMap<Role, Baseline> = views
        .iter()
        .map(|view| (view.role.clone(), tracked(view)))
        .collect();
    let warnings: Vec<&String> = views.iter().flat_map(|view| &view.warnings).collect();
    let fact = Line {
        batch: Some(batch),
        customer: Some(customer.clone()),
        ..run.phase_fact(Kind::CustomerStarted, phase)
    };
    let fact = fact.with_value("services", &services);
    if warnings.is_empty() {
        fact
    } else {
        fact.with_value("warnings", &warnings)
    }
}

impl Rollout {
    fn unpassed_gate(&self, phase: usize, batch: u32, customer: &CustomerId) -> Option<Line> {
        let gate = self.gate_for(phase, batch, customer)?;
        let passed = self
            .gates
            .get(&gate)
            .is_some_and(|row| row.passed_at.is_some());
        let fact = || {
            let votes = self
                .gates
                .get(&gate)
                .map(|row| row.votes.clone())
                .unwrap_or_default();
            Line {
                batch: Some(batch),
                ..self.gate_fact(Kind::GatePassed, &gate)
            }
            .with_value("votes", &votes)
        };
        // A phase's gate covers all batches: it must not look like one batch's.
        (!passed).then(fact).map(|fact| match gate {
            crate::model::ids::GateId::Phase(_) => Line {
                batch: None,
                ..fact
            },
            crate::model::ids::GateId::Batch(_, _) | crate::model::ids::GateId::Customer(_) => fact,
        })
    }
}
