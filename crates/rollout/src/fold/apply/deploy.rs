//! Folds how a deploy to the release goes (R16).

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::place::ServicePlace;
use crate::model::fact::{DeployFact, DeployIntended};
use crate::model::ids::RolloutId;
use crate::model::state::{
    DeployState, InDoubt, Intent, RollbackState, RunningService, ServiceState,
};

impl State {
    pub(super) fn apply_deploy(
        &mut self,
        id: RolloutId,
        fact: &DeployFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        self.change_service(id, place, |service| apply(service, fact, at))?;
        match fact {
            DeployFact::DeployLive(fact) => {
                let version = fact.version.clone().and_then(|version| version.0);
                let service = RunningService {
                    deploy: Some(fact.deploy.clone()),
                    version,
                    commit: fact.commit.clone(),
                    since: at,
                };
                self.deployed(place, service);
            }
            DeployFact::DeployFailed(fact) if fact.failure => {
                self.fail(id, place, &fact.reason, at)?;
            }
            DeployFact::DeployCancelled(fact) if fact.failure => {
                self.fail(id, place, fact.reason.as_ref(), at)?;
            }
            DeployFact::DeployIntended(_)
            | DeployFact::DeployCreated(_)
            | DeployFact::DeployAdopted(_)
            | DeployFact::DeployUnknown(_)
            | DeployFact::DeployAbsent(_)
            | DeployFact::DeployDuplicate(_)
            | DeployFact::CancelIntended(_)
            | DeployFact::DeployFailed(_)
            | DeployFact::DeployCancelled(_) => {}
        }
        Ok(())
    }

    /// Folds a fact about a service into the row of its customer.
    pub(super) fn change_service(
        &mut self,
        id: RolloutId,
        place: &ServicePlace,
        change: impl FnOnce(&mut ServiceState),
    ) -> Result<(), Flaw> {
        self.change_customer(id, place.whose(), |state| {
            change(state.services.entry(place.service.clone()).or_default());
        })
    }

    /// The release has failed at a service, and so at its customer.
    pub(super) fn fail<'r>(
        &mut self,
        id: RolloutId,
        place: &ServicePlace,
        reason: impl Into<Option<&'r String>>,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let reason = reason.into();
        self.change_customer(id, place.whose(), |state| state.fails(reason, at))
    }
}

fn apply(service: &mut ServiceState, fact: &DeployFact, at: Timestamp) {
    match fact {
        DeployFact::DeployIntended(fact) => intend(service, fact, at),
        DeployFact::DeployCreated(fact) => {
            service.deploy = DeployState::Running {
                deploy: fact.deploy.clone(),
                deadline: fact.until,
            };
        }
        DeployFact::DeployAdopted(fact) => {
            service.deploy = DeployState::Running {
                deploy: fact.deploy.clone(),
                deadline: fact.until,
            };
            if fact.found {
                service.attempt = fact.attempt;
                service.found = true;
            }
        }
        DeployFact::DeployUnknown(fact) => {
            let intent = service.deploy.intent();
            service.deploy = DeployState::Unknown(in_doubt(intent, at, fact.until, fact.queued));
        }
        DeployFact::DeployAbsent(_) => service.deploy = DeployState::None,
        DeployFact::CancelIntended(fact) => {
            service.deploy = DeployState::CancelIntended {
                deploy: fact.deploy.clone(),
            };
        }
        DeployFact::DeployLive(fact) => {
            let deploy = fact.deploy.clone();
            service.deploy = match fact.replaced {
                true => DeployState::Lost { deploy },
                false => DeployState::Live { deploy, at },
            };
        }
        DeployFact::DeployFailed(_) => service.deploy = DeployState::Ended,
        DeployFact::DeployCancelled(fact) => {
            service.deploy = match fact.ours {
                true => DeployState::Ended,
                false => DeployState::Lost {
                    deploy: fact.deploy.clone(),
                },
            };
        }
        DeployFact::DeployDuplicate(_) => {}
    }
}

fn intend(service: &mut ServiceState, fact: &DeployIntended, at: Timestamp) {
    service.attempt = fact.attempt;
    service.found = false;
    service.deploy = DeployState::Intended(Intent {
        at,
        known: fact.known.clone(),
    });
    if let Some(live) = &fact.baseline {
        service.baseline = Some(live.clone());
        service.target_gone = false;
    }
    service.rollback = RollbackState::None;
    service.returned = false;
}

impl DeployState {
    /// What was there when it was intended.
    fn intent(&self) -> Option<Intent> {
        match self {
            Self::Intended(intent) => Some(intent.clone()),
            Self::Unknown(doubt) => Some(doubt.intent()),
            Self::None
            | Self::Running { .. }
            | Self::CancelIntended { .. }
            | Self::Live { .. }
            | Self::Passed { .. }
            | Self::Lost { .. }
            | Self::Ended => None,
        }
    }
}

impl InDoubt {
    /// What was there when it was intended.
    pub(super) fn intent(&self) -> Intent {
        Intent {
            at: self.at,
            known: self.known.clone(),
        }
    }
}

/// A request in doubt since `at`, of which nothing can appear any more after `until`.
pub(super) fn in_doubt(
    intent: Option<Intent>,
    at: Timestamp,
    until: Timestamp,
    queued: bool,
) -> InDoubt {
    let known = Vec::new();
    let Intent { at, known } = intent.unwrap_or(Intent { at, known });
    InDoubt {
        at,
        until,
        queued,
        known,
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_deploy(&mut self, id: RolloutId, fact: &DeployFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            DeployFact::DeployIntended(_) => scratch.begins_request(),
            DeployFact::DeployUnknown(_) => scratch.listing = None,
            DeployFact::CancelIntended(_) => scratch.begins_change(),
            DeployFact::DeployAbsent(_)
            | DeployFact::DeployLive(_)
            | DeployFact::DeployCancelled(_) => scratch.clear(),
            DeployFact::DeployFailed(fact) if fact.failure => scratch.reset(),
            DeployFact::DeployCreated(_)
            | DeployFact::DeployAdopted(_)
            | DeployFact::DeployDuplicate(_)
            | DeployFact::DeployFailed(_) => {}
        }
    }
}
