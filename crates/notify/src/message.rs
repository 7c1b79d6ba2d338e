//! What is told, and where to: the facts of one message, before a template makes words of them.

use policy::Timestamp;
use policy::settings::SecretSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The facts of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Names it; a repeated delivery carries the same.
    pub id: String,
    /// When what it is about happened.
    pub at: Timestamp,
    /// The kind of event.
    pub kind: String,
    /// What is released.
    pub product: String,
    /// The rollout; messages about one form a thread.
    pub rollout: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Who gets it, where that is known.
    pub name: Option<String>,
    /// Whether it goes to a customer, who is told in other words than the team.
    pub to_customer: bool,
    /// What it is about.
    pub about: Vec<Value>,
    /// A template of its own.
    pub text: Option<String>,
    /// The page on which people find what it is about, if there is a server.
    pub link: Option<String>,
    /// How often it was said before.
    pub reminder: u32,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An incoming webhook, by the place of its address.
    Slack(String),
    /// An address, or its place, and what signs the message.
    Webhook(String, Option<SecretSource>),
    /// A mailbox.
    Email(String),
    /// A command line.
    Command(String),
}

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText {
    /// One line.
    pub subject: String,
    /// The rest.
    pub text: String,
}

/// The JSON that webhooks and commands get.
pub(crate) fn payload(message: &Message, words: &MessageText) -> Value {
    let mut payload = json!({
        "type": message.kind,
        "timestamp": message.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "data": {
            "id": message.id,
            "product": message.product,
            "rollout": message.rollout,
            "version": message.version,
            "subject": words.subject,
            "text": words.text,
            "reminder": message.reminder,
            "about": message.about,
        },
    });
    if let Some(link) = &message.link {
        payload["data"]["link"] = Value::String(link.clone());
    }
    payload
}
