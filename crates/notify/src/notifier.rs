//! All sinks in one place: a message in, one attempt out.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use policy::mail::Mail;
use policy::network::Network;

use crate::error::Undelivered;
use crate::http::HttpClient;
use crate::message::{Address, Message};
use crate::secrets::Secrets;
use crate::templates::Templates;
use crate::{command, email, slack, webhook};

/// What deliveries need of a project.
#[derive(Clone, Debug)]
pub struct NotifierSettings {
    /// The project folder: templates and commands are there.
    pub folder: PathBuf,
    /// Which addresses webhooks may reach (P51).
    pub network: Network,
    /// The server that carries e-mail.
    pub mail: Option<Mail>,
    /// Where secrets are read.
    pub secrets: Secrets,
}

/// Delivers messages, one attempt at a time.
///
/// ```no_run
/// # async fn example(message: notify::Message) -> Result<(), notify::Undelivered> {
/// use notify::{Address, Notifier, NotifierSettings, Secrets, environment};
///
/// let folder = std::path::PathBuf::from("releases");
/// let notifier = Notifier::new(NotifierSettings {
///     secrets: Secrets::new(&folder, environment),
///     network: policy::network::Network::default(),
///     mail: None,
///     folder,
/// })?;
/// notifier.deliver(&Address::Slack("${env:SLACK_WEBHOOK}".to_owned()), &message).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Notifier {
    folder: PathBuf,
    templates: Templates,
    secrets: Secrets,
    mail: Arc<RwLock<Option<Mail>>>,
    http: HttpClient,
}

impl Notifier {
    /// Sets the sinks up.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: NotifierSettings) -> Result<Self, Undelivered> {
        Ok(Self {
            templates: Templates::within(settings.secrets.roots().clone()),
            http: HttpClient::new(&settings.network)?,
            folder: settings.folder,
            secrets: settings.secrets,
            mail: Arc::new(RwLock::new(settings.mail)),
        })
    }

    /// Takes the mail server as it was read anew; all clones see it.
    pub fn renew_mail(&self, mail: Option<Mail>) {
        *self.mail.write().unwrap_or_else(PoisonError::into_inner) = mail;
    }

    /// Tries once to deliver a message. It may arrive although this fails.
    ///
    /// # Errors
    /// Why it was not delivered, as far as is known.
    pub async fn deliver(&self, to: &Address, message: &Message) -> Result<(), Undelivered> {
        let words = self
            .templates
            .compose(message)
            .map_err(|error| Undelivered::permanent(error.to_string()))?;
        match to {
            Address::Slack(place) => slack::send(&self.http, &self.secrets, place, &words).await,
            Address::Webhook(place, key) => {
                let key = key.as_ref();
                webhook::send(&self.http, &self.secrets, place, key, message, &words).await
            }
            Address::Email(mailbox) => {
                let mail = self.mail();
                email::send(mail.as_ref(), &self.secrets, mailbox, message, &words).await
            }
            Address::Command(line) => command::send(&self.folder, line, message, &words).await,
        }
    }

    fn mail(&self) -> Option<Mail> {
        let mail = self.mail.read().unwrap_or_else(PoisonError::into_inner);
        mail.clone()
    }
}
