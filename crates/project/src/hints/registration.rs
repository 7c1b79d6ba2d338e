//! Which webhooks of this project does Render have? They are made, mended and removed here, and known by name and address.

use futures::TryStreamExt as _;
use policy::{Config, Timestamp};
use render::{Client, EventKind, OwnerId, Webhook, WebhookId, WebhookTarget};
use secrecy::SecretString;
use serde::Serialize;

use crate::error::Error;

/// A webhook of this project, without what is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// What Render calls it.
    pub id: WebhookId,
    /// Its name, by which it is known to be this project's.
    pub name: String,
    /// Where Render sends.
    pub url: String,
    /// Whether it does: after eight failures of one message it no longer does.
    pub enabled: bool,
    /// When something was last sent.
    pub sent_at: Option<Timestamp>,
    /// How that was answered; absent: not at all.
    pub status: Option<u16>,
}

/// The webhooks of this project.
///
/// # Errors
/// Render does not answer, or not to this key.
pub async fn registered(client: &Client, config: &Config) -> Result<Vec<Registered>, Error> {
    let mut all = Vec::new();
    for hook in ours(client, config, configured(config).as_slice()).await? {
        let mut deliveries = Box::pin(client.webhook_deliveries(&hook.id));
        let last = deliveries.try_next().await?;
        all.push(Registered {
            sent_at: last.as_ref().and_then(|last| last.sent_at),
            status: last.and_then(|last| last.status_code),
            id: hook.id,
            name: hook.name,
            url: hook.url,
            enabled: hook.enabled,
        });
    }
    Ok(all)
}

/// Removes the webhooks of this project, and says which.
///
/// # Errors
/// Render does not answer, or not to this key; those before are removed.
pub async fn remove(client: &Client, config: &Config) -> Result<Vec<Registered>, Error> {
    let hooks = registered(client, config).await?;
    for hook in &hooks {
        client.admin().delete_webhook(&hook.id).await?;
    }
    Ok(hooks)
}

/// Sees to it that exactly one webhook sends the ends of deploys there, and reads what it signs with.
pub(super) async fn ensure(
    client: &Client,
    config: &Config,
    url: &str,
) -> Result<SecretString, Error> {
    let owner = workspace(client, config).await?;
    let target = WebhookTarget {
        name: name(config),
        url: url.to_owned(),
        enabled: true,
        events: vec![EventKind::DeployEnded],
    };
    let mut found = ours(client, config, std::slice::from_ref(&owner)).await?;
    found.retain(|hook| hook.url == url);
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let mut found = found.into_iter();
    let hook = match found.next() {
        Some(hook) if hook.enabled && hook.events == target.events => hook,
        Some(hook) => client.admin().update_webhook(&hook.id, &target).await?,
        None => client.admin().create_webhook(&owner, &target).await?,
    };
    // A request whose reply was lost may have made one more.
    for double in found {
        client.admin().delete_webhook(&double.id).await?;
    }
    hook.secret.ok_or(Error::NoSigningSecret(hook.id))
}

/// Those of these workspaces that bear this project's name; of no workspaces: of all that the key reaches.
async fn ours(client: &Client, config: &Config, owners: &[OwnerId]) -> Result<Vec<Webhook>, Error> {
    let mut all: Vec<Webhook> = client.webhooks(owners).try_collect().await?;
    let name = name(config);
    all.retain(|hook| hook.name == name);
    Ok(all)
}

fn name(config: &Config) -> String {
    format!("tranche {}", config.project.product)
}

fn configured(config: &Config) -> Option<OwnerId> {
    let owner = config.project.render.owner.as_deref();
    owner.map(OwnerId::from)
}

/// The workspace of the files, or the only one there is.
async fn workspace(client: &Client, config: &Config) -> Result<OwnerId, Error> {
    if let Some(owner) = configured(config) {
        return Ok(owner);
    }
    let owners = client.owners(2).await?;
    match <[render::Owner; 1]>::try_from(owners) {
        Ok([only]) => Ok(only.id),
        Err(_) => Err(Error::NoWorkspace),
    }
}
