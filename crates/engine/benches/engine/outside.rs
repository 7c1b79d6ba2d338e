//! A Render where nothing goes wrong: every deploy goes live, every check passes.

use std::collections::{BTreeMap, VecDeque};

use policy::ServiceId;
use rollout::command::{DeployStatus, DeployView, Probed, Sealed, ServiceView, Target};
use rollout::health::{Cycle, CycleResult, Verdict};
use rollout::{Command, CommandKind, DeployId, Executor, Outcome, Reply, Report};
use tokio::sync::oneshot;

use crate::project::{COMMIT, OLD_COMMIT};

/// Keeps so many commands waiting and answers the oldest as soon as there are more: what an engine asks after a commit
/// decides how many answers its next one holds.
pub(crate) struct Outside {
    backlog: usize,
    waiting: VecDeque<(Report, Reply)>,
    /// Answers until it is over.
    left: usize,
    over: Option<oneshot::Sender<()>>,
}

impl Outside {
    /// Tells when it has given so many answers; it gives no more.
    pub(crate) fn new(backlog: usize, answers: usize) -> (Self, oneshot::Receiver<()>) {
        let (over, told) = oneshot::channel();
        let outside = Self {
            backlog,
            waiting: VecDeque::new(),
            left: answers,
            over: Some(over),
        };
        (outside, told)
    }
}

impl Executor for Outside {
    fn execute(&mut self, command: Command, reply: Reply) {
        let Some(report) = answer(&command) else {
            return;
        };
        self.waiting.push_back((report, reply));
        if self.waiting.len() > self.backlog
            && self.left > 0
            && let Some((report, reply)) = self.waiting.pop_front()
        {
            reply(report);
            self.left -= 1;
        }
        if self.left == 0
            && let Some(over) = self.over.take()
        {
            // Whoever has stopped listening knows already.
            let _ = over.send(());
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
        | CommandKind::Recover { .. }
        | CommandKind::FindDatabases { .. }
        | CommandKind::AwaitDatabase { .. }
        | CommandKind::BackUpConnections { .. }
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
        auto_deploy_trigger: None,
        image: None,
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
        digest: None,
    }
}

fn new(service: &ServiceId, status: DeployStatus) -> DeployView {
    DeployView {
        id: DeployId(format!("dep-{service}-new")),
        status,
        trigger: "api".to_owned(),
        commit: Some(COMMIT.to_owned()),
        digest: None,
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
