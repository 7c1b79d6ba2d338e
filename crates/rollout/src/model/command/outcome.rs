//! How a command ended.

use std::collections::BTreeMap;

use policy::{CustomerId, Role, ServiceId};
use serde::{Deserialize, Serialize};

use crate::model::command::{DeployView, ServiceView};
use crate::model::health::Verdict;
use crate::model::ids::{DatabaseId, RolloutId};

/// How a command ended: facts about the outside, never a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The views of the services that were asked for, in their order.
    Inspected {
        /// One a service.
        views: Vec<ServiceView>,
    },
    /// A deploy is over.
    Ended {
        /// As last read.
        deploy: DeployView,
    },
    /// A deploy was still unfinished on a status read at or after the time limit.
    Unfinished {
        /// As last read.
        deploy: DeployView,
    },
    /// All variables were read and the planned keys sealed.
    BackedUp {
        /// Every variable's name and keyed digest.
        digests: BTreeMap<String, String>,
        /// The planned keys whose value differs.
        differing: Vec<String>,
        /// The sealed bytes.
        sealed: Sealed,
    },
    /// A `${secret:...}` does not resolve.
    SecretMissing {
        /// Its name.
        name: String,
    },
    /// The keys were written and read back.
    VariablesSet,
    /// The old values are back.
    VariablesRestored {
        /// Keys that somebody else changed meanwhile, left alone.
        foreign: Vec<String>,
    },
    /// Auto-deploy has the wanted value.
    AutoDeploySet,
    /// 201.
    Created {
        /// The deploy in the reply.
        deploy: DeployView,
    },
    /// The planned value of this variable names a database that the customer has left; nothing was written.
    NamesLeft {
        /// The variable's name.
        key: String,
    },
    /// The new database of a recovery, which is not usable yet.
    DatabaseCreated {
        /// Its id.
        database: DatabaseId,
    },
    /// All databases of that name.
    DatabasesFound {
        /// Their ids.
        databases: Vec<DatabaseId>,
    },
    /// The database can be used.
    DatabaseReady,
    /// Render says that the database will never be usable.
    DatabaseFailed,
    /// The database could still not be used on a status read at or after the time limit.
    DatabaseUnfinished {
        /// As last read, in Render's word.
        status: String,
    },
    /// 202 without a body: queued behind another deploy, or not.
    Accepted,
    /// The request may or may not have taken effect.
    Unknown {
        /// What is known.
        reason: String,
    },
    /// A definite refusal: nothing was done.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What Render says.
        message: String,
    },
    /// The request surely never left.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The newest deploys, newest first.
    Listed {
        /// At least back to a known one.
        deploys: Vec<DeployView>,
    },
    /// The cancel request was answered.
    CancelSent,
    /// A health verdict.
    Judged {
        /// Of which service.
        role: Role,
        /// With the deciding cycles (P34).
        verdict: Verdict,
    },
    /// What is watched is no longer live: somebody replaced it.
    Replaced {
        /// Of which service.
        role: Role,
        /// What is live now, if known.
        by: Option<DeployView>,
    },
    /// A hook ended.
    HookFinished {
        /// Exit 0.
        ok: bool,
        /// The end of what it printed, redacted.
        output: String,
    },
    /// Render says clearly that a service is not there, to an account that does see the workspace.
    Gone {
        /// Which.
        role: Role,
        /// What it says.
        reason: String,
    },
    /// Nothing was learned, and nothing done: no answer, or one that says nothing about the service (garbled, not allowed,
    /// an error of Render's own). No verdict follows (R11): it is asked again.
    Trouble {
        /// What came instead.
        reason: String,
    },
    /// It was answered, and can never succeed as it was asked for.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Whose backup it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOwner {
    /// For which rollout or operation it was made.
    #[serde(rename = "run")]
    pub rollout: RolloutId,
    /// Whose.
    pub customer: CustomerId,
    /// The role of the service.
    pub role: Role,
    /// Render's id of the service.
    pub service: ServiceId,
}

/// Sealed bytes that the engine stores in the same transaction; opaque to the core and to the journal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
