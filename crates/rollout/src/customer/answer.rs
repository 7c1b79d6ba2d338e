//! What an answer turns into: the facts that follow, and how one that was not expected is said to people.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use crate::model::command::{Outcome, Sealed};
use crate::model::fact::Fact;
use crate::model::ids::AttachmentId;

/// The facts that follow from an answer, and sealed bytes to store with them.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) facts: Vec<Fact>,
    pub(crate) attachment: Option<(AttachmentId, Sealed)>,
}

impl From<Vec<Fact>> for Recorded {
    fn from(facts: Vec<Fact>) -> Self {
        Self {
            facts,
            attachment: None,
        }
    }
}

impl<T: Into<Fact>> From<T> for Recorded {
    fn from(fact: T) -> Self {
        vec![fact.into()].into()
    }
}

/// An unexpected answer as a few words for people.
pub(crate) fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown { reason }
        | Outcome::NotSent { reason }
        | Outcome::Gone { reason, .. }
        | Outcome::Trouble { reason }
        | Outcome::Failed { reason } => reason.clone(),
        Outcome::Refused { status, message } => format!("Render refused it ({status}): {message}"),
        other => format!("unexpected answer {other:?}"),
    }
}
