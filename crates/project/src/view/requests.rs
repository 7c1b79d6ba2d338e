//! Every request that a `start` or `deploy` would send to Render, in order: what `--dry-run` shows. Nothing is sent, and no
//! secret is read.

use std::collections::BTreeMap;

use policy::rules::{Hook, HookCommand, Hooks};
use policy::template::{Piece, Placeholder, pieces};
use policy::{CustomerId, Plan, PlannedCustomer, PolicyId, Release, Role, ServiceId};
use rollout::Observed;
use rollout::command::ServiceView;
use serde::Serialize;
use serde_json::{Value, json};

/// What stands for a secret.
pub const MASK: &str = "****";

/// The requests for one customer, if all goes well.
#[derive(Debug, Serialize)]
pub struct CustomerRequests {
    /// Who.
    pub customer: CustomerId,
    /// In which phase.
    pub phase: PolicyId,
    /// In which batch of it, from 1.
    pub batch: usize,
    /// In order.
    pub requests: Vec<PlannedRequest>,
}

/// One request.
#[derive(Debug, PartialEq, Serialize)]
pub struct PlannedRequest {
    /// `GET` and the like.
    pub method: &'static str,
    /// Below the base URL.
    pub path: String,
    /// What is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What it is for.
    pub purpose: &'static str,
}

/// The requests for every planned customer, in the order of phases and batches.
pub fn requests(plan: &Plan, observed: &Observed, clear_cache: bool) -> Vec<CustomerRequests> {
    let mut all = Vec::new();
    for phase in &plan.phases {
        let numbers = phase.sizes.iter().zip(1..);
        let batches = numbers.flat_map(|(size, number)| std::iter::repeat_n(number, *size));
        for (customer, batch) in phase.customers.iter().zip(batches) {
            let Some(planned) = plan.customers.get(customer) else {
                continue;
            };
            let own = planned.own.as_deref();
            let of = Requests {
                plan,
                customer,
                planned,
                hooks: &phase.policy.hooks,
                release: own.map_or(&plan.release, |own| &own.release),
                views: observed.get(customer),
                clear_cache: own.map_or(clear_cache, |own| own.clear_cache),
            };
            all.push(CustomerRequests {
                customer: customer.clone(),
                phase: phase.policy.name.clone(),
                batch,
                requests: of.all(),
            });
        }
    }
    if let Some(first) = all.first_mut() {
        let user = read("/users".to_owned(), "are key and clock right");
        first.requests.insert(0, user);
    }
    all
}

/// What the requests for one customer follow from.
struct Requests<'p> {
    plan: &'p Plan,
    customer: &'p CustomerId,
    planned: &'p PlannedCustomer,
    hooks: &'p Hooks,
    release: &'p Release,
    views: Option<&'p BTreeMap<Role, ServiceView>>,
    clear_cache: bool,
}

impl Requests<'_> {
    fn all(&self) -> Vec<PlannedRequest> {
        let services: Vec<(&Role, &ServiceId)> = self
            .planned
            .services
            .iter()
            .filter_map(|role| Some((role, &self.planned.customer.services.get(role)?.id)))
            .collect();
        let mut all = Vec::new();
        for (_, id) in &services {
            all.extend(preflight(id));
        }
        all.extend(self.jobs(&self.hooks.before, "hook, before anything is changed"));
        for (role, id) in &services {
            all.extend(self.service(role, id));
        }
        all.extend(self.jobs(&self.hooks.after, "hook, once it is healthy"));
        let switched = services.iter().filter(|(role, _)| self.auto_deploy(role));
        all.extend(
            switched.map(|(_, id)| auto_deploy(id, "yes", "as it was, once everything is over")),
        );
        all
    }

    /// The jobs among the hooks; what runs on this machine is no request.
    fn jobs(&self, hooks: &[Hook], purpose: &'static str) -> Vec<PlannedRequest> {
        let mut all = Vec::new();
        for hook in hooks {
            let HookCommand::Job { service, command } = &hook.run else {
                continue;
            };
            let Some(service) = self.planned.customer.services.get(service) else {
                continue;
            };
            let jobs = format!("/services/{}/jobs", service.id);
            let body = json!({ "startCommand": command });
            all.push(change("POST", jobs.clone(), body, purpose));
            all.push(read(format!("{jobs}/JOB"), "until it has ended"));
        }
        all
    }

    fn auto_deploy(&self, role: &Role) -> bool {
        let view = self.views.and_then(|views| views.get(role));
        view.is_some_and(|view| view.auto_deploy)
    }

    fn service(&self, role: &Role, id: &ServiceId) -> Vec<PlannedRequest> {
        let mut all = Vec::new();
        if self.auto_deploy(role) {
            all.push(auto_deploy(id, "no", "off until everything is over"));
        }
        let variables = format!("/services/{id}/env-vars");
        all.push(read(variables.clone(), "back up all variables"));
        let planned = match self.planned.own.as_deref() {
            Some(own) => own.variables.get(role),
            None => self.plan.project.variables.get(role),
        };
        for (key, template) in planned.into_iter().flatten() {
            all.push(change(
                "PUT",
                format!("{variables}/{key}"),
                json!({ "value": self.filled(template, id) }),
                "unless it has that value",
            ));
        }
        if planned.is_some_and(|planned| !planned.is_empty()) {
            all.push(read(variables, "read back"));
        }
        let deploys = format!("/services/{id}/deploys");
        all.push(change("POST", deploys.clone(), self.deploy(), "deploy"));
        all.push(read(format!("{deploys}/DEPLOY"), "until it is live"));
        all
    }

    fn deploy(&self) -> Value {
        let artifact = match self.release.is_image() {
            true => "imageUrl",
            false => "commitId",
        };
        let cache = match self.clear_cache {
            true => "clear",
            false => "do_not_clear",
        };
        json!({ artifact: self.release.commit, "clearCache": cache })
    }

    /// The value as it would be written; what is secret stays hidden.
    fn filled(&self, template: &str, id: &ServiceId) -> String {
        let filled = pieces(template).map(|piece| match piece {
            Ok(Piece::Text(text)) => text.to_owned(),
            Ok(Piece::Placeholder(placeholder)) => self.value(placeholder, id),
            // Validation has refused such a template.
            Err(_) => String::new(),
        });
        filled.collect()
    }

    fn value(&self, placeholder: Placeholder<'_>, id: &ServiceId) -> String {
        let release = self.release;
        match placeholder {
            Placeholder::Version => release.version.clone(),
            Placeholder::Commit => release.commit.clone(),
            Placeholder::Customer => self.customer.to_string(),
            Placeholder::ServiceId => id.to_string(),
            Placeholder::Url(role) => {
                let service = self.planned.customer.services.get(&Role::new(role));
                service
                    .and_then(|service| service.url.clone())
                    .unwrap_or_default()
            }
            Placeholder::Secret(_) | Placeholder::Env(_) => MASK.to_owned(),
        }
    }
}

/// What is read of a service before anything is changed.
fn preflight(id: &ServiceId) -> [PlannedRequest; 3] {
    let path = |end: &str| format!("/services/{id}{end}");
    [
        read(path(""), "is it as planned"),
        read(path("/custom-domains"), "where does it answer"),
        read(path("/deploys"), "what is live, and does anything run"),
    ]
}

fn auto_deploy(id: &ServiceId, on: &str, purpose: &'static str) -> PlannedRequest {
    let body = json!({ "autoDeploy": on });
    change("PATCH", format!("/services/{id}"), body, purpose)
}

/// A request that changes nothing.
pub fn read(path: String, purpose: &'static str) -> PlannedRequest {
    PlannedRequest {
        method: "GET",
        path,
        body: None,
        purpose,
    }
}

/// A request that changes something.
pub fn change(
    method: &'static str,
    path: String,
    body: Value,
    purpose: &'static str,
) -> PlannedRequest {
    PlannedRequest {
        method,
        path,
        body: Some(body),
        purpose,
    }
}
