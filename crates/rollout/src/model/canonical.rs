//! The canonical JSON of RFC 8785: what an event's hash is computed over.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The canonical text: keys sorted by their UTF-16 code units, no white space.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// SHA-256 (hex) of the canonical text.
pub fn digest(value: &Value) -> String {
    hash(&text(value))
}

/// The canonical text of an object whose fields come in the order of their keys; one without a value is left out.
#[derive(Debug, Default)]
pub(crate) struct Fields(String);

impl Fields {
    pub(crate) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            write_text(value, &mut self.0);
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            // Writing to a String cannot fail.
            let _ = write!(self.0, "{value}");
        }
    }

    /// An object, left out if it is empty.
    pub(crate) fn object(&mut self, key: &str, value: &Map<String, Value>) {
        if !value.is_empty() {
            self.key(key);
            write_object(value, &mut self.0);
        }
    }

    /// SHA-256 (hex) of the whole.
    pub(crate) fn digest(mut self) -> String {
        self.0.push('}');
        hash(&self.0)
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        write_text(key, &mut self.0);
        self.0.push(':');
    }
}

fn hash(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    let bytes = Sha256::digest(text);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => write_object(object, out),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_text(text, out),
        Value::Number(number) => write_number(number, out),
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
    }
}

fn write_object(object: &Map<String, Value>, out: &mut String) {
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    entries.sort_by(|(a, _), (b, _)| in_utf16(a, b));
    out.push('{');
    for (n, (key, value)) in entries.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// The order of two keys; bytewise is the same where both are ASCII.
fn in_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        a.cmp(b)
    } else {
        a.encode_utf16().cmp(b.encode_utf16())
    }
}

/// A text in quotes. Most need no escape, and are copied as they are.
fn write_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        let _ = write!(out, "{}", Value::from(text));
    }
}

/// Numbers as ECMAScript writes them: integers plainly, others in their shortest form.
fn write_number(number: &serde_json::Number, out: &mut String) {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else {
        let _ = write!(out, "{number}");
        return;
    };
    let size = value.abs();
    if value == 0.0 || (1e-6..1e21).contains(&size) {
        // Rust's own form is the shortest too, and has neither exponent nor a trailing `.0`.
        let _ = write!(out, "{}", if value == 0.0 { 0.0 } else { value });
    } else {
        let text = format!("{value:e}");
        let _ = write!(
            out,
            "{}",
            if size >= 1.0 {
                text.replace('e', "e+")
            } else {
                text
            }
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn numbers_are_written_as_ecmascript_does() {
        let value = json!([5.0, 0.5, 2.25, -0.0, 1e21, 1.5e-7, 1e20, 7, -3]);
        assert_eq!(
            text(&value),
            "[5,0.5,2.25,0,1e+21,1.5e-7,100000000000000000000,7,-3]"
        );
    }

    #[test]
    fn keys_are_sorted_by_their_utf16_units() {
        let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let keys: Vec<char> = text(&value).chars().filter(char::is_ascii_digit).collect();
        // The key `1` shows its own digit.
        assert_eq!(keys.iter().collect::<String>(), "21467153");
    }
}
