//! Events, commands and holds as lines of a transcript.

use policy::Timestamp;
use rollout::{Command, CommandKind, Event, Hold, Outcome, Product, Rejected};

/// Fields of `data` that are long or repeat what another line says.
const LEFT_OUT: &[&str] = &[
    "plan",
    "input",
    "unit",
    "running",
    "newest",
    "scope",
    "digest",
    "digests",
    "cycles",
    "files",
    "in_force",
    "people",
    "groups",
    "roles",
    "votes",
    "services",
    "clear_cache",
    "deploy_timeout_ms",
    "freezes",
    "judged",
    "replaces",
    "doubts",
    "unhealthy_targets",
];

/// An instant as its distance from the story's start.
pub(crate) fn since(start: Timestamp, at: Timestamp) -> String {
    let ms = (at - start).num_milliseconds();
    let sign = if ms < 0 { '-' } else { '+' };
    let span = policy::Span::from_millis(ms.abs());
    format!("{sign}{span}")
}

/// `  * kind phase/batch customer/service #attempt ...`
pub(crate) fn event(start: Timestamp, event: &Event) -> String {
    let fact = &event.line;
    let mut words = vec![format!("  * {}", fact.kind)];
    words.extend(fact.rollout.map(|run| run.to_string()));
    words.extend(match (&fact.phase, fact.batch) {
        (Some(phase), Some(batch)) => Some(format!("{phase}/{batch}")),
        (Some(phase), None) => Some(phase.to_string()),
        (None, _) => None,
    });
    words.extend(match (&fact.customer, &fact.service) {
        (Some(customer), Some(service)) => Some(format!("{customer}:{service}")),
        (Some(customer), None) => Some(format!("{customer}:")),
        (None, _) => None,
    });
    words.extend(fact.attempt.map(|attempt| format!("#{attempt}")));
    words.extend(fact.actor.as_ref().map(|actor| format!("by {actor}")));
    words.extend(
        fact.until
            .map(|until| format!("until {}", since(start, until))),
    );
    words.extend(
        fact.deploy
            .as_ref()
            .map(|deploy| format!("deploy={deploy}")),
    );
    words.extend(
        fact.commit
            .as_ref()
            .map(|commit| format!("commit={commit}")),
    );
    words.extend(fact.reason.as_ref().map(|reason| format!("\"{reason}\"")));
    let data = fact
        .data
        .iter()
        .filter(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
    words.extend(data.map(|(key, value)| format!("{key}={value}")));
    words.join(" ")
}

/// `  > c3 create_deploy acme/backend ...`
pub(crate) fn command(start: Timestamp, command: &Command) -> String {
    let words = std::iter::once(format!("  > {}", name(command)));
    let words = words.chain(arguments(start, &command.kind));
    words.collect::<Vec<_>>().join(" ")
}

/// `c3 create_deploy acme:backend`
pub(crate) fn name(command: &Command) -> String {
    let kind = serde_json::to_value(&command.kind).unwrap();
    let word = kind["do"].as_str().unwrap().to_owned();
    if let CommandKind::Stop { command } = &command.kind {
        return format!("stop c{}", command.0);
    }
    let roles: Vec<String> = roles(&command.kind);
    let (id, run, customer) = (command.id.0, command.rollout, &command.customer);
    format!("c{id} {word} {run} {customer}:{}", roles.join("+"))
}

/// The services a command is about.
pub(crate) fn roles(kind: &CommandKind) -> Vec<String> {
    let targets = kind.services();
    targets
        .iter()
        .map(|target| target.role.to_string())
        .collect()
}

fn arguments(start: Timestamp, kind: &CommandKind) -> Vec<String> {
    let until =
        |until: &Option<Timestamp>| until.map(|until| format!("until {}", since(start, until)));
    match kind {
        CommandKind::AwaitQuiet {
            deploy, until: end, ..
        }
        | CommandKind::FollowDeploy {
            deploy, until: end, ..
        } => {
            let deploy = format!("deploy={deploy}");
            std::iter::once(deploy).chain(until(end)).collect()
        }
        CommandKind::BackUp {
            variables, version, ..
        } => {
            let keys: Vec<&str> = variables.keys().map(String::as_str).collect();
            vec![format!("keys={keys:?}"), format!("version={version}")]
        }
        CommandKind::SetVariables { backup, keys, .. }
        | CommandKind::RestoreVariables { backup, keys, .. } => {
            vec![format!("keys={keys:?}"), format!("backup={backup}")]
        }
        CommandKind::Recover { database, to, name } => vec![
            format!("of={database}"),
            format!("to {}", since(start, *to)),
            format!("name={name}"),
        ],
        CommandKind::FindDatabases { name } => vec![format!("name={name}")],
        CommandKind::AwaitDatabase { database, until } => vec![
            format!("database={database}"),
            format!("until {}", since(start, *until)),
        ],
        CommandKind::BackUpConnections { from, to, .. } => vec![format!("from={from} to={to}")],
        CommandKind::SetAutoDeploy { on, .. } => vec![format!("on={on}")],
        CommandKind::CreateDeploy {
            commit, attempt, ..
        } => {
            vec![format!("#{attempt}"), format!("commit={commit}")]
        }
        CommandKind::CreateRollback {
            deploy, attempt, ..
        } => {
            vec![format!("#{attempt}"), format!("to={deploy}")]
        }
        CommandKind::ListDeploys { known, .. } => {
            let known: Vec<&str> = known.iter().map(|id| id.0.as_str()).collect();
            vec![format!("known={known:?}")]
        }
        CommandKind::CancelDeploy { deploy, .. } => vec![format!("deploy={deploy}")],
        CommandKind::Verify { probed, .. } => vec![probed_of(start, probed)],
        CommandKind::Watch { probed, .. } | CommandKind::Confirm { probed, .. } => probed
            .iter()
            .map(|probed| probed_of(start, probed))
            .collect(),
        CommandKind::RunHook {
            hook, environment, ..
        } => {
            let when = &environment["TRANCHE_HOOK"];
            vec![format!(
                "{when}: {}",
                serde_json::to_string(&hook.run).unwrap()
            )]
        }
        CommandKind::Preflight { .. } | CommandKind::Inspect { .. } | CommandKind::Stop { .. } => {
            Vec::new()
        }
    }
}

fn probed_of(start: Timestamp, probed: &rollout::command::Probed) -> String {
    let deploy = probed
        .deploy
        .as_ref()
        .map_or("-", |deploy| deploy.0.as_str());
    let version = probed.version.as_deref().unwrap_or("any");
    format!("{deploy}@{version} since {}", since(start, probed.live_at))
}

/// The name of an outcome as it is stored.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let value = serde_json::to_value(outcome).unwrap();
    let mut words = vec![value["outcome"].as_str().unwrap().to_owned()];
    match outcome {
        Outcome::Ended { deploy }
        | Outcome::Unfinished { deploy }
        | Outcome::Created { deploy } => {
            words.push(format!("{} {:?}", deploy.id, deploy.status));
        }
        Outcome::Listed { deploys } => {
            words.extend(
                deploys
                    .iter()
                    .map(|deploy| format!("{} {:?},", deploy.id, deploy.status)),
            );
        }
        Outcome::Judged { verdict, .. } => words.push(format!("healthy={}", verdict.healthy)),
        _ => {}
    }
    words.join(" ")
}

/// `  = kind: text [owner] since ... until ... -> way out`
pub(crate) fn hold(start: Timestamp, hold: &Hold) -> String {
    let kind = serde_json::to_value(hold.kind).unwrap();
    let kind = kind.as_str().unwrap();
    let mut words = vec![format!("  = {kind}: {} [{}]", hold.text, hold.owner)];
    words.extend(hold.since.map(|at| format!("since {}", since(start, at))));
    words.extend(hold.until.map(|at| format!("until {}", since(start, at))));
    words.extend(hold.way_out.as_ref().map(|way_out| format!("-> {way_out}")));
    words.join(" ")
}

/// `  ! state: message -> way out`
pub(crate) fn rejected(rejected: &Rejected) -> String {
    let code = serde_json::to_value(rejected.code).unwrap();
    let way_out = rejected.way_out.as_deref().unwrap_or("-");
    let code = code.as_str().unwrap();
    format!("  ! {code}: {} -> {way_out}", rejected.message)
}

/// One line a rollout: its state, and that of each customer.
pub(crate) fn status(product: &Product) -> Vec<String> {
    let runs = product.overview().into_iter();
    let line = runs.map(|run| {
        let customers = run.customers.iter();
        let customers: Vec<String> = customers
            .map(|customer| format!("{} {}", customer.customer, customer.state))
            .collect();
        format!("  = {} {}: {}", run.id, run.state, customers.join(", "))
    });
    line.collect()
}
