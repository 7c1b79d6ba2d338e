//! Could anything still change without a person?

use crate::fold::in_flight::{Issued, Preparing, Slot};
use crate::fold::index::{Position, Rollout};
use crate::model::ids::RolloutId;
use crate::model::state::CustomerStatus;
use crate::product::Product;

impl Product {
    /// Whether every rollout has ended or rests, or only a person could change anything.
    pub fn is_idle(&self) -> bool {
        self.is_finished() || !self.moves_by_itself()
    }

    /// Whether a timer, a command or Render could still change something.
    fn moves_by_itself(&self) -> bool {
        let works = |(id, rollout): (&RolloutId, &Rollout)| {
            let mut positions = rollout.working().iter();
            let moves = !rollout.is_ended() && !rollout.row.held_as_moved;
            moves
                && positions.any(|(phase, index)| {
                    let (phase, index) = (*phase, *index);
                    !self.waits_for_kept_place(*id, Position { phase, index })
                })
        };
        // Watching goes on for as long as somebody is healthy, and changes nothing by itself.
        let mut issued = self.in_flight.issued.values();
        if self.in_flight.tick_wanted
            || self.state.rollouts.iter().any(works)
            || issued.any(|issued| !self.only_looks_on(issued))
            || (self.in_flight.preparing.keys())
                .any(|(id, position)| self.is_about_to_begin(*id, *position))
        {
            return true;
        }
        self.state
            .rollouts
            .iter()
            .any(|(id, rollout)| self.has_known_turn(*id, rollout))
    }

    /// Whether a started customer waits for a place that only a person can give back.
    pub(crate) fn waits_for_kept_place(&self, id: RolloutId, position: Position) -> bool {
        self.in_flight.waiting_go.contains(&(id, position)) && self.places_are_kept(id)
    }

    /// Whether a customer is read before it starts, or was and then starts by itself.
    pub(crate) fn is_about_to_begin(&self, id: RolloutId, position: Position) -> bool {
        match self.in_flight.preparing.get(&(id, position)) {
            Some(Preparing::Asked) => true,
            // While it was read, somebody on the way back may have taken its place.
            Some(Preparing::Ready(_)) => !self.places_are_kept(id),
            None => false,
        }
    }

    /// Whether all places are taken, each by somebody who rests and whose deploy has no known end (P16).
    fn places_are_kept(&self, id: RolloutId) -> bool {
        let goes_on = |(id, position): &(RolloutId, Position)| {
            let rollout = &self.state.rollouts[id];
            !rollout.row.held_as_moved
                && rollout
                    .working()
                    .contains(&(position.phase, position.index))
        };
        let taken = &self.in_flight.deploying;
        taken.len() >= self.max_parallel(id) && !taken.iter().any(goes_on)
    }

    /// Whether a command may go on for ever: a watch, or the question whether somebody who was unhealthy has recovered.
    fn only_looks_on(&self, issued: &Issued) -> bool {
        let (id, place) = issued.whose;
        match issued.slot {
            Slot::Watch => true,
            Slot::Confirm => self.unfit(id, place).is_some(),
            Slot::Main | Slot::Preflight => false,
        }
    }

    /// Whether some waiting customer's turn comes by itself: every hold in its way has a known end.
    fn has_known_turn(&self, id: RolloutId, rollout: &Rollout) -> bool {
        let running = matches!(
            rollout.row.state,
            crate::model::state::RolloutState::Running
        );
        if rollout.is_ended() || rollout.row.held_as_moved || !running {
            return false;
        }
        (0..rollout.phases.len()).any(|phase| {
            let held = || {
                rollout
                    .held()
                    .any(|customer| rollout.phase_of(customer) == Some(phase))
            };
            let watched = |batch| rollout.batch_settles_at(phase, batch).is_some();
            let settling = !rollout.is_settled(phase)
                && rollout.order_holds(phase, self.at).is_empty()
                && (rollout.unsettled(phase).any(watched)
                    || (rollout.waiting(phase).is_empty() && !held()));
            settling
                || rollout.waiting(phase).iter().any(|place| {
                    let customer = rollout.at_place(phase, *place);
                    rollout.customer(customer).status == CustomerStatus::Waiting
                        && self
                            .holds(id, customer, self.at)
                            .iter()
                            .all(|hold| hold.until.is_some())
                })
        })
    }
}
