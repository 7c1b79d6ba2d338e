//! The customers' services at Render, as the project's files name them.

use std::collections::BTreeMap;

use policy::plan::DATABASE;
use policy::{Config, CustomerId, Release, Role, ServiceId, Span, Timestamp};

use super::SimExecutor;
use super::faults::Faults;
use crate::platform::{DEFAULT_OWNER, DatabaseSeed, LiveSeed, Seed, ServiceKind, ServiceSeed};
use crate::world::files;

/// The role that is served as files.
const FRONTEND: &str = "frontend";

impl SimExecutor {
    /// Arms what a scenario injects. The services that feel it are read afterwards.
    pub(in crate::world) fn inject(
        &mut self,
        injects: &[policy::parse::scenario::Inject],
        versions: &[String],
    ) {
        self.faults = Faults::new(injects, versions);
        for outage in self.faults.outages() {
            let armed = self.platform.arm(self.now, outage);
            armed.expect("an outage needs no service");
        }
    }

    /// Adds the services that are not at Render yet, each running its version or an older one.
    pub(in crate::world) fn read_fleet(
        &mut self,
        now: Timestamp,
        config: &Config,
        running: &BTreeMap<CustomerId, String>,
        older: &str,
    ) {
        self.now = now;
        self.read_databases(now, config);
        for (customer, role, service) in files::services(config) {
            if self.platform.service(&service.id).is_ok() {
                continue;
            }
            let version = running.get(customer).map_or(older, String::as_str);
            let mut seed = seed(&service.id, role, version);
            seed.url.clone_from(&service.url);
            if let Some(database) = database(config, customer).filter(|_| role.as_str() != FRONTEND)
            {
                let url = database.connection().internal;
                seed.variables.insert("DATABASE_URL".to_owned(), url);
            }
            if let Some(owner) = &config.project.render.owner {
                seed.owner = owner.as_str().into();
            }
            let services = vec![seed];
            self.platform.seed(
                now,
                Seed {
                    services,
                    ..Seed::default()
                },
            );
            self.arm(customer, role, &service.id);
        }
    }

    /// Adds the databases that are not at Render yet.
    fn read_databases(&mut self, now: Timestamp, config: &Config) {
        for customer in config.fleet.customers.keys() {
            let seed = database(config, customer);
            let fresh = seed.filter(|seed| self.platform.database(now, &seed.id).is_err());
            if let Some(seed) = fresh {
                self.platform.add_database(now, seed);
            }
        }
    }

    fn arm(&mut self, customer: &CustomerId, role: &Role, service: &ServiceId) {
        for fault in self.faults.add_service(customer, role, service) {
            let armed = self.platform.arm(self.now, fault);
            armed.expect("the service was just added");
        }
    }

    /// Says which version a release's commit is.
    pub(in crate::world) fn name_version(&mut self, release: &Release) {
        self.platform
            .name_version(&release.commit, &release.version);
    }
}

/// The database of a customer, which has been there for a month.
fn database(config: &Config, customer: &CustomerId) -> Option<DatabaseSeed> {
    let services = &config.fleet.customers[customer].services;
    let service = services.get(&Role::new(DATABASE))?;
    let owner = config.project.render.owner.as_deref();
    Some(DatabaseSeed {
        id: service.id.as_str().into(),
        name: customer.to_string(),
        owner: owner.unwrap_or(DEFAULT_OWNER).into(),
        plan: "pro".to_owned(),
        age: Span::from_secs(30 * 24 * 60 * 60),
        data: Vec::new(),
    })
}

fn seed(id: &ServiceId, role: &Role, version: &str) -> ServiceSeed {
    let live = LiveSeed {
        commit: files::commit_of(version).as_str().into(),
        version: Some(version.to_owned()),
    };
    let kind = if role.as_str() == FRONTEND {
        ServiceKind::StaticSite
    } else {
        ServiceKind::WebService
    };
    ServiceSeed {
        kind,
        live: Some(live),
        ..ServiceSeed::bare(id.as_str())
    }
}
