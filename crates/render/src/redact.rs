//! Keeps secrets out of what Render sends back (P47): an error message may quote the value that was just written.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const MASK: &str = "[redacted]";

/// Fields whose value is a secret wherever it turns up.
const SECRET_FIELDS: [&str; 7] = [
    "value",
    "password",
    "secret",
    "token",
    "internalConnectionString",
    "externalConnectionString",
    "psqlCommand",
];

/// The secrets of one call: the key, and the values it sends.
#[derive(Clone)]
pub(crate) struct Redactor(Vec<SecretString>);

impl Redactor {
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self(
            secrets
                .into_iter()
                .filter(|secret| !secret.expose_secret().is_empty())
                .collect(),
        )
    }

    /// Masks every secret in a text, also in the form it has inside JSON.
    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            let plain = secret.expose_secret();
            let escaped = Value::from(plain).to_string();
            text.replace(escaped.trim_matches('"'), MASK)
                .replace(plain, MASK)
        })
    }

    /// Masks every secret and every field that is one by its name.
    pub(crate) fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| self.field(&name, value))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn field(&self, name: &str, value: Value) -> (String, Value) {
        let masked = if SECRET_FIELDS.contains(&name) {
            Value::from(MASK)
        } else {
            self.json(value)
        };
        (self.text(name), masked)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_was_sent_is_masked_in_every_form() {
        let redactor = Redactor::new(["pa\"ss".into(), "".into()]);
        assert_eq!(redactor.text("bad value pa\"ss"), "bad value [redacted]");
        assert_eq!(redactor.text(r#"{"m":"pa\"ss"}"#), r#"{"m":"[redacted]"}"#);
    }

    #[test]
    fn secret_fields_are_masked_at_any_depth() {
        let redactor = Redactor::new(["rnd_key".into()]);
        let shown =
            redactor.json(json!({"errors": [{"value": "x", "message": "rnd_key"}], "code": 7}));
        assert_eq!(
            shown,
            json!({"errors": [{"value": MASK, "message": MASK}], "code": 7})
        );
    }
}
