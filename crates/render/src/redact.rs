//! Keeps secrets out of what Render and commands send back (P47): an error message may quote the value that was just
//! written. How a text is searched stands in [`policy::redact`]; here is whose secrets they are.

use policy::redact::{self, Cut, MASK};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

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

    /// One bounded line of a text (P53); `None` if nothing is left.
    pub(crate) fn line(&self, text: &str, cut: Cut, max: usize) -> Option<String> {
        redact::line(text, cut, &self.plain(), max)
    }

    /// The end of what a command printed.
    pub(crate) fn tail(&self, printed: &[u8], cut: Cut, max: usize) -> String {
        redact::tail(printed, cut, &self.plain(), max)
    }

    /// Masks every secret in a whole text.
    fn text(&self, text: &str) -> String {
        redact::mask(text, Cut::default(), &self.plain())
    }

    fn plain(&self) -> Vec<&str> {
        self.0.iter().map(ExposeSecret::expose_secret).collect()
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
