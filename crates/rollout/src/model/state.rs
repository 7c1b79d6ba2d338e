//! The stored state: one struct a row. What can be derived from these lives in `index` and is never stored.

pub(crate) mod customer;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use policy::calendar::Freeze;
use policy::plan::History;
use policy::settings::Pin;
use policy::{CustomerId, PersonId, PlanInput, PlanScope, Release, Role, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use self::service::{
    AutoDeployState, Backup, Baseline, Connections, DeployState, ServiceState, VariablesState,
};
use crate::model::actor::{Directory, Proof};
use crate::model::directory::EntryChange;
use crate::model::freeze::{Lift, ManualFreeze};
use crate::model::ids::{DeployId, RolloutId};
use crate::model::recovery::Moved;
pub(crate) use crate::model::state::customer::{
    CustomerState, CustomerStatus, HeldFrom, HookState, Hooks, Unanswered,
};
use crate::model::unhealthy::Unhealthy;
use crate::model::verb::Conflict;

/// What spans rollouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProductRow {
    pub(crate) seq: u64,
    pub(crate) hash: String,
    pub(crate) at: Timestamp,
    pub(crate) rollouts: u32,
    pub(crate) operations: u32,
    pub(crate) clock_suspected: Option<String>,
    /// Since when engine time has gone by the journal alone; what began since moves along when it follows the wall clock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) unsure_since: Option<Timestamp>,
    pub(crate) workspace_held: Option<String>,
    /// Another engine, or an older state of this one, may be at work: everything open is held until a person says
    /// `resume --moved` (P40).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) elsewhere: Option<Mark>,
    pub(crate) freezes: BTreeMap<String, ManualFreeze>,
    pub(crate) blocks: BTreeMap<String, Block>,
    /// As last read from the files; `None`: as frozen in each plan. A row of its own: it is as large as the fleet, and the
    /// product's row is written with every event.
    #[serde(skip)]
    pub(crate) files: Option<FilesRow>,
}

impl ProductRow {
    /// Takes in since when engine time is not sure.
    pub(crate) fn is_unsure(&mut self, fact: &crate::model::event::Line) {
        let since = fact.read::<Timestamp>("unsure_since");
        self.unsure_since = self.unsure_since.into_iter().chain(since).min();
    }

    /// The files as last read, if ever.
    pub(crate) fn read_files(&self) -> Option<&FilesRow> {
        self.files.as_ref().filter(|files| !files.never_read)
    }

    /// Who may do what by the files: as last read, or what broken ones have left of that.
    pub(crate) fn directory(&self) -> Option<&Directory> {
        let left = self
            .files
            .as_ref()
            .and_then(|files| files.in_force.as_ref());
        left.or_else(|| Some(&self.read_files()?.directory))
    }

    /// Whether no gate opens, since `tranche.yaml` cannot be parsed.
    pub(crate) fn gates_shut(&self) -> bool {
        self.files.as_ref().is_some_and(|files| files.gates_shut)
    }
}

impl Default for ProductRow {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: crate::model::event::GENESIS.to_owned(),
            at: Timestamp::default(),
            rollouts: 0,
            operations: 0,
            clock_suspected: None,
            unsure_since: None,
            workspace_held: None,
            elsewhere: None,
            freezes: BTreeMap::new(),
            blocks: BTreeMap::new(),
            files: None,
        }
    }
}

/// What of the files counts at once (R6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FilesRow {
    pub(crate) directory: Directory,
    pub(crate) freezes: Vec<Freeze>,
    pub(crate) pins: BTreeMap<CustomerId, Pin>,
    pub(crate) customers: BTreeSet<CustomerId>,
    pub(crate) unapplied: Vec<String>,
    /// Paths that lead out of the project folder without leave (P53).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) outside: Vec<String>,
    pub(crate) unreadable: Option<String>,
    /// They could not be read so far: nothing above says anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) never_read: bool,
    /// While they do not validate: what they have left of `directory`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) in_force: Option<Directory>,
    /// `tranche.yaml` cannot be parsed: who may open a gate is not known, and none opens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) gates_shut: bool,
    /// People whose entry, groups or roles have changed: the last time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) changed: BTreeMap<PersonId, EntryChange>,
}

/// A blocked version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) by: PersonId,
    pub(crate) since: Timestamp,
    pub(crate) reason: String,
}

/// One customer over all rollouts: what runs, and whose work it is (R15).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FleetRow {
    pub(crate) running: BTreeMap<Role, RunningService>,
    pub(crate) owner: Option<RolloutId>,
    /// Variables that an operation set and nothing was deployed with since (T9).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) hidden: BTreeMap<Role, Hidden>,
    /// Which database its services read since a person had it restored (T15).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) moved: Option<Moved>,
    /// What failed its checks there and has not passed them since (R19).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) unhealthy: BTreeMap<Role, Vec<Unhealthy>>,
    /// The newest rollout at whose start all of its deploys were read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) observed: Option<RolloutId>,
    /// The newest deploys then, where these were not the live ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) newest: BTreeMap<Role, DeployId>,
}

/// Variables that stand without a deploy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hidden {
    pub(crate) by: RolloutId,
    pub(crate) keys: Vec<String>,
    pub(crate) since: Timestamp,
}

/// What is live at one service as far as we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunningService {
    pub(crate) deploy: Option<DeployId>,
    pub(crate) version: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) since: Timestamp,
}

/// One rollout or operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RolloutRow {
    pub(crate) starter: PersonId,
    pub(crate) requested_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) version: String,
    pub(crate) commit: String,
    pub(crate) state: RolloutState,
    pub(crate) paused: Option<Mark>,
    /// It was open when another engine or a copy of the database was found: it rests until a person says `resume --moved`
    /// (P40).
    #[serde(default, rename = "restored", skip_serializing_if = "is_default")]
    pub(crate) held_as_moved: bool,
    /// A person has let it go on since: this database is the one that counts, and whatever runs the release is taken over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) takes_over: bool,
    /// Batches that are rolled back while it drains (R12), latest first.
    pub(crate) sweep: Option<Sweep>,
    /// Voices of a release that stored a freeze's name alone with them: they lift nothing by it ([`Rollout::recalled`](crate::fold::index::Rollout)).
    pub(crate) overrides: BTreeMap<String, BTreeSet<PersonId>>,
    /// Freezes that people lifted for this rollout, or half so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) lifts: Vec<Lift>,
    /// With which accounts and tokens people have acted here, by the name they gave.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) hands: BTreeMap<PersonId, BTreeSet<Proof>>,
    /// What the person narrowed it to; a replan keeps it.
    pub(crate) scope: PlanScope,
    pub(crate) clear_cache: bool,
    pub(crate) deploy_timeout_ms: Option<i64>,
    /// What an operation does; absent: a rollout, or an operation of an older release.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) operation: Option<Operation>,
    /// What the rollouts brought or were to replace whose place it takes: whoever runs that is exposed (R14).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) replaces: Vec<Release>,
    /// How its commit stands to what ran when it was asked for; a replan keeps it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) history: History,
    /// Present while it waits to begin (R14).
    pub(crate) queued: Option<Box<Queued>>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Returns a customer.
    Rollback,
    /// Deploys single services.
    Deploy,
    /// Sets variables and deploys nothing.
    Variables,
}

/// What a queued rollout keeps until it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) input: PlanInput,
    pub(crate) conflict: Conflict,
}

/// Who did something, when, why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) by: Option<PersonId>,
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<String>,
}

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RolloutState {
    Queued,
    Running,
    Draining { to: DrainTo, since: Timestamp },
    Halted { since: Timestamp, reason: String },
    Ended { at: Timestamp, outcome: Outcome },
}

/// What follows when nothing is in flight any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DrainTo {
    /// Rests.
    Halted,
    /// Ended by a person.
    Aborted,
    /// Replaced by another.
    Superseded,
}

/// The end states of R12, and the one in which a rollout rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every planned customer runs the release.
    Succeeded,
    /// A planned customer ended failed, or failed and was then skipped.
    SucceededWithFailures,
    /// One was rejected or skipped.
    SucceededWithExclusions,
    /// A person ended it.
    Aborted,
    /// Another took its place.
    Superseded,
    /// It stopped itself after failures, and rests until `retry`, `skip`, or its end.
    Halted,
    /// An operation that did what it should.
    Done,
    /// An operation that did not.
    Failed,
}

/// Which healthy customers are rolled back too (R12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    pub(crate) scope: SweepScope,
    pub(crate) reason: String,
    pub(crate) by: Option<PersonId>,
}

/// How far a sweep reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SweepScope {
    Batch { phase: usize, batch: u32 },
    Phase { phase: usize },
    All,
}

/// One phase of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PhaseRow {
    pub(crate) state: PhaseState,
    pub(crate) started_at: Option<Timestamp>,
    /// Batches that have begun or were passed over; the next one is this plus one.
    pub(crate) batches_begun: u32,
    /// The running delay.
    pub(crate) delay: Option<Delay>,
    /// Failures that count (R12).
    pub(crate) failures: u32,
    /// `--full`: no delay, soak or `not_before` any more.
    pub(crate) promoted: bool,
    pub(crate) overdue: bool,
}

/// Where a phase stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseState {
    #[default]
    Waiting,
    Running,
    Soaking {
        since: Timestamp,
        until: Timestamp,
    },
    Settled {
        at: Timestamp,
    },
}

impl PhaseState {
    /// Whether all batches are over: only the soak may be left.
    pub(crate) fn is_through(&self) -> bool {
        matches!(self, Self::Soaking { .. } | Self::Settled { .. })
    }
}

/// A delay between batches: real elapsed time from its origin (R3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delay {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// One batch that has begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) settled_at: Option<Timestamp>,
}

/// One gate (R10).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateRow {
    pub(crate) request: Option<GateRequest>,
    pub(crate) votes: Vec<Vote>,
    pub(crate) granted: Option<Granted>,
    pub(crate) rejected: Option<Mark>,
    pub(crate) passed_at: Option<Timestamp>,
}

/// An open request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateRequest {
    pub(crate) since: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) escalated: bool,
}

/// One person's vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub(crate) person: PersonId,
    pub(crate) at: Timestamp,
    pub(crate) digest: String,
    pub(crate) reason: Option<String>,
    /// What proved it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) proof: Option<Proof>,
}

/// A complete quorum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}

/// Rows of customers are written with every step: what has not come yet takes no room in them.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
