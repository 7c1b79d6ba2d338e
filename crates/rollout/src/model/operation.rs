//! What people ask for outside any rollout: single services, variables without a deploy.

use std::collections::{BTreeMap, BTreeSet};

use policy::health::Profile;
use policy::rules::RollbackMode;
use policy::settings::Service;
use policy::{Customer, CustomerId, Project, Release, Role, ServiceId, Span};
use serde::{Deserialize, Serialize};

use crate::model::command::ServiceView;

/// So many services go into one operation, at most.
pub const MAX_SERVICES: usize = 1000;

/// Deploys of single services, as one operation (A8, A11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deploys {
    /// The project as now written.
    pub project: Project,
    /// Each service with what it gets, in the order in which they go.
    pub services: Vec<ServiceDeploy>,
    /// So many go at once.
    pub max_parallel: u32,
    /// Why.
    pub reason: String,
}

/// One service, and how it is deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceDeploy {
    /// Whose it is; for one outside customers.yaml, the service's own name.
    pub customer: CustomerId,
    /// That customer, with this service among its services.
    pub services: Customer,
    /// Which service.
    pub role: Role,
    /// The commit or image, and the name people see.
    pub release: Release,
    /// The version that must answer; absent: it is not asked.
    pub version: Option<String>,
    /// Variables to write before, as templates.
    pub variables: BTreeMap<String, String>,
    /// Without the build cache.
    pub clear_cache: bool,
    /// Whether the checks before the deploy count (A9).
    pub validate: bool,
    /// What follows when it turns out unhealthy.
    pub rollback: RollbackMode,
    /// How long it is watched once it is healthy.
    pub watch: Span,
    /// The name of its health profile.
    pub health: String,
    /// That profile.
    pub profile: Profile,
    /// How long the deploy may take.
    pub timeout: Span,
    /// What Render says of it, if it was asked.
    pub observed: Option<ServiceView>,
}

impl ServiceDeploy {
    /// The role of a service that no customer of the files has.
    pub const ALONE: &str = "service";

    /// A customer that stands for one service outside customers.yaml.
    pub fn alone(name: &str, id: ServiceId, url: Option<String>) -> Customer {
        Customer {
            name: name.to_owned(),
            tier: String::new(),
            timezone: None,
            order: 0,
            weight: Customer::WEIGHT,
            tags: BTreeSet::new(),
            services: BTreeMap::from([(Role::new(Self::ALONE), Service { id, url })]),
            secrets: BTreeMap::new(),
            window: Vec::new(),
            pin: None,
            contacts: BTreeMap::new(),
        }
    }

    /// A deploy of one of a customer's services with everything as usual: checked before, by the profile `basic` after, at
    /// most 10 minutes long, and rolled back at once when it is unhealthy.
    pub fn new(
        project: &Project,
        customer: CustomerId,
        services: Customer,
        role: Role,
        release: Release,
    ) -> Self {
        let health = "basic".to_owned();
        Self {
            customer,
            services,
            role,
            release,
            version: None,
            variables: BTreeMap::new(),
            clear_cache: false,
            validate: true,
            rollback: RollbackMode::Automatic,
            watch: Span::ZERO,
            profile: project
                .health
                .get(&health)
                .cloned()
                .unwrap_or_else(Profile::basic),
            health,
            timeout: Span::from_secs(600),
            observed: None,
        }
    }
}

impl ApplyVariables {
    /// The name of the one phase of such an operation.
    pub const PHASE: &str = "variables";

    /// The planned variables of a version for one customer: those of every role it has, a backend's first.
    pub fn new(
        project: &Project,
        customer: CustomerId,
        services: Customer,
        release: Release,
        reason: String,
    ) -> Self {
        let planned = |role: &&Role| {
            project
                .variables
                .get(*role)
                .is_some_and(|own| !own.is_empty())
        };
        let roles = services.services.keys().filter(planned).cloned().collect();
        Self {
            project: project.clone(),
            customer,
            services,
            roles,
            release,
            reason,
        }
    }
}

/// The variables of a version for one customer, without a deploy (B12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApplyVariables {
    /// The project as now written.
    pub project: Project,
    /// Whose.
    pub customer: CustomerId,
    /// As in customers.yaml.
    pub services: Customer,
    /// The roles whose variables are written, in order.
    pub roles: Vec<Role>,
    /// What `${version}` and `${commit}` stand for.
    pub release: Release,
    /// Why.
    pub reason: String,
}
