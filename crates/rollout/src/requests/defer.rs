//! A customer's date is put off: how often, how far, and what becomes of an approval (R13).
//!
//! It is a hold of that customer and nothing else: the plan and its digest stay, and whoever can go goes before it.

use policy::rules::Deferral;
use policy::{CustomerId, Timestamp};

use crate::fold::index::Rollout;
use crate::model::actor::Actor;
use crate::model::fact::{ApprovalLapsed, CustomerDeferred, Retried};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::Offer;
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::model::standing::CustomerStanding;
use crate::model::state::CustomerStatus;
use crate::model::verb::Defer;
use crate::product::{Product, cut};

impl Product {
    pub(crate) fn defer(&mut self, request: &Request, defer: &Defer) -> Result<(), Rejected> {
        let Defer {
            customer,
            until,
            reason,
        } = defer;
        let until = cut(*until);
        let has = |rollout: &Rollout, name: &str| rollout.phase_of(&name.into()).is_some();
        let id = self.meant_first(
            request,
            |rollout| has(rollout, customer.as_str()),
            |rollout| rollout.customer(customer).status == CustomerStatus::Waiting,
            || {
                let text = customer.as_str();
                self.unknown("a customer", text, Offer::Customers, has)
            },
        )?;
        self.goes_on(id)?;
        let first = self.first_date(id, customer);
        let times = self.may_defer(id, customer, first, until)?;
        let rollout = &self.state.rollouts[&id];
        let position = rollout.position(customer).expect("it was just found");
        let (by, reason) = (request.by.name.clone(), reason.clone());
        let fact = self.ask(id, position, |ctx| CustomerDeferred {
            place: ctx.place(),
            actor: by,
            reason,
            until,
            first,
            times,
        });
        self.emit_in(id, fact.expect("the customer is planned"));
        self.lapse_before(id, customer, until);
        Ok(())
    }

    /// Whether the customer's date is put off now.
    pub(crate) fn is_deferred(&self, id: RolloutId, customer: &CustomerId) -> bool {
        let deferral = self.state.rollouts[&id]
            .customer(customer)
            .deferral
            .as_ref();
        deferral.is_some_and(|deferral| deferral.holds_at(self.at).is_some())
    }

    /// Lets a customer go whose date is put off; what was approved stays so.
    pub(crate) fn end_deferral(&mut self, id: RolloutId, by: &Actor, customer: CustomerId) {
        let rollout = &self.state.rollouts[&id];
        let position = rollout.position(&customer).expect("it was just found");
        let retried = Retried {
            place: rollout.phase_place(position.phase),
            batch: rollout.batch_of(&customer),
            customer: Some(customer),
            actor: by.name.clone(),
            gate: None,
        };
        self.emit_in(id, retried);
    }

    /// The first date on which the customer could have gone, as far as it is known when the date is put off first.
    fn first_date(&self, id: RolloutId, customer: &CustomerId) -> Timestamp {
        let rollout = &self.state.rollouts[&id];
        let deferral = rollout.customer(customer).deferral.as_ref();
        deferral.map_or_else(
            || {
                let gate = GateId::Customer(customer.clone());
                self.forecast(id, customer, &gate, self.at).0
            },
            |deferral| deferral.first,
        )
    }

    /// Which time it is that this date is put off.
    fn may_defer(
        &self,
        id: RolloutId,
        customer: &CustomerId,
        first: Timestamp,
        until: Timestamp,
    ) -> Result<u32, Rejected> {
        let rollout = &self.state.rollouts[&id];
        let state = rollout.customer(customer);
        if state.status != CustomerStatus::Waiting {
            let standing = CustomerStanding::from(&state.status);
            let text = format!("{customer} is {standing}: there is no date to be put off");
            return Err(Rejected::state(text, Offer::why(customer).within(id)));
        }
        let phase = rollout.phase_of(customer).expect("it was just found");
        let policy = &rollout.plan.phases[phase].policy;
        let Some(Deferral { times, within }) = policy.deferral else {
            let text = format!("the policy {} lets nobody put a date off", policy.name);
            return Err(Rejected::state(text, Offer::why(customer).within(id)));
        };
        let so_far = state.deferral.as_ref();
        if so_far.is_some_and(|one| one.until == Some(until)) {
            let text = format!(
                "{customer} has its date put off until {} already",
                crate::show_instant(until)
            );
            return Err(Rejected::new(RejectedCode::AlreadySo, text, ""));
        }
        if until <= self.at {
            let text = format!("{} has passed", crate::show_instant(until));
            return Err(Rejected::usage(text, ADVICE));
        }
        if until <= first {
            let first = crate::show_instant(first);
            let text = format!("{customer} does not go before {first} anyway");
            return Err(Rejected::state(text, ADVICE));
        }
        let so_far = so_far.map_or(0, |one| one.times);
        if so_far >= times {
            let often = if times == 1 { "once" } else { "that often" };
            let text = format!("{customer} may put its date off {often} ({times}), and has");
            return Err(Rejected::state(text, Offer::why(customer).within(id)));
        }
        let last = first + within.to_delta();
        let due = rollout.due_at(phase);
        let (last, why) = match due.filter(|due| *due < last) {
            Some(due) => (due, format!("{} is due", policy.name)),
            None => (last, format!("{within} after its first possible date")),
        };
        if until > last {
            let last = crate::show_instant(last);
            let text = format!("{customer} may put its date off until {last} ({why}), not further");
            return Err(Rejected::state(text, ADVICE));
        }
        Ok(so_far + 1)
    }

    /// An approval that would not last until then is asked for again at once.
    fn lapse_before(&mut self, id: RolloutId, customer: &CustomerId, until: Timestamp) {
        let rollout = &self.state.rollouts[&id];
        let gate = GateId::Customer(customer.clone());
        let granted = rollout
            .gates
            .get(&gate)
            .and_then(|row| row.granted.as_ref());
        if granted.is_some_and(|granted| granted.until <= until) {
            let place = rollout.gate_place(&gate);
            self.emit_in(id, ApprovalLapsed { place });
        }
    }
}

const ADVICE: &str = "another --until INSTANT";
