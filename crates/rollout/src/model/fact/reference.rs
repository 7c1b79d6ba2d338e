//! What the types of facts say about themselves: the reference of the journal's kinds, and the JSON Schema of an event.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::model::event::Kind;
use crate::model::fact::{Fact, Field, Presence, Written};
use crate::model::request::Proof;

written!(json!({
    "type": "object",
    "description": "what proved who asked",
    "required": ["kind", "id"],
    "properties": {
        "kind": { "enum": ["account", "token", "oidc"] },
        "id": { "type": "string", "description": "the account's name, the token's, or `ISSUER#SUBJECT`" },
        "account": { "type": "string", "description": "of the process that asked" },
        "maker": { "type": "string", "description": "who made the token" },
        "made_by": { "type": "array", "description": "who had a hand in the token" },
        "auth_time": { "type": "string", "description": "when the person last proved to the identity provider who they are" },
        "signed_in_at": { "type": "string", "description": "when the server took the sign-in" },
        "claims": { "type": "array", "description": "what the sign-in said of what groups ask for" },
    },
}) => Proof);

/// Every kind in Markdown: a table a family, a row a kind.
pub fn kinds() -> String {
    let mut page = String::new();
    for (about, kinds) in Fact::families() {
        let heading = capital(about.trim_start_matches("About ").trim_end_matches('.'));
        let _ = write!(
            page,
            "### {heading}\n\n| kind | meaning | always carries | may carry |\n|---|---|---|---|\n"
        );
        for kind in kinds {
            let _ = writeln!(page, "{}", row(kind));
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len() + 1);
    page
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn row(kind: Kind) -> String {
    let fields = Fact::fields(kind);
    let cells = [
        format!("`{kind}`"),
        Fact::meaning(kind),
        listed(&fields, Presence::Always),
        listed(&fields, Presence::Sometimes),
    ];
    let cells = cells.map(|cell| match cell.is_empty() {
        true => " |".to_owned(),
        false => format!(" {} |", cell.replace('|', "\\|")),
    });
    format!("|{}", cells.concat())
}

/// The fields that are there always or sometimes, in one cell.
fn listed(fields: &[Field], presence: Presence) -> String {
    let fields = fields.iter().filter(|field| field.presence == presence);
    let fields = fields.map(|field| {
        let data = if field.in_data { "data." } else { "" };
        format!("`{data}{}` {}", field.name, field.doc)
    });
    fields.collect::<Vec<String>>().join("; ")
}

/// The JSON Schema of one event. Kinds and fields of a newer release pass it.
pub fn schema() -> Value {
    let hash = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let instant = json!({ "type": "string", "format": "date-time" });
    let data = json!({ "type": "object", "properties": { "proof": Proof::schema() } });
    let kinds: Vec<Value> = Kind::ALL.iter().map(|kind| of_kind(*kind)).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of the journal",
        "type": "object",
        "required": ["seq", "at", "kind", "prev", "hash"],
        "properties": {
            "seq": { "type": "integer", "minimum": 1 },
            "at": instant,
            "rollout": { "type": "string" },
            "kind": { "type": "string" },
            "data": data,
            "prev": hash,
            "hash": hash,
        },
        "allOf": kinds,
    })
}

/// What an event of one kind has to be besides.
fn of_kind(kind: Kind) -> Value {
    let fields = Fact::fields(kind);
    let (within, beside): (Vec<&Field>, Vec<&Field>) =
        fields.iter().partition(|field| field.in_data);
    let (mut properties, mut required) = described(&beside);
    if !within.is_empty() {
        let (within, always) = described(&within);
        if !always.is_empty() {
            required.push("data");
        }
        let data = json!({ "properties": within, "required": always });
        properties.insert("data".to_owned(), data);
    }
    json!({
        "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] },
        "then": {
            "description": Fact::meaning(kind),
            "properties": properties,
            "required": required,
        },
    })
}

/// The schemas of fields by their names, and which are always there.
fn described(fields: &[&Field]) -> (Map<String, Value>, Vec<&'static str>) {
    let schemas = fields.iter().map(|field| {
        let mut schema = field.schema.clone();
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(field.doc));
        }
        (field.name.to_owned(), schema)
    });
    let always = fields
        .iter()
        .filter(|field| field.presence == Presence::Always);
    (schemas.collect(), always.map(|field| field.name).collect())
}
