//! Folds how the return of a service to what was live before goes (R11, R16, R19).

use policy::Timestamp;

use super::Flaw;
use super::deploy::in_doubt;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::RollbackFact;
use crate::model::ids::RolloutId;
use crate::model::state::{Intent, RollbackState, RunningService, ServiceState};

impl State {
    pub(super) fn apply_rollback(
        &mut self,
        id: RolloutId,
        fact: &RollbackFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        self.change_service(id, place, |service| apply(service, fact, at))?;
        match fact {
            RollbackFact::RollbackLive(fact) => {
                let service = RunningService {
                    deploy: Some(fact.deploy.clone()),
                    version: fact.version.clone(),
                    commit: fact.commit.clone(),
                    since: at,
                };
                self.runs_again(place, service);
            }
            RollbackFact::RollbackFailed(fact) => {
                let reason = fact.reason.clone();
                self.change_customer(id, place.whose(), |state| state.reason = Some(reason))?;
                // Most verdicts change nothing, and a row that is touched is written.
                if let (Some(judged), true) =
                    (&fact.judged, self.fleet.contains_key(&place.customer))
                {
                    self.judged_unhealthy(id, place, judged, at);
                }
            }
            RollbackFact::RollbackIntended(_)
            | RollbackFact::RollbackCreated(_)
            | RollbackFact::RollbackAdopted(_)
            | RollbackFact::RollbackUnknown(_)
            | RollbackFact::RollbackAbsent(_) => {}
        }
        Ok(())
    }
}

fn apply(service: &mut ServiceState, fact: &RollbackFact, at: Timestamp) {
    match fact {
        RollbackFact::RollbackIntended(fact) => {
            service.rollback_attempt = fact.attempt;
            service.rollback = RollbackState::Intended(Intent {
                at,
                known: fact.known.clone(),
            });
        }
        RollbackFact::RollbackCreated(fact) => {
            service.rollback = RollbackState::Running {
                deploy: fact.deploy.clone(),
                deadline: fact.until,
            };
        }
        RollbackFact::RollbackAdopted(fact) => {
            service.rollback = RollbackState::Running {
                deploy: fact.deploy.clone(),
                deadline: fact.until,
            };
        }
        RollbackFact::RollbackUnknown(fact) => {
            let intent = service.rollback.intent();
            service.rollback =
                RollbackState::Unknown(in_doubt(intent, at, fact.until, fact.queued));
        }
        RollbackFact::RollbackAbsent(fact) => {
            service.rollback = RollbackState::None;
            service.target_gone |= fact.gone;
        }
        RollbackFact::RollbackLive(fact) => {
            let deploy = fact.deploy.clone();
            service.rollback = RollbackState::Live { deploy, at };
        }
        RollbackFact::RollbackFailed(_) => service.rollback = RollbackState::Ended,
    }
}

impl RollbackState {
    /// What was there when it was intended.
    fn intent(&self) -> Option<Intent> {
        match self {
            Self::Intended(intent) => Some(intent.clone()),
            Self::Unknown(doubt) => Some(doubt.intent()),
            Self::None | Self::Running { .. } | Self::Live { .. } | Self::Ended => None,
        }
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_rollback(&mut self, id: RolloutId, fact: &RollbackFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            RollbackFact::RollbackIntended(_) => scratch.begins_request(),
            RollbackFact::RollbackUnknown(_) => scratch.listing = None,
            RollbackFact::RollbackAbsent(_) => scratch.clear(),
            RollbackFact::RollbackLive(_) | RollbackFact::RollbackFailed(_) => scratch.reset(),
            RollbackFact::RollbackCreated(_) | RollbackFact::RollbackAdopted(_) => {}
        }
    }
}
