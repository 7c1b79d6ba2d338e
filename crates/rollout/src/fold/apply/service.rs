//! Folds facts about one service: its variables, its auto-deploy, its deploy and its rollback (R16).
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

use policy::Timestamp;

use super::folded::Folded;
use crate::model::event::Kind;
use crate::model::ids::DeployId;
use crate::model::state::{
    AutoDeployState, Backup, Baseline, Connections, DeployState, ServiceState, VariablesState,
};

pub(super) fn apply_service(service: &mut ServiceState, fact: &Folded<'_>, at: Timestamp) {
    apply_preparation(service, fact);
    apply_deploy(service, fact, at);
    apply_rollback(service, fact, at);
}

/// What concerns the connections to a recovered database names that database.
fn apply_connections(service: &mut ServiceState, fact: &Folded<'_>) {
    if let (Kind::VariablesBackedUp, Some(id)) = (fact.kind, fact.read("backup")) {
        let keys = fact.read("keys").unwrap_or_default();
        service.connections = Some(Connections {
            backup: Backup { id, keys },
            state: VariablesState::Untouched,
            stays: false,
        });
    }
    let Some(connections) = &mut service.connections else {
        return;
    };
    connections.state = match fact.kind {
        Kind::VariablesIntended => VariablesState::Intended,
        Kind::VariablesSet => VariablesState::Set,
        Kind::RestoreIntended => VariablesState::RestoreIntended,
        Kind::VariablesRestored => VariablesState::Restored,
        _ => return,
    };
    connections.stays = fact.reason.is_some();
}

fn apply_preparation(service: &mut ServiceState, fact: &Folded<'_>) {
    if fact.data.contains_key("database") {
        apply_connections(service, fact);
        return;
    }
    match fact.kind {
        Kind::VariablesBackedUp => {
            service.backup = fact.need("backup").map(|id| Backup {
                id,
                keys: fact.read("keys").unwrap_or_default(),
            });
        }
        Kind::VariablesIntended => service.variables = VariablesState::Intended,
        Kind::VariablesSet => service.variables = VariablesState::Set,
        Kind::RestoreIntended => service.variables = VariablesState::RestoreIntended,
        Kind::VariablesRestored => service.variables = VariablesState::Restored,
        Kind::AutoDeployIntended => {
            service.auto_deploy = match fact.read("on").unwrap_or(false) {
                true => AutoDeployState::OnIntended,
                false => AutoDeployState::OffIntended,
            };
        }
        Kind::AutoDeployDisabled => service.auto_deploy = AutoDeployState::Off,
        Kind::AutoDeployRestored => service.auto_deploy = AutoDeployState::Restored,
        _ => {}
    }
}

fn apply_deploy(service: &mut ServiceState, fact: &Folded<'_>, at: Timestamp) {
    let id = fact.deploy.clone();
    match fact.kind {
        Kind::DeployIntended => {
            service.attempt = fact.attempt.unwrap_or(service.attempt);
            service.found = false;
            service.deploy = intended(fact, at);
            if let Some(live) = fact.read::<Baseline>("baseline") {
                service.baseline = Some(live);
                service.target_gone = false;
            }
            service.rollback = DeployState::None;
            service.returned = false;
        }
        Kind::DeployCreated | Kind::DeployAdopted => {
            if let Some(state) = running(fact, at) {
                service.deploy = state;
            }
            if fact.read("found").unwrap_or(false) {
                service.attempt = fact.attempt.unwrap_or(service.attempt);
                service.found = true;
            }
        }
        Kind::DeployUnknown => service.deploy = unknown(&service.deploy, fact, at),
        Kind::DeployAbsent => service.deploy = DeployState::None,
        Kind::CancelIntended => {
            if let Some(deploy) = fact.take("deploy", id.as_ref()) {
                service.deploy = DeployState::CancelIntended { deploy };
            }
        }
        Kind::DeployLive => {
            if let Some(deploy) = fact.take("deploy", id.as_ref()) {
                service.deploy = match fact.read("replaced").unwrap_or(false) {
                    true => DeployState::Lost { deploy },
                    false => DeployState::Live { deploy, at },
                };
            }
        }
        Kind::HealthPassed => {
            if let DeployState::Live { deploy, at } = &service.deploy {
                service.deploy = DeployState::Passed {
                    deploy: deploy.clone(),
                    at: *at,
                };
            } else if matches!(service.rollback, DeployState::Live { .. }) {
                service.returned = true;
            }
            if fact.read("returned").unwrap_or(false) {
                service.returned = true;
            }
        }
        Kind::DeployFailed => service.deploy = DeployState::Ended,
        Kind::DeployCancelled => {
            service.deploy = match (fact.read("ours").unwrap_or(false), id) {
                (false, Some(deploy)) => DeployState::Lost { deploy },
                (true, _) | (false, None) => DeployState::Ended,
            };
        }
        Kind::CustomerHeld => {
            // Replaced while it was watched: the deploy we put there is no longer live.
            if let (DeployState::Passed { deploy, .. }, true) =
                (&service.deploy, fact.read("replaced").unwrap_or(false))
            {
                service.deploy = DeployState::Lost {
                    deploy: deploy.clone(),
                };
            }
        }
        _ => {}
    }
}

fn apply_rollback(service: &mut ServiceState, fact: &Folded<'_>, at: Timestamp) {
    match fact.kind {
        Kind::RollbackIntended => {
            service.rollback_attempt = fact.attempt.unwrap_or(service.rollback_attempt);
            service.rollback = intended(fact, at);
        }
        Kind::RollbackCreated | Kind::RollbackAdopted => {
            if let Some(state) = running(fact, at) {
                service.rollback = state;
            }
        }
        Kind::RollbackUnknown => service.rollback = unknown(&service.rollback, fact, at),
        Kind::RollbackAbsent => {
            service.rollback = DeployState::None;
            service.target_gone |= fact.read("gone").unwrap_or(false);
        }
        Kind::RollbackLive => {
            if let Some(deploy) = fact.take("deploy", fact.deploy.as_ref()) {
                service.rollback = DeployState::Live { deploy, at };
            }
        }
        Kind::RollbackFailed => service.rollback = DeployState::Ended,
        _ => {}
    }
}

fn intended(fact: &Folded<'_>, at: Timestamp) -> DeployState {
    DeployState::Intended {
        at,
        known: fact.read("known").unwrap_or_default(),
    }
}

fn running(fact: &Folded<'_>, at: Timestamp) -> Option<DeployState> {
    let deploy: DeployId = fact.take("deploy", fact.deploy.as_ref())?;
    Some(DeployState::Running {
        deploy,
        deadline: fact.until.unwrap_or(at),
    })
}

fn unknown(before: &DeployState, fact: &Folded<'_>, at: Timestamp) -> DeployState {
    let (intended_at, known) = match before {
        DeployState::Intended { at, known } | DeployState::Unknown { at, known, .. } => {
            (*at, known.clone())
        }
        DeployState::None
        | DeployState::Running { .. }
        | DeployState::CancelIntended { .. }
        | DeployState::Live { .. }
        | DeployState::Passed { .. }
        | DeployState::Lost { .. }
        | DeployState::Ended => (at, Vec::new()),
    };
    DeployState::Unknown {
        at: intended_at,
        until: fact.until.unwrap_or(at),
        queued: fact.read("queued").unwrap_or(false),
        known,
    }
}
