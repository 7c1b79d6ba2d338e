//! What a simulated run is made of.

use std::collections::BTreeMap;

use policy::parse::scenario as written;
use policy::{Config, CustomerId, PersonId, ServiceId, Span, Timestamp};

use super::{Approvals, Broken};
use crate::settings::Pace;

/// What a simulated run is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The project's files at the start.
    pub config: Config,
    /// The version that is rolled out.
    pub version: String,
    /// When.
    pub start: Timestamp,
    /// Who starts it.
    pub by: PersonId,
    /// What customers run at the start; where nothing is written, something older than any release.
    pub running: BTreeMap<CustomerId, String>,
    /// How Render behaves where nothing is injected.
    pub pace: written::World,
    /// Services that take a time of their own.
    pub paces: BTreeMap<ServiceId, Pace>,
    /// What goes wrong.
    pub inject: Vec<written::Inject>,
    /// What people do, in order of time.
    pub script: Vec<Row>,
    /// Who approves what nobody approves in the script.
    pub approvals: Approvals,
    /// Check after every step that folding the journal gives the stored rows (P36).
    pub paranoid: bool,
}

/// One row of the script.
#[derive(Clone, Debug)]
pub struct Row {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}

/// What a row of the script does.
#[derive(Clone, Debug)]
pub enum Act {
    /// A person says something on the command line.
    Say(written::Verb),
    /// The process dies, after everything else of its instant.
    Crash {
        /// When it is back.
        until: Timestamp,
    },
    /// The process dies, after everything else of its instant, and finds an older state in place of its own.
    PutBack {
        /// Of which instant.
        as_of: Timestamp,
        /// When it is back.
        until: Timestamp,
        /// Whether it finds that out by itself.
        noticed: bool,
    },
    /// The files were edited: how they read now, or why they cannot be read.
    Edit(Box<Result<Config, Broken>>),
}

impl Setup {
    /// A rollout to the whole fleet in a world where nothing goes wrong and nobody does anything.
    pub fn new(config: Config, version: &str, start: Timestamp, by: PersonId) -> Self {
        Self {
            config,
            version: version.to_owned(),
            start,
            by,
            running: BTreeMap::new(),
            pace: written::World {
                deploy: Span::from_secs(300),
                rollback: Span::from_secs(120),
                health_every: None,
                overlap: written::Overlap::Override,
            },
            paces: BTreeMap::new(),
            inject: Vec::new(),
            script: Vec::new(),
            approvals: Approvals::default(),
            paranoid: false,
        }
    }
}
