//! The same work again, or left out: retry and skip (R13).

use std::ops::Bound;

use policy::CustomerId;

use crate::fold::index::Rollout;
use crate::model::actor::Actor;
use crate::model::fact::{
    CustomerReleased, CustomerSkipped, CustomerWithdrawn, Fact, Retried, Skipped,
};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::Offer;
use crate::model::request::{Rejected, Request};
use crate::model::standing::CustomerStanding;
use crate::model::state::{CustomerStatus, Failure, HeldFrom};
use crate::product::Product;

impl Product {
    pub(crate) fn retry(
        &mut self,
        request: &Request,
        target: Option<&str>,
        failed: bool,
    ) -> Result<(), Rejected> {
        let Some(target) = target else {
            if !failed {
                return Err(Rejected::usage(
                    "what is to be retried?",
                    "a customer, batch or phase, or --failed",
                ));
            }
            let nothing = || {
                Rejected::state(
                    "no unfinished rollout has a failed customer",
                    Offer::Status(None),
                )
            };
            let has_failed = |rollout: &Rollout| rollout.failed_customers(None).next().is_some();
            let id = self.meant(request, has_failed, nothing)?;
            self.goes_on(id)?;
            let failed = self.state.rollouts[&id].failed_customers(None).collect();
            let customers = self.retriable(id, failed)?;
            self.retry_customers(id, &request.by, &customers);
            return Ok(());
        };
        let is_target = |rollout: &Rollout, name: &str| rollout.find_target(name).is_some();
        let id = self.meant_first(
            request,
            |rollout| is_target(rollout, target),
            |rollout| rollout.can_retry(target),
            || {
                let what = "a customer, batch or phase";
                self.unknown(what, target, Offer::Status(None), is_target)
            },
        )?;
        self.goes_on(id)?;
        match self.state.rollouts[&id].find_target(target) {
            Some(Target::Phase(phase)) => self.retry_phase(id, &request.by, phase),
            Some(Target::Batch(phase, batch)) => self.retry_batch(id, &request.by, (phase, batch)),
            Some(Target::Customer(customer)) => self.retry_customer(id, &request.by, customer),
            None => unreachable!("it was just found"),
        }
    }

    fn retry_customer(
        &mut self,
        id: RolloutId,
        by: &Actor,
        customer: CustomerId,
    ) -> Result<(), Rejected> {
        let rollout = &self.state.rollouts[&id];
        let state = rollout.customer(&customer);
        match state.status {
            CustomerStatus::Held { .. } => {
                let position = rollout.position(&customer).expect("it was just found");
                let by = by.name.clone();
                let fact = self.ask(id, position, |ctx| CustomerReleased {
                    place: ctx.place(),
                    actor: by,
                });
                self.emit_in(id, fact.expect("the customer is planned"));
                Ok(())
            }
            CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed
            | CustomerStatus::Excluded => {
                self.not_newer(id, &customer)?;
                self.retry_customers(id, by, &[customer]);
                Ok(())
            }
            CustomerStatus::Waiting if self.is_deferred(id, &customer) => {
                self.end_deferral(id, by, customer);
                Ok(())
            }
            CustomerStatus::Waiting
            | CustomerStatus::Forward
            | CustomerStatus::Healthy(_)
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Applied
            | CustomerStatus::Skipped => {
                let text = format!(
                    "{customer} is {}: there is nothing to retry",
                    CustomerStanding::from(&state.status)
                );
                Err(Rejected::state(text, Offer::why(&customer)))
            }
        }
    }

    /// Refuses what makes no difference in a rollout that is ending: nobody starts in it any more.
    pub(crate) fn goes_on(&self, id: RolloutId) -> Result<(), Rejected> {
        if self.state.rollouts[&id].is_ending() {
            return Err(Rejected::state(
                format!("{id} is ending"),
                [Offer::start(), Offer::start_later()],
            ));
        }
        self.not_closing(id)
    }

    /// Refuses to bring an older release to a customer that a newer rollout has in hand or has brought on (R14, R15).
    fn not_newer(&self, id: RolloutId, customer: &CustomerId) -> Result<(), Rejected> {
        let newer = self
            .state
            .rollouts
            .range((Bound::Excluded(id), Bound::Unbounded));
        let has = |(other, rollout): &(&RolloutId, &Rollout)| {
            let in_hand = !rollout.is_ended() && rollout.has_open(customer);
            matches!(other, RolloutId::Rollout(_))
                && (in_hand || self.state.brought(rollout, customer))
        };
        let mut newer = newer.filter(has);
        let Some((other, rollout)) = newer.next() else {
            return Ok(());
        };
        let text = format!(
            "the newer rollout {other} ({}) has {customer}",
            rollout.row.version
        );
        Err(Rejected::state(
            text,
            [Offer::skip(customer).within(id), Offer::why(customer)],
        ))
    }

    /// Of several customers those that may go again; refused if none may.
    fn retriable(
        &self,
        id: RolloutId,
        customers: Vec<CustomerId>,
    ) -> Result<Vec<CustomerId>, Rejected> {
        let mut refusal = None;
        let mut retriable = customers;
        retriable.retain(|customer| match self.not_newer(id, customer) {
            Ok(()) => true,
            Err(rejected) => {
                refusal.get_or_insert(rejected);
                false
            }
        });
        match refusal {
            Some(rejected) if retriable.is_empty() => Err(rejected),
            Some(_) | None => Ok(retriable),
        }
    }

    fn retry_phase(&mut self, id: RolloutId, by: &Actor, phase: usize) -> Result<(), Rejected> {
        let rollout = &self.state.rollouts[&id];
        let gate = GateId::Phase(rollout.plan.phases[phase].policy.name.clone());
        if rollout
            .gates
            .get(&gate)
            .is_some_and(|row| row.state.is_rejected())
        {
            let retried = Retried {
                place: rollout.phase_place(phase),
                batch: None,
                customer: None,
                actor: by.name.clone(),
                gate: Some(gate.to_string()),
            };
            self.emit_in(id, retried);
            self.in_flight.dirty_gates.insert((id, gate));
            return Ok(());
        }
        let customers: Vec<CustomerId> = rollout.failed_customers(Some(phase)).collect();
        if customers.is_empty() {
            let name = &rollout.plan.phases[phase].policy.name;
            return Err(Rejected::state(
                format!("nobody in {name} has failed"),
                Offer::Status(Some(id)),
            ));
        }
        let customers = self.retriable(id, customers)?;
        self.retry_customers(id, by, &customers);
        Ok(())
    }

    /// Whoever of a batch has failed, or was left out with its gate.
    fn retry_batch(
        &mut self,
        id: RolloutId,
        by: &Actor,
        (phase, batch): (usize, u32),
    ) -> Result<(), Rejected> {
        let rollout = &self.state.rollouts[&id];
        let mut customers = rollout.batch_customers(phase, batch);
        customers.retain(|customer| rollout.goes_again(customer));
        if customers.is_empty() {
            let name = &rollout.plan.phases[phase].policy.name;
            return Err(Rejected::state(
                format!("nobody in {name}/{batch} has failed or was left out"),
                Offer::Status(Some(id)),
            ));
        }
        let customers = self.retriable(id, customers)?;
        self.retry_customers(id, by, &customers);
        Ok(())
    }

    fn retry_customers(&mut self, id: RolloutId, by: &Actor, customers: &[CustomerId]) {
        for customer in customers {
            let rollout = &self.state.rollouts[&id];
            let Some(position) = rollout.position(customer) else {
                continue;
            };
            // Its own gate is asked anew when it was rejected or its grant is over.
            let batch = rollout.batch_of(customer).unwrap_or(1);
            let gate = rollout
                .gate_for(position.phase, batch, customer)
                .filter(|gate| !matches!(gate, GateId::Phase(_)));
            let rejected = gate
                .as_ref()
                .and_then(|gate| rollout.gates.get(gate))
                .is_some_and(|row| row.state.is_rejected());
            let own = gate
                .as_ref()
                .filter(|gate| rejected || matches!(gate, GateId::Customer(_)));
            let retried = Retried {
                place: rollout.phase_place(position.phase),
                batch: match own {
                    Some(GateId::Batch(_, batch)) => Some(*batch),
                    Some(GateId::Customer(_) | GateId::Phase(_)) | None => {
                        rollout.batch_of(customer)
                    }
                },
                customer: Some(customer.clone()),
                actor: by.name.clone(),
                gate: own.map(ToString::to_string),
            };
            self.emit_in(id, retried);
            if let Some(gate) = gate {
                self.in_flight.dirty_gates.insert((id, gate));
            }
        }
    }

    pub(crate) fn skip(
        &mut self,
        request: &Request,
        target: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        let is_target = |rollout: &Rollout, name: &str| rollout.find_target(name).is_some();
        let id = self.meant_first(
            request,
            |rollout| is_target(rollout, target),
            |rollout| rollout.can_skip(target),
            || {
                let what = "a customer, batch or phase";
                self.unknown(what, target, Offer::Status(None), is_target)
            },
        )?;
        let rollout = &self.state.rollouts[&id];
        let found = rollout.find_target(target).expect("it was just found");
        let by = Some(request.by.name.clone());
        if let Target::Customer(customer) = &found {
            return self.skip_customer(id, &request.by, customer, reason);
        }
        let (phase, batch, customers) = match found {
            Target::Phase(phase) => (
                phase,
                None,
                rollout
                    .waiting(phase)
                    .iter()
                    .map(|place| rollout.at_place(phase, *place).clone())
                    .collect::<Vec<_>>(),
            ),
            Target::Batch(phase, batch) => {
                let waits = |customer: &CustomerId| {
                    let position = rollout.position(customer);
                    position
                        .is_some_and(|position| rollout.waiting(phase).contains(&position.index))
                };
                let members = rollout.batch_customers(phase, batch);
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
                Offer::Status(Some(id)),
            ));
        }
        let fact = Skipped {
            place: rollout.phase_place(phase),
            batch,
            actor: request.by.name.clone(),
            reason: reason.to_owned(),
            customers: customers.clone(),
        };
        self.emit_in(id, fact);
        self.for_each(id, &customers, |place| CustomerSkipped {
            place,
            actor: by.clone(),
            reason: Some(reason.to_owned()),
        });
        Ok(())
    }

    fn skip_customer(
        &mut self,
        id: RolloutId,
        by: &Actor,
        customer: &CustomerId,
        reason: &str,
    ) -> Result<(), Rejected> {
        let state = self.state.rollouts[&id].customer(customer);
        let in_mid_work = match state.status {
            CustomerStatus::Waiting
            | CustomerStatus::Held {
                from: HeldFrom::Waiting,
            }
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed => false,
            CustomerStatus::Held { .. } => true,
            // Render takes its time with a database, and a person may not want to.
            CustomerStatus::Backward if state.waits_for_database() => true,
            CustomerStatus::Forward
            | CustomerStatus::Healthy(_)
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => {
                let text = format!(
                    "{customer} is {}: there is nothing to skip",
                    CustomerStanding::from(&state.status)
                );
                return Err(Rejected::state(
                    text,
                    [Offer::rollback(customer), Offer::why(customer)],
                ));
            }
        };
        let (actor, reason) = (Some(by.name.clone()), reason.to_owned());
        let position = self.state.rollouts[&id].position(customer);
        let fact = self.ask(id, position.expect("the customer is planned"), |ctx| {
            let place = ctx.place();
            match in_mid_work {
                true => Fact::from(CustomerWithdrawn {
                    place,
                    actor,
                    reason,
                }),
                false => Fact::from(CustomerSkipped {
                    place,
                    actor,
                    reason: Some(reason),
                }),
            }
        });
        self.emit_in(id, fact.expect("the customer is planned"));
        Ok(())
    }
}

/// What `skip` can mean.
enum Target {
    Customer(CustomerId),
    Batch(usize, u32),
    Phase(usize),
}

impl Rollout {
    fn find_target(&self, text: &str) -> Option<Target> {
        if self.position(&text.into()).is_some() {
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

    /// Whether a customer, batch or phase of that name has somebody who can still be left out.
    fn can_skip(&self, text: &str) -> bool {
        self.find_target(text).is_some_and(|target| match target {
            Target::Customer(customer) => {
                let state = &self.customer(&customer).status;
                state.is_failed()
                    || matches!(state, CustomerStatus::Waiting | CustomerStatus::Held { .. })
            }
            Target::Batch(phase, batch) => self.waiting_in(phase, batch).next().is_some(),
            Target::Phase(phase) => !self.waiting(phase).is_empty(),
        })
    }

    /// Whether a customer, batch or phase of that name has something to be tried again.
    fn can_retry(&self, text: &str) -> bool {
        self.find_target(text).is_some_and(|target| match target {
            Target::Customer(customer) => {
                let held = matches!(self.customer(&customer).status, CustomerStatus::Held { .. });
                let state = self.customer(&customer);
                let deferral = state.deferral.as_ref().and_then(|one| one.until);
                let deferred = state.status == CustomerStatus::Waiting && deferral.is_some();
                held || deferred || self.goes_again(&customer)
            }
            Target::Batch(phase, batch) => {
                let members = self.batch_customers(phase, batch);
                members.iter().any(|customer| self.goes_again(customer))
            }
            Target::Phase(phase) => {
                let gate = self.gates.get(&GateId::Phase(text.into()));
                gate.is_some_and(|row| row.state.is_rejected())
                    || self.failed_customers(Some(phase)).next().is_some()
            }
        })
    }

    /// Whether a customer has ended without the release and can be tried again.
    fn goes_again(&self, customer: &CustomerId) -> bool {
        let state = &self.customer(customer).status;
        state.is_failed() || *state == CustomerStatus::Excluded
    }

    /// Customers that ended failed, of one phase or all.
    pub(crate) fn failed_customers(
        &self,
        phase: Option<usize>,
    ) -> impl Iterator<Item = CustomerId> {
        let of_phase =
            move |customer: &CustomerId| phase.is_none() || self.phase_of(customer) == phase;
        self.customers()
            .filter(move |(customer, state)| {
                (state.status.is_failed() && state.failure != Failure::None) && of_phase(customer)
            })
            .map(|(customer, _)| customer.clone())
    }
}
