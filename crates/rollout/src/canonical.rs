//! The canonical JSON of RFC 8785: what an event's hash is computed over.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical text: keys sorted by their UTF-16 code units, no white space.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// SHA-256 (hex) of the canonical text.
pub fn digest(value: &Value) -> String {
    let bytes = Sha256::digest(text(value));
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            if keys.iter().all(|key| key.is_ascii()) {
                keys.sort_unstable();
            } else {
                keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            }
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(&object[key], out);
            }
            out.push('}');
        }
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
        Value::Null | Value::Bool(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    let _ = write!(out, "{}", Value::from(text));
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
