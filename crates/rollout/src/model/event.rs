//! Facts, past tense: what the journal holds.
//!
//! An event is one flat JSON object (docs/reference/events.md), linked to the one before it by a hash over its canonical form.

use policy::{CustomerId, PersonId, PolicyId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::canonical::Fields;
use crate::model::ids::{DeployId, RolloutId};

mod kind;

pub use self::kind::Kind;

/// The `prev` of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One fact with its place in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, ... without gaps, over the whole product.
    pub seq: u64,
    /// When, by engine time.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub line: Line,
    /// The hash of the event before.
    pub prev: String,
    /// SHA-256 (hex) over the canonical form without this field.
    pub hash: String,
}

/// What happened, flat, as the journal holds it: without its place there, and with whatever a newer release has added.
///
/// What it says by its kind is a [`Fact`](crate::Fact).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// In which rollout or operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// What.
    pub kind: Kind,
    /// In which phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PolicyId>,
    /// In which batch, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Which service of the customer, by role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Role>,
    /// The attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "instant_option"
    )]
    pub until: Option<Timestamp>,
    /// Render's id of the deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<DeployId>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whatever else belongs to the kind.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

impl Line {
    /// A line of this kind that says nothing yet.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            rollout: None,
            kind,
            phase: None,
            batch: None,
            customer: None,
            service: None,
            attempt: None,
            actor: None,
            reason: None,
            until: None,
            deploy: None,
            commit: None,
            data: Map::new(),
        }
    }
}

impl Event {
    /// Links a line behind the event with hash `prev`.
    pub fn link(seq: u64, at: Timestamp, line: Line, prev: String) -> Self {
        let mut event = Self {
            seq,
            at,
            line,
            prev,
            hash: String::new(),
        };
        event.hash = event.digest();
        event
    }

    /// The hash that this event should have.
    pub fn digest(&self) -> String {
        // Taken apart by name, so that a new field cannot be forgotten.
        let Self {
            seq,
            at,
            line,
            prev,
            hash: _,
        } = self;
        let Line {
            rollout,
            kind,
            phase,
            batch,
            customer,
            service,
            attempt,
            actor,
            reason,
            until,
            deploy,
            commit,
            data,
        } = line;
        let shown = |at: &Timestamp| crate::show_instant(*at);
        let mut fields = Fields::default();
        fields.text("actor", actor.as_ref().map(PersonId::as_str));
        fields.text("at", Some(&shown(at)));
        fields.number("attempt", attempt.map(u64::from));
        fields.number("batch", batch.map(u64::from));
        fields.text("commit", commit.as_deref());
        fields.text("customer", customer.as_ref().map(CustomerId::as_str));
        fields.object("data", data);
        fields.text("deploy", deploy.as_ref().map(|deploy| deploy.0.as_str()));
        fields.text("kind", Some(kind.as_str()));
        fields.text("phase", phase.as_ref().map(PolicyId::as_str));
        fields.text("prev", Some(prev));
        fields.text("reason", reason.as_deref());
        fields.text("rollout", rollout.map(|id| id.to_string()).as_deref());
        fields.number("seq", Some(*seq));
        fields.text("service", service.as_ref().map(Role::as_str));
        fields.text("until", until.as_ref().map(shown).as_deref());
        fields.digest()
    }
}

/// Instants with exactly three digits of a second.
mod instant {
    use policy::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&crate::show_instant(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from)
    }
}

mod instant_option {
    use policy::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::instant::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<Timestamp>::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::payload::insert;

    #[test]
    fn the_digest_is_that_of_the_canonical_form() {
        let at: Timestamp = "2027-01-11T08:00:00.120Z".parse().expect("an instant");
        let fact = Line {
            rollout: Some(RolloutId::Rollout(3)),
            phase: Some("main".into()),
            batch: Some(2),
            customer: Some("acme".into()),
            service: Some("backend".into()),
            attempt: Some(1),
            actor: Some("ann".into()),
            reason: Some("say \"no\"\n\u{e9}".to_owned()),
            until: Some(at),
            deploy: Some("dep-1".into()),
            commit: Some("c0ffee".to_owned()),
            ..Line::new(Kind::DeployCreated)
        };
        let mut full = fact;
        insert(&mut full.data, "z", &0.5);
        insert(&mut full.data, "a", &["b"]);
        for fact in [full, Line::new(Kind::EngineStarted)] {
            let event = Event::link(7, at, fact, GENESIS.to_owned());
            let mut value = serde_json::to_value(&event).expect("events serialise");
            value.as_object_mut().expect("an object").remove("hash");
            assert_eq!(event.hash, crate::model::canonical::digest(&value));
        }
    }
}
