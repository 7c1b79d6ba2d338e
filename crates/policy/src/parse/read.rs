//! From checked trees to typed values. What `check` has refused is read as if it were not there.

pub(super) mod fleet;
pub(super) mod monitoring;
pub(super) mod policy;
pub(super) mod project;
pub(super) mod server;
pub(super) mod window;

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::format;
use super::node::{Kind, Node};
use super::shape::Format;
use crate::calendar::ZoneSpec;
use crate::span::{Span, Timestamp};

/// The values of one mapping.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n, 't>(Option<&'n Node<'t>>);

impl<'n, 't> Fields<'n, 't> {
    pub(super) fn new(node: &'n Node<'t>) -> Self {
        Self(Some(node))
    }

    /// The value of a key, if something is written.
    pub(super) fn get(self, key: &str) -> Option<&'n Node<'t>> {
        self.0?.get(key).filter(|node| !node.is_null())
    }

    /// The mapping below a key.
    pub(super) fn below(self, key: &str) -> Self {
        Self(self.get(key).filter(|node| node.kind() == Kind::Map))
    }

    /// The entries of the mapping below a key, those without a value left out.
    pub(super) fn entries(
        self,
        key: &str,
    ) -> impl Iterator<Item = (&'n str, &'n Node<'t>)> + use<'n, 't> {
        let entries = self.get(key).map_or(&[][..], Node::entries);
        entries
            .iter()
            .filter(|(_, node)| !node.is_null())
            .map(|(key, node)| (key.name.as_ref(), node))
    }

    /// A scalar as written.
    pub(super) fn text(self, key: &str) -> Option<String> {
        self.str(key).map(str::to_owned)
    }

    pub(super) fn str(self, key: &str) -> Option<&'n str> {
        self.get(key)?.scalar()
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        boolean(self.str(key)?)
    }

    pub(super) fn int<T: TryFrom<i64>>(self, key: &str) -> Option<T> {
        T::try_from(self.str(key)?.parse().ok()?).ok()
    }

    pub(super) fn float(self, key: &str) -> Option<f64> {
        self.str(key)?.parse().ok()
    }

    pub(super) fn span(self, key: &str) -> Option<Span> {
        format::span(self.str(key)?).ok()
    }

    pub(super) fn zone(self, key: &str) -> Option<Tz> {
        format::zone(self.str(key)?).ok()
    }

    pub(super) fn zone_spec(self, key: &str) -> Option<ZoneSpec> {
        match self.str(key)? {
            "customer" => Some(ZoneSpec::Customer),
            zone => format::zone(zone).ok().map(ZoneSpec::Zone),
        }
    }

    pub(super) fn instant(self, key: &str) -> Option<Timestamp> {
        format::instant(self.str(key)?)
    }

    /// The scalars of a list, or one alone.
    pub(super) fn texts(self, key: &str) -> Vec<&'n str> {
        let items = self.get(key).map_or(&[][..], Node::one_or_many);
        items.iter().filter_map(Node::scalar).collect()
    }

    pub(super) fn list<T>(self, key: &str, new: impl Fn(&'n str) -> T) -> Vec<T> {
        self.texts(key).into_iter().map(new).collect()
    }

    pub(super) fn set<T: Ord>(self, key: &str, new: impl Fn(&'n str) -> T) -> BTreeSet<T> {
        self.texts(key).into_iter().map(new).collect()
    }

    /// A word, by the serialised names of an enum.
    pub(super) fn word<T: serde::de::DeserializeOwned>(self, key: &str) -> Option<T> {
        let word =
            serde::de::value::StrDeserializer::<serde::de::value::Error>::new(self.str(key)?);
        T::deserialize(word).ok()
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A key's name, unless `check` has refused it.
pub(super) fn name(key: &str) -> Option<&str> {
    format::check_name(key).ok().map(|()| key)
}

/// Whether a node is a scalar of a format.
pub(super) fn has_format(node: &Node<'_>, format: Format) -> bool {
    match &node.value {
        super::node::Value::Scalar(scalar) => format::check(format, scalar).is_ok(),
        super::node::Value::List(_) | super::node::Value::Map(_) => false,
    }
}
