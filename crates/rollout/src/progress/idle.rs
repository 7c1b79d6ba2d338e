//! Could anything still change without a person?

use crate::fold::in_flight::{Issued, Slot};
use crate::fold::index::Rollout;
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
        let working = |rollout: &Rollout| {
            !rollout.is_ended() && !rollout.row.held_as_moved && !rollout.working().is_empty()
        };
        // Watching goes on for as long as somebody is healthy, and changes nothing by itself.
        let mut issued = self.in_flight.issued.values();
        if self.in_flight.tick_wanted
            || self.state.rollouts.values().any(working)
            || issued.any(|issued| !self.only_looks_on(issued))
            || !self.in_flight.preparing.is_empty()
        {
            return true;
        }
        self.state
            .rollouts
            .iter()
            .any(|(id, rollout)| self.has_known_turn(*id, rollout))
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
