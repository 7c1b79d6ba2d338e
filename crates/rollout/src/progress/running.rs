//! What runs where, when a plan is made: as tracked, and as Render said just now. A preview and a start ask the same
//! function, so that they make the same plan.

use policy::Running;
use policy::plan::RunningVersions;

use crate::model::command::views::Observed;
use crate::product::Product;

impl Product {
    /// What runs where: as tracked, or, where Render names another live deploy, what it names.
    pub fn running(&self, observed: &Observed) -> RunningVersions {
        let mut running = self.tracked();
        for (customer, views) in observed {
            for (role, view) in views {
                let Some(live) = view.live() else { continue };
                let row = self.state.fleet.get(customer);
                let tracked = row.and_then(|row| row.running.get(role));
                if tracked.is_some_and(|tracked| tracked.deploy.as_ref() == Some(&live.id)) {
                    continue;
                }
                let seen = Running {
                    version: view.version.clone(),
                    commit: live.exact(),
                };
                let services = running.entry(customer.clone()).or_default();
                services.insert(role.clone(), seen);
            }
        }
        running
    }

    fn tracked(&self) -> RunningVersions {
        let mut tracked = RunningVersions::new();
        for (customer, row) in &self.state.fleet {
            let services = row.running.iter().map(|(role, service)| {
                let running = Running {
                    version: service.version.clone(),
                    commit: service.commit.clone(),
                };
                (role.clone(), running)
            });
            tracked.insert(customer.clone(), services.collect());
        }
        tracked
    }
}
