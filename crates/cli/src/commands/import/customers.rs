//! `customers.json`: who the customers are. A list of objects that name themselves, or an object by key.

use serde_json::Value;

use super::draft::Draft;
use super::fields::Fields;
use super::{Account, deployment, properties};
use crate::show::count::counted;

/// What names a customer in a list.
const KEYS: [&str; 6] = ["slug", "key", "customer_id", "customer", "id", "name"];

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
    properties::properties(&mut fields, customer, account);
    deployment::services(&mut fields, customer, account);
    for name in KEYS {
        fields.take(&[name]);
    }
    fields.rest(account);
    true
}
