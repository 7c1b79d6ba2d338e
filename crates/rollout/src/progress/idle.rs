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
        let working =
            |run: &Rollout| !run.is_ended() && !run.row.held_as_moved && !run.working().is_empty();
        // Watching goes on for as long as somebody is healthy, and changes nothing by itself.
        let mut issued = self.in_flight.issued.values();
        if self.in_flight.tick_wanted
            || self.state.runs.values().any(working)
            || issued.any(|issued| !self.only_looks_on(issued))
            || !self.in_flight.preparing.is_empty()
        {
            return true;
        }
        self.state
            .runs
            .iter()
            .any(|(id, run)| self.has_known_turn(*id, run))
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
    fn has_known_turn(&self, id: RolloutId, run: &Rollout) -> bool {
        let running = matches!(run.row.state, crate::model::state::RolloutState::Running);
        if run.is_ended() || run.row.held_as_moved || !running {
            return false;
        }
        (0..run.phases.len()).any(|phase| {
            let held = || {
                run.held()
                    .any(|customer| run.phase_of(customer) == Some(phase))
            };
            let watched = |batch| run.batch_settles_at(phase, batch).is_some();
            let settling = !run.is_settled(phase)
                && run.order_holds(phase, self.at).is_empty()
                && (run.unsettled(phase).any(watched)
                    || (run.waiting(phase).is_empty() && !held()));
            settling
                || run.waiting(phase).iter().any(|place| {
                    let customer = run.at_place(phase, *place);
                    run.customer(customer).state == CustomerStatus::Waiting
                        && self
                            .holds(id, customer, self.at)
                            .iter()
                            .all(|hold| hold.until.is_some())
                })
        })
    }
}
