//! The tree as the text of a YAML file, in the order of the table.

use std::fmt::Write as _;

use super::super::node::{Node, Scalar, Value};

/// Words that YAML readers take for something other than a text.
const WORDS: [&str; 11] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf",
];

/// Writes a mapping, each key on a line of its own.
pub(super) fn text(node: &Node<'_>) -> String {
    // Writing to a text cannot fail, here and below.
    let mut text = String::new();
    put(&mut text, node, 0);
    text
}

fn put(text: &mut String, node: &Node<'_>, depth: usize) {
    for (key, value) in node.entries() {
        text.push_str(&"  ".repeat(depth));
        text.push_str(&word(&key.name));
        text.push(':');
        match &value.value {
            Value::Map(entries) if !entries.is_empty() => {
                text.push('\n');
                put(text, value, depth + 1);
            }
            Value::Map(_) => text.push_str(" {}\n"),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(item).collect();
                let _ = writeln!(text, " [{}]", items.join(", "));
            }
            Value::Scalar(scalar) => {
                let _ = writeln!(text, " {}", of_scalar(scalar));
            }
        }
    }
}

/// An item of a list; those of a table are scalars.
fn item(node: &Node<'_>) -> String {
    match &node.value {
        Value::Scalar(scalar) => of_scalar(scalar),
        Value::List(_) | Value::Map(_) => node.to_json().to_string(),
    }
}

fn of_scalar(scalar: &Scalar<'_>) -> String {
    match scalar.plain {
        true => scalar.text.clone().into_owned(),
        false => word(&scalar.text),
    }
}

/// A text, in quotes unless it can mean nothing else.
fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./@: ".contains(c))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if is_unseen(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that YAML would not keep, or that nobody sees. All of them are of four digits.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}
