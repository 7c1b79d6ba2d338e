//! A Render that answers at once: every deploy goes live, every check passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use policy::ServiceId;
use rollout::command::{DeployStatus, DeployView, Probed, Sealed, ServiceView, Target};
use rollout::health::{Cycle, CycleResult, Verdict};
use rollout::{Command, CommandKind, DeployId, Executor, Outcome, Reply, Report};

use crate::project::{COMMIT, OLD_COMMIT};

/// Answers while it is asked, and counts the answers.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) answers: Arc<AtomicUsize>,
}

impl Executor for Outside {
    fn execute(&mut self, command: Command, reply: Reply) {
        if let Some(report) = answer(&command) {
            self.answers.fetch_add(1, Ordering::Relaxed);
            reply(report);
        }
    }
}

/// The answer to a command; a watch has none.
pub(crate) fn answer(command: &Command) -> Option<Report> {
    let outcome = match &command.kind {
        CommandKind::Preflight { services, .. } => Outcome::Inspected {
            views: services.iter().map(view).collect(),
        },
        CommandKind::Inspect { service } => Outcome::Inspected {
            views: vec![view(service)],
        },
        CommandKind::BackUp { variables, .. } => Outcome::BackedUp {
            digests: BTreeMap::new(),
            differing: variables.keys().cloned().collect(),
            sealed: Sealed(vec![0; 200]),
        },
        CommandKind::SetVariables { .. } => Outcome::VariablesSet,
        CommandKind::ListDeploys { service, .. } => Outcome::Listed {
            deploys: vec![old(&service.id)],
        },
        CommandKind::CreateDeploy { service, .. } => Outcome::Created {
            deploy: new(&service.id, DeployStatus::Unfinished),
        },
        CommandKind::FollowDeploy { service, .. } => Outcome::Ended {
            deploy: new(&service.id, DeployStatus::Live),
        },
        CommandKind::Verify { probed, .. } => healthy(probed),
        CommandKind::Confirm { probed, .. } => healthy(probed.first()?),
        CommandKind::Watch { .. } | CommandKind::Stop { .. } => return None,
        other @ (CommandKind::AwaitQuiet { .. }
        | CommandKind::RestoreVariables { .. }
        | CommandKind::SetAutoDeploy { .. }
        | CommandKind::CreateRollback { .. }
        | CommandKind::CancelDeploy { .. }
        | CommandKind::RunHook { .. }) => unreachable!("nothing goes wrong here: {other:?}"),
    };
    Some(Report {
        command: command.id,
        outcome,
    })
}

fn view(service: &Target) -> ServiceView {
    ServiceView {
        role: service.role.clone(),
        suspended: false,
        auto_deploy: false,
        deploys: vec![old(&service.id)],
        version: Some("v1.0.0".to_owned()),
        p95_ms: None,
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

fn old(service: &ServiceId) -> DeployView {
    DeployView {
        id: DeployId(format!("dep-{service}-old")),
        status: DeployStatus::Live,
        trigger: "manual".to_owned(),
        commit: Some(OLD_COMMIT.to_owned()),
    }
}

fn new(service: &ServiceId, status: DeployStatus) -> DeployView {
    DeployView {
        id: DeployId(format!("dep-{service}-new")),
        status,
        trigger: "api".to_owned(),
        commit: Some(COMMIT.to_owned()),
    }
}

fn healthy(probed: &Probed) -> Outcome {
    let cycle = Cycle {
        at: probed.live_at,
        result: CycleResult::Passed,
    };
    Outcome::Judged {
        role: probed.target.role.clone(),
        verdict: Verdict {
            healthy: true,
            cycles: vec![cycle],
        },
    }
}
