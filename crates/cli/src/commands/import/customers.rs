//! `customers.json`: who the customers are. A list of objects that name themselves, or an object by key.

use serde_json::{Map, Value};

use super::draft::{Customer, Draft};
use super::fields::Fields;
use super::{Account, window};
use crate::show::plan::counted;

/// What names a customer in a list.
const KEYS: [&str; 6] = ["slug", "key", "customer_id", "customer", "id", "name"];

/// The names of a property in the scripts, and its key here.
const PROPERTIES: [(&[&str], &str); 4] = [
    (&["name", "display_name", "company", "company_name"], "name"),
    (&["tier", "plan", "customer_tier", "release_tier"], "tier"),
    (&["timezone", "time_zone"], "timezone"),
    (&["email", "contact_email", "contact"], "email"),
];

/// Reads all customers of a file.
pub(super) fn read(list: Value, draft: &mut Draft, account: &mut Account) {
    let mut known = 0;
    match list {
        Value::Array(entries) => {
            for (at, entry) in entries.into_iter().enumerate() {
                known += u32::from(one(format!("customers[{at}]"), None, entry, draft, account));
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                let place = format!("customers.{key}");
                known += u32::from(one(place, Some(key), entry, draft, account));
            }
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            account.ignored(format!("customers, which is {other}"));
        }
    }
    if known > 0 {
        account.understood(counted(known as usize, "customer"));
    }
}

fn one(
    place: String,
    key: Option<String>,
    entry: Value,
    draft: &mut Draft,
    account: &mut Account,
) -> bool {
    let Value::Object(fields) = entry else {
        account.ignored(format!("{place}, which is no object"));
        return false;
    };
    let named = || {
        KEYS.iter()
            .find_map(|name| fields.get(*name)?.as_str().map(str::to_owned))
    };
    let Some(key) = key.or_else(named) else {
        account.ignored(format!("{place}, which has neither slug nor id nor name"));
        return false;
    };
    let mut fields = Fields::new(place, fields);
    let customer = draft.customer(&key);
    properties(&mut fields, customer, account);
    super::deployment::services(&mut fields, customer, account);
    for name in KEYS {
        fields.take(&[name]);
    }
    fields.rest(account);
    true
}

/// Takes what a customer's entry says about itself.
pub(super) fn properties(fields: &mut Fields, customer: &mut Customer, account: &mut Account) {
    if let Some(mut contact) = fields.object(&["contact", "primary_contact", "contacts"]) {
        if let Some(email) = contact.text(&["email"]) {
            let contacts = Map::from_iter([("email".to_owned(), Value::from(email))]);
            let contacts = Value::from(contacts);
            customer.properties.insert("contacts".to_owned(), contacts);
        }
        contact.rest(account);
    }
    if let Some(window) = window::window(fields, account) {
        customer.properties.insert("window".to_owned(), window);
    }
    let weight = fields.parsed(&["weight", "seats"], weight);
    if let Some(weight) = weight {
        customer
            .properties
            .insert("weight".to_owned(), weight.into());
    }
    for (names, key) in PROPERTIES {
        let Some(text) = fields.text(names) else {
            continue;
        };
        match key {
            "email" => {
                let contacts = Map::from_iter([("email".to_owned(), Value::from(text))]);
                customer
                    .properties
                    .insert("contacts".to_owned(), contacts.into());
            }
            "tier" => {
                let tier = text.to_lowercase();
                customer.properties.insert(key.to_owned(), tier.into());
            }
            _ => {
                customer.properties.insert(key.to_owned(), text.into());
            }
        }
    }
}

/// A weight that customers.yaml takes; any other is named as not understood.
fn weight(text: &str) -> Option<u64> {
    let weight = text.parse().ok()?;
    (1..=policy::Customer::MAX_WEIGHT)
        .contains(&weight)
        .then_some(weight)
}
