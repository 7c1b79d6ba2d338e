//! How do letters get to the sinks? What the engine wants told is delivered by the crate that knows how.

use std::sync::Arc;
use std::time::Duration;

use engine::StateDir;
use engine::outbox::{Delivering, Notification, OutboxWorker, Sink, Transport, Undelivered};
use machine::files::Roots;
use monitor::StoredAlerts;
use notify::{Address, Message, Notifier, NotifierSettings, Secrets, environment};
use policy::Config;
use policy::network::Network;
use rollout::Product;
use serde_json::Value;
use tokio::time::timeout;

use crate::caller::Caller;
use crate::error::Error;
use crate::folder::Folder;
use crate::{allowed_paths, links, stored};

/// So long a command waits at its end for what is still to be delivered.
pub const DELIVER_WITHIN: Duration = Duration::from_secs(10);

/// The same when somebody has told it to stop: whoever stops a service does not wait for long before it is killed.
pub const DELIVER_WHEN_STOPPED: Duration = Duration::from_secs(1);

/// How far the files of a project reach while it is driven or watched.
pub(crate) fn roots(folder: &Folder, config: &Config, product: &Product) -> Roots {
    let roots = folder.roots(Some(config));
    roots.renew(allowed_paths::beyond(config, product));
    roots
}

/// The sinks of a project.
pub(crate) fn post(roots: &Roots, config: &Config) -> Result<Notifier, Error> {
    let network = Network::new(config.project.allow.iter().map(String::as_str))
        .map_err(|source| Error::Network(Box::new(source)))?;
    Notifier::new(NotifierSettings {
        folder: roots.folder().to_owned(),
        network,
        mail: config.mail.clone(),
        secrets: Secrets::within(roots.clone(), environment),
    })
    .map_err(|source| Error::Notifications(Box::new(source)))
}

/// Delivers letters to the sinks of a project for as long as it lives. Links lead to the pages as the files said when it
/// began.
pub(crate) fn postman(place: &StateDir, post: &Notifier, config: &Config) -> OutboxWorker {
    let alerts = Arc::new(StoredAlerts::of(place));
    OutboxWorker::start(place, carrier(post, config), alerts)
}

fn carrier(post: &Notifier, config: &Config) -> Arc<dyn Transport> {
    Arc::new(Sinks {
        post: post.clone(),
        pages: links::base(config),
    })
}

/// Delivers what is due before the process ends; what is not delivered by then waits for the next one.
pub(crate) async fn deliver_due(
    place: &StateDir,
    folder: &Folder,
    config: &Config,
    limit: Duration,
    caller: &dyn Caller,
) {
    if config.project.notify.is_empty() {
        return;
    }
    let Ok(product) = stored::product(place, caller) else {
        return;
    };
    let Ok(post) = post(&roots(folder, config, &product), config) else {
        return;
    };
    let alerts = Arc::new(StoredAlerts::of(place));
    let round = OutboxWorker::once(place, carrier(&post, config), alerts);
    if let Ok(Err(error)) = timeout(limit, round).await {
        tracing::warn!(%error, "not all notifications could be looked at");
    }
}

struct Sinks {
    post: Notifier,
    /// Where people open pages, if there are any.
    pages: Option<String>,
}

impl Transport for Sinks {
    fn deliver<'a>(&'a self, letter: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let message = message(letter, self.pages.as_deref());
            let delivered = self.post.deliver(&address(letter), &message).await;
            delivered.map_err(|error| Undelivered {
                reason: error.reason,
                is_permanent: error.is_permanent,
                retry_after: error.retry_after,
            })
        })
    }
}

fn address(letter: &Notification) -> Address {
    let target = letter.to.target.clone();
    match letter.to.sink {
        Sink::Slack => Address::Slack(target),
        Sink::Webhook => Address::Webhook(target, letter.secret.clone()),
        Sink::Email => Address::Email(target),
        Sink::Command => Address::Command(target),
    }
}

fn message(letter: &Notification, pages: Option<&str>) -> Message {
    // Customers have no pages of their own.
    let pages = pages.filter(|_| letter.to.customer.is_none());
    Message {
        id: letter.id.to_string(),
        at: letter.at,
        kind: letter.kind.clone(),
        product: letter.product.clone(),
        rollout: letter.rollout.map(|run| run.to_string()),
        version: letter.version.clone(),
        name: letter.to.name.clone(),
        to_customer: letter.to.customer.is_some(),
        link: pages.and_then(|pages| link(letter, pages)),
        about: about(letter, pages),
        text: letter.text.clone(),
        reminder: letter.reminder,
    }
}

/// The page of what a letter is about: of a gate, of all of them, of the rollout.
fn link(letter: &Notification, pages: &str) -> Option<String> {
    let run = letter.rollout?;
    let path = match (letter.about.as_slice(), gate_of(letter.about.first()?)) {
        ([_], Some(gate)) => links::gate(run, gate),
        (_, Some(_)) => links::APPROVALS.to_owned(),
        (_, None) => links::rollout(run),
    };
    Some(format!("{pages}{path}"))
}

/// What it is about, each gate with its page.
fn about(letter: &Notification, pages: Option<&str>) -> Vec<Value> {
    let mut about = letter.about.clone();
    let Some((run, pages)) = letter.rollout.zip(pages) else {
        return about;
    };
    for item in &mut about {
        let gate = item.get("covers").and_then(|_| gate_of(item));
        let Some(link) = gate.map(|gate| format!("{pages}{}", links::gate(run, gate))) else {
            continue;
        };
        if let Some(fields) = item.as_object_mut() {
            fields.insert("link".to_owned(), Value::String(link));
        }
    }
    about
}

/// The gate of an event, or of a view of one.
fn gate_of(item: &Value) -> Option<&str> {
    let gate = item.get("gate").or_else(|| item.get("data")?.get("gate"));
    gate.and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use engine::outbox::{NotificationId, Recipient};
    use serde_json::json;

    use super::*;

    fn letter(about: Vec<Value>, customer: Option<&str>) -> Notification {
        Notification {
            id: NotificationId("e1".to_owned()),
            at: policy::Timestamp::UNIX_EPOCH,
            kind: "approval_requested".to_owned(),
            product: "shop".to_owned(),
            rollout: Some(rollout::RolloutId::Rollout(1)),
            version: None,
            to: Recipient {
                sink: Sink::Email,
                target: "bob@example.com".to_owned(),
                person: None,
                name: None,
                customer: customer.map(policy::CustomerId::new),
            },
            secret: None,
            about,
            text: None,
            remind: None,
            reminder: 0,
        }
    }

    #[test]
    fn a_request_for_approval_carries_the_page_on_which_it_is_decided() {
        let pages = Some("https://releases.example");
        let gate = |name: &str| json!({"gate": name, "covers": ["acme"]});
        let one = message(&letter(vec![gate("standard/2")], None), pages);
        let page = "https://releases.example/approvals/r1/standard/2";
        assert_eq!(one.link.as_deref(), Some(page));
        assert_eq!(one.about[0]["link"], page);
        let two = message(&letter(vec![gate("a"), gate("b c")], None), pages);
        assert_eq!(
            two.link.as_deref(),
            Some("https://releases.example/approvals")
        );
        assert_eq!(
            two.about[1]["link"],
            "https://releases.example/approvals/r1/b%20c"
        );
        let event = json!({"kind": "approval_escalated", "data": {"gate": "acme"}});
        let escalated = message(&letter(vec![event], None), pages);
        assert_eq!(
            escalated.link.as_deref(),
            Some("https://releases.example/approvals/r1/acme")
        );
        let halted = message(
            &letter(vec![json!({"kind": "rollout_halted"})], None),
            pages,
        );
        assert_eq!(
            halted.link.as_deref(),
            Some("https://releases.example/rollouts/r1")
        );
    }

    #[test]
    fn customers_and_projects_without_pages_get_no_links() {
        let gate = || vec![json!({"gate": "acme", "covers": ["acme"]})];
        let unknown = message(&letter(gate(), None), None);
        assert_eq!((unknown.link, &unknown.about), (None, &gate()));
        let customer = message(
            &letter(gate(), Some("acme")),
            Some("https://releases.example"),
        );
        assert_eq!((customer.link, &customer.about), (None, &gate()));
    }
}
