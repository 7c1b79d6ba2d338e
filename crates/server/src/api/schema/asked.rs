//! What do people ask for, and what do they look at before?

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::Instant;

/// A plan that nobody has begun, and perhaps every request that would be sent.
#[derive(ToSchema)]
pub(in crate::api) struct Planned {
    plan: Plan,
    #[schema(value_type = Option<Vec<Object>>)]
    requests: Option<Vec<Value>>,
}

/// A plan with its earliest instants.
#[derive(ToSchema)]
pub(in crate::api) struct Plan {
    product: String,
    version: String,
    /// `null`: not known.
    commit: Option<String>,
    /// What a start names to begin this plan and no other.
    digest: String,
    starts_at: Instant,
    /// Who said what runs.
    #[schema(value_type = Object)]
    running: Value,
    customers: u64,
    /// In order, each with its batches and when they can begin.
    #[schema(value_type = Vec<Object>)]
    phases: Vec<Value>,
    /// Whom it leaves out, and why.
    #[schema(value_type = Object)]
    left_out: Value,
    /// The freezes that fall into its time.
    #[schema(value_type = Option<Vec<Object>>)]
    frozen: Option<Vec<Value>>,
    /// Who goes first in a hotfix.
    #[schema(value_type = Option<Object>)]
    exposed: Option<Value>,
    #[schema(value_type = Option<Vec<Object>>)]
    doubts: Option<Vec<Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    unhealthy_targets: Option<Vec<Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    zones: Option<Vec<Value>>,
    #[schema(value_type = Option<Vec<Object>>)]
    moved_windows: Option<Vec<Value>>,
}

/// What to do about an unfinished rollout with a customer in common.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::api) enum Conflict {
    Refuse,
    Queue,
    Supersede,
    Hotfix,
}

/// Single services to be deployed.
#[derive(ToSchema)]
pub(in crate::api) struct Deploy {
    /// In the order in which they go.
    services: Vec<DeployOfService>,
    /// So many go at once.
    #[schema(minimum = 1)]
    max_parallel: u32,
    /// Why.
    reason: Option<String>,
}

/// What one service gets.
#[derive(ToSchema)]
pub(in crate::api) struct DeployOfService {
    /// CUSTOMER/ROLE, a name, or an id.
    service: String,
    /// `{"commit": COMMIT or TAG}` or `{"image": {...}}`.
    #[schema(value_type = Object)]
    artifact: Value,
    clear_cache: Option<bool>,
    /// Variables to write before, as templates.
    variables: Option<BTreeMap<String, String>>,
    /// Whether the checks before the deploy count.
    validate: bool,
    /// `automatic` or `manual`.
    rollback: RollbackMode,
    /// How long it is watched: `10m`.
    watch: String,
    /// The health profile.
    health: String,
    /// Time limit of the deploy: `10m`.
    timeout: String,
}

/// Who decides about the rollback of an unhealthy service.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::api) enum RollbackMode {
    Automatic,
    Manual,
}

/// Whose variables are set.
#[derive(ToSchema)]
pub(in crate::api) struct Variables {
    customer: String,
    /// Those of this version.
    version: String,
    reason: String,
}
