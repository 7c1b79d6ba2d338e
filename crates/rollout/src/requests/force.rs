//! A person returns a customer though something stands in the way (B10): the person whom P30 asks for. Nothing of the
//! protocol is skipped: intents, look-ups and the journal are as always.

use policy::{CustomerId, PersonId};

use crate::fold::index::Rollout;
use crate::model::fact::{OperationStarted, RollbackRequested};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::{Rejected, Request};
use crate::model::standing::CustomerStanding;
use crate::model::state::{CustomerState, CustomerStatus, Operation, RollbackState};
use crate::product::Product;
use crate::requests::operate::{operation_started, plan_of_one, taken_back};

impl Product {
    /// Takes a `rollback --force`.
    pub(crate) fn force_back(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        reason: &str,
    ) -> Result<(), Rejected> {
        self.has_target(customer)?;
        let Some((id, rollout)) = self.ours(customer) else {
            let text = format!("no deploy of ours is at {customer} that could be taken back");
            return Err(Rejected::state(text, Offer::why(customer)));
        };
        let state = &rollout.customer(customer).status;
        if matches!(
            state,
            CustomerStatus::Backward | CustomerStatus::Withdrawing
        ) {
            let text = format!(
                "{customer} is {} in {id} already",
                CustomerStanding::from(state)
            );
            return Err(Rejected::state(text, Offer::why(customer)));
        }
        if let Some(owner) = self.state.owner(customer).filter(|owner| *owner != id) {
            let text = format!("{owner} is changing {customer} right now");
            return Err(Rejected::state(
                text,
                [Offer::Abort.within(owner), Offer::why(customer)],
            ));
        }
        let skipped = self.force_skips(customer);
        if rollout.is_ended() {
            self.operate_by_force(request, customer, id, reason, &skipped);
            return Ok(());
        }
        self.not_closing(id)?;
        let by = Some(request.by.name.clone());
        let back = RollbackRequested {
            force: true,
            skipped: Some(skipped),
            ..self.back_requested(id, customer, by, reason.to_owned())
        };
        self.emit_in(id, back);
        Ok(())
    }

    /// A customer is sent back within its rollout; whoever asks for more than that adds it.
    pub(crate) fn back_requested(
        &self,
        id: RolloutId,
        customer: &CustomerId,
        actor: Option<PersonId>,
        reason: String,
    ) -> RollbackRequested {
        let rollout = &self.state.rollouts[&id];
        let position = rollout.position(customer).expect("the customer is planned");
        let place = self.customer_place(id, position);
        RollbackRequested {
            place: place.expect("the customer is planned"),
            actor,
            reason,
            force: false,
            skipped: None,
            to: None,
            database: None,
            unhealthy_targets: self.targets_back(customer, &rollout.customer(customer).services),
        }
    }

    fn operate_by_force(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        source: RolloutId,
        reason: &str,
        skipped: &[String],
    ) {
        let source = &self.state.rollouts[&source];
        let release = source.release_of(customer).clone();
        let plan = plan_of_one(source, customer, release);
        let mut state = taken_back(source, customer, reason);
        state.force();
        self.begin_operation(OperationStarted {
            customer: Some(customer.clone()),
            force: true,
            skipped: Some(skipped.to_vec()),
            unhealthy_targets: self.targets_back(customer, &state.services),
            unit: Some(Box::new(state)),
            ..operation_started(request, Operation::Rollback, plan, reason)
        });
    }

    /// The newest rollout or operation with a deploy of ours at a customer. Behind one that was taken back there is none.
    fn ours(&self, customer: &CustomerId) -> Option<(RolloutId, &Rollout)> {
        let mut newest = self.state.newest_first();
        let touched = newest.find(|(_, rollout)| {
            rollout.customer(customer).status == CustomerStatus::RolledBack
                || rollout.has_way_back(customer)
        });
        let (id, rollout) = touched.filter(|(_, rollout)| rollout.has_way_back(customer))?;
        Some((id, rollout))
    }

    /// What a forced rollback of this customer passes over, for the person who has to confirm it.
    pub fn force_skips(&self, customer: &CustomerId) -> Vec<String> {
        let mut skips = Vec::new();
        let Some((id, rollout)) = self.ours(customer) else {
            return skips;
        };
        let state = rollout.customer(customer);
        let because = state.reason.clone().unwrap_or_default();
        match state.status {
            CustomerStatus::Forward => skips.push(format!(
                "{id} is changing it: what is in flight is cancelled first"
            )),
            CustomerStatus::Held { .. } => skips.push(format!("{id} holds it: {because}")),
            CustomerStatus::RollbackFailed => {
                skips.push(format!("its rollback in {id} failed: {because}"));
            }
            CustomerStatus::Waiting
            | CustomerStatus::Healthy(_)
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Applied
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => {}
        }
        if let Some(hidden) = self.hidden(customer) {
            skips.push(format!(
                "variables of {hidden} stand without a deploy: where they are not ours to restore they stay"
            ));
        }
        if state.status != CustomerStatus::Forward && !self.state.brought(rollout, customer) {
            skips.push(
                "another deploy than ours may be live: whatever is live is replaced".to_owned(),
            );
        }
        skips
    }
}

impl Rollout {
    /// Whether something of ours is, or was until somebody replaced it, at this customer.
    fn has_way_back(&self, customer: &CustomerId) -> bool {
        let state = self.customer(customer);
        let ours = state.services.values().any(|service| {
            let there = service.deploy.is_open()
                || service.deploy.id().is_some()
                || service.redirected_keys().is_some();
            there && !service.rollback.is_live()
        });
        let gone = matches!(
            state.status,
            CustomerStatus::Unchanged | CustomerStatus::RolledBack | CustomerStatus::Excluded
        );
        ours && !gone
    }
}

impl CustomerState {
    /// Lets a way back begin anew, over whatever stands there now.
    pub(crate) fn force(&mut self) {
        self.forced = true;
        for service in self.services.values_mut() {
            if service.rollback == RollbackState::Ended {
                service.rollback = RollbackState::None;
                service.target_gone = false;
            }
        }
        self.hooks.on_rollback.begun = false;
    }
}
