//! Folds verdicts about the health of a service (R20).

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::{HealthFact, HealthPassed};
use crate::model::ids::RolloutId;
use crate::model::state::{DeployState, ServiceState};

impl State {
    pub(super) fn apply_health(
        &mut self,
        id: RolloutId,
        fact: &HealthFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        match fact {
            HealthFact::HealthPassed(fact) => {
                self.change_service(id, place, |service| pass(service, fact))?;
                self.judged_healthy(place);
            }
            HealthFact::HealthFailed(fact) => {
                self.change_service(id, place, |_| {})?;
                if fact.failure {
                    self.fail(id, place, &fact.reason, at)?;
                }
                self.own(id, &place.customer);
                if let Some(judged) = &fact.judged {
                    self.judged_unhealthy(id, place, judged, at);
                }
            }
        }
        Ok(())
    }
}

fn pass(service: &mut ServiceState, fact: &HealthPassed) {
    if let DeployState::Live { deploy, at } = &service.deploy {
        service.deploy = DeployState::Passed {
            deploy: deploy.clone(),
            at: *at,
        };
    } else if service.rollback.is_live() {
        service.returned = true;
    }
    service.returned |= fact.returned;
}

impl Notes<'_> {
    pub(in crate::fold) fn note_health(&mut self, id: RolloutId, fact: &HealthFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            HealthFact::HealthPassed(_) => scratch.reset(),
            HealthFact::HealthFailed(fact) if fact.failure => scratch.reset(),
            HealthFact::HealthFailed(_) => {}
        }
    }
}
