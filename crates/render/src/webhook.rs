//! Webhooks: which are registered, what was delivered, and whether an incoming message is Render's (P52).

mod incoming;

use chrono::{DateTime, Utc};
use futures::Stream;
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::event::EventKind;
use crate::ids::{OwnerId, WebhookId};
use crate::page::listed;
use crate::wire::nullable;

pub use incoming::{Hint, WebhookRejected, WebhookVerifier};

/// A registered webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Where messages go.
    #[serde(default, deserialize_with = "nullable")]
    pub url: String,
    /// Whether messages are sent; Render switches it off after too many failures.
    #[serde(default, deserialize_with = "nullable")]
    pub enabled: bool,
    /// Of which kinds; none: all.
    #[serde(default, rename = "eventFilter", deserialize_with = "nullable")]
    pub events: Vec<EventKind>,
    /// What messages are signed with.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

/// A webhook to be registered, or how a registered one is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Its name.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// Whether messages are sent.
    pub enabled: bool,
    /// Of which kinds; none: all.
    pub events: Vec<EventKind>,
}

/// One message, as Render remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// Its id.
    pub id: String,
    /// The event it told of.
    #[serde(default)]
    pub event_id: Option<String>,
    /// Of which kind.
    #[serde(default)]
    pub event_type: EventKind,
    /// When it was sent.
    #[serde(default)]
    pub sent_at: Option<DateTime<Utc>>,
    /// How it was answered; absent: not at all.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// Why it did not arrive.
    #[serde(default)]
    pub error: Option<String>,
}

listed!(Webhook: id, WebhookDelivery: id);

/// Webhooks.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
///
/// let hooks: Vec<_> = client.webhooks(&["tea-cukouhrtq21c73e9scng".into()]).try_collect().await?;
/// for hook in hooks.iter().filter(|hook| !hook.enabled) {
///     println!("{} was switched off", hook.name);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// The webhooks of these workspaces; of none: of all that the key reaches.
    pub fn webhooks(
        &self,
        owners: &[OwnerId],
    ) -> impl Stream<Item = Result<Webhook>> + Send + use<> {
        self.stream(Call::get(&["webhooks"]).joined("ownerId", owners.iter()))
    }

    /// Reads one webhook.
    pub async fn webhook(&self, webhook: &WebhookId) -> Result<Webhook> {
        self.json(Call::get(&["webhooks", webhook.as_str()])).await
    }

    /// What was sent, page by page as it is taken.
    pub fn webhook_deliveries(
        &self,
        webhook: &WebhookId,
    ) -> impl Stream<Item = Result<WebhookDelivery>> + Send + use<> {
        self.stream(Call::get(&["webhooks", webhook.as_str(), "events"]))
    }
}

/// Changing webhooks.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::{EventKind, WebhookTarget};
///
/// let target = WebhookTarget {
///     name: "tranche".to_owned(),
///     url: "https://releases.acme.example/render".to_owned(),
///     enabled: true,
///     events: vec![EventKind::DeployEnded],
/// };
/// let hook = client.admin().create_webhook(&"tea-cukouhrtq21c73e9scng".into(), &target).await?;
/// println!("{} signs with a secret: {}", hook.id, hook.secret.is_some());
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Registers a webhook. At most once.
    pub async fn create_webhook(&self, owner: &OwnerId, target: &WebhookTarget) -> Result<Webhook> {
        let mut body = target.body();
        body["ownerId"] = json!(owner);
        self.0
            .json(Self::change(Method::POST, &["webhooks"], &body))
            .await
    }

    /// Changes a webhook.
    pub async fn update_webhook(
        &self,
        webhook: &WebhookId,
        target: &WebhookTarget,
    ) -> Result<Webhook> {
        let path = ["webhooks", webhook.as_str()];
        let call = Self::change(Method::PATCH, &path, &target.body());
        self.0.json(call).await
    }

    /// Deletes a webhook; one that is already gone counts as deleted.
    pub async fn delete_webhook(&self, webhook: &WebhookId) -> Result<()> {
        self.delete(&["webhooks", webhook.as_str()]).await
    }
}

impl WebhookTarget {
    fn body(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "url": self.url,
            "enabled": self.enabled,
            "eventFilter": self.events,
        })
    }
}
