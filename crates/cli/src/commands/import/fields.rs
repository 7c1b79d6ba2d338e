//! The fields of a JSON object, taken out one by one, so that what nobody took can be named.

use serde_json::{Map, Value};

use super::Account;

/// An object that is being read, and where it stands in its file.
#[derive(Debug)]
pub(super) struct Fields {
    place: String,
    fields: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(place: String, fields: Map<String, Value>) -> Self {
        Self { place, fields }
    }

    /// Takes the first of these fields that is there and not null; `backend_id` is also found as `backendId`.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<Value> {
        self.take_if(names, |value| !value.is_null())
    }

    /// The same, as text; a number is text too. What is neither stays.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<String> {
        let is_text = |value: &Value| match value {
            Value::String(text) => !text.trim().is_empty(),
            Value::Number(_) => true,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        let value = self.take_if(names, is_text)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(text.trim().to_owned())
    }

    /// The same, as whatever its text stands for; one that stands for nothing stays.
    pub(super) fn parsed<T>(
        &mut self,
        names: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let meaning = |value: &Value| match value {
            Value::String(text) => parse(text.trim()),
            Value::Number(number) => parse(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        meaning(&self.take_if(names, |value| meaning(value).is_some())?)
    }

    /// The same, as yes or no.
    pub(super) fn truth(&mut self, names: &[&str]) -> Option<bool> {
        self.take_if(names, Value::is_boolean)?.as_bool()
    }

    /// The same, as an object of its own.
    pub(super) fn object(&mut self, names: &[&str]) -> Option<Self> {
        let name = self.find(names, Value::is_object)?;
        let Some(Value::Object(fields)) = self.fields.remove(&name) else {
            return None;
        };
        Some(Self::new(joined(&self.place, &name), fields))
    }

    /// The first of these fields that fits.
    pub(super) fn take_if(
        &mut self,
        names: &[&str],
        fits: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let name = self.find(names, fits)?;
        self.fields.remove(&name)
    }

    /// The first of these names, in either spelling, whose value fits.
    fn find(&self, names: &[&str], fits: impl Fn(&Value) -> bool) -> Option<String> {
        let mut spellings = names
            .iter()
            .flat_map(|name| [(*name).to_owned(), camel(name)]);
        spellings.find(|name| self.fields.get(name).is_some_and(&fits))
    }

    /// Every field, each with its place.
    pub(super) fn drain(self) -> impl Iterator<Item = (String, String, Value)> {
        let Self { place, fields } = self;
        fields.into_iter().map(move |(name, value)| {
            let path = joined(&place, &name);
            (name, path, value)
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Where it stands in its file.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Names what nobody took.
    pub(super) fn rest(self, account: &mut Account) {
        for (_, path, value) in self.drain() {
            if !value.is_null() {
                account.ignored(path);
            }
        }
    }
}

fn joined(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// `backend_id` as scripts in another language write it: `backendId`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::new("a".to_owned(), value.as_object().unwrap().clone())
    }

    #[test]
    fn a_field_is_found_in_both_spellings_and_null_is_none() {
        let mut fields = fields(&json!({ "backendServiceId": "srv-1", "url": null, "n": 7 }));
        assert_eq!(
            fields.text(&["backend", "backend_service_id"]).as_deref(),
            Some("srv-1")
        );
        assert_eq!(fields.text(&["url"]), None);
        assert_eq!(fields.text(&["n"]).as_deref(), Some("7"));
    }

    #[test]
    fn what_nobody_took_is_named_by_its_place() {
        let mut account = Account::default();
        fields(&json!({ "x": 1 })).rest(&mut account);
        assert_eq!(account.ignored, ["a.x"]);
    }
}
