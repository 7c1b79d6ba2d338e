//! `follow:` a new tag starts its phases by itself (tranche.yaml), for as long as an engine runs.
//!
//! A tag is new if its version is higher than every version that was ever started or is known to run. Nothing else has to be
//! remembered: a restart finds the same, and no tag starts twice.

use std::sync::Arc;
use std::time::Duration;

use policy::plan::is_newer;
use policy::settings::Follow;
use policy::{Config, Diagnostic, PersonId, PlanScope};
use render::git::Tags;
use rollout::request::Conflict;
use rollout::{Actor, Event, Product, Verb};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use crate::caller::{Caller, InBackground};
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
            watched.tell(looked, session.caller());
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
    trouble: Option<Trouble>,
    /// A tag that was refused; it is not asked for again and again.
    refused: Option<String>,
}

/// All that is told of an error.
#[derive(PartialEq)]
struct Trouble {
    message: String,
    way_out: Option<String>,
    mistakes: Vec<Diagnostic>,
}

impl Trouble {
    fn of(error: &Error) -> Self {
        Self {
            message: error.message(),
            way_out: error.way_out(),
            mistakes: if let Error::Files(mistakes) = error {
                mistakes.clone()
            } else {
                Vec::new()
            },
        }
    }
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

    fn tell(&mut self, looked: Result<(), Error>, caller: &dyn Caller) {
        let error = looked.err();
        let trouble = error.as_ref().map(Trouble::of);
        if let Some(error) = error.filter(|_| trouble != self.trouble) {
            caller.failed(NAME, error);
        }
        self.trouble = trouble;
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
    let by = Actor::service(PersonId::new(format!("service:{NAME}")));
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use policy::parse::Severity;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Caller for Counting {
        fn failed(&self, _doing: &str, _error: Error) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn mistakes(messages: [&str; 4], help: &str) -> Result<(), Error> {
        let mistake = |message: &str| Diagnostic {
            severity: Severity::Error,
            code: "unknown-key".to_owned(),
            file: "customers.yaml".to_owned(),
            line: 1,
            column: 1,
            length: 1,
            source_line: String::new(),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        };
        Err(Error::Files(messages.map(mistake).to_vec()))
    }

    #[test]
    fn trouble_is_told_again_once_anything_of_it_has_changed() {
        let (mut watched, caller) = (Watched::default(), Counting::default());
        let mut told = |looked| {
            watched.tell(looked, &caller);
            caller.0.swap(0, Ordering::SeqCst)
        };
        assert_eq!(told(mistakes(["a", "b", "c", "d"], "remove it")), 1);
        assert_eq!(told(mistakes(["a", "b", "c", "d"], "remove it")), 0);
        assert_eq!(told(mistakes(["a", "b", "c", "e"], "remove it")), 1);
        assert_eq!(told(mistakes(["a", "b", "c", "e"], "rename it")), 1);
        assert_eq!(told(Ok(())), 0);
        assert_eq!(told(mistakes(["a", "b", "c", "e"], "rename it")), 1);
    }

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
