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
use tokio::time::timeout;

use crate::caller::Caller;
use crate::error::Error;
use crate::folder::Folder;
use crate::{allowed_paths, stored};

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

/// Delivers letters to the sinks of a project for as long as it lives.
pub(crate) fn postman(place: &StateDir, post: &Notifier) -> OutboxWorker {
    OutboxWorker::start(place, carrier(post), Arc::new(StoredAlerts::of(place)))
}

fn carrier(post: &Notifier) -> Arc<dyn Transport> {
    Arc::new(Sinks(post.clone()))
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
    let round = OutboxWorker::once(place, carrier(&post), alerts);
    if let Ok(Err(error)) = timeout(limit, round).await {
        tracing::warn!(%error, "not all notifications could be looked at");
    }
}

struct Sinks(Notifier);

impl Transport for Sinks {
    fn deliver<'a>(&'a self, letter: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let delivered = self.0.deliver(&address(letter), &message(letter)).await;
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

fn message(letter: &Notification) -> Message {
    Message {
        id: letter.id.to_string(),
        at: letter.at,
        kind: letter.kind.clone(),
        product: letter.product.clone(),
        rollout: letter.rollout.map(|run| run.to_string()),
        version: letter.version.clone(),
        name: letter.to.name.clone(),
        to_customer: letter.to.customer.is_some(),
        about: letter.about.clone(),
        text: letter.text.clone(),
        reminder: letter.reminder,
    }
}
