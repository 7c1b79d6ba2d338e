//! Is another engine, or an older state of this one, at work? Then everything open is held until a person has seen to it
//! and says `resume --moved` (P7, P40).

use policy::CustomerId;

use crate::customer::{adoption, variables};
use crate::fold::in_flight::Slot;
use crate::fold::index::{Position, Rollout};
use crate::fold::state::State;
use crate::model::actor::Actor;
use crate::model::command::{Outcome, ServiceView};
use crate::model::fact::{CustomerReleased, Restored, Resumed, RolloutsHeld};
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::Rejected;
use crate::product::Product;

/// What is said of a hold that an older release recorded without its reason.
const NO_REASON: &str = "the database is a copy that was put back";

impl Product {
    /// Why everything open is held until `resume --moved`, if it is.
    pub fn elsewhere(&self) -> Option<String> {
        let held = self
            .state
            .rollouts
            .values()
            .any(|rollout| rollout.row.held_as_moved);
        match &self.state.product.elsewhere {
            Some(mark) => mark.reason.clone(),
            None => held.then(|| NO_REASON.to_owned()),
        }
    }

    /// Takes what the shell has found out about its database. What is held for that reason already is not held again.
    pub(crate) fn found_elsewhere(&mut self, reason: String) {
        let known = self.state.product.elsewhere.as_ref();
        if known.is_some_and(|mark| mark.reason.as_ref() == Some(&reason)) {
            return;
        }
        self.emit(Restored {
            reason: Some(reason),
            moved: true,
        });
    }

    /// Takes a `resume --moved`: all that is held so goes on at once.
    pub(crate) fn resume_moved(&mut self, by: &Actor) -> Result<(), Rejected> {
        if self.elsewhere().is_none() {
            let text = "nothing is held because of a copy, a move or another engine";
            return Err(Rejected::state(text, Offer::Status(None)));
        }
        let rollouts = self.state.rollouts.iter();
        let held: Vec<RolloutId> = rollouts
            .filter(|(_, rollout)| rollout.row.held_as_moved)
            .map(|(id, _)| *id)
            .collect();
        self.emit(Resumed {
            actor: by.name.clone(),
            moved: true,
            rollouts: Some(held.clone()),
        });
        for id in held {
            self.release_met(id, by);
            let places = self.state.rollouts[&id].in_hand();
            let places = places.into_iter().map(|position| (id, position));
            self.in_flight.dirty_customers.extend(places);
        }
        self.in_flight.queued_dirty = true;
        Ok(())
    }

    /// Whoever was held because of another engine's deploys goes on with the rest.
    fn release_met(&mut self, id: RolloutId, by: &Actor) {
        let rollout = &self.state.rollouts[&id];
        let met = rollout
            .held()
            .filter(|customer| rollout.customer(customer).has_met_another());
        let met: Vec<CustomerId> = met.cloned().collect();
        for customer in met {
            let position = self.state.rollouts[&id].position(&customer);
            let fact = position.and_then(|position| {
                self.ask(id, position, |ctx| CustomerReleased {
                    place: ctx.place(),
                    actor: by.name.clone(),
                })
            });
            if let Some(fact) = fact {
                self.emit_in(id, fact);
            }
        }
    }

    /// Whether deploys that this journal did not ask for are at a customer whose turn it is. Before anything is said, its
    /// variables are compared: who has written those is no colleague with a single deploy.
    pub(crate) fn meets_another(
        &mut self,
        id: RolloutId,
        position: Position,
        views: &[ServiceView],
    ) -> bool {
        let read = self.ask(id, position, |ctx| {
            let met =
                |view: &&ServiceView| !adoption::unknown(ctx, &view.role, &view.deploys).is_empty();
            let met = views.iter().find(met);
            met.map(|view| variables::back_up(ctx, &view.role))
        });
        let Some(kind) = read.flatten() else {
            return false;
        };
        self.in_flight.scratch_of(id, position).met = views.to_vec();
        self.want(id, position, Slot::Main, kind);
        true
    }

    /// Takes the variables of a customer that has met another's deploys: it is held before anything is begun with it.
    pub(crate) fn hold_for_another<'v>(
        &mut self,
        id: RolloutId,
        position: Position,
        views: &'v [ServiceView],
        outcome: &Outcome,
    ) {
        let held = self.ask(id, position, |ctx| {
            let of_view = |view: &'v ServiceView| {
                let (role, deploys) = (&view.role, &view.deploys);
                let unknown = adoption::unknown(ctx, role, deploys);
                (!unknown.is_empty()).then_some((role, unknown))
            };
            let unknown: Vec<_> = views.iter().filter_map(of_view).collect();
            let (role, _) = unknown.first()?;
            let Outcome::BackedUp { differing, .. } = outcome else {
                return Some(adoption::held(ctx, &unknown, false));
            };
            let written = adoption::names_release(&ctx.variables(role), differing);
            Some(adoption::held(ctx, &unknown, written))
        });
        if let Some(held) = held.flatten() {
            self.emit_in(id, held);
        }
    }

    /// One customer with somebody else's deploys may be a colleague's doing. Two, or variables that we did not write, are
    /// another engine's.
    pub(crate) fn judge_met(&mut self) {
        let open = self
            .state
            .rollouts
            .values()
            .filter(|rollout| !rollout.row.held_as_moved);
        let met = open.flat_map(|rollout| {
            let held = rollout.held();
            held.filter(|customer| rollout.customer(customer).has_met_another())
        });
        let met: Vec<CustomerId> = met.cloned().collect();
        let written = self.told().any(|(_, fact)| fact.names_written_variables());
        if met.is_empty() || (met.len() < 2 && !written) {
            return;
        }
        let names: Vec<&str> = met.iter().map(CustomerId::as_str).collect();
        let (them, variables) = (
            names.join(", "),
            if written { ", variables included" } else { "" },
        );
        let reason = format!(
            "this release was brought to {them} by somebody else since the rollout began{variables}: another engine or an older state of this project is at work"
        );
        self.emit(RolloutsHeld {
            reason: Some(reason),
            moved: true,
            customers: Some(met),
        });
    }

    /// A pause is not what holds this rollout.
    pub(crate) fn not_elsewhere(&self, id: RolloutId) -> Result<(), Rejected> {
        let Some(hold) = self.state.elsewhere_hold(&self.state.rollouts[&id]) else {
            return Ok(());
        };
        Err(Rejected::state(hold.text, Offer::ResumeMoved))
    }

    /// Nothing new is begun beside what is held.
    pub(crate) fn nothing_elsewhere(&self) -> Result<(), Rejected> {
        match self.elsewhere() {
            Some(reason) => Err(Rejected::state(said(&reason), Offer::ResumeMoved)),
            None => Ok(()),
        }
    }
}

impl State {
    /// What keeps a rollout that was open when something was found.
    pub(crate) fn elsewhere_hold(&self, rollout: &Rollout) -> Option<Hold> {
        if !rollout.row.held_as_moved {
            return None;
        }
        let mark = self.product.elsewhere.as_ref();
        let reason = mark.and_then(|mark| mark.reason.as_deref());
        let hold = Hold::new(
            HoldKind::Paused,
            HoldOwner::Operators,
            said(reason.unwrap_or(NO_REASON)),
        );
        let hold = hold.since(mark.map(|mark| mark.at));
        Some(hold.way_out(Offer::ResumeMoved.noted("once no other engine drives this product")))
    }
}

fn said(reason: &str) -> String {
    format!("everything open is held: {reason}; what has happened since is not known here")
}
