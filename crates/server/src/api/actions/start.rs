//! What does somebody say who wants a rollout to begin?

use policy::{CustomerId, PlanScope, PolicyId, Role, Span};
use project::wish::WantedStart;
use rollout::request::{Conflict, Reviewed};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::schema;

/// Which rollout begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// A tag, or `latest`.
    version: String,
    /// Only a part of the fleet; absent: all of it.
    #[serde(default)]
    scope: Scope,
    /// What to do about an unfinished rollout with a customer in common.
    #[serde(default)]
    #[schema(value_type = Option<schema::Conflict>)]
    conflict: Conflict,
    /// Clear the build cache of every deploy.
    #[serde(default)]
    clear_cache: bool,
    /// Overrides the policies' `deploy_timeout`: `90s`, `1h 30m`.
    #[schema(value_type = Option<String>)]
    deploy_timeout: Option<Span>,
    /// The digest of the plan that was looked at; another plan is refused.
    digest: Option<String>,
    /// A plan that was reviewed, with what ran then, as `tranche plan --out` wrote it.
    #[schema(value_type = Option<Object>)]
    reviewed: Option<Reviewed>,
}

/// A part of the fleet, and what is passed over. A key that nobody knows is refused: it would mean everybody.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PlanScope)]
pub(in crate::api) struct Scope {
    /// Only these; empty: all.
    #[schema(value_type = Vec<String>)]
    customers: Vec<CustomerId>,
    /// Only these phases; empty: all.
    #[schema(value_type = Vec<String>)]
    policies: Vec<PolicyId>,
    /// Only this role of each customer.
    #[schema(value_type = Option<String>)]
    service: Option<Role>,
    /// By the `hotfix` policy, with these customers first.
    #[schema(value_type = Option<Vec<String>>)]
    hotfix: Option<Vec<CustomerId>>,
    /// The version that a hotfix replaces.
    replaces: Option<String>,
    /// A release older than what runs is wanted.
    allow_downgrade: bool,
    /// Customers with suspended services are left out instead of refused.
    skip_suspended: bool,
}

impl From<Start> for WantedStart {
    fn from(start: Start) -> Self {
        Self {
            version: start.version,
            scope: start.scope.into(),
            conflict: start.conflict,
            clear_cache: start.clear_cache,
            deploy_timeout: start.deploy_timeout,
            digest: start.digest,
            reviewed: start.reviewed,
        }
    }
}

impl From<Scope> for PlanScope {
    fn from(scope: Scope) -> Self {
        Self {
            customers: scope.customers,
            policies: scope.policies,
            service: scope.service,
            hotfix: scope.hotfix,
            replaces: scope.replaces,
            allow_downgrade: scope.allow_downgrade,
            skip_suspended: scope.skip_suspended,
        }
    }
}
