//! `deploys`: the newest deploys of a customer at Render, and which of them a rollout made.

use policy::{Role, Timestamp};
use project::artifact::artifact;
use project::view::at_render::{SeenDeploy, deploys_of};
use project::{connect, fleet};

use crate::args::{Deploys, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::escape::line;
use crate::show::table::table;
use crate::show::time;

fn row(seen: &SeenDeploy) -> Vec<String> {
    let at = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), time::stamp);
    let took = seen.created_at.zip(seen.finished_at);
    let took = took.map(|(from, to)| time::length(to - from));
    vec![
        seen.id.to_string(),
        line(&seen.status),
        line(&seen.trigger),
        seen.source
            .as_deref()
            .map_or_else(|| "-".to_owned(), |source| line(&artifact(source))),
        at(seen.created_at),
        took.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// A table of deploys, with columns of the caller's before the others.
pub(super) fn rows<'s>(
    leading: &[&str],
    deploys: impl Iterator<Item = (Vec<String>, &'s SeenDeploy)>,
) -> String {
    let heading = ["DEPLOY", "STATUS", "TRIGGER", "COMMIT", "CREATED", "TOOK"];
    let heading: Vec<&str> = leading.iter().copied().chain(heading).collect();
    let rows = deploys.map(|(mut row, seen)| {
        row.extend(self::row(seen));
        row
    });
    table(&heading, rows)
}

/// Lists the newest deploys of each of a customer's services.
pub(crate) async fn deploys(global: &Global, args: &Deploys, out: Output) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    fleet::customer(&config, &args.customer)?;
    let client = connect::client(&config, &out)?;
    let backend = open::backend(global, out)?;
    let read = deploys_of(&*backend, &client, &config, &args.customer, args.limit).await?;
    let none = format!("no service of {} was ever deployed", args.customer);
    out.list(&read, read.values().all(Vec::is_empty), none, || {
        let all = read
            .iter()
            .flat_map(|(role, seen)| seen.iter().map(move |one| (role, one)));
        let leading = |role: &Role, one: &SeenDeploy| {
            let rollout = one.rollout.map(|run| run.to_string());
            vec![role.to_string(), rollout.unwrap_or_else(|| "-".to_owned())]
        };
        rows(
            &["SERVICE", "ROLLOUT"],
            all.map(|(role, one)| (leading(role, one), one)),
        )
    })?;
    Ok(Exit::Done)
}
