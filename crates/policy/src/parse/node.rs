//! A tree of values in which every value knows its place.

use std::borrow::Cow;

use serde_json::Value as Json;

/// A place in one of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pos {
    /// Index of the file.
    pub(crate) file: u16,
    /// From 1; 0 for what no file contains.
    pub(crate) line: u32,
    /// From 1.
    pub(crate) column: u32,
    /// How many characters are meant.
    pub(crate) length: u32,
}

/// A value and its place. Texts are borrowed from the file where no escape was in the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node<'t> {
    pub(crate) pos: Pos,
    pub(crate) value: Value<'t>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'t> {
    Scalar(Scalar<'t>),
    List(Vec<Node<'t>>),
    Map(Vec<(Key<'t>, Node<'t>)>),
}

/// A scalar as written; what it means depends on whether it stood in quotes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) plain: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) pos: Pos,
}

/// What a value is, in the words of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Text,
    List,
    Map,
}

impl Kind {
    /// For messages: `found ...`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Int => "a number",
            Self::Float => "a fraction",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "a mapping",
        }
    }
}

impl<'t> Node<'t> {
    /// A text that stands in no file.
    pub(crate) fn text(text: impl Into<Cow<'t, str>>, pos: Pos) -> Self {
        Self {
            pos,
            value: Value::Scalar(Scalar {
                text: text.into(),
                plain: false,
            }),
        }
    }

    /// An empty mapping.
    pub(crate) fn map(pos: Pos) -> Self {
        Self {
            pos,
            value: Value::Map(Vec::new()),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.value {
            Value::Scalar(scalar) => scalar.kind(),
            Value::List(_) => Kind::List,
            Value::Map(_) => Kind::Map,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a scalar that is not null, quoted or not.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.kind() != Kind::Null => Some(&scalar.text),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The entries of a mapping, none for anything else.
    pub(crate) fn entries(&self) -> &[(Key<'t>, Node<'t>)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The entries of a mapping, to change them.
    pub(crate) fn entries_mut(&mut self) -> Option<&mut Vec<(Key<'t>, Node<'t>)>> {
        match &mut self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The items of a list, none for anything else.
    pub(crate) fn items(&self) -> &[Node<'t>] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    /// A list's items; anything else alone.
    pub(crate) fn one_or_many(&self) -> &[Node<'t>] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(self),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.entries()
            .iter()
            .find(|(name, _)| name.name == key)
            .map(|(_, node)| node)
    }

    /// The value at the end of a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Node<'t>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The place of the deepest value that exists on a path.
    pub(crate) fn pos_of(&self, path: &[&str]) -> Pos {
        let mut node = self;
        for key in path {
            match node.get(key) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.pos
    }

    /// The place of a key itself.
    pub(crate) fn key_pos(&self, key: &str) -> Pos {
        self.entries()
            .iter()
            .find(|(name, _)| name.name == key)
            .map_or(self.pos, |(name, _)| name.pos)
    }

    /// Sets a key, keeping its place among the others.
    pub(crate) fn set(&mut self, key: Key<'t>, node: Node<'t>) {
        let Some(entries) = self.entries_mut() else {
            return;
        };
        match entries.iter_mut().find(|(name, _)| name.name == key.name) {
            Some(entry) => *entry = (key, node),
            None => entries.push((key, node)),
        }
    }

    /// The same value as JSON, scalars by YAML's core schema.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, node)| (key.name.clone().into_owned(), node.to_json()))
                .collect(),
        }
    }
}

impl Scalar<'_> {
    /// By YAML 1.2's core schema; what stood in quotes is a text.
    pub(crate) fn kind(&self) -> Kind {
        if !self.plain {
            return Kind::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
            text if is_integer(text) => Kind::Int,
            text if is_float(text) => Kind::Float,
            _ => Kind::Text,
        }
    }

    fn to_json(&self) -> Json {
        let text = || Json::String(self.text.clone().into_owned());
        match self.kind() {
            Kind::Null => Json::Null,
            Kind::Bool => Json::Bool(self.text.starts_with(['t', 'T'])),
            Kind::Int => self.text.parse::<i64>().map_or_else(|_| text(), Json::from),
            Kind::Float => self.text.parse::<f64>().map_or_else(|_| text(), Json::from),
            Kind::Text | Kind::List | Kind::Map => text(),
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_float(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = number.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    begins && number.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<f64>().is_ok()
}
