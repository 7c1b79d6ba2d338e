//! What a product looks like beside its rollouts.

use policy::{CustomerId, Role, Timestamp};
use serde::Serialize;

use crate::fold::state::State;
use crate::model::ids::{DatabaseId, RolloutId};
use crate::product::Product;

/// What concerns the whole product.
#[derive(Clone, Debug, Serialize)]
pub struct ProductView {
    /// Why the clock is not trusted.
    pub clock_suspected: Option<String>,
    /// Why the workspace is held.
    pub workspace_held: Option<String>,
    /// Why everything open is held until `resume --moved`: a copy of the database, or another engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// Edits that wait for `replan`.
    pub unapplied: Vec<String>,
    /// Paths that the files name outside the project folder without leave (P53).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
    /// Why the files count as unchanged.
    pub unreadable: Option<String>,
    /// Whether no gate opens meanwhile, since `tranche.yaml` cannot be parsed.
    pub gates_shut: bool,
    /// Freezes that people made: name and end.
    pub freezes: Vec<(String, Timestamp)>,
    /// Blocked versions and why.
    pub blocks: Vec<(String, String)>,
    /// Variables that stand without a deploy (T9).
    pub hidden: Vec<HiddenView>,
}

/// Variables of a service that were set and nothing was deployed with since: the next deploy by anybody ships them.
#[derive(Clone, Debug, Serialize)]
pub struct HiddenView {
    /// Whose.
    pub customer: CustomerId,
    /// Of which service.
    pub service: Role,
    /// Which.
    pub keys: Vec<String>,
    /// By which operation.
    pub by: RolloutId,
    /// Since when.
    pub since: Timestamp,
}

/// A customer whose services read a recovered database.
#[derive(Clone, Debug, Serialize)]
pub struct MovedView {
    /// The database they read before; it stays until somebody deletes it.
    pub from: DatabaseId,
    /// The one they read now.
    pub to: DatabaseId,
    /// By which rollout or operation.
    pub by: RolloutId,
    /// Since when.
    pub since: Timestamp,
}

/// What runs at one service as far as is known.
#[derive(Clone, Debug, Serialize)]
pub struct RunningView {
    /// The customer.
    pub customer: CustomerId,
    /// The service.
    pub service: Role,
    /// The version.
    pub version: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl Product {
    /// What runs where.
    pub fn running_versions(&self) -> Vec<RunningView> {
        let services = self.state.fleet.iter().flat_map(|(customer, row)| {
            row.running.iter().map(move |(role, service)| RunningView {
                customer: customer.clone(),
                service: role.clone(),
                version: service.version.clone(),
                commit: service.commit.clone(),
                since: service.since,
            })
        });
        services.collect()
    }

    /// The recovered database that a customer's services read, if a person had it restored.
    pub fn recovered_database(&self, customer: &CustomerId) -> Option<MovedView> {
        let moved = self.state.moved(customer)?;
        Some(MovedView {
            from: moved.from.clone(),
            to: moved.to.clone(),
            by: moved.by,
            since: moved.since,
        })
    }

    /// What concerns the whole product.
    pub fn product_view(&self) -> ProductView {
        let product = &self.state.product;
        let files = product.files.as_ref();
        ProductView {
            clock_suspected: product.clock_suspected.clone(),
            workspace_held: product.workspace_held.clone(),
            moved: self.elsewhere(),
            unapplied: files
                .map(|files| files.unapplied.clone())
                .unwrap_or_default(),
            outside: files.map(|files| files.outside.clone()).unwrap_or_default(),
            unreadable: files.and_then(|files| files.unreadable.clone()),
            gates_shut: product.gates_shut(),
            freezes: product
                .freezes
                .iter()
                .map(|(name, freeze)| (name.clone(), freeze.until))
                .collect(),
            blocks: product
                .blocks
                .iter()
                .map(|(version, block)| (version.clone(), block.reason.clone()))
                .collect(),
            hidden: self.state.hidden_views(),
        }
    }
}

impl State {
    fn hidden_views(&self) -> Vec<HiddenView> {
        let customers = self.fleet.iter();
        let hidden = customers.flat_map(|(customer, row)| {
            row.hidden.iter().map(|(service, hidden)| HiddenView {
                customer: customer.clone(),
                service: service.clone(),
                keys: hidden.keys.clone(),
                by: hidden.by,
                since: hidden.since,
            })
        });
        hidden.collect()
    }
}
