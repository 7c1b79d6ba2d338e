//! JSON Schemas of the files, for editors. Made from the shapes that `parse` checks by.

use serde_json::{Map, Value, json};

use crate::parse::limits;
use crate::parse::shape::{FREE, Format, Key, Record, Shape};
use crate::parse::shapes::{
    customers::CUSTOMERS, policy::POLICY, project::PROJECT, scenario::SCENARIO,
};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of `policies/`.
    Policy,
    /// `customers.yaml`.
    Customers,
    /// `tranche.yaml`.
    Project,
    /// A scenario.
    Scenario,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Customers, Self::Project, Self::Scenario];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Customers => "customers",
            Self::Project => "project",
            Self::Scenario => "scenario",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn record(self) -> &'static Record {
        match self {
            Self::Policy => &POLICY,
            Self::Customers => &CUSTOMERS,
            Self::Project => &PROJECT,
            Self::Scenario => &SCENARIO,
        }
    }
}

/// The JSON Schema of a kind of file.
pub fn schema(kind: Kind) -> Value {
    let mut schema = of_record(kind.record(), Mode::Whole);
    schema.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    let free = json!({ "description": "Free: a place for anchors. Nothing reads it." });
    schema.insert(
        "patternProperties".to_owned(),
        json!({ format!("^{FREE}"): free }),
    );
    schema.insert(
        "title".to_owned(),
        json!(format!("tranche {}", kind.name())),
    );
    Value::Object(schema)
}

/// Whether a part stands by itself or is merged over something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Whole,
    Fragment,
}

fn of_shape(shape: &Shape, mode: Mode) -> Map<String, Value> {
    match shape {
        Shape::Any => Map::new(),
        Shape::Scalar(format) => object(of_format(*format)),
        Shape::Words(words) => {
            let names: Vec<&str> = words.iter().map(|word| word.word).collect();
            let docs: Vec<String> = words
                .iter()
                .map(|word| format!("`{}`: {}", word.word, word.doc))
                .collect();
            object(json!({ "enum": names, "description": docs.join(" ") }))
        }
        Shape::List(of) => object(json!({ "type": "array", "items": of_shape(of, mode) })),
        Shape::Filled(of) => {
            object(json!({ "type": "array", "items": of_shape(of, mode), "minItems": 1 }))
        }
        Shape::Record(record) => of_record(record, mode),
        Shape::Dict(of) => of_dict(of_shape(of, mode), mode == Mode::Fragment),
        Shape::Removable(of) => of_dict(of_shape(of, mode), true),
        Shape::Fragment(of) => of_shape(of, Mode::Fragment),
        Shape::Either(shapes) => {
            let any: Vec<_> = shapes.iter().map(|shape| of_shape(shape, mode)).collect();
            object(json!({ "anyOf": any }))
        }
    }
}

fn of_record(record: &Record, mode: Mode) -> Map<String, Value> {
    let property = |key: &Key| (key.name.to_owned(), of_key(key, mode));
    let properties: Map<String, Value> = record.keys.iter().map(property).collect();
    let mut schema = object(
        json!({ "type": "object", "additionalProperties": false, "properties": properties }),
    );
    let required: Vec<&str> = record
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    if mode == Mode::Whole && !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if mode == Mode::Whole && !record.one_of.is_empty() {
        let one_of: Vec<Value> = record
            .one_of
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        schema.insert("oneOf".to_owned(), json!(one_of));
    }
    if mode == Mode::Whole && !record.needs.is_empty() {
        let needs = record.needs.iter();
        let needs: Map<String, Value> = needs
            .map(|(key, other)| ((*key).to_owned(), json!([other])))
            .collect();
        schema.insert("dependentRequired".to_owned(), json!(needs));
    }
    schema
}

/// A key's shape with the key's own sentence in front of what its words mean.
fn of_key(key: &Key, mode: Mode) -> Value {
    let mut schema = of_shape(key.shape, mode);
    let words = schema
        .get("description")
        .and_then(Value::as_str)
        .map(|words| format!(" {words}"));
    schema.insert(
        "description".to_owned(),
        json!(format!("{}{}", key.doc, words.unwrap_or_default())),
    );
    if mode == Mode::Fragment {
        return json!({ "anyOf": [schema, { "type": "null" }], "description": key.doc });
    }
    Value::Object(schema)
}

fn of_dict(value: Map<String, Value>, removable: bool) -> Map<String, Value> {
    let value = if removable {
        json!({ "anyOf": [value, { "type": "null" }] })
    } else {
        Value::Object(value)
    };
    object(json!({ "type": "object", "additionalProperties": value, "propertyNames": name() }))
}

fn name() -> Value {
    json!({ "type": "string", "pattern": r"^[\p{L}\p{N}_][\p{L}\p{N}_.@+-]*$", "maxLength": limits::NAME_BYTES })
}

fn of_format(format: Format) -> Value {
    let text = |pattern: &str, example: &str| json!({ "type": "string", "pattern": pattern, "examples": [example] });
    let duration = || text("^ *([0-9]+(ms|s|m|h|d|w) *)+$|^0$", "1d 6h");
    match format {
        Format::Text => json!({ "type": "string" }),
        Format::Name => name(),
        Format::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Format::Bool => json!({ "type": "boolean" }),
        Format::Int(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Format::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Format::Duration => json!({ "anyOf": [duration(), { "const": 0 }] }),
        Format::Lasting => duration(),
        Format::Zone => text("^[A-Za-z0-9_+/-]+$", "Europe/Berlin"),
        Format::ZoneOrCustomer => text("^[A-Za-z0-9_+/-]+$", "customer"),
        Format::Instant => json!({ "type": "string", "format": "date-time" }),
        Format::LiveOrInstant => text("^live$|^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", "live"),
        Format::Moment => text("^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$", "2026-12-24"),
        Format::Date => text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2027-01-12"),
        Format::Cron => text(r"^\s*\S+(\s+\S+){4}\s*$", "0 2 * * SUN"),
        Format::Batch => json!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            text("^(all|[0-9]+|0*([1-9][0-9]?|100) *%)$", "25%"),
        ] }),
        Format::Tolerance => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            text("^[0-9]+( *%)?$", "10%"),
        ] }),
        Format::WholePercent(0) => text("^0*([0-9]{1,2}|100) *%$", "2%"),
        Format::WholePercent(_) => text("^0*([1-9][0-9]?|100) *%$", "10%"),
        Format::Percent => text("^[0-9]*[.]?[0-9]+ *%$", "5%"),
        Format::Url => text("^https?://", "https://acme.example"),
        Format::Path => text("^/", "/api/health"),
        Format::Secret => text(r"^\$\{(env|file):[^{}]+\}$", "${env:NAME}"),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
