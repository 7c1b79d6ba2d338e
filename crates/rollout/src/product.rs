//! The whole state of a product, and the one function that changes it.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::command::{Command, Sealed};
use crate::event::Event;
use crate::hold::Hold;
use crate::ids::{AttachmentId, CommandId, RunId};
use crate::request::{Input, Rejected, Request};

/// What follows from one input: all of it is committed in one transaction, then the commands leave.
#[derive(Debug, Default)]
pub struct Step {
    /// Facts, in order.
    pub events: Vec<Event>,
    /// To be carried out after the commit.
    pub commands: Vec<Command>,
    /// Rows whose value may have changed; see [`Product::row`].
    pub touched: BTreeSet<RowKey>,
    /// Sealed bytes to store in the same transaction.
    pub attachments: Vec<(AttachmentId, Sealed)>,
}

/// The key of a stored row: `product`, `rollout/r1`, `plan/r1`, `phase/r1/NAME`, `batch/r1/NAME/2`, `gate/r1/GATE`, `customer/r1/KEY`, `fleet/KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(pub String);

/// Stored rows that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("row `{key}` cannot be read")]
pub struct LoadError {
    /// Which row.
    pub key: String,
    /// Why.
    #[source]
    pub source: serde_json::Error,
}

/// Everything that spans rollouts, and all rollouts.
#[derive(Debug, Default)]
pub struct Product {
    commands: BTreeMap<CommandId, Command>,
}

impl Product {
    /// A product in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the state back from its rows.
    ///
    /// # Errors
    /// A row of an unknown shape.
    pub fn load(rows: impl IntoIterator<Item = (RowKey, String)>) -> Result<Self, LoadError> {
        let _ = rows.into_iter().count();
        Ok(Self::default())
    }

    /// Takes one input at one instant (cut to milliseconds).
    ///
    /// # Errors
    /// A request that is not allowed now; nothing has changed.
    pub fn step(&mut self, at: Timestamp, input: Input) -> Result<Step, Rejected> {
        let _ = (at, input);
        Ok(Step::default())
    }

    /// The audit event of a rejected request (P49); it folds to nothing.
    pub fn denied(&mut self, at: Timestamp, request: &Request, rejected: &Rejected) -> Step {
        let _ = (at, request, rejected);
        Step::default()
    }

    /// Folds one fact. Contains no rule, so that a journal of an older release folds the same.
    pub fn apply(&mut self, event: &Event) {
        let _ = event;
    }

    /// The stored form of a row; `None`: it does not exist.
    pub fn row(&self, key: &RowKey) -> Option<String> {
        let _ = key;
        None
    }

    /// The keys of all rows.
    pub fn row_keys(&self) -> Vec<RowKey> {
        Vec::new()
    }

    /// When it wants the next tick; an early one changes nothing. The instant of the last step, or an earlier one, means now.
    pub fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    /// What runs now. Empty after `load`, until the shell has reported `EngineStarted`.
    pub fn in_flight(&self) -> impl Iterator<Item = &Command> {
        self.commands.values()
    }

    /// Why this customer waits, and until when.
    pub fn holds(&self, run: RunId, customer: &CustomerId, at: Timestamp) -> Vec<Hold> {
        let _ = (run, customer, at);
        Vec::new()
    }

    /// Sequence number and hash of the last event.
    pub fn head(&self) -> (u64, &str) {
        (0, crate::event::GENESIS)
    }

    /// Whether no rollout or operation is unfinished, or every unfinished one rests or waits for a person only.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// Whether any rollout or operation is unfinished (halted ones included).
    pub fn is_finished(&self) -> bool {
        true
    }
}
