//! Facts, past tense: what the journal holds.
//!
//! An event is one flat JSON object (docs/reference/events.md), linked to the one before it by a hash over its canonical form.

use std::fmt;

use policy::{CustomerId, PersonId, PolicyId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::canonical::Fields;
use crate::model::fact::Unreadable;
use crate::model::fact::payload::optional;
use crate::model::ids::{DeployId, RolloutId};
use crate::model::request::Proof;

/// The `prev` of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One fact with its place in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, ... without gaps, over the whole product.
    pub seq: u64,
    /// When, by engine time.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub line: Line,
    /// The hash of the event before.
    pub prev: String,
    /// SHA-256 (hex) over the canonical form without this field.
    pub hash: String,
}

/// What happened, flat, as the journal holds it: without its place there, and with whatever a newer release has added.
///
/// What it says by its kind is a [`Fact`](crate::Fact).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// In which rollout or operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// What.
    pub kind: Kind,
    /// In which phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PolicyId>,
    /// In which batch, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Which service of the customer, by role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Role>,
    /// The attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "instant_option"
    )]
    pub until: Option<Timestamp>,
    /// Render's id of the deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<DeployId>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whatever else belongs to the kind.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Every kind of event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the journal.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A rollout began; `data.plan` is frozen.
    RolloutStarted = "rollout_started",
    /// A rollout was accepted and waits for another to end (R14).
    RolloutQueued = "rollout_queued",
    /// R4.
    PhaseStarted = "phase_started",
    /// All its customers have settled and its soak is over.
    PhaseSettled = "phase_settled",
    /// The watched wait after the last batch.
    SoakStarted = "soak_started",
    /// Its first customer started.
    BatchStarted = "batch_started",
    /// Its last customer settled.
    BatchSettled = "batch_settled",
    /// R3.
    DelayStarted = "delay_started",
    /// R10.
    ApprovalRequested = "approval_requested",
    /// One vote; with `until` when it completed the quorum.
    Approved = "approved",
    /// R10.
    Rejected = "rejected",
    /// A vote was taken back.
    Withdrawn = "withdrawn",
    /// A complete approval was not used in time, or was bound to another digest.
    ApprovalLapsed = "approval_lapsed",
    /// An unanswered request.
    ApprovalEscalated = "approval_escalated",
    /// What the gate covers began.
    GatePassed = "gate_passed",
    /// The begin that R7, R9, R10 and R13 mean.
    CustomerStarted = "customer_started",
    /// All its services are healthy.
    CustomerHealthy = "customer_healthy",
    /// Failed before anything was live; the old version serves.
    CustomerUnchanged = "customer_unchanged",
    /// Returned to what was live before.
    CustomerRolledBack = "customer_rolled_back",
    /// The rollback failed: a person must look.
    CustomerRollbackFailed = "customer_rollback_failed",
    /// Left out by a rejection.
    CustomerExcluded = "customer_excluded",
    /// Left out by a person, or at its turn because it cannot be deployed.
    CustomerSkipped = "customer_skipped",
    /// A person must decide.
    CustomerHeld = "customer_held",
    /// Render gives no usable answer about it: it waits, and is asked again (R11).
    CustomerWaits = "customer_waits",
    /// Render has given no usable answer about it for as long as a deploy may take: an alarm only, it is asked on (R11).
    CustomerStalled = "customer_stalled",
    /// A person decided.
    CustomerReleased = "customer_released",
    /// Skipped in mid-work: what is not live is tidied up first.
    CustomerWithdrawn = "customer_withdrawn",
    /// A person, or a halt that reaches further, wants the customer back on what ran before.
    RollbackRequested = "rollback_requested",
    /// P27.
    VariablesBackedUp = "variables_backed_up",
    /// The planned keys have their values.
    VariablesSet = "variables_set",
    /// The old values are back.
    VariablesRestored = "variables_restored",
    /// R16: durable before the request.
    DeployIntended = "deploy_intended",
    /// 201.
    DeployCreated = "deploy_created",
    /// Found by the look-up.
    DeployAdopted = "deploy_adopted",
    /// The request may or may not have taken effect.
    DeployUnknown = "deploy_unknown",
    /// Proved absent, or never sent.
    DeployAbsent = "deploy_absent",
    /// Serves traffic.
    DeployLive = "deploy_live",
    /// The old version serves.
    DeployFailed = "deploy_failed",
    /// Cancelled, by us (`data.ours`) or by somebody else.
    DeployCancelled = "deploy_cancelled",
    /// A service passed.
    HealthPassed = "health_passed",
    /// A service failed; `data.cycles` decided.
    HealthFailed = "health_failed",
    /// As `deploy_intended`.
    RollbackIntended = "rollback_intended",
    /// 201.
    RollbackCreated = "rollback_created",
    /// Found by the look-up.
    RollbackAdopted = "rollback_adopted",
    /// The old version serves again.
    RollbackLive = "rollback_live",
    /// R11: never a second automatic one.
    RollbackFailed = "rollback_failed",
    /// R13.
    Paused = "paused",
    /// R13.
    Resumed = "resumed",
    /// R13.
    Promoted = "promoted",
    /// R13.
    Retried = "retried",
    /// A batch or phase was skipped by a person; its customers have events of their own.
    Skipped = "skipped",
    /// R9.
    Frozen = "frozen",
    /// R9.
    Unfrozen = "unfrozen",
    /// R9: one voice, or (with `data.complete`) both.
    FreezeOverridden = "freeze_overridden",
    /// A version was blocked.
    Blocked = "blocked",
    /// A version was unblocked.
    Unblocked = "unblocked",
    /// R6.
    Replanned = "replanned",
    /// A process began to drive.
    EngineStarted = "engine_started",
    /// P25.
    ClockSuspected = "clock_suspected",
    /// P25.
    ClockTrusted = "clock_trusted",
    /// A copy of the database was put in place: its open rollouts are on hold (P40).
    Restored = "restored",
    /// Deploys of the release that this journal did not ask for: another engine or an older state is at work, and everything
    /// open is held until a person says `resume --moved` (R16); `data.customers`.
    RolloutsHeld = "rollouts_held",
    /// P46.
    WorkspaceHeld = "workspace_held",
    /// P46.
    WorkspaceReleased = "workspace_released",
    /// `due` has passed.
    PhaseOverdue = "phase_overdue",
    /// P7.
    VariablesIntended = "variables_intended",
    /// P7.
    RestoreIntended = "restore_intended",
    /// P7.
    CancelIntended = "cancel_intended",
    /// P7, P32.
    AutoDeployIntended = "auto_deploy_intended",
    /// P32.
    AutoDeployDisabled = "auto_deploy_disabled",
    /// P32.
    AutoDeployRestored = "auto_deploy_restored",
    /// More than one deploy of ours was found.
    DeployDuplicate = "deploy_duplicate",
    /// A hook is about to run.
    HookStarted = "hook_started",
    /// A hook ended.
    HookFinished = "hook_finished",
    /// As `deploy_unknown`.
    RollbackUnknown = "rollback_unknown",
    /// As `deploy_absent`.
    RollbackAbsent = "rollback_absent",
    /// As `deploy_intended`, for a new database with the data of `data.to`.
    RecoveryIntended = "recovery_intended",
    /// `data.database` is the new one.
    RecoveryCreated = "recovery_created",
    /// As `deploy_unknown`.
    RecoveryUnknown = "recovery_unknown",
    /// As `deploy_absent`.
    RecoveryAbsent = "recovery_absent",
    /// The new database can be used.
    RecoveryLive = "recovery_live",
    /// The new database never came; nothing was switched.
    RecoveryFailed = "recovery_failed",
    /// The variables of every service name the new database `data.to` instead of `data.from`.
    DatabaseSwitched = "database_switched",
    /// Nothing new starts; `data.to` is what follows.
    RolloutDraining = "rollout_draining",
    /// All phases have settled; `data.outcome`.
    RolloutSucceeded = "rollout_succeeded",
    /// Rests until a person acts.
    RolloutHalted = "rollout_halted",
    /// Ended by a person.
    RolloutAborted = "rollout_aborted",
    /// Another took its place.
    RolloutSuperseded = "rollout_superseded",
    /// A halt was lifted.
    RolloutResumed = "rollout_resumed",
    /// The project's files were read again.
    FilesRead = "files_read",
    /// People, groups or roles are others now: `data.whom` says what became of each person.
    PeopleChanged = "people_changed",
    /// An operation outside any rollout began.
    OperationStarted = "operation_started",
    /// It ended; `data.outcome`.
    OperationEnded = "operation_ended",
    /// An operation set the variables of a version and deployed nothing (T9): `data.version`.
    VariablesApplied = "variables_applied",
    /// Somebody had values of variables shown in full; `data.keys`.
    VariablesRevealed = "variables_revealed",
    /// A token was made for somebody (P49).
    TokenCreated = "token_created",
    /// A token was revoked (P49).
    TokenRevoked = "token_revoked",
    /// A figure from outside: `data.name`, `data.value`, and `data.at`, the instant it is of.
    Observed = "observed",
    /// A request was refused; folds to nothing.
    Denied = "denied",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Kind {
    /// Whether it says what is sent next: only where somebody sends it may it be written (P7).
    pub(crate) fn is_intent(self) -> bool {
        matches!(
            self,
            Self::HookStarted
                | Self::VariablesIntended
                | Self::RestoreIntended
                | Self::AutoDeployIntended
                | Self::DeployIntended
                | Self::CancelIntended
                | Self::RollbackIntended
                | Self::RecoveryIntended
        )
    }
}

impl Line {
    /// A fact of this kind and nothing else.
    pub fn new(kind: Kind) -> Self {
        Self {
            rollout: None,
            kind,
            phase: None,
            batch: None,
            customer: None,
            service: None,
            attempt: None,
            actor: None,
            reason: None,
            until: None,
            deploy: None,
            commit: None,
            data: Map::new(),
        }
    }

    /// Adds one field of `data`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data.insert(key.to_owned(), value.into());
        self
    }

    /// Adds one field of `data` from any serialisable value.
    #[must_use]
    pub fn with_value<T: Serialize>(self, key: &str, value: &T) -> Self {
        let value = serde_json::to_value(value).expect("the core's values serialise");
        self.with(key, value)
    }

    /// What proved who asked, where it had to be proved (P49): the envelope's, whatever the kind.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn proof(&self) -> Result<Option<Proof>, Unreadable> {
        optional(&self.data, "proof")
    }

    /// Reads one field of `data` to show it; a field of another shape counts as absent. The fold reads a
    /// [`Fact`](crate::Fact): there it is damage.
    pub fn read<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.data
            .get(key)
            .and_then(|value| T::deserialize(value).ok())
    }
}

impl Event {
    /// Links a line behind the event with hash `prev`.
    pub fn link(seq: u64, at: Timestamp, line: Line, prev: String) -> Self {
        let mut event = Self {
            seq,
            at,
            line,
            prev,
            hash: String::new(),
        };
        event.hash = event.digest();
        event
    }

    /// The hash that this event should have.
    pub fn digest(&self) -> String {
        // Taken apart by name, so that a new field cannot be forgotten.
        let Self {
            seq,
            at,
            line,
            prev,
            hash: _,
        } = self;
        let Line {
            rollout,
            kind,
            phase,
            batch,
            customer,
            service,
            attempt,
            actor,
            reason,
            until,
            deploy,
            commit,
            data,
        } = line;
        let shown = |at: &Timestamp| crate::show_instant(*at);
        let mut fields = Fields::default();
        fields.text("actor", actor.as_ref().map(PersonId::as_str));
        fields.text("at", Some(&shown(at)));
        fields.number("attempt", attempt.map(u64::from));
        fields.number("batch", batch.map(u64::from));
        fields.text("commit", commit.as_deref());
        fields.text("customer", customer.as_ref().map(CustomerId::as_str));
        fields.object("data", data);
        fields.text("deploy", deploy.as_ref().map(|deploy| deploy.0.as_str()));
        fields.text("kind", Some(kind.as_str()));
        fields.text("phase", phase.as_ref().map(PolicyId::as_str));
        fields.text("prev", Some(prev));
        fields.text("reason", reason.as_deref());
        fields.text("rollout", rollout.map(|run| run.to_string()).as_deref());
        fields.number("seq", Some(*seq));
        fields.text("service", service.as_ref().map(Role::as_str));
        fields.text("until", until.as_ref().map(shown).as_deref());
        fields.digest()
    }
}

/// Instants with exactly three digits of a second.
mod instant {
    use policy::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&crate::show_instant(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from)
    }
}

mod instant_option {
    use policy::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::instant::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<Timestamp>::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_canonical_form() {
        let at: Timestamp = "2027-01-11T08:00:00.120Z".parse().expect("an instant");
        let fact = Line {
            rollout: Some(RolloutId::Rollout(3)),
            phase: Some("main".into()),
            batch: Some(2),
            customer: Some("acme".into()),
            service: Some("backend".into()),
            attempt: Some(1),
            actor: Some("ann".into()),
            reason: Some("say \"no\"\n\u{e9}".to_owned()),
            until: Some(at),
            deploy: Some("dep-1".into()),
            commit: Some("c0ffee".to_owned()),
            ..Line::new(Kind::DeployCreated)
        };
        let full = fact.with("z", 0.5).with("a", vec!["b"]);
        for fact in [full, Line::new(Kind::EngineStarted)] {
            let event = Event::link(7, at, fact, GENESIS.to_owned());
            let mut value = serde_json::to_value(&event).expect("events serialise");
            value.as_object_mut().expect("an object").remove("hash");
            assert_eq!(event.hash, crate::model::canonical::digest(&value));
        }
    }
}
