//! Every request that a start would send to Render, in order: what `start --dry-run` shows. Nothing is sent, and no secret is read.

use std::collections::BTreeMap;

use policy::template::{Piece, Placeholder, pieces};
use policy::{CustomerId, Plan, PlannedCustomer, PolicyId, Role, ServiceId};
use rollout::Observed;
use rollout::command::ServiceView;
use serde::Serialize;
use serde_json::{Value, json};

/// What stands for a secret.
const MASK: &str = "****";

/// The requests for one customer, if all goes well.
#[derive(Debug, Serialize)]
pub(crate) struct CustomerRequests {
    pub(crate) customer: CustomerId,
    pub(crate) phase: PolicyId,
    pub(crate) batch: usize,
    pub(crate) requests: Vec<PlannedRequest>,
}

/// One request.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct PlannedRequest {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// What it is for.
    pub(crate) purpose: &'static str,
}

/// The requests for every planned customer, in the order of phases and batches.
pub(crate) fn requests(
    plan: &Plan,
    observed: &Observed,
    clear_cache: bool,
) -> Vec<CustomerRequests> {
    let mut all = Vec::new();
    for phase in &plan.phases {
        let numbers = phase.sizes.iter().zip(1..);
        let batches = numbers.flat_map(|(size, number)| std::iter::repeat_n(number, *size));
        for (customer, batch) in phase.customers.iter().zip(batches) {
            let Some(planned) = plan.customers.get(customer) else {
                continue;
            };
            let of = Requests {
                plan,
                customer,
                planned,
                views: observed.get(customer),
                clear_cache,
            };
            all.push(CustomerRequests {
                customer: customer.clone(),
                phase: phase.policy.name.clone(),
                batch,
                requests: of.all(),
            });
        }
    }
    all
}

/// What the requests for one customer follow from.
struct Requests<'p> {
    plan: &'p Plan,
    customer: &'p CustomerId,
    planned: &'p PlannedCustomer,
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
        let mut all = vec![read("/users".to_owned(), "is the key valid")];
        for (_, id) in &services {
            all.push(read(format!("/services/{id}"), "is it as planned"));
            all.push(read(
                format!("/services/{id}/deploys"),
                "what is live, and does anything run",
            ));
        }
        for (role, id) in services {
            all.extend(self.service(role, id));
        }
        all
    }

    fn service(&self, role: &Role, id: &ServiceId) -> Vec<PlannedRequest> {
        let mut all = Vec::new();
        let view = self.views.and_then(|views| views.get(role));
        if view.is_some_and(|view| view.auto_deploy) {
            all.push(change(
                "PATCH",
                format!("/services/{id}"),
                json!({ "autoDeploy": "no" }),
                "off until the rollout has ended",
            ));
        }
        let variables = format!("/services/{id}/env-vars");
        all.push(read(variables.clone(), "back up all variables"));
        let planned = self.plan.project.variables.get(role);
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
        let cache = match self.clear_cache {
            true => "clear",
            false => "do_not_clear",
        };
        all.push(change(
            "POST",
            format!("/services/{id}/deploys"),
            json!({ "commitId": self.plan.release.commit, "clearCache": cache }),
            "deploy",
        ));
        all.push(read(
            format!("/services/{id}/deploys/DEPLOY"),
            "until it is live",
        ));
        all
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
        let release = &self.plan.release;
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

fn read(path: String, purpose: &'static str) -> PlannedRequest {
    PlannedRequest {
        method: "GET",
        path,
        body: None,
        purpose,
    }
}

fn change(
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
