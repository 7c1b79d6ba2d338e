//! `follow:` a new tag starts its phases by itself (tranche.yaml), for as long as an engine runs.
//!
//! A tag is new if its version is higher than every version that was ever started or is known to run. Nothing else has to be
//! remembered: a restart finds the same, and no tag starts twice.

use std::sync::Arc;
use std::time::Duration;

use policy::plan::is_newer;
use policy::settings::Follow;
use policy::{Config, PersonId, PlanScope};
use render::git::Tags;
use rollout::request::Conflict;
use rollout::{Actor, Event, Product, Verb};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use crate::caller::InBackground;
use crate::error::Error;
use crate::prepare::Basis;
use crate::release;
use crate::session::Session;

/// Each wait is longer by up to this share, so that engines do not ask together.
const JITTER: f64 = 0.2;

/// Who starts such a rollout.
const NAME: &str = "follow";

/// Looks for new tags until the engine ends.
pub(super) async fn follow(session: Session, mut events: Receiver<Arc<Event>>) {
    let Some(follow) = session.config.project.follow.clone() else {
        return;
    };
    let every = follow.every.to_delta().to_std().unwrap_or(Duration::MAX);
    let looking = async {
        let mut watched = Watched::default();
        loop {
            let looked = watched.look(&session, &follow).await;
            watched.tell(looked, &session);
            sleep(every.mul_f64(1.0 + fastrand::f64() * JITTER)).await;
        }
    };
    tokio::select! {
        () = looking => {}
        () = async { while !matches!(events.recv().await, Err(RecvError::Closed)) {} } => {}
    }
}

/// What is remembered between two looks.
#[derive(Default)]
struct Watched {
    /// The newest tag of the first look, if no version was known by then: it was there before us.
    baseline: Option<String>,
    /// The last trouble that was told; the same is told once.
    trouble: Option<String>,
    /// A tag that was refused; it is not asked for again and again.
    refused: Option<String>,
}

impl Watched {
    async fn look(&mut self, session: &Session, follow: &Follow) -> Result<(), Error> {
        let tags = release::read_tags(&session.folder, &session.config).await?;
        let product = session.backend().product().await?;
        let newest = newest(&tags, follow);
        let known = highest(known(&product));
        let Some(tag) = newest.filter(|tag| self.refused.as_deref() != Some(*tag)) else {
            return Ok(());
        };
        let before = known.or_else(|| self.baseline.clone());
        match before {
            Some(before) if is_newer(tag, &before) => {
                // Whether it can be asked for at all is tried at each look: Render may be back.
                let start = start(session, &product, follow, tag).await?;
                self.refused = Some(tag.to_owned());
                ask(session, start).await?;
                self.refused = None;
                Ok(())
            }
            Some(_) => Ok(()),
            None => {
                self.baseline = Some(tag.to_owned());
                Ok(())
            }
        }
    }

    fn tell(&mut self, looked: Result<(), Error>, session: &Session) {
        let trouble = looked.err();
        let text = trouble.as_ref().map(Error::in_short);
        if let Some(error) = trouble.filter(|_| text != self.trouble) {
            session.caller().failed(NAME, error);
        }
        self.trouble = text;
    }
}

/// The start of the followed phases; a rollout in the way is waited for.
async fn start(
    session: &Session,
    product: &Product,
    follow: &Follow,
    tag: &str,
) -> Result<rollout::Start, Error> {
    let caller = InBackground(Arc::clone(&session.caller));
    let config: Config = session.folder.load(&caller)?;
    let scope = PlanScope {
        policies: follow.policies.clone(),
        ..PlanScope::default()
    };
    let basis = Basis {
        folder: &session.folder,
        config: &config,
        product,
        caller: &caller,
    };
    let prepared = basis.prepare(tag, scope).await?;
    Ok(rollout::Start {
        input: prepared.input,
        observed: prepared.observed,
        conflict: Conflict::Queue,
        clear_cache: false,
        deploy_timeout: None,
        reviewed: None,
    })
}

async fn ask(session: &Session, start: rollout::Start) -> Result<(), Error> {
    let by = Actor {
        name: PersonId::new(format!("service:{NAME}")),
        service: true,
        proof: None,
    };
    let requester = session.requester.named(by);
    requester.ask(None, Verb::Start(Box::new(start))).await?;
    Ok(())
}

/// The highest version among the tags that are followed.
fn newest<'t>(tags: &'t Tags, follow: &Follow) -> Option<&'t str> {
    let followed = tags
        .iter()
        .map(|(tag, _)| tag)
        .filter(|tag| is_like(tag, &follow.tags));
    followed.reduce(|one, other| if is_newer(other, one) { other } else { one })
}

/// Every version that was ever started, or is known to run.
fn known(product: &Product) -> Vec<String> {
    let started = product.overview().into_iter().map(|run| run.version);
    let running = product.running_versions().into_iter();
    started
        .chain(running.filter_map(|one| one.version))
        .collect()
}

fn highest(versions: Vec<String>) -> Option<String> {
    let versions = versions.into_iter();
    versions.reduce(|one, other| if is_newer(&other, &one) { other } else { one })
}

/// Whether a name is like a pattern, in which `*` stands for anything.
fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| is_like(&rest[at..], after))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(is_like("v1.2.0", "v*"));
        assert!(is_like("v1.2.0", "v1.*.0"));
        assert!(is_like("v1.2.0", "v1.2.0"));
        assert!(!is_like("1.2.0", "v*"));
        assert!(!is_like("v1.2.0-rc.1", "v*.0"));
    }

    #[test]
    fn the_highest_version_counts_and_not_the_last_name() {
        let versions = ["v1.9.0", "v1.10.0", "v1.2.0"].map(ToOwned::to_owned);
        assert_eq!(highest(versions.to_vec()).as_deref(), Some("v1.10.0"));
        assert_eq!(highest(Vec::new()), None);
        let versions = ["release-9", "release-10", "release-2"].map(ToOwned::to_owned);
        assert_eq!(highest(versions.to_vec()).as_deref(), Some("release-10"));
    }
}
