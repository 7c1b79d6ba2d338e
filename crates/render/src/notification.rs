//! Which mails and chat messages Render itself sends. Notices of rollouts are none of these.

use policy::ServiceId;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::OwnerId;
use crate::open_enum::open_enum;

open_enum! {
    /// What Render tells about.
    NotificationLevel {
        /// As the workspace has it.
        Default = "default",
        /// Nothing.
        None = "none",
        /// Failures.
        Failure = "failure",
        /// Everything.
        All = "all",
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationSettings {
    #[serde(default)]
    notifications_to_send: NotificationLevel,
}

/// Render's own notifications.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::NotificationLevel;
///
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// if client.notification_level(&backend).await? == NotificationLevel::None {
///     client.admin().set_notification_level(&backend, &NotificationLevel::Failure).await?;
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// What Render tells about one service.
    pub async fn notification_level(&self, service: &ServiceId) -> Result<NotificationLevel> {
        let settings: NotificationSettings = self.json(Call::get(&of_service(service))).await?;
        Ok(settings.notifications_to_send)
    }

    /// What Render tells about the services of a workspace.
    pub async fn default_notification_level(&self, owner: &OwnerId) -> Result<NotificationLevel> {
        let path = ["notification-settings", "owners", owner.as_str()];
        let settings: NotificationSettings = self.json(Call::get(&path)).await?;
        Ok(settings.notifications_to_send)
    }
}

/// Changing Render's own notifications.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::NotificationLevel;
///
/// let owner = "tea-cukouhrtq21c73e9scng".into();
/// client.admin().set_default_notification_level(&owner, &NotificationLevel::Failure).await?;
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Sets what Render tells about one service.
    pub async fn set_notification_level(
        &self,
        service: &ServiceId,
        level: &NotificationLevel,
    ) -> Result<()> {
        let body = json!({ "notificationsToSend": level });
        let call = Self::change(Method::PATCH, &of_service(service), &body);
        self.0.done(call).await
    }

    /// Sets what Render tells about the services of a workspace.
    pub async fn set_default_notification_level(
        &self,
        owner: &OwnerId,
        level: &NotificationLevel,
    ) -> Result<()> {
        let path = ["notification-settings", "owners", owner.as_str()];
        let body = json!({ "notificationsToSend": level });
        self.0.done(Self::change(Method::PATCH, &path, &body)).await
    }
}

fn of_service(service: &ServiceId) -> [&str; 4] {
    [
        "notification-settings",
        "overrides",
        "services",
        service.as_str(),
    ]
}
