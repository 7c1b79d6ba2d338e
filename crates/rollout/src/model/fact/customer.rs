//! Facts about one customer: where it stands, and why (R11).

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, PersonId, Role, Timestamp};
use serde_json::json;

use crate::model::fact::place::{CustomerPlace, PhasePlace, Whose};
use crate::model::ids::{DatabaseId, DeployId};
use crate::model::state::{Baseline, HeldFrom};
use crate::model::unhealthy::UnhealthyTarget;

written!(json!({ "type": "object" }) => Baseline, UnhealthyTarget);
written!(json!({ "enum": ["waiting", "forward", "healthy", "backward", "withdrawing"] }) => HeldFrom);

payloads! {
    /// Facts about one customer (R11).
    enum CustomerFact in Fact::Customer;

    /// The begin that windows, freezes and approvals speak of (R7, R9, R10, R13).
    CustomerStarted(CustomerPlace) {} data {
        /// what was there: live deploys, versions, auto-deploy settings, response times
        always services: BTreeMap<Role, Baseline>,
        /// what Render or the health checks say that need not stop it
        unless_default warnings: Vec<String>,
        /// where a rollback would lead to what was judged unhealthy there (R19)
        unless_default unhealthy_targets: Vec<UnhealthyTarget>,
    }

    /// All its services are healthy.
    CustomerHealthy(CustomerPlace) {} data {}

    /// Failed before anything was live; the old version serves.
    CustomerUnchanged(CustomerPlace) {
        /// why it went back
        reason: Option<String>,
    } data {}

    /// Returned to what was live before.
    CustomerRolledBack(CustomerPlace) {
        /// why it went back
        reason: Option<String>,
    } data {}

    /// The rollback failed: a person must look.
    CustomerRollbackFailed(CustomerPlace) {
        /// what failed
        reason: Option<String>,
    } data {}

    /// Left out by a rejection.
    CustomerExcluded(CustomerPlace) {
        /// who rejected it
        actor: PersonId,
        /// why
        reason: String,
    } data {}

    /// Left out by a person, or at its turn because it cannot be deployed.
    CustomerSkipped(CustomerPlace) {
        /// who left it out; absent at its turn, and where `customer_withdrawn` names them
        actor: Option<PersonId>,
        /// why
        reason: Option<String>,
    } data {}

    /// It waits for a person: somebody interfered (R18), or an invariant broke for this customer alone.
    CustomerHeld(CustomerPlace) {
        /// the service it is about
        service: Option<Role>,
        /// what stands in the way
        reason: String,
    } data {
        /// what it goes on with when it is released, where that is not what it was doing
        maybe from: Option<HeldFrom>,
        /// the deploy of somebody else
        maybe other: Option<DeployId>,
        /// a deploy of ours is no longer live
        unless_default replaced: bool,
        /// deploys of the release that this journal did not ask for (R16)
        unless_default unknown: BTreeSet<DeployId>,
        /// beside `unknown`: whether variables that name the release were written too
        maybe variables_written: Option<bool>,
    }

    /// Render gives no usable answer about it: it waits, and is asked again (R11).
    CustomerWaits(CustomerPlace) {
        /// what came instead of an answer
        reason: String,
        /// when it is asked again
        until: Timestamp,
    } data {}

    /// Render has given no usable answer about it for `deploy_timeout`: an alarm; it is asked on and goes on by itself (R11).
    CustomerStalled(CustomerPlace) {
        /// what came instead of an answer
        reason: String,
        /// when it is asked again
        until: Timestamp,
    } data {
        /// since when
        always since: Timestamp,
    }

    /// A person decided: it goes on.
    CustomerReleased(CustomerPlace) {
        /// who
        actor: PersonId,
    } data {}

    /// Its date is put off: it does not start before, and nobody else waits for it.
    CustomerDeferred(CustomerPlace) {
        /// who put it off; the customer itself is `customer:KEY`
        actor: PersonId,
        /// why
        reason: Option<String>,
        /// until when
        until: Timestamp,
    } data {
        /// the first date on which it could have gone, as far as was known when it was put off first
        always first: Timestamp,
        /// which time it is, from 1
        always times: u32,
    }

    /// Skipped in mid-work: what nothing live uses is put back, then `customer_skipped`.
    CustomerWithdrawn(CustomerPlace) {
        /// who skipped it; absent where the rollout ends
        actor: Option<PersonId>,
        /// why
        reason: String,
    } data {}

    /// A person, or a halt that reaches further, wants the customer back on what ran before.
    RollbackRequested(CustomerPlace) {
        /// who; absent where others have failed
        actor: Option<PersonId>,
        /// why
        reason: String,
    } data {
        /// over whatever is live (B10)
        unless_default force: bool,
        /// beside `force`: what it passes over
        maybe skipped: Option<Vec<String>>,
        /// with its data of this instant (T15)
        maybe to: Option<Timestamp>,
        /// beside `to`: the database of which Render makes another; absent where hooks restore it
        maybe database: Option<DatabaseId>,
        /// where it leads to what was judged unhealthy there (R19)
        unless_default unhealthy_targets: Vec<UnhealthyTarget>,
    }

    /// An operation has set the variables of a version and deployed nothing (T9).
    VariablesApplied(CustomerPlace) {} data {
        /// the version
        always version: String,
    }

    /// What failed or was rejected is tried again (R13): a customer, or what a phase's gate covers.
    Retried(PhasePlace) {
        /// the batch, from 1, of a customer or of a gate before a batch
        batch: Option<u32>,
        /// the customer; absent, all that the gate covers
        customer: Option<CustomerId>,
        /// who
        actor: PersonId,
    } data {
        /// the gate that is asked anew
        maybe gate: Option<String>,
    }
}

impl CustomerFact {
    /// Whose; nothing, of a phase whose gate is asked anew.
    pub(crate) fn whose(&self) -> Option<Whose<'_>> {
        match self {
            Self::CustomerStarted(CustomerStarted { place, .. })
            | Self::CustomerHealthy(CustomerHealthy { place })
            | Self::CustomerUnchanged(CustomerUnchanged { place, .. })
            | Self::CustomerRolledBack(CustomerRolledBack { place, .. })
            | Self::CustomerRollbackFailed(CustomerRollbackFailed { place, .. })
            | Self::CustomerExcluded(CustomerExcluded { place, .. })
            | Self::CustomerSkipped(CustomerSkipped { place, .. })
            | Self::CustomerHeld(CustomerHeld { place, .. })
            | Self::CustomerWaits(CustomerWaits { place, .. })
            | Self::CustomerStalled(CustomerStalled { place, .. })
            | Self::CustomerReleased(CustomerReleased { place, .. })
            | Self::CustomerDeferred(CustomerDeferred { place, .. })
            | Self::CustomerWithdrawn(CustomerWithdrawn { place, .. })
            | Self::RollbackRequested(RollbackRequested { place, .. })
            | Self::VariablesApplied(VariablesApplied { place, .. }) => Some(place.whose()),
            Self::Retried(retried) => {
                let customer = retried.customer.as_ref()?;
                Some(Whose {
                    phase: &retried.place.phase,
                    batch: retried.batch,
                    customer,
                })
            }
        }
    }

    /// Whether the customer is nobody's any more after this (R15).
    pub(crate) fn lets_go(&self) -> bool {
        match self {
            Self::CustomerHealthy(_)
            | Self::CustomerUnchanged(_)
            | Self::VariablesApplied(_)
            | Self::CustomerRolledBack(_)
            | Self::CustomerRollbackFailed(_)
            | Self::CustomerSkipped(_)
            | Self::CustomerExcluded(_) => true,
            Self::CustomerStarted(_)
            | Self::CustomerHeld(_)
            | Self::CustomerWaits(_)
            | Self::CustomerStalled(_)
            | Self::CustomerReleased(_)
            | Self::CustomerDeferred(_)
            | Self::CustomerWithdrawn(_)
            | Self::RollbackRequested(_)
            | Self::Retried(_) => false,
        }
    }
}
