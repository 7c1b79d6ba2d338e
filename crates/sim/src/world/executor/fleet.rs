//! The customers' services at Render, as the project's files name them.

use std::collections::BTreeMap;

use policy::{Config, CustomerId, Release, Role, ServiceId, Timestamp};

use super::SimExecutor;
use super::faults::Faults;
use crate::platform::{LiveSeed, Seed, ServiceKind, ServiceSeed};
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
        for (customer, role, service) in files::services(config) {
            if self.platform.service(&service.id).is_ok() {
                continue;
            }
            let version = running.get(customer).map_or(older, String::as_str);
            let mut seed = seed(&service.id, role, version);
            seed.url.clone_from(&service.url);
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
        ..ServiceSeed::web(id.as_str(), "", version)
    }
}
