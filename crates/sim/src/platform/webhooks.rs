//! Registered webhooks.

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::ids::{OwnerId, Timestamp, WebhookId};
use crate::requests::ApiError;

/// A webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Its workspace.
    pub owner: OwnerId,
    /// What it asks for.
    pub target: WebhookTarget,
    /// What messages are signed with.
    pub secret: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where messages go, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTarget {
    /// Its name.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// Whether any are sent.
    pub enabled: bool,
    /// Of which kinds; none: all.
    #[serde(default, deserialize_with = "super::bodies::null_as_default")]
    pub event_filter: Vec<String>,
}

impl Platform {
    /// The webhooks that the API key reaches, by id.
    pub fn webhooks(&self) -> impl Iterator<Item = &Webhook> {
        self.webhooks
            .values()
            .filter(|webhook| self.reaches(&webhook.owner))
    }

    /// One webhook.
    pub fn webhook(&self, id: &WebhookId) -> Result<&Webhook, ApiError> {
        let mut webhooks = self.webhooks();
        webhooks
            .find(|webhook| webhook.id == *id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// Registers a webhook.
    pub(crate) fn create_webhook(
        &mut self,
        now: Timestamp,
        owner: OwnerId,
        target: WebhookTarget,
    ) -> Result<&Webhook, ApiError> {
        let now = self.advance(now);
        if !self.reaches(&owner) {
            return Err(ApiError::not_found(owner.as_str()));
        }
        let webhook = Webhook {
            id: WebhookId::new(self.ids.next("whk", now)),
            owner,
            target,
            secret: format!("whsec_{}", self.ids.secret()),
            created_at: now,
        };
        let id = webhook.id.clone();
        self.webhooks.insert(id.clone(), webhook);
        self.webhook(&id)
    }

    /// Changes a webhook.
    pub(crate) fn update_webhook(
        &mut self,
        id: &WebhookId,
        change: impl FnOnce(&mut WebhookTarget),
    ) -> Result<&Webhook, ApiError> {
        self.webhook(id)?;
        if let Some(webhook) = self.webhooks.get_mut(id) {
            change(&mut webhook.target);
        }
        self.webhook(id)
    }

    /// Removes a webhook.
    pub(crate) fn delete_webhook(&mut self, id: &WebhookId) -> Result<(), ApiError> {
        self.webhook(id)?;
        self.webhooks.remove(id);
        self.messages.retain(|message| message.webhook != *id);
        Ok(())
    }
}
