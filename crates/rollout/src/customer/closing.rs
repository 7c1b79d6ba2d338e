//! What is put back at a service when its rollout ends (P32)?

use crate::customer::answer::Recorded;
use crate::customer::ctx::{Ctx, Next};
use crate::customer::{answer, trouble};
use crate::fold::index::Position;
use crate::fold::scratch::Scratch;
use crate::model::command::{CommandKind, Outcome};
use crate::model::fact::{AutoDeployIntended, AutoDeployRestored};
use crate::model::ids::RolloutId;
use crate::model::state::{AutoDeployState, RolloutState};
use crate::product::Product;
use policy::Role;

impl Product {
    /// Before a rollout ends, every auto-deploy that we switched off is restored once (P32).
    pub(crate) fn closing(&self, id: RolloutId, position: Position) -> Option<Next> {
        let rollout = self.state.find(id)?;
        if !rollout.is_managed(position) || !self.is_closing(id) {
            return None;
        }
        self.ask(id, position, |ctx| {
            let managed = |role: &&Role| {
                let state = ctx.service(role).auto_deploy;
                matches!(
                    state,
                    AutoDeployState::Off
                        | AutoDeployState::OffIntended
                        | AutoDeployState::OnIntended
                )
            };
            let role = ctx.planned.services.iter().rev().find(managed)?;
            let service = ctx.target(role);
            let intend = || {
                Next::fact(AutoDeployIntended {
                    place: ctx.service_place(role),
                    on: true,
                })
            };
            Some(match (ctx.service(role).auto_deploy, &ctx.scratch.view) {
                (AutoDeployState::OnIntended, _) if ctx.scratch.fresh => {
                    let baseline = ctx.service(role).baseline;
                    Next::Command(CommandKind::SetAutoDeploy {
                        service,
                        on: true,
                        trigger: baseline.and_then(|before| before.auto_deploy_trigger),
                    })
                }
                (AutoDeployState::OnIntended, None) => {
                    Next::Command(CommandKind::Inspect { service })
                }
                (AutoDeployState::OnIntended, Some(view)) if view.auto_deploy => {
                    Next::fact(auto_deploy_restored(ctx, role))
                }
                (_, _) => intend(),
            })
        })
        .flatten()
    }

    /// Whether nothing is left of a rollout but to restore auto-deploy and to end.
    pub(crate) fn is_closing(&self, id: RolloutId) -> bool {
        let Some(rollout) = self.state.find(id) else {
            return false;
        };
        if !rollout.working().is_empty() {
            return false;
        }
        match rollout.row.state {
            RolloutState::Running => rollout.is_through(id, self.at),
            RolloutState::Draining { to, .. } => {
                let swept = rollout
                    .row
                    .sweep
                    .as_ref()
                    .is_none_or(|sweep| self.state.swept(id, sweep).is_empty());
                to != crate::model::state::DrainTo::Halted && swept
            }
            RolloutState::Queued(_) | RolloutState::Halted { .. } | RolloutState::Ended { .. } => {
                false
            }
        }
    }
}

fn auto_deploy_restored(ctx: &Ctx<'_>, role: &Role) -> AutoDeployRestored {
    AutoDeployRestored {
        place: ctx.service_place(role),
        reason: None,
        refused: false,
    }
}

/// The answer of a command that restores auto-deploy.
pub(crate) fn closing_answer(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    command: &CommandKind,
    outcome: &Outcome,
) -> Recorded {
    scratch.fresh = false;
    if let Outcome::Trouble { reason } = outcome {
        scratch.view = None;
        let alarm = trouble::met(ctx, scratch, command, reason);
        return alarm.into_iter().collect::<Vec<_>>().into();
    }
    scratch.answered(command);
    match (command, outcome) {
        (CommandKind::SetAutoDeploy { service, .. }, Outcome::AutoDeploySet) => {
            auto_deploy_restored(ctx, &service.role).into()
        }
        (CommandKind::SetAutoDeploy { service, .. }, Outcome::Refused { .. }) => {
            // Nobody can be held any more: the journal says that it stays off, and why.
            let left = AutoDeployRestored {
                reason: Some(format!("not restored: {}", answer::say(outcome))),
                refused: true,
                ..auto_deploy_restored(ctx, &service.role)
            };
            left.into()
        }
        (CommandKind::Inspect { .. }, Outcome::Inspected { views }) => {
            scratch.view = views.first().cloned();
            Recorded::default()
        }
        (CommandKind::Inspect { service }, Outcome::Gone { .. } | Outcome::Failed { .. }) => {
            // The service is gone: there is nothing to restore.
            auto_deploy_restored(ctx, &service.role).into()
        }
        (_, _) => {
            scratch.view = None;
            Recorded::default()
        }
    }
}
