//! Which commits lie between what runs at some customers and what is to run there?

use std::collections::BTreeSet;

use policy::CustomerId;
use rollout::RolloutId;

use super::reader::Reader;
use crate::app::App;
use crate::commits::{Found, Web};

/// What lies between is looked up for so many versions that run.
const VERSIONS_SHOWN: usize = 3;

/// So much of a commit is shown.
const SHORT: usize = 12;

/// The commits between what runs and what is to run.
pub(super) struct Between {
    pub(super) from: String,
    pub(super) rows: Vec<Row>,
    pub(super) has_more: bool,
    pub(super) taken_back: usize,
    pub(super) compare: Option<String>,
    pub(super) note: Option<String>,
}

/// A commit.
pub(super) struct Row {
    pub(super) short: String,
    pub(super) link: Option<String>,
    pub(super) author: String,
    pub(super) subject: String,
}

/// What lies between what runs at these customers and the release.
pub(super) async fn between(
    app: &App,
    reader: &Reader,
    run: RolloutId,
    covers: &[CustomerId],
) -> Vec<Between> {
    let Some(plan) = reader.product.plan(run) else {
        return Vec::new();
    };
    if plan.release.is_image() {
        return Vec::new();
    }
    let covers: BTreeSet<&CustomerId> = covers.iter().collect();
    let running = reader.product.running_versions();
    let known = running
        .into_iter()
        .filter(|one| covers.contains(&one.customer));
    let from: BTreeSet<(String, Option<String>)> = known
        .filter_map(|one| Some((one.commit?, one.version)))
        .filter(|(commit, _)| *commit != plan.release.commit)
        .collect();
    let mut all = Vec::new();
    for (commit, version) in from.into_iter().take(VERSIONS_SHOWN) {
        let name = version.unwrap_or_else(|| commit.chars().take(SHORT).collect());
        let repository = plan.project.repository.as_deref();
        all.push(one_between(app, repository, (name, &commit), &plan.release.commit).await);
    }
    all
}

async fn one_between(
    app: &App,
    repository: Option<&str>,
    (from, commit): (String, &str),
    to: &str,
) -> Between {
    let web = repository.and_then(Web::of);
    let found = match repository {
        Some(repository) => {
            let commits = app.commits();
            commits.between(app.folder(), repository, commit, to).await
        }
        None => Some(Found::Nothing("the project names no repository".to_owned())),
    };
    let mut between = Between {
        from,
        rows: Vec::new(),
        has_more: false,
        taken_back: 0,
        compare: web.as_ref().map(|web| web.compare(commit, to)),
        note: None,
    };
    match found {
        Some(Found::Log(log)) => {
            let rows = log.entries.into_iter().map(|entry| Row {
                short: entry.commit.chars().take(SHORT).collect(),
                link: web.as_ref().map(|web| web.commit(&entry.commit)),
                author: entry.author,
                subject: entry.subject,
            });
            between.rows = rows.collect();
            between.has_more = log.has_more;
            between.taken_back = log.taken_back;
        }
        Some(Found::Nothing(why)) => between.note = Some(why),
        None => {
            between.note = Some("the repository is being read; load the page again".to_owned());
        }
    }
    between
}
