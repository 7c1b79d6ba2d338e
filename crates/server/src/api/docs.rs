//! How does the description of the API read? A page made from the same `OpenAPI` that programs get, which loads nothing from
//! elsewhere.

use askama::Template;
use serde_json::Value;

/// The page's own style.
pub(super) const STYLE: &str = include_str!("../../assets/api-docs.css");

/// The page.
#[derive(Template)]
#[template(path = "api-docs.html")]
struct Docs {
    title: String,
    about: String,
    groups: Vec<Group>,
    shapes: Vec<Shape>,
}

/// Operations that belong together.
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

/// One method at one address.
struct Operation {
    id: String,
    method: String,
    path: String,
    about: String,
    parameters: Vec<Field>,
    body: Option<Type>,
    answers: Vec<Answer>,
}

/// What may be said, and what it means.
struct Field {
    name: String,
    place: String,
    shape: Type,
    is_required: bool,
    about: String,
}

/// One status, and what comes with it.
struct Answer {
    status: String,
    about: String,
    body: Option<Type>,
}

/// The name of a type, with the shape that it leads to.
struct Type {
    text: String,
    link: Option<String>,
}

/// A named shape of JSON.
struct Shape {
    name: String,
    about: String,
    words: Vec<String>,
    fields: Vec<Field>,
}

/// The page of a description, as JSON.
pub(super) fn page(described: &Value) -> Result<String, askama::Error> {
    let groups = described["tags"].as_array().into_iter().flatten();
    let groups = groups.map(|tag| Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations(described, &text(&tag["name"])),
    });
    let shapes = described["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten();
    let docs = Docs {
        title: text(&described["info"]["title"]),
        about: text(&described["info"]["description"]),
        groups: groups.collect(),
        shapes: shapes.map(|(name, schema)| shape(name, schema)).collect(),
    };
    docs.render()
}

fn operations(described: &Value, tag: &str) -> Vec<Operation> {
    let paths = described["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    all.filter(|(_, _, operation)| operation["tags"][0] == tag)
        .map(|(path, method, operation)| Operation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.clone(),
            about: [&operation["summary"], &operation["description"]]
                .map(text)
                .join(" "),
            parameters: parameters(operation),
            body: body(&operation["requestBody"]),
            answers: answers(operation),
        })
        .collect()
}

fn parameters(operation: &Value) -> Vec<Field> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .map(|one| Field {
            name: text(&one["name"]),
            place: text(&one["in"]),
            shape: type_of(&one["schema"]),
            is_required: one["required"] == true,
            about: text(&one["description"]),
        })
        .collect()
}

fn body(described: &Value) -> Option<Type> {
    let kinds = described["content"].as_object()?;
    let (kind, media) = kinds.iter().next()?;
    let shape = type_of(&media["schema"]);
    Some(match kind.ends_with("json") && !kind.ends_with("ndjson") {
        true => shape,
        false => Type {
            text: kind.clone(),
            link: None,
        },
    })
}

fn answers(operation: &Value) -> Vec<Answer> {
    let answers = operation["responses"].as_object().into_iter().flatten();
    answers
        .map(|(status, answer)| Answer {
            status: status.clone(),
            about: text(&answer["description"]),
            body: body(answer),
        })
        .collect()
}

fn shape(name: &str, schema: &Value) -> Shape {
    let mut fields = fields_of(schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fields.extend(fields_of(part));
    }
    let words = schema["enum"].as_array().into_iter().flatten();
    Shape {
        name: name.to_owned(),
        about: text(&schema["description"]),
        words: words.map(text).collect(),
        fields,
    }
}

fn fields_of(schema: &Value) -> Vec<Field> {
    let required = schema["required"].as_array().into_iter().flatten();
    let required: Vec<&Value> = required.collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| Field {
            name: name.clone(),
            place: String::new(),
            shape: type_of(schema),
            is_required: required.iter().any(|one| *one == name),
            about: text(&schema["description"]),
        })
        .collect()
}

/// The name of what a schema describes: of one among several, the first that is not null.
fn type_of(schema: &Value) -> Type {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or(reference).to_owned();
        return Type {
            link: Some(name.clone()),
            text: name,
        };
    }
    let either = ["oneOf", "anyOf", "allOf"].map(|key| schema[key].as_array());
    let mut parts = either.into_iter().flatten().flatten();
    if let Some(part) = parts.find(|part| part["type"] != "null") {
        return type_of(part);
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .map(text)
            .filter(|kind| kind != "null")
            .collect(),
        kind @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => vec![text(kind)],
    };
    let kind = kinds.join(" or ");
    if kind == "array" {
        let items = type_of(&schema["items"]);
        return Type {
            text: format!("list of {}", items.text),
            link: items.link,
        };
    }
    Type {
        text: if kind.is_empty() {
            "anything".to_owned()
        } else {
            kind
        },
        link: None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
