//! Who has to agree before a tier goes: one key each, or all of them in an object of their own.

use serde_json::{Map, Value, json};

use super::Account;
use super::draft::{Draft, slug};
use super::fields::Fields;
use super::spans::number;

/// What the scripts call the object.
const OBJECT: [&str; 2] = ["approval", "approvals"];

/// What was said about approvals.
#[derive(Debug, Default)]
struct Said {
    required: Option<bool>,
    quorum: Option<Value>,
    approvers: Vec<String>,
}

/// Reads who has to agree, and writes it as a gate of each customer where they go one by one, otherwise of the phase.
pub(super) fn approval(
    fields: &mut Fields,
    keys: &mut Map<String, Value>,
    draft: &mut Draft,
    account: &mut Account,
) {
    let mut said = Said {
        required: fields.parsed(&OBJECT, by_hand),
        ..Said::default()
    };
    said.read(fields, draft);
    if let Some(mut object) = fields.object(&OBJECT) {
        said.required = said.required.or(object.truth(&["required", "manual"]));
        said.quorum = said
            .quorum
            .or(object.parsed(&["quorum", "count"], quorum_of));
        said.read(&mut object, draft);
        // An object that says nothing else speaks of approvals because they are needed.
        said.required = said.required.or(Some(true));
        object.rest(account);
    }
    let named = said.quorum.is_some() || !said.approvers.is_empty();
    if !said.required.unwrap_or(named) {
        return;
    }
    let one_by_one = keys.get("batch") == Some(&json!(1));
    let mut approval = json!({ "per": if one_by_one { "customer" } else { "phase" } });
    if let Some(quorum) = said.quorum {
        approval["quorum"] = quorum;
    }
    if !said.approvers.is_empty() {
        approval["from"] = json!(said.approvers);
    }
    keys.insert("approval".to_owned(), approval);
}

impl Said {
    fn read(&mut self, fields: &mut Fields, draft: &mut Draft) {
        let required = ["approval_required", "requires_approval", "manual_approval"];
        self.required = self.required.or(fields.truth(&required));
        let quorum = ["required_approvals", "min_approvals", "approval_count"];
        self.quorum = self.quorum.take().or(fields.parsed(&quorum, quorum_of));
        let are_names = |value: &Value| {
            let names = value.as_array();
            names.is_some_and(|names| names.iter().all(Value::is_string))
        };
        if let Some(Value::Array(names)) = fields.take_if(&["approvers"], are_names) {
            let names = names.iter().filter_map(Value::as_str);
            self.approvers.extend(names.map(|name| person(name, draft)));
        }
    }
}

/// So many people, but not none.
fn quorum_of(text: &str) -> Option<Value> {
    number(text).filter(|number| *number != json!(0))
}

/// `manual`, or what says that nobody is asked.
fn by_hand(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "manual" | "required" | "yes" => Some(true),
        "automatic" | "auto" | "none" | "no" => Some(false),
        _ => None,
    }
}

/// The key of a person, who is known by a name or an address.
fn person(name: &str, draft: &mut Draft) -> String {
    let (account, email) = match name.split_once('@') {
        Some((account, _)) => (account, Some(name.to_owned())),
        None => (name, None),
    };
    let key = slug(account);
    let known = draft.people.entry(key.clone()).or_default();
    *known = known.take().or(email);
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(policy: &Value) -> (Value, Vec<String>) {
        let mut fields = Fields::new("x".to_owned(), policy.as_object().unwrap().clone());
        let (mut keys, mut draft, mut account) = (Map::new(), Draft::default(), Account::default());
        approval(&mut fields, &mut keys, &mut draft, &mut account);
        fields.rest(&mut account);
        (keys.into(), account.ignored)
    }

    #[test]
    fn approvals_are_read_in_many_spellings() {
        let two = json!({ "approval": { "per": "phase", "quorum": 2 } });
        for policy in [
            json!({ "approval_required": true, "required_approvals": 2 }),
            json!({ "approval": { "required": true, "count": 2 } }),
            json!({ "approvals": { "quorum": 2 } }),
            json!({ "approval": "manual", "min_approvals": "2" }),
        ] {
            assert_eq!(read(&policy), (two.clone(), Vec::new()), "{policy}");
        }
        for policy in [
            json!({ "approval_required": false }),
            json!({ "approval": { "required": false, "count": 2 } }),
            json!({ "approval": "none" }),
        ] {
            assert_eq!(read(&policy), (json!({}), Vec::new()), "{policy}");
        }
    }

    #[test]
    fn an_approval_that_is_not_understood_is_named() {
        for policy in [
            json!({ "approval": "the board" }),
            json!({ "approval": ["ann"] }),
        ] {
            assert_eq!(read(&policy), (json!({}), vec!["x.approval".to_owned()]));
        }
    }
}
