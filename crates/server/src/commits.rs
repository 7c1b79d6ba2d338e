//! What lies between what runs and what is to run? Looked up once for every two commits, and not waited for for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use project::Folder;
use project::release::{self, Log};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// So many commits are shown.
const SHOWN: usize = 100;

/// So long a page waits for a repository; what comes later is there for the next look.
const PATIENCE: Duration = Duration::from_secs(2);

/// So many looks are kept.
const KEPT: usize = 64;

/// Between which two commits, in which repository.
type Span = (String, String, String);

/// What was looked up, and what is being looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commits {
    kept: Arc<Mutex<Kept>>,
}

/// By what was asked.
type Kept = BTreeMap<Span, Arc<OnceCell<Found>>>;

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// What lies between.
    Log(Log),
    /// The repository does not know both, or cannot be read.
    Nothing(String),
}

impl Commits {
    /// What lies between; `None`: it is still being looked up.
    pub(crate) async fn between(
        &self,
        folder: &Folder,
        repository: &str,
        from: &str,
        to: &str,
    ) -> Option<Found> {
        let span = (repository.to_owned(), from.to_owned(), to.to_owned());
        let cell = self.cell(&span);
        if let Some(found) = cell.get() {
            return Some(found.clone());
        }
        let (kept, folder) = (self.clone(), folder.clone());
        // It goes on when nobody waits for it any more.
        let looking = tokio::spawn(async move {
            let found = cell.get_or_init(|| look(&folder, &span)).await.clone();
            if matches!(found, Found::Nothing(_)) {
                kept.forget(&span);
            }
            found
        });
        timeout(PATIENCE, looking).await.ok()?.ok()
    }

    fn cell(&self, span: &Span) -> Arc<OnceCell<Found>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(span) {
            kept.clear();
        }
        Arc::clone(kept.entry(span.clone()).or_default())
    }

    /// What could not be read may be readable at the next look.
    fn forget(&self, span: &Span) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(span);
    }
}

async fn look(folder: &Folder, (repository, from, to): &Span) -> Found {
    match release::log(folder, repository, (from, to), SHOWN).await {
        Ok(Some(log)) => Found::Log(log),
        Ok(None) => Found::Nothing("the repository does not know both of these commits".to_owned()),
        Err(error) => Found::Nothing(error.in_short()),
    }
}

/// The pages of a repository at a host that has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Web {
    base: String,
    /// Between the repository and what is asked of it.
    middle: &'static str,
}

impl Web {
    /// Where a repository can be looked at, as far as its address tells: at GitHub, or a GitLab that is called so.
    pub(crate) fn of(repository: &str) -> Option<Self> {
        let rest = repository
            .strip_prefix("https://")
            .or_else(|| repository.strip_prefix("ssh://"))
            .map(|rest| rest.split_once('/'));
        let (host, path) = match rest {
            Some(split) => split?,
            None => repository.split_once(':')?,
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_plain = |text: &str| {
            let mut chars = text.chars();
            !text.is_empty() && chars.all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c))
        };
        if !is_plain(host) || !is_plain(path) || host.contains('/') || path.contains("..") {
            return None;
        }
        let middle = match host {
            "github.com" => "",
            host if host.starts_with("gitlab.") => "/-",
            _ => return None,
        };
        Some(Self {
            base: format!("https://{host}/{path}"),
            middle,
        })
    }

    /// The page of a commit.
    pub(crate) fn commit(&self, commit: &str) -> String {
        format!("{}{}/commit/{commit}", self.base, self.middle)
    }

    /// The page of what lies between two.
    pub(crate) fn compare(&self, from: &str, to: &str) -> String {
        format!("{}{}/compare/{from}...{to}", self.base, self.middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_with_pages_are_known_by_their_addresses() {
        let page = |address| Web::of(address).map(|web| web.commit("c0ffee"));
        let github = Some("https://github.com/acme/shop/commit/c0ffee".to_owned());
        assert_eq!(page("https://github.com/acme/shop.git"), github);
        assert_eq!(page("https://ann:secret@github.com/acme/shop"), github);
        assert_eq!(page("git@github.com:acme/shop.git"), github);
        assert_eq!(page("ssh://git@github.com:22/acme/shop"), github);
        let gitlab = "https://gitlab.example/a/b/shop/-/commit/c0ffee".to_owned();
        assert_eq!(page("https://gitlab.example/a/b/shop.git"), Some(gitlab));
        for other in [
            "../shop.git",
            "https://example.com/a/b",
            "https://github.com/a/../b",
            "/srv/x",
            "https://github.com/\"><script>",
        ] {
            assert_eq!(page(other), None, "{other}");
        }
    }
}
