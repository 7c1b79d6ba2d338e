//! `render-deployment.json`: which services a customer has, and the templates of their variables.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Account;
use super::draft::{Customer, Draft};
use super::fields::Fields;
use super::properties::properties;
use crate::show::count::counted;

/// What the scripts call each role.
const ROLES: [(&str, &[&str]); 3] = [
    ("backend", &["backend", "api", "web"]),
    ("frontend", &["frontend", "site", "static"]),
    ("database", &["database", "db", "postgres"]),
];

/// Placeholders that mean the same under another name here; all others are secrets.
const PLACEHOLDERS: [(&str, &str); 6] = [
    ("VERSION_TAG", "${version}"),
    ("VERSION", "${version}"),
    ("COMMIT", "${commit}"),
    ("CUSTOMER_SLUG", "${customer}"),
    ("RENDER_SERVICE_ID", "${service_id}"),
    ("BACKEND_URL", "${backend_url}"),
];

/// Reads what concerns deployments.
pub(super) fn read(fields: &mut Fields, draft: &mut Draft, account: &mut Account) {
    let mut said = |place: &mut Option<String>, names: &[&str], what: &str| {
        if let Some(text) = fields.text(names) {
            account.understood(format!("{what} {text}"));
            *place = Some(text);
        }
    };
    let product = [
        "product",
        "project",
        "project_name",
        "app_name",
        "application",
    ];
    said(&mut draft.product, &product, "the product");
    said(
        &mut draft.repository,
        &["repository", "repo", "repo_url"],
        "the repository",
    );
    said(
        &mut draft.owner,
        &["owner_id", "workspace_id", "workspace"],
        "the workspace",
    );
    if let Some(mapping) = fields.object(&["customer_environment_mapping", "customer_mapping"]) {
        customers(mapping, draft, account);
    }
    let templates = [
        "environment_variable_templates",
        "env_var_templates",
        "environment_variables",
        "environment_templates",
        "env_vars",
    ];
    if let Some(roles) = fields.object(&templates) {
        variables(roles, draft, account);
    }
}

fn customers(mapping: Fields, draft: &mut Draft, account: &mut Account) {
    let mut mapped = 0;
    for (key, place, entry) in mapping.drain() {
        let Value::Object(entry) = entry else {
            account.ignored(format!("{place}, which is no object"));
            continue;
        };
        let mut fields = Fields::new(place, entry);
        let customer = draft.customer(&key);
        services(&mut fields, customer, account);
        properties(&mut fields, customer, account);
        fields.rest(account);
        mapped += 1;
    }
    account.understood(format!("the services of {}", counted(mapped, "customer")));
}

/// Takes the services of a customer's entry: nested under `services`, each an object or a bare id, or side by side with
/// names such as `backend_service_id`.
pub(super) fn services(fields: &mut Fields, customer: &mut Customer, account: &mut Account) {
    if let Some(mut nested) = fields.object(&["services"]) {
        services(&mut nested, customer, account);
        nested.rest(account);
    }
    for (role, names) in ROLES {
        for name in names {
            let service = customer.services.entry(role.to_owned()).or_default();
            one(fields, name, service, account);
            // An address without an id names no service.
            if !service.contains_key("id") {
                customer.services.remove(role);
            }
        }
    }
}

fn one(fields: &mut Fields, name: &str, service: &mut Map<String, Value>, account: &mut Account) {
    if let Some(mut own) = fields.object(&[name, &format!("{name}_service")]) {
        put(
            service,
            "id",
            own.text(&["service_id", "id", "render_service_id", "database_id"]),
        );
        put(service, "url", own.text(&["url", "service_url"]));
        if !service.contains_key("id") {
            account.ignored(format!("{}, which has no id", own.place()));
        }
        // Names follow from the convention, and types are Render's to say.
        for known in ["name", "service_name", "type"] {
            own.take(&[known]);
        }
        own.rest(account);
    } else {
        put(
            service,
            "id",
            fields.text(&[name, &format!("{name}_service")]),
        );
    }
    let ids = [format!("{name}_service_id"), format!("{name}_id")];
    put(service, "id", fields.text(&[&ids[0], &ids[1]]));
    put(service, "url", fields.text(&[&format!("{name}_url")]));
}

fn put(service: &mut Map<String, Value>, key: &str, text: Option<String>) {
    if let Some(text) = text {
        service.insert(key.to_owned(), text.into());
    }
}

fn variables(roles: Fields, draft: &mut Draft, account: &mut Account) {
    for (role, place, entry) in roles.drain() {
        let role = ROLES
            .iter()
            .find(|(known, names)| *known == role || names.contains(&role.as_str()));
        let (Some((role, _)), Value::Object(entry)) = (role, entry) else {
            account.ignored(place);
            continue;
        };
        let mut templates = BTreeMap::new();
        for (key, value) in entry {
            match value {
                Value::String(text) => {
                    templates.insert(key, translated(&text, draft));
                }
                Value::Number(number) => {
                    templates.insert(key, number.to_string());
                }
                Value::Bool(truth) => {
                    templates.insert(key, truth.to_string());
                }
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    account.ignored(format!("{place}.{key}"));
                }
            }
        }
        account.understood(format!(
            "{} of the {role}",
            counted(templates.len(), "variable")
        ));
        draft
            .variables
            .entry((*role).to_owned())
            .or_default()
            .extend(templates);
    }
}

/// The template with placeholders as they are written here.
fn translated(template: &str, draft: &mut Draft) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        text.push_str(before);
        let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name);
        if let Some((_, ours)) = known {
            text.push_str(ours);
        } else {
            draft.secrets.insert(name.to_owned());
            text.extend(["${secret:", name, "}"]);
        }
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_translated_and_unknown_ones_are_secrets() {
        let mut draft = Draft::default();
        let text = translated("a ${VERSION_TAG} ${CUSTOMER_DATABASE_URL} ${", &mut draft);
        assert_eq!(text, "a ${version} ${secret:CUSTOMER_DATABASE_URL} ${");
        assert!(draft.secrets.contains("CUSTOMER_DATABASE_URL"));
    }
}
