//! Why does a customer wait in a rollout, or why was it left out?

use policy::plan::{LeftOut, LeftOutReason};
use policy::{Config, CustomerId, Timestamp};
use rollout::standing::CustomerStanding;
use rollout::view::{ProductView, RolloutView};
use rollout::{Hold, Product, RolloutId, UnhealthyTarget};
use serde::{Serialize, Serializer};

use super::about::about;
use crate::backend::Backend;
use crate::error::Error;
use crate::runs;

/// Why a customer waits.
#[derive(Clone, Debug, Serialize)]
pub struct Reasons {
    /// In which rollout.
    pub rollout: RolloutId,
    /// Of which version.
    pub version: String,
    /// Who.
    pub customer: CustomerId,
    /// What it does instead.
    #[serde(serialize_with = "serialize_standing")]
    pub state: Option<CustomerStanding>,
    /// Why it stands so, of one that failed or was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What keeps it from starting, each with when that may change.
    pub holds: Vec<Hold>,
    /// Where a rollback would lead to what was judged unhealthy itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_targets: Vec<UnhealthyTarget>,
    /// What concerns the product.
    pub product: ProductView,
    /// Why the plan has no place for it, if it was considered.
    #[serde(skip)]
    pub left_out: Option<LeftOut>,
    /// Whether the rollout is over.
    #[serde(skip)]
    pub has_ended: bool,
    /// Whether somebody drives the rollouts.
    #[serde(skip)]
    pub is_driven: bool,
}

/// How a customer stands; one that was not planned is left out.
pub fn stands(state: Option<CustomerStanding>) -> &'static str {
    state.map_or("left out", CustomerStanding::as_str)
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
fn serialize_standing<S: Serializer>(
    state: &Option<CustomerStanding>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(stands(*state))
}

impl Reasons {
    /// In the rollout that is named, or the newest that has this customer.
    ///
    /// # Errors
    /// [`Error::NeverPlanned`] if no rollout has it.
    pub async fn read(
        backend: &dyn Backend,
        named: Option<RolloutId>,
        customer: &CustomerId,
        files: impl FnOnce() -> Option<Config>,
        now: Timestamp,
    ) -> Result<(Self, Option<Config>), Error> {
        let mut product = backend.product().await?;
        let run = rollout_of(&product, named, customer)?;
        let config = files();
        let objection = backend.objection().await?;
        let waits = backend.waits().await?;
        let mut customers = run.customers.iter();
        let stands = customers.find(|one| one.customer == *customer);
        let holds = product.why(run.id, customer, now);
        let reasons = Self {
            rollout: run.id,
            state: stands.map(|one| one.state),
            note: stands.and_then(|one| one.note.clone()),
            holds: waits.explain(holds, run.id, customer, now),
            unhealthy_targets: product.unhealthy_targets_of(run.id, customer),
            product: about(&product, run.id, config.as_ref(), objection, now),
            left_out: left_out(&product, run.id, customer).cloned(),
            has_ended: run.has_ended(),
            is_driven: backend.is_driven().await?,
            version: run.version,
            customer: customer.clone(),
        };
        Ok((reasons, config))
    }
}

/// Why the plan of a rollout has no place for a customer, if it was considered.
fn left_out<'p>(
    product: &'p Product,
    run: RolloutId,
    customer: &CustomerId,
) -> Option<&'p LeftOut> {
    product.plan(run)?.left_out.get(customer)
}

/// The named rollout, or the newest that has this customer, or has left it out for a reason of its own.
fn rollout_of(
    product: &Product,
    named: Option<RolloutId>,
    customer: &CustomerId,
) -> Result<RolloutView, Error> {
    let mut runs = product.overview();
    if named.is_some() {
        return runs::choose(runs, named);
    }
    runs.retain(|run| {
        let mut planned = run.customers.iter();
        let considered = || {
            left_out(product, run.id, customer)
                .is_some_and(|left_out| left_out.why != LeftOutReason::Excluded)
        };
        planned.any(|one| one.customer == *customer) || considered()
    });
    // What still waits comes before what is over, and the newest first.
    runs.sort_by_key(|run| (!run.has_ended(), run.requested_at));
    runs.pop()
        .ok_or_else(|| Error::NeverPlanned(customer.clone()))
}
