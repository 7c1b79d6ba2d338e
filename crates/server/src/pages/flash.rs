//! What came of the last thing somebody did? Told once, on the page that follows.

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::words::Tone;
use crate::problem::Problem;

/// Where it stands in a session.
const KEY: &str = "flash";

/// A message for the next page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// Whether it went as wanted.
    pub(crate) is_good: bool,
    /// What happened, as a sentence.
    pub(crate) text: String,
    /// What follows from it, a sentence each.
    #[serde(default)]
    pub(crate) more: Vec<String>,
}

impl Flash {
    /// It is done.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self {
            is_good: true,
            text: text.into(),
            more: Vec::new(),
        }
    }

    /// With what follows from it.
    pub(crate) fn and(self, more: impl IntoIterator<Item = String>) -> Self {
        Self {
            more: self.more.into_iter().chain(more).collect(),
            ..self
        }
    }

    pub(crate) fn tone(&self) -> Tone {
        match self.is_good {
            true => Tone::Good,
            false => Tone::Bad,
        }
    }

    /// Keeps it for the next page. Whoever asks with a token has none.
    pub(crate) async fn keep(self, session: &Session) -> Result<(), Problem> {
        if session.id().is_none() && session.is_empty().await {
            return Ok(());
        }
        session.insert(KEY, self).await.map_err(Problem::session)
    }

    /// What was kept, which is then told and gone.
    pub(super) async fn take(session: &Session) -> Result<Option<Self>, Problem> {
        match session.get::<Self>(KEY).await.map_err(Problem::session)? {
            None => Ok(None),
            Some(_) => session.remove(KEY).await.map_err(Problem::session),
        }
    }
}
