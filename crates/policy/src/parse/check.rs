//! Compares a tree with its shape: keys, types, formats.

use super::format;
use super::limits;
use super::node::{Kind, Node, Pos, Scalar, Value};
use super::report::Report;
use super::shape::{FREE, Format, Record, Shape, Word};
use crate::suggest::nearest;

/// How strictly a tree is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A whole: required keys must be there, and `null` is no value.
    Whole,
    /// A fragment that is merged over something: any key may be missing, and `null` removes.
    Fragment,
}

/// Reports everything in which a tree differs from its shape.
pub(super) fn check(node: &Node<'_>, shape: &Shape, mode: Mode, report: &mut Report<'_>) {
    match shape {
        Shape::Any => {}
        Shape::Scalar(format) => match &node.value {
            Value::Scalar(scalar) => check_scalar(node.pos, scalar, *format, report),
            Value::List(_) | Value::Map(_) => mistyped(node, format::wanted(*format), report),
        },
        Shape::Words(words) => check_word(node, words, report),
        Shape::List(of) => check_list(node, of, mode, report),
        Shape::Filled(of) => {
            check_list(node, of, mode, report);
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                report.help(
                    node.pos,
                    "empty",
                    "this list is empty",
                    "write at least one item, or remove the key",
                );
            }
        }
        Shape::Record(record) => check_record(node, record, mode, report),
        Shape::Dict(of) => check_dict(node, of, mode, false, report),
        Shape::Removable(of) => check_dict(node, of, mode, true, report),
        Shape::Fragment(of) => check(node, of, Mode::Fragment, report),
        Shape::Either(shapes) => check_either(node, shapes, mode, report),
    }
}

fn mistyped(node: &Node<'_>, wanted: &str, report: &mut Report<'_>) {
    let found = node.kind().name();
    let help = match node.kind() {
        Kind::Null => "write a value, or remove the key".to_owned(),
        Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::List | Kind::Map => {
            format!("write {wanted}")
        }
    };
    report.help(
        node.pos,
        "wrong-type",
        format!("expected {wanted}, found {found}"),
        help,
    );
}

fn check_scalar(pos: Pos, scalar: &Scalar<'_>, format: Format, report: &mut Report<'_>) {
    let is_cron = format == Format::Cron && scalar.kind() == Kind::Text;
    if is_cron && report.knows_cron(&scalar.text) {
        return;
    }
    match format::check(format, scalar) {
        Ok(()) if is_cron => report.note_cron(&scalar.text),
        Ok(()) => {}
        Err(wrong) => report.help(pos, wrong.code, wrong.message, wrong.help),
    }
}

fn check_word(node: &Node<'_>, words: &[Word], report: &mut Report<'_>) {
    let known = || words.iter().map(|word| word.word);
    match node.scalar() {
        Some(text) if known().any(|word| word == text) => {}
        Some(text) => {
            let help = match nearest(text, known()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write {}", listed(known(), "or")),
            };
            report.help(
                node.pos,
                "unknown-word",
                format!("`{text}` is not allowed here"),
                help,
            );
        }
        None => mistyped(node, &listed(known(), "or"), report),
    }
}

fn check_list(node: &Node<'_>, of: &Shape, mode: Mode, report: &mut Report<'_>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| check(item, of, mode, report)),
        Value::Scalar(_) | Value::Map(_) => mistyped(node, "a list", report),
    }
}

fn check_dict(node: &Node<'_>, of: &Shape, mode: Mode, removable: bool, report: &mut Report<'_>) {
    let Value::Map(entries) = &node.value else {
        return mistyped(node, "a mapping", report);
    };
    for (key, value) in entries {
        if let Err(wrong) = format::check_name(&key.name) {
            report.help(key.pos, wrong.code, wrong.message, wrong.help);
        }
        if !(value.is_null() && (removable || mode == Mode::Fragment)) {
            check(value, of, mode, report);
        }
    }
}

fn check_record(node: &Node<'_>, record: &Record, mode: Mode, report: &mut Report<'_>) {
    let Value::Map(entries) = &node.value else {
        return mistyped(node, &format!("{} (a mapping)", record.name), report);
    };
    for (key, value) in entries {
        match record.keys.iter().find(|known| known.name == key.name) {
            Some(_) if value.is_null() && mode == Mode::Fragment => {}
            Some(known) => check(value, known.shape, mode, report),
            None => unknown_key(&key.name, key.pos, record, report),
        }
    }
    if mode == Mode::Whole {
        for key in record
            .keys
            .iter()
            .filter(|key| key.required && node.get(key.name).is_none())
        {
            let message = format!("{} needs the key `{}`", record.name, key.name);
            report.help(node.pos, "missing-key", message, key.doc);
        }
        one_of(node, record, report);
        needs(node, record, report);
    }
}

fn unknown_key(name: &str, pos: Pos, record: &Record, report: &mut Report<'_>) {
    let known = || record.keys.iter().map(|key| key.name);
    let help = match nearest(name, known()) {
        Some(key) => format!("did you mean `{key}`?"),
        None if name.starts_with(FREE) => {
            format!("keys that begin with `{FREE}` are free at the top of a file only")
        }
        None => format!("its keys are {}", listed(known(), "and")),
    };
    let shown: String = name.chars().take(limits::NAME_BYTES).collect();
    report.help(
        pos,
        "unknown-key",
        format!("`{shown}` is not a key of {}", record.name),
        help,
    );
}

fn one_of(node: &Node<'_>, record: &Record, report: &mut Report<'_>) {
    if record.one_of.is_empty() {
        return;
    }
    let written: Vec<&str> = record
        .one_of
        .iter()
        .copied()
        .filter(|key| node.get(key).is_some())
        .collect();
    let choices = listed(record.one_of.iter().copied(), "or");
    match written.as_slice() {
        [_] => {}
        [] => report.error(
            node.pos,
            "missing-key",
            format!("{} needs one of {choices}", record.name),
        ),
        [_, second, ..] => {
            let message = format!(
                "{} has {} at once",
                record.name,
                listed(written.iter().copied(), "and")
            );
            report.help(
                node.key_pos(second),
                "conflict",
                message,
                format!("write one of {choices}"),
            );
        }
    }
}

fn needs(node: &Node<'_>, record: &Record, report: &mut Report<'_>) {
    for (key, other) in record.needs {
        if node.get(key).is_some() && node.get(other).is_none() {
            report.help(
                node.key_pos(key),
                "missing-key",
                format!("`{key}` says nothing without `{other}`"),
                format!("write `{other}` as well, or remove `{key}`"),
            );
        }
    }
}

/// Picks the shape that fits the kind of value.
fn check_either(node: &Node<'_>, shapes: &[&Shape], mode: Mode, report: &mut Report<'_>) {
    let kind = node.kind();
    let Some(shape) = shapes.iter().find(|shape| accepts(shape, kind)) else {
        let wanted: Vec<String> = shapes.iter().map(|shape| described(shape)).collect();
        return mistyped(node, &wanted.join(", or "), report);
    };
    check(node, shape, mode, report);
}

fn accepts(shape: &Shape, kind: Kind) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Scalar(_) | Shape::Words(_) => {
            matches!(kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Text)
        }
        Shape::List(_) | Shape::Filled(_) => kind == Kind::List,
        Shape::Record(_) | Shape::Dict(_) | Shape::Removable(_) => kind == Kind::Map,
        Shape::Fragment(of) => accepts(of, kind),
        Shape::Either(shapes) => shapes.iter().any(|shape| accepts(shape, kind)),
    }
}

/// What a shape wants, for messages.
fn described(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Scalar(format) => format::wanted(*format).to_owned(),
        Shape::Words(words) => listed(words.iter().map(|word| word.word), "or"),
        Shape::List(_) | Shape::Filled(_) => "a list".to_owned(),
        Shape::Record(record) => format!("{} (a mapping)", record.name),
        Shape::Dict(_) | Shape::Removable(_) => "a mapping".to_owned(),
        Shape::Fragment(of) => described(of),
        Shape::Either(shapes) => shapes
            .iter()
            .map(|shape| described(shape))
            .collect::<Vec<_>>()
            .join(", or "),
    }
}

/// `a`, `b` and `c`, in backticks.
pub(super) fn listed<'w>(words: impl Iterator<Item = &'w str>, and: &str) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}
