//! What people ask for (R10, R13): refused with a way out, or turned into the facts it names.

use std::collections::BTreeSet;

use policy::{CustomerId, PersonId, Timestamp};

use crate::event::{Fact, Kind};
use crate::gate;
use crate::ids::{GateId, RunId};
use crate::index::{Place, Run};
use crate::product::Product;
use crate::request::{Actor, Directory, Rejected, RejectedCode, Request, Verb};
use crate::state::{DrainTo, HeldFrom, PhaseState, RunState, Sweep, SweepScope, UnitState};

impl Verb {
    /// The command-line name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Withdraw { .. } => "withdraw",
            Self::Pause { .. } => "pause",
            Self::Resume | Self::ConfirmClock => "resume",
            Self::Abort { .. } => "abort",
            Self::Retry { .. } => "retry",
            Self::Skip { .. } => "skip",
            Self::Promote { .. } => "promote",
            Self::Replan { .. } => "replan",
            Self::Block { .. } => "block",
            Self::Unblock { .. } => "unblock",
            Self::Freeze { .. } => "freeze",
            Self::Unfreeze { .. } => "unfreeze",
            Self::Override { .. } => "override",
            Self::Rollback { .. } => "rollback",
        }
    }
}

impl Product {
    pub(crate) fn record_request(&mut self, request: &Request) -> Result<(), Rejected> {
        self.permit(request)?;
        let by = &request.by;
        match &request.verb {
            Verb::Start(start) => self.request_start(request, start),
            Verb::Approve {
                gate,
                reason,
                digest,
            } => self.approve(request, gate, reason.clone(), digest.as_deref()),
            Verb::Reject { gate, reason } => self.reject(request, gate, reason),
            Verb::Withdraw { gate } => self.withdraw(request, gate),
            Verb::Pause { reason } => self.pause(request, reason.clone()),
            Verb::Resume => self.resume(request),
            Verb::ConfirmClock => self.confirm_clock(by),
            Verb::Abort { rollback, reason } => self.abort(request, *rollback, reason.clone()),
            Verb::Retry { target, failed } => self.retry(request, target.as_deref(), *failed),
            Verb::Skip { target, reason } => self.skip(request, target, reason),
            Verb::Promote { phase, full } => self.promote(request, phase.as_ref(), *full),
            Verb::Replan { input } => self.replan(request, input),
            Verb::Block { version, reason } => self.block(by, version, reason),
            Verb::Unblock { version } => self.unblock(by, version),
            Verb::Freeze {
                name,
                until,
                reason,
                customers,
            } => self.freeze(by, name, *until, reason, customers),
            Verb::Unfreeze { name } => self.unfreeze(by, name),
            Verb::Override { name, reason } => self.override_freeze(request, name, reason),
            Verb::Rollback {
                customer,
                to,
                reason,
            } => self.request_rollback(request, customer, to.as_deref(), reason),
        }
    }

    /// Whether the person holds the role that the verb needs.
    fn permit(&self, request: &Request) -> Result<(), Rejected> {
        let directory = match (&request.verb, &self.state.product.files) {
            (_, Some(files)) => files.directory.clone(),
            (Verb::Start(start), None) => Directory {
                groups: start.input.project.groups.clone(),
                roles: start.input.project.roles.clone(),
            },
            (_, None) => match self.state.runs.values().next_back() {
                Some(run) => self.state.directory(run),
                None => return Ok(()),
            },
        };
        let (role, name) = match request.verb {
            Verb::Approve { .. } | Verb::Reject { .. } | Verb::Withdraw { .. } => {
                (&directory.roles.approver, "approver")
            }
            Verb::Start(_)
            | Verb::Pause { .. }
            | Verb::Resume
            | Verb::ConfirmClock
            | Verb::Abort { .. }
            | Verb::Retry { .. }
            | Verb::Skip { .. }
            | Verb::Promote { .. }
            | Verb::Replan { .. }
            | Verb::Block { .. }
            | Verb::Unblock { .. }
            | Verb::Freeze { .. }
            | Verb::Unfreeze { .. }
            | Verb::Override { .. }
            | Verb::Rollback { .. } => (&directory.roles.operator, "operator"),
        };
        if directory.holds(role, &request.by.name) || (request.by.service && name == "operator") {
            return Ok(());
        }
        let text = format!("{} does not hold the role of {name}", request.by.name);
        Err(Rejected::new(
            RejectedCode::NotPermitted,
            text,
            "ask an admin to add you under `roles` in tranche.yaml",
        ))
    }

    /// The rollout that a request means: the one it names, or the only one it can mean.
    fn meant(&self, request: &Request, can_mean: impl Fn(&Run) -> bool) -> Result<RunId, Rejected> {
        if let Some(id) = request.run {
            let known = self.state.runs.get(&id);
            let run = known.ok_or_else(|| {
                Rejected::usage(format!("there is no rollout {id}"), "tranche list")
            })?;
            return if !run.is_ended() && can_mean(run) {
                Ok(id)
            } else {
                Err(Rejected::state(
                    format!("{id} has nothing of that name, or it has ended"),
                    "tranche status",
                ))
            };
        }
        let unfinished = self.state.runs.iter().filter(|(_, run)| !run.is_ended());
        let meant = unfinished.filter(|(_, run)| can_mean(run));
        self.only(&meant.map(|(id, _)| *id).collect::<Vec<_>>())
    }

    /// The rollout that a request for a whole one means; an operation only by its name.
    fn meant_rollout(&self, request: &Request) -> Result<RunId, Rejected> {
        if request.run.is_some() {
            return self.meant(request, |_| true);
        }
        let unfinished = self.state.runs.iter().filter(|(_, run)| !run.is_ended());
        let rollouts = unfinished.filter(|(id, _)| matches!(id, RunId::Rollout(_)));
        self.only(&rollouts.map(|(id, _)| *id).collect::<Vec<_>>())
    }

    fn only(&self, meant: &[RunId]) -> Result<RunId, Rejected> {
        match meant {
            [id] => Ok(*id),
            [] if self.state.runs.values().all(Run::is_ended) => Err(Rejected::state(
                "no rollout is unfinished",
                "tranche start VERSION",
            )),
            [] => Err(Rejected::usage(
                "no unfinished rollout has anything of that name",
                "tranche status",
            )),
            several => {
                let list: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(Rejected::usage(
                    format!("it could mean {}", list.join(" or ")),
                    "add --rollout",
                ))
            }
        }
    }

    fn find_gate(&self, request: &Request, text: &str) -> Result<(RunId, GateId, usize), Rejected> {
        let id = self
            .meant(request, |run| run.find_gate(text).is_some())
            .map_err(|rejected| Rejected {
                message: format!("there is no gate {text}: {}", rejected.message),
                way_out: Some("tranche approvals --all".to_owned()),
                ..rejected
            })?;
        let (gate, phase) = self.state.runs[&id]
            .find_gate(text)
            .expect("it was just found");
        Ok((id, gate, phase))
    }

    fn approve(
        &mut self,
        request: &Request,
        text: &str,
        reason: Option<String>,
        digest: Option<&str>,
    ) -> Result<(), Rejected> {
        let (id, gate, phase) = self.find_gate(request, text)?;
        let run = &self.state.runs[&id];
        let approval = run.plan.phases[phase]
            .policy
            .approval
            .clone()
            .expect("a gate has an approval");
        let directory = self.state.directory(run);
        let row = run.gates.get(&gate).cloned().unwrap_or_default();
        vote_allowed(run, &directory, &approval, &request.by)?;
        if let Some(mark) = &row.rejected {
            let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
            return Err(Rejected::state(
                format!("{by} rejected {gate}"),
                &format!("tranche retry {gate}"),
            ));
        }
        if row.passed_at.is_some() || run.waiting_for(&gate).is_empty() {
            return Err(Rejected::state(
                format!("{gate} waits for nobody any more"),
                "tranche approvals",
            ));
        }
        if row.votes.iter().any(|vote| vote.person == request.by.name) {
            let text = format!("{} has already approved {gate}", request.by.name);
            return Err(Rejected::state(text, "tranche approvals"));
        }
        if gate::is_open(run, &approval, &directory, &row) {
            return Err(Rejected::state(
                format!("{gate} is already approved"),
                "tranche approvals",
            ));
        }
        if let Some(seen) = digest.filter(|seen| *seen != run.plan.digest) {
            let text = format!(
                "the plan has changed since {seen}; it is now {}",
                run.plan.digest
            );
            return Err(Rejected::state(text, "tranche approvals"));
        }
        let mut people = gate::counted(run, &approval, &directory, &row);
        people.insert(&request.by.name);
        let complete = gate::is_quorum(&approval, &directory, &people);
        let until = complete.then(|| self.at + approval.valid_for.to_delta());
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            reason,
            until,
            ..run.gate_fact(Kind::Approved, &gate)
        };
        let fact = fact.with("digest", run.plan.digest.clone());
        let fact = self.with_forecast(id, &gate, fact);
        self.emit_in(id, fact);
        Ok(())
    }

    /// Adds when the deploy will begin as far as is known (R10).
    fn with_forecast(&self, id: RunId, gate: &GateId, fact: Fact) -> Fact {
        let Some(customer) = self.state.runs[&id].waiting_for(gate).into_iter().next() else {
            return fact;
        };
        let (begins, after) = self.forecast(id, &customer, gate, self.at);
        let in_time = fact.until.is_none_or(|until| begins < until);
        let begins = in_time.then(|| crate::show_instant(begins));
        let after: Vec<&String> = after.iter().map(|hold| &hold.text).collect();
        fact.with_value("begins", &begins)
            .with_value("after", &after)
    }

    fn reject(&mut self, request: &Request, text: &str, reason: &str) -> Result<(), Rejected> {
        let (id, gate, phase) = self.find_gate(request, text)?;
        let run = &self.state.runs[&id];
        let approval = run.plan.phases[phase]
            .policy
            .approval
            .clone()
            .expect("a gate has an approval");
        vote_allowed(run, &self.state.directory(run), &approval, &request.by)?;
        let row = run.gates.get(&gate).cloned().unwrap_or_default();
        if row.rejected.is_some() {
            return Err(Rejected::state(
                format!("{gate} is rejected already"),
                &format!("tranche retry {gate}"),
            ));
        }
        let covers = run.waiting_for(&gate);
        if row.passed_at.is_some() || covers.is_empty() {
            return Err(Rejected::state(
                format!("{gate} waits for nobody any more"),
                "tranche abort",
            ));
        }
        let by = request.by.name.clone();
        let fact = Fact {
            actor: Some(by.clone()),
            reason: Some(reason.to_owned()),
            ..run.gate_fact(Kind::Rejected, &gate)
        };
        self.emit_in(id, fact);
        if !matches!(gate, GateId::Phase(_)) {
            let why = format!("{by} rejected {gate}: {reason}");
            self.for_each(id, &covers, Kind::CustomerExcluded, Some(&by), &why);
        }
        Ok(())
    }

    fn for_each(
        &mut self,
        id: RunId,
        customers: &[CustomerId],
        kind: Kind,
        by: Option<&PersonId>,
        reason: &str,
    ) {
        for customer in customers {
            let Some(place) = self.state.runs[&id].place(customer) else {
                continue;
            };
            let fact = self.ask(id, place, |ctx| Fact {
                actor: by.cloned(),
                reason: Some(reason.to_owned()),
                ..ctx.fact(kind)
            });
            if let Some(fact) = fact {
                self.emit_in(id, fact);
            }
        }
    }

    fn withdraw(&mut self, request: &Request, text: &str) -> Result<(), Rejected> {
        let (id, gate, _) = self.find_gate(request, text)?;
        let run = &self.state.runs[&id];
        let row = run.gates.get(&gate).cloned().unwrap_or_default();
        if row.passed_at.is_some() {
            return Err(Rejected::state(
                format!("what {gate} covers has begun"),
                "tranche abort",
            ));
        }
        if !row.votes.iter().any(|vote| vote.person == request.by.name) {
            let text = format!("{} has not approved {gate}", request.by.name);
            return Err(Rejected::state(text, "tranche approvals"));
        }
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            ..run.gate_fact(Kind::Withdrawn, &gate)
        };
        self.emit_in(id, fact);
        Ok(())
    }

    fn pause(&mut self, request: &Request, reason: Option<String>) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        if self.state.runs[&id].row.paused.is_some() {
            return Err(already(format!("{id} is paused already"), "tranche resume"));
        }
        self.emit_in(
            id,
            Fact {
                actor: Some(request.by.name.clone()),
                reason,
                ..Fact::new(Kind::Paused)
            },
        );
        Ok(())
    }

    fn resume(&mut self, request: &Request) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        if run.row.paused.is_none() {
            let halted = matches!(run.row.state, RunState::Halted { .. });
            let way_out = match halted {
                true => "tranche retry --failed  (a halt is lifted by retry or skip)",
                false => "tranche status",
            };
            return Err(Rejected::state(format!("{id} is not paused"), way_out));
        }
        self.emit_in(
            id,
            Fact {
                actor: Some(request.by.name.clone()),
                ..Fact::new(Kind::Resumed)
            },
        );
        self.wake_run(id);
        Ok(())
    }

    fn confirm_clock(&mut self, by: &Actor) -> Result<(), Rejected> {
        if self.state.product.clock_suspected.is_none() {
            return Err(Rejected::state(
                "the clock is trusted already",
                "tranche status",
            ));
        }
        self.emit(Fact {
            actor: Some(by.name.clone()),
            ..Fact::new(Kind::ClockTrusted)
        });
        Ok(())
    }

    fn abort(
        &mut self,
        request: &Request,
        rollback: bool,
        reason: Option<String>,
    ) -> Result<(), Rejected> {
        if let Some(run) = request
            .run
            .and_then(|id| self.state.runs.get(&id))
            .filter(|run| run.is_ended())
        {
            return Err(already(
                format!("it has ended: {:?}", run.row.state),
                "tranche list",
            ));
        }
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        let by = Some(request.by.name.clone());
        match &run.row.state {
            RunState::Queued => {
                let fact = Fact {
                    actor: by,
                    reason,
                    ..Fact::new(Kind::RolloutAborted)
                };
                self.emit_in(
                    id,
                    fact.with_value("outcome", &crate::state::Outcome::Aborted),
                );
                return Ok(());
            }
            RunState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } if !rollback || run.row.sweep.is_some() => {
                return Err(already(format!("{id} is ending already"), "tranche status"));
            }
            RunState::Draining { .. }
            | RunState::Running
            | RunState::Halted { .. }
            | RunState::Ended { .. } => {}
        }
        let sweep = rollback.then(|| Sweep {
            scope: SweepScope::All,
            reason: reason
                .clone()
                .unwrap_or_else(|| "the rollout was aborted".to_owned()),
            by: by.clone(),
        });
        let fact = Fact {
            actor: by,
            reason,
            ..Fact::new(Kind::RolloutDraining)
        }
        .with_value("to", &DrainTo::Aborted);
        let fact = match &sweep {
            Some(sweep) => fact.with_value("sweep", sweep),
            None => fact,
        };
        self.emit_in(id, fact);
        if let Some(sweep) = sweep {
            // What is in flight goes back first, then the settled batches, latest first.
            let run = &self.state.runs[&id];
            let moving = |customer: &&CustomerId| {
                matches!(
                    run.unit(customer).state,
                    UnitState::Forward
                        | UnitState::Held {
                            from: HeldFrom::Forward | HeldFrom::Healthy
                        }
                )
            };
            let places: Vec<Place> = run
                .plan
                .customers
                .keys()
                .filter(moving)
                .filter_map(|customer| run.place(customer))
                .collect();
            self.roll_back(id, &places, &sweep);
        }
        Ok(())
    }

    fn retry(
        &mut self,
        request: &Request,
        target: Option<&str>,
        failed: bool,
    ) -> Result<(), Rejected> {
        let Some(target) = target else {
            if !failed {
                return Err(Rejected::usage(
                    "what is to be retried?",
                    "tranche retry CUSTOMER|PHASE, or --failed",
                ));
            }
            let id = self.meant(request, |run| run.failed_customers(None).next().is_some())?;
            self.goes_on(id)?;
            let customers: Vec<CustomerId> = self.state.runs[&id].failed_customers(None).collect();
            self.retry_customers(id, &request.by, &customers);
            return Ok(());
        };
        let id = self.meant(request, |run| {
            run.place(&target.into()).is_some() || run.phase_index(&target.into()).is_some()
        })?;
        self.goes_on(id)?;
        let run = &self.state.runs[&id];
        if let Some(phase) = run.phase_index(&target.into()) {
            return self.retry_phase(id, &request.by, phase);
        }
        let customer = CustomerId::new(target);
        let unit = run.unit(&customer);
        match unit.state {
            UnitState::Held { .. } => {
                let place = run.place(&customer).expect("it was just found");
                let by = request.by.name.clone();
                let fact = self.ask(id, place, |ctx| Fact {
                    actor: Some(by),
                    ..ctx.fact(Kind::CustomerReleased)
                });
                self.emit_in(id, fact.expect("the customer is planned"));
                Ok(())
            }
            UnitState::Unchanged
            | UnitState::RolledBack
            | UnitState::RollbackFailed
            | UnitState::Excluded => {
                self.retry_customers(id, &request.by, &[customer]);
                Ok(())
            }
            UnitState::Waiting
            | UnitState::Forward
            | UnitState::Healthy
            | UnitState::Backward
            | UnitState::Withdrawing
            | UnitState::Skipped => {
                let text = format!(
                    "{customer} is {}: there is nothing to retry",
                    state_name(&unit.state)
                );
                Err(Rejected::state(text, &format!("tranche why {customer}")))
            }
        }
    }

    /// Refuses what would begin work in a rollout that is ending.
    fn goes_on(&self, id: RunId) -> Result<(), Rejected> {
        match self.state.runs[&id].row.state {
            RunState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => Err(Rejected::state(
                format!("{id} is ending"),
                "tranche start VERSION --customers ...",
            )),
            RunState::Queued
            | RunState::Running
            | RunState::Draining {
                to: DrainTo::Halted,
                ..
            }
            | RunState::Halted { .. }
            | RunState::Ended { .. } => Ok(()),
        }
    }

    fn retry_phase(&mut self, id: RunId, by: &Actor, phase: usize) -> Result<(), Rejected> {
        let run = &self.state.runs[&id];
        let gate = GateId::Phase(run.plan.phases[phase].policy.name.clone());
        if run
            .gates
            .get(&gate)
            .is_some_and(|row| row.rejected.is_some())
        {
            let fact = Fact {
                actor: Some(by.name.clone()),
                ..run.gate_fact(Kind::Retried, &gate)
            };
            self.emit_in(id, fact);
            self.work.dirty_gates.insert((id, gate));
            return Ok(());
        }
        let customers: Vec<CustomerId> = run.failed_customers(Some(phase)).collect();
        if customers.is_empty() {
            let name = &run.plan.phases[phase].policy.name;
            return Err(Rejected::state(
                format!("nobody in {name} has failed"),
                "tranche status",
            ));
        }
        self.retry_customers(id, by, &customers);
        Ok(())
    }

    fn retry_customers(&mut self, id: RunId, by: &Actor, customers: &[CustomerId]) {
        for customer in customers {
            let run = &self.state.runs[&id];
            let Some(place) = run.place(customer) else {
                continue;
            };
            // Its own gate is asked anew when it was rejected or its grant is over.
            let batch = run.batch_of(customer).unwrap_or(1);
            let gate = run
                .gate_for(place.phase, batch, customer)
                .filter(|gate| !matches!(gate, GateId::Phase(_)));
            let rejected = gate
                .as_ref()
                .and_then(|gate| run.gates.get(gate))
                .is_some_and(|row| row.rejected.is_some());
            let own = gate
                .as_ref()
                .filter(|gate| rejected || matches!(gate, GateId::Customer(_)));
            let fact = match own {
                Some(gate) => run.gate_fact(Kind::Retried, gate),
                None => Fact {
                    batch: run.batch_of(customer),
                    ..run.phase_fact(Kind::Retried, place.phase)
                },
            };
            let fact = Fact {
                actor: Some(by.name.clone()),
                customer: Some(customer.clone()),
                ..fact
            };
            self.emit_in(id, fact);
            if let Some(gate) = gate {
                self.work.dirty_gates.insert((id, gate));
            }
        }
    }

    fn skip(&mut self, request: &Request, target: &str, reason: &str) -> Result<(), Rejected> {
        let id = self.meant(request, |run| run.find_target(target).is_some())?;
        let run = &self.state.runs[&id];
        let found = run.find_target(target).expect("it was just found");
        let by = Some(request.by.name.clone());
        if let Target::Customer(customer) = &found {
            return self.skip_customer(id, &request.by, customer, reason);
        }
        let (phase, batch, customers) = match found {
            Target::Phase(phase) => (
                phase,
                None,
                run.waiting(phase)
                    .iter()
                    .map(|place| run.at_place(phase, *place).clone())
                    .collect::<Vec<_>>(),
            ),
            Target::Batch(phase, batch) => {
                let waits = |customer: &CustomerId| {
                    let place = run.place(customer);
                    place.is_some_and(|place| run.waiting(phase).contains(&place.place))
                };
                let members = run.batch_customers(phase, batch);
                (
                    phase,
                    Some(batch),
                    members.into_iter().filter(waits).collect(),
                )
            }
            Target::Customer(_) => unreachable!("handled above"),
        };
        if customers.is_empty() {
            return Err(Rejected::state(
                format!("nobody in {target} has still to start"),
                "tranche status",
            ));
        }
        let fact = Fact {
            actor: by.clone(),
            reason: Some(reason.to_owned()),
            batch,
            ..run.phase_fact(Kind::Skipped, phase)
        };
        self.emit_in(id, fact.with_value("customers", &customers));
        self.for_each(id, &customers, Kind::CustomerSkipped, by.as_ref(), reason);
        Ok(())
    }

    fn skip_customer(
        &mut self,
        id: RunId,
        by: &Actor,
        customer: &CustomerId,
        reason: &str,
    ) -> Result<(), Rejected> {
        let unit = self.state.runs[&id].unit(customer);
        let kind = match unit.state {
            UnitState::Waiting
            | UnitState::Held {
                from: HeldFrom::Waiting,
            }
            | UnitState::Unchanged
            | UnitState::RolledBack
            | UnitState::RollbackFailed => Kind::CustomerSkipped,
            UnitState::Held { .. } => Kind::CustomerWithdrawn,
            UnitState::Forward
            | UnitState::Healthy
            | UnitState::Backward
            | UnitState::Withdrawing
            | UnitState::Excluded
            | UnitState::Skipped => {
                let text = format!(
                    "{customer} is {}: there is nothing to skip",
                    state_name(&unit.state)
                );
                return Err(Rejected::state(
                    text,
                    &format!("tranche rollback {customer} --reason ..."),
                ));
            }
        };
        let customer = customer.clone();
        self.for_each(id, &[customer], kind, Some(&by.name), reason);
        Ok(())
    }

    fn promote(
        &mut self,
        request: &Request,
        phase: Option<&policy::PolicyId>,
        full: bool,
    ) -> Result<(), Rejected> {
        let at = self.at;
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        let phases: Vec<usize> = match phase {
            Some(name) => vec![run.phase_index(name).ok_or_else(|| {
                Rejected::usage(format!("there is no phase {name}"), "tranche status")
            })?],
            None => (0..run.phases.len()).collect(),
        };
        let waits = |phase: &usize| {
            let row = &run.phases[*phase];
            let delayed = row.delay.as_ref().is_some_and(|delay| delay.until > at);
            delayed || matches!(row.state, PhaseState::Soaking { until, .. } if until > at)
        };
        let can = |phase: &usize| match full {
            true => !run.is_settled(*phase) && !run.phases[*phase].promoted,
            false => waits(phase),
        };
        let promoted: Vec<usize> = phases.into_iter().filter(can).collect();
        if promoted.is_empty() {
            return Err(Rejected::state(
                "no delay and no soak is running",
                "tranche status",
            ));
        }
        for phase in promoted {
            let fact = self.state.runs[&id].phase_fact(Kind::Promoted, phase);
            self.emit_in(
                id,
                Fact {
                    actor: Some(request.by.name.clone()),
                    ..fact
                }
                .with("full", full),
            );
        }
        Ok(())
    }

    fn block(&mut self, by: &Actor, version: &str, reason: &str) -> Result<(), Rejected> {
        if self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is blocked already"),
                &format!("tranche unblock {version}"),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::Blocked)
        };
        self.emit(fact.with("version", version));
        Ok(())
    }

    fn unblock(&mut self, by: &Actor, version: &str) -> Result<(), Rejected> {
        if !self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is not blocked"),
                "tranche status",
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unblocked)
            }
            .with("version", version),
        );
        Ok(())
    }

    fn freeze(
        &mut self,
        by: &Actor,
        name: &str,
        until: Timestamp,
        reason: &str,
        customers: &BTreeSet<CustomerId>,
    ) -> Result<(), Rejected> {
        if until <= self.at {
            return Err(Rejected::usage(
                format!("{} has passed", crate::show_instant(until)),
                "tranche freeze NAME --until INSTANT",
            ));
        }
        let written = self
            .state
            .product
            .files
            .iter()
            .any(|files| files.freezes.iter().any(|freeze| freeze.name == name));
        let planned = self.state.runs.values().any(|run| {
            !run.is_ended() && run.plan.freezes.iter().any(|freeze| freeze.name == name)
        });
        if written || planned {
            return Err(Rejected::state(
                format!("tranche.yaml has a freeze {name}"),
                "choose another name",
            ));
        }
        if self
            .state
            .product
            .freezes
            .get(name)
            .is_some_and(|freeze| freeze.until > self.at)
        {
            return Err(already(
                format!("the freeze {name} is on already"),
                &format!("tranche unfreeze {name}"),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            until: Some(until),
            ..Fact::new(Kind::Frozen)
        };
        self.emit(fact.with("name", name).with_value("customers", customers));
        Ok(())
    }

    fn unfreeze(&mut self, by: &Actor, name: &str) -> Result<(), Rejected> {
        if !self.state.product.freezes.contains_key(name) {
            let text = format!("no freeze {name} was made by `tranche freeze`");
            return Err(Rejected::state(
                text,
                &format!("tranche override {name} --reason ...  (for one of tranche.yaml)"),
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unfrozen)
            }
            .with("name", name),
        );
        Ok(())
    }

    fn override_freeze(
        &mut self,
        request: &Request,
        name: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        let written = self
            .state
            .product
            .files
            .iter()
            .any(|files| files.freezes.iter().any(|freeze| freeze.name == name));
        let planned = run.plan.freezes.iter().any(|freeze| freeze.name == name);
        if !written && !planned && !self.state.product.freezes.contains_key(name) {
            return Err(Rejected::usage(
                format!("there is no freeze {name}"),
                "tranche status",
            ));
        }
        if request.by.service {
            let text = format!(
                "{} is a service, and an override takes two people",
                request.by.name
            );
            return Err(Rejected::new(RejectedCode::NotPermitted, text, ""));
        }
        let voices = run.row.overrides.get(name).cloned().unwrap_or_default();
        if voices.len() >= 2 || voices.contains(&request.by.name) {
            let text = format!(
                "{} has said so already; an override takes a second person",
                request.by.name
            );
            return Err(Rejected::state(
                text,
                &format!("tranche override {name} --reason ...  (by somebody else)"),
            ));
        }
        let complete = voices.len() + 1 >= 2;
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::FreezeOverridden)
        };
        self.emit_in(id, fact.with("name", name).with("complete", complete));
        Ok(())
    }
}

/// What `skip` can mean.
enum Target {
    Customer(CustomerId),
    Batch(usize, u32),
    Phase(usize),
}

impl Run {
    fn find_target(&self, text: &str) -> Option<Target> {
        if self.place(&text.into()).is_some() {
            return Some(Target::Customer(text.into()));
        }
        if let Some((name, batch)) = text.split_once('/') {
            let batch = batch.parse().ok()?;
            let phase = self.phase_index(&name.into())?;
            return (batch >= 1 && batch <= self.batch_count(phase))
                .then_some(Target::Batch(phase, batch));
        }
        self.phase_index(&text.into()).map(Target::Phase)
    }

    /// Customers that ended failed, of one phase or all.
    fn failed_customers(&self, phase: Option<usize>) -> impl Iterator<Item = CustomerId> {
        let of_phase =
            move |customer: &CustomerId| phase.is_none() || self.phase_of(customer) == phase;
        self.units()
            .filter(move |(customer, unit)| {
                (unit.state.is_failed() && unit.failed_once) && of_phase(customer)
            })
            .map(|(customer, _)| customer.clone())
    }
}

fn vote_allowed(
    run: &Run,
    directory: &Directory,
    approval: &policy::rules::Approval,
    by: &Actor,
) -> Result<(), Rejected> {
    gate::entitled(approval, directory, &run.row.starter, by).map_err(|why| {
        let text = format!("{} {}", by.name, why.text());
        Rejected::new(
            RejectedCode::NotPermitted,
            text,
            "tranche approvals  (it names who may)",
        )
    })
}

fn already(message: String, way_out: &str) -> Rejected {
    Rejected::new(RejectedCode::AlreadySo, message, way_out)
}

/// The state's name for people.
pub(crate) fn state_name(state: &UnitState) -> &'static str {
    match state {
        UnitState::Waiting => "waiting",
        UnitState::Forward => "under way",
        UnitState::Healthy => "healthy",
        UnitState::Backward => "rolling back",
        UnitState::Withdrawing => "being withdrawn",
        UnitState::Held { .. } => "held",
        UnitState::Unchanged => "unchanged",
        UnitState::RolledBack => "rolled back",
        UnitState::RollbackFailed => "rollback failed",
        UnitState::Excluded => "excluded",
        UnitState::Skipped => "skipped",
    }
}
