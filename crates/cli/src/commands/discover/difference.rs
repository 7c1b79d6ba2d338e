//! What differs between `customers.yaml` and Render, and what of it the file only lacks.

use std::collections::BTreeMap;

use policy::settings::Service;
use policy::{Config, CustomerId, Role};
use serde::Serialize;

use super::at_render::{AtRender, Resource};

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// At Render and not in the file.
    New,
    /// In both, but the file has no address.
    NoUrl,
    /// In the file and not at Render.
    Vanished,
    /// In both, not alike.
    Differs,
}

impl What {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NoUrl => "no url",
            Self::Vanished => "vanished",
            Self::Differs => "differs",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) what: What,
    pub(super) customer: CustomerId,
    pub(super) service: Role,
    pub(super) id: String,
    pub(super) detail: String,
}

/// What the file has more than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// A service.
    Service(CustomerId, Role),
    /// The address of one.
    Url(CustomerId, Role),
}

/// Every difference, in the order of customers and roles.
pub(super) fn compare(config: &Config, found: &AtRender) -> Vec<Finding> {
    let customers = &config.fleet.customers;
    let mapped = customers.iter().flat_map(|(customer, entry)| {
        let services = entry.services.iter();
        services.map(move |(role, service)| ((customer.clone(), role.clone()), service))
    });
    let mapped: BTreeMap<(CustomerId, Role), &Service> = mapped.collect();
    let mut findings = Vec::new();
    for (key, resource) in &found.fitting {
        if !mapped.contains_key(key) {
            findings.push(finding(What::New, key, &resource.id, resource.detail()));
        }
    }
    for (key, service) in &mapped {
        let id = service.id.as_str();
        let resource = found.fitting.get(key);
        if !found.ids.contains(id) {
            let detail = vanished(resource);
            findings.push(finding(What::Vanished, key, id, detail));
        } else if let Some(resource) = resource {
            let difference = difference(service, resource);
            findings.extend(difference.map(|(what, detail)| finding(what, key, id, detail)));
        }
    }
    findings.sort_by(|a, b| (&a.customer, &a.service).cmp(&(&b.customer, &b.service)));
    findings
}

fn finding(what: What, key: &(CustomerId, Role), id: &str, detail: String) -> Finding {
    Finding {
        what,
        customer: key.0.clone(),
        service: key.1.clone(),
        id: id.to_owned(),
        detail,
    }
}

impl Finding {
    /// Whether the file only has to be added to.
    pub(super) fn can_be_added(&self) -> bool {
        self.as_added().is_some()
    }

    pub(super) fn as_added(&self) -> Option<Added> {
        let (customer, role) = (self.customer.clone(), self.service.clone());
        match self.what {
            What::New => Some(Added::Service(customer, role)),
            What::NoUrl => Some(Added::Url(customer, role)),
            What::Vanished | What::Differs => None,
        }
    }
}

/// A service that was made anew has another id and the same name.
fn vanished(resource: Option<&Resource>) -> String {
    let anew = resource.map(|Resource { name, id, .. }| format!("; {name} is {id} now"));
    format!(
        "no service or database has this id any more{}",
        anew.unwrap_or_default()
    )
}

fn difference(service: &Service, resource: &Resource) -> Option<(What, String)> {
    if service.id.as_str() != resource.id {
        let Resource { name, id, .. } = resource;
        return Some((What::Differs, format!("at Render {name} is {id}")));
    }
    let Some(url) = service.url.as_deref() else {
        return Some((What::NoUrl, resource.url()?.to_owned()));
    };
    let answers = resource.answers_at(url);
    let detail = || format!("it does not answer at {url}, but at {}", resource.detail());
    (!answers).then(|| (What::Differs, detail()))
}
