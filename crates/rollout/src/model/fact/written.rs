//! How a value is written in JSON: what the schema of events says of it.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::model::ids::{AttachmentId, DatabaseId, DeployId, GateId, RolloutId};

/// A type of which the schema of events tells the JSON.
pub trait Written {
    /// Its JSON Schema.
    fn schema() -> Value;
}

macro_rules! written {
    ($schema:expr => $($type:ty),* $(,)?) => {
        $(impl $crate::model::fact::Written for $type {
            fn schema() -> serde_json::Value {
                $schema
            }
        })*
    };
}

written!(json!({ "type": "string" }) => String, CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId,
    AttachmentId, DatabaseId, DeployId, GateId, RolloutId);
written!(json!({ "type": "string", "format": "date-time" }) => Timestamp);
written!(json!({ "type": "boolean" }) => bool);
written!(json!({ "type": "integer", "minimum": 0 }) => u16, u32, u64, usize);
written!(json!({ "type": "integer" }) => i64);
written!(json!({ "type": "number" }) => f64);
written!(json!({}) => Value);

impl<T: Written> Written for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Written> Written for Box<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Written> Written for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl<T: Written> Written for BTreeSet<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema(), "uniqueItems": true })
    }
}

impl<K, V: Written> Written for BTreeMap<K, V> {
    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": V::schema() })
    }
}

/// An instant with exactly three digits of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub Timestamp);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&crate::show_instant(self.0))
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(from).map(Self)
    }
}

impl Written for Millis {
    fn schema() -> Value {
        Timestamp::schema()
    }
}

/// What is written as `null` where there is nothing, beside what is not written at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Written> Written for Nullable<T> {
    fn schema() -> Value {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }
}
