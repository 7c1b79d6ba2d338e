//! What does a customer's entry say about itself: name, tier, contact, window, weight?

use serde_json::{Map, Value};

use super::draft::Customer;
use super::fields::Fields;
use super::{Account, window};

/// The names of a property in the scripts, and its key here.
const PROPERTIES: [(&[&str], &str); 4] = [
    (&["name", "display_name", "company", "company_name"], "name"),
    (&["tier", "plan", "customer_tier", "release_tier"], "tier"),
    (&["timezone", "time_zone"], "timezone"),
    (&["email", "contact_email", "contact"], "email"),
];

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
