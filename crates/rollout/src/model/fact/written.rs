//! How a value is written in JSON: what the schema of events says of it.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId, Timestamp};
use serde_json::{Value, json};

use crate::model::ids::{AttachmentId, DatabaseId, DeployId, GateId, RolloutId};

/// A type of which the schema of events tells the JSON.
pub trait Written {
    /// Its JSON Schema.
    fn schema() -> Value;
}

macro_rules! written {
    ($schema:expr => $($type:ty),* $(,)?) => {
        $(impl Written for $type {
            fn schema() -> Value {
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
written!(json!({ "type": "number" }) => f64);
written!(json!({}) => Value);

impl<T: Written> Written for Option<T> {
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
