//! `deploys`: the newest deploys of a customer at Render, and which of them a rollout made.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use policy::plan::DATABASE;
use policy::{Role, Timestamp};
use project::artifact::artifact;
use project::{Backend, ErrorKind, connect, fleet};
use render::{Deploy, DeployFilter, DeployId};
use rollout::{Fact, RolloutId};
use serde::Serialize;

use crate::args::{Deploys, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::escape::line;
use crate::show::table::table;
use crate::show::time;

/// So many events are read at once.
const PAGE: u32 = 1_000;

/// One deploy, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    id: DeployId,
    status: String,
    trigger: String,
    /// The commit, or the image.
    source: Option<String>,
    /// What the image's tag named at the time; absent: it was built from a commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    created_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    /// The rollout that made it; absent: somebody else did.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutId>,
}

impl Seen {
    pub(super) fn of(deploy: Deploy, rollout: Option<RolloutId>) -> Self {
        Self {
            source: deploy.artifact(),
            digest: deploy.digest().map(str::to_owned),
            id: deploy.id,
            status: deploy.status.to_string(),
            trigger: deploy.trigger.to_string(),
            created_at: deploy.created_at,
            finished_at: deploy.finished_at,
            rollout,
        }
    }

    fn row(&self) -> Vec<String> {
        let at = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), time::stamp);
        let took = self.created_at.zip(self.finished_at);
        let took = took.map(|(from, to)| time::length(to - from));
        vec![
            self.id.to_string(),
            line(&self.status),
            line(&self.trigger),
            self.source
                .as_deref()
                .map_or_else(|| "-".to_owned(), |source| line(&artifact(source))),
            at(self.created_at),
            took.unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

/// A table of deploys, with columns of the caller's before the others.
pub(super) fn rows<'s>(
    leading: &[&str],
    deploys: impl Iterator<Item = (Vec<String>, &'s Seen)>,
) -> String {
    let heading = ["DEPLOY", "STATUS", "TRIGGER", "COMMIT", "CREATED", "TOOK"];
    let heading: Vec<&str> = leading.iter().copied().chain(heading).collect();
    let rows = deploys.map(|(mut row, seen)| {
        row.extend(seen.row());
        row
    });
    table(&heading, rows)
}

/// Lists the newest deploys of each of a customer's services.
pub(crate) async fn deploys(global: &Global, args: &Deploys, out: Output) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    let customer = fleet::customer(&config, &args.customer)?;
    let client = connect::client(&config, &out)?;
    let ours = ours(&*open::backend(global, out)?).await?;
    let deployed = customer
        .services
        .iter()
        .filter(|(role, _)| role.as_str() != DATABASE);
    let filter = DeployFilter::default();
    let reads = deployed.map(async |(role, service)| {
        let deploys = client.deploys(&service.id, &filter, args.limit).await?;
        let seen = deploys.into_iter().map(|deploy| {
            let rollout = ours.get(&deploy.id).copied();
            Seen::of(deploy, rollout)
        });
        Ok::<_, render::Error>((role, seen.collect()))
    });
    let read: BTreeMap<&Role, Vec<Seen>> = try_join_all(reads).await?.into_iter().collect();
    let none = format!("no service of {} was ever deployed", args.customer);
    out.list(&read, read.values().all(Vec::is_empty), none, || {
        let all = read
            .iter()
            .flat_map(|(role, seen)| seen.iter().map(move |one| (role, one)));
        let leading = |role: &Role, one: &Seen| {
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

/// The deploys that rollouts made, by the journal; it names deploys of other people too.
async fn ours(backend: &dyn Backend) -> Result<BTreeMap<DeployId, RolloutId>, Failure> {
    let mut ours = BTreeMap::new();
    let mut after = 0;
    loop {
        let events = match backend.events(None, after, PAGE).await {
            Err(error) if error.kind() == ErrorKind::Absent => return Ok(ours),
            events => events?,
        };
        let Some(last) = events.last() else {
            return Ok(ours);
        };
        after = last.seq;
        for event in events {
            // Only what names a deploy is read.
            let line = event.line.deploy.is_some().then_some(&event.line);
            let Some(Ok(fact)) = line.map(Fact::read) else {
                continue;
            };
            if let (Some(deploy), Some(run)) = (fact.caused(), event.line.rollout) {
                ours.insert(deploy.clone(), run);
            }
        }
    }
}
