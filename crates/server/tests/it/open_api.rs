//! The description of the API, and whether answers are as it says.

use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::lab::{Answer, Lab};

/// The description.
pub(crate) async fn described(lab: &Lab) -> Value {
    let answer = lab.get("/api/v1/openapi.json", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What does not fit of an answer to this operation.
pub(crate) fn misfits(described: &Value, method: &str, path: &str, answer: &Answer) -> Vec<String> {
    let operation = &described["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not described");
    let status = answer.status.as_str();
    let response = &operation["responses"][status];
    if !response.is_object() {
        return vec![format!("{status} is not described")];
    }
    let content = &response["content"];
    let Some(kinds) = content.as_object() else {
        return match answer.text.is_empty() {
            true => Vec::new(),
            false => vec![format!("{status} has a body")],
        };
    };
    let kind = answer.header(CONTENT_TYPE.as_str());
    let kind = kind.split(';').next().unwrap_or_default();
    let Some(media) = kinds.get(kind) else {
        return vec![format!("{status} is {kind}")];
    };
    if !kind.ends_with("json") || kind.ends_with("ndjson") {
        return Vec::new();
    }
    let mut schema = media["schema"].clone();
    schema["components"] = described["components"].clone();
    let validator = jsonschema::options().build(&schema).unwrap();
    let body = answer.json();
    let found = validator.iter_errors(&body);
    let wrong = found.map(|error| format!("{}: {error}", error.instance_path()));
    let strange = strangers(described, &media["schema"], &body, "");
    wrong.chain(strange).collect()
}

/// Fields that an answer has and its description has not, where that lists them.
fn strangers(described: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => described.pointer(&reference[1..]).unwrap(),
        None => schema,
    };
    let mut parts: Vec<&Value> = Vec::new();
    for key in ["oneOf", "anyOf", "allOf"] {
        parts.extend(schema[key].as_array().into_iter().flatten());
    }
    if !parts.is_empty() {
        let all_of = schema["allOf"].is_array();
        let each = parts
            .iter()
            .map(|part| strangers(described, part, value, place));
        return match all_of {
            // Each part lists some of them.
            true => Vec::new(),
            false => each.min_by_key(Vec::len).unwrap_or_default(),
        };
    }
    match value {
        Value::Array(values) => {
            let each = values.iter().take(50);
            each.flat_map(|one| strangers(described, &schema["items"], one, place))
                .collect()
        }
        Value::Object(fields) => {
            let Some(known) = schema["properties"].as_object() else {
                return Vec::new();
            };
            let each = fields.iter();
            each.flat_map(|(name, value)| match known.get(name) {
                Some(schema) => strangers(described, schema, value, &format!("{place}/{name}")),
                None => vec![format!("{place}/{name} is not described")],
            })
            .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[tokio::test]
async fn the_description_is_one() {
    let lab = Lab::new();
    let described = described(&lab).await;
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let text = described.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let name = reference.split('"').next().unwrap();
        let place = name.strip_prefix('#').unwrap();
        assert!(described.pointer(place).is_some(), "{name} leads nowhere");
    }
    assert_eq!(
        described["components"]["securitySchemes"]["token"]["scheme"],
        json!("bearer")
    );
}

#[tokio::test]
async fn the_description_reads_as_a_page_that_loads_nothing_from_elsewhere() {
    let lab = Lab::new();
    let described = described(&lab).await;
    let page = lab.get("/api/v1/docs", None).await;
    assert_eq!(page.status, 200);
    for (path, item) in described["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let heading = format!("{} {path}</code>", method.to_uppercase());
            assert!(page.text.contains(&heading), "{heading}");
        }
    }
    for (link, _) in page.text.match_indices("href=\"") {
        let link = page.text[link + 6..].split('"').next().unwrap();
        match link.strip_prefix('#') {
            Some(id) => assert!(page.text.contains(&format!("id=\"{id}\"")), "{link}"),
            None => assert_eq!(lab.get(link, None).await.status, 200, "{link}"),
        }
    }
    assert!(!page.text.contains("src=") && !page.text.contains("http"));
}
