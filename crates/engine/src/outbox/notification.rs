//! One notification: what it is about and whom it goes to. Its words are chosen when it is delivered.

use std::fmt;

use policy::settings::SecretSource;
use policy::{CustomerId, PersonId, Span, Timestamp};
use rollout::RolloutId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::NewNotification;

/// The kind of a notification that an alert was raised.
pub const ALERT_RAISED: &str = "alert_raised";
/// The kind of a notification that an alert is over.
pub const ALERT_RECOVERED: &str = "alert_recovered";

/// Names a notification; who gets one twice can tell by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(pub String);

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Something that one recipient is to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its name.
    pub id: NotificationId,
    /// When what it is about happened.
    pub at: Timestamp,
    /// The kind of event, [`ALERT_RAISED`] or [`ALERT_RECOVERED`].
    pub kind: String,
    /// What is released.
    pub product: String,
    /// The rollout or operation; notifications about one form a thread.
    pub rollout: Option<RolloutId>,
    /// The version of that rollout.
    pub version: Option<String>,
    /// Whom it goes to.
    pub to: Recipient,
    /// What it is about: events without their links, alerts, or gates in the order of their turn.
    pub about: Vec<Value>,
    /// A template of its own.
    pub text: Option<String>,
    /// Signs it, if it goes to a webhook.
    pub secret: Option<SecretSource>,
    /// Say it again while nobody answers.
    pub remind: Option<Span>,
    /// How often it has been said before.
    pub reminder: u32,
}

impl Notification {
    /// As it is stored.
    pub(crate) fn row(&self) -> NewNotification {
        NewNotification {
            id: self.id.0.clone(),
            at: self.at,
            json: serde_json::to_string(self).expect("notifications serialise"),
            remind: self.remind,
        }
    }
}

/// Whom a notification goes to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// How.
    pub sink: Sink,
    /// Where: an address, a command line, or the place of a secret one.
    pub target: String,
    /// The person, if it goes to one.
    pub person: Option<PersonId>,
    /// The customer, if it goes to one.
    pub customer: Option<CustomerId>,
    /// The name by which to call them.
    pub name: Option<String>,
}

/// The ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// An incoming webhook of Slack.
    Slack,
    /// Signed JSON over HTTP.
    Webhook,
    /// SMTP.
    Email,
    /// JSON on the standard input of a command.
    Command,
}

impl Sink {
    /// Its name in the files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::Command => "command",
        }
    }

    /// The sink of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Slack, Self::Webhook, Self::Email, Self::Command]
            .into_iter()
            .find(|sink| sink.as_str() == name)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match (&self.person, &self.customer) {
            (Some(person), _) => person.as_str(),
            (None, Some(customer)) => customer.as_str(),
            (None, None) => &self.target,
        };
        write!(f, "{} {target}", self.sink.as_str())
    }
}
