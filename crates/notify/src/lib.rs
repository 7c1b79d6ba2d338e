//! How is a person or a machine told? Texts from templates, and the sinks that carry them: command, webhook, Slack, e-mail.
//!
//! It decides nothing about rollouts and keeps nothing: what is to be told, and that it is told at least once, is the
//! engine's. [`Notifier::deliver`] tries once. Start reading there.

mod command;
mod email;
mod error;
mod http;
mod message;
mod notifier;
mod secrets;
mod slack;
mod templates;
mod webhook;

pub use email::MAIL_PASSWORD;
pub use error::Undelivered;
pub use message::{Address, Message, MessageText};
pub use notifier::{Notifier, NotifierSettings};
pub use secrets::{Secrets, environment};
pub use templates::{BadTemplate, Templates, template_mistake};
