//! E-mail by SMTP: protected unless the project says otherwise, one thread a rollout, the same `Message-ID` when repeated.

use std::path::Path;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use machine::files::Roots;
use policy::mail::{Mail, MailTls};
use policy::settings::SecretSource;
use secrecy::ExposeSecret as _;

use crate::error::{Undelivered, chain};
use crate::message::{Message, MessageText};
use crate::secrets::Secrets;

/// Where the password is, unless the project says otherwise.
pub const MAIL_PASSWORD: &str = "SMTP_PASSWORD";

const TIMEOUT: Duration = Duration::from_secs(30);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(crate) async fn send(
    mail: Option<&Mail>,
    secrets: &Secrets,
    to: &str,
    message: &Message,
    words: &MessageText,
) -> Result<(), Undelivered> {
    let mail = mail.ok_or_else(|| {
        Undelivered::transient("there is no `mail` in tranche.yaml, so no e-mail can be sent")
    })?;
    let letter = compose(mail, to, message, words)?;
    let sent = transport(mail, secrets)?.send(letter).await;
    sent.map(|_| ()).map_err(|error| Undelivered {
        is_permanent: error.is_permanent(),
        retry_after: None,
        reason: chain(&error),
    })
}

fn compose(
    mail: &Mail,
    to: &str,
    message: &Message,
    words: &MessageText,
) -> Result<lettre::Message, Undelivered> {
    let from: Mailbox = mailbox(&mail.from)?;
    let host = from.email.domain().to_owned();
    let builder = lettre::Message::builder()
        .message_id(Some(format!("<{}.{}@{host}>", message.id, name(message))))
        .from(from)
        .to(mailbox(to)?)
        .subject(&words.subject)
        .header(ContentType::TEXT_PLAIN)
        // Nobody's absence notice is to answer this.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    threaded(builder, message, &host)
        .body(words.text.clone())
        .map_err(|error| Undelivered::permanent(chain(&error)))
}

/// All messages about a rollout answer one that was never sent, which is how readers group them.
fn threaded(builder: MessageBuilder, message: &Message, host: &str) -> MessageBuilder {
    match &message.rollout {
        Some(rollout) => {
            let root = format!("<{rollout}.{}@{host}>", name(message));
            builder.in_reply_to(root.clone()).references(root)
        }
        None => builder,
    }
}

/// The product, as far as an id may hold it.
fn name(message: &Message) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    message.product.chars().filter(fits).collect()
}

fn mailbox(text: &str) -> Result<Mailbox, Undelivered> {
    text.parse()
        .map_err(|error| Undelivered::permanent(format!("`{text}` is no mailbox: {error}")))
}

fn transport(mail: &Mail, secrets: &Secrets) -> Result<Transport, Undelivered> {
    let parameters = || tls_parameters(mail, secrets.roots());
    let tls = match mail.tls {
        MailTls::Starttls => Tls::Required(parameters()?),
        MailTls::Tls => Tls::Wrapper(parameters()?),
        MailTls::None => Tls::None,
    };
    let mut builder = Transport::builder_dangerous(&mail.host)
        .port(mail.port)
        .tls(tls)
        .timeout(Some(TIMEOUT));
    if let Some(user) = &mail.user {
        let usual = SecretSource::Env(MAIL_PASSWORD.to_owned());
        let password = secrets.read(mail.password.as_ref().unwrap_or(&usual))?;
        let password = password.expose_secret().to_owned();
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

/// Whom to trust: the system's authorities, and those the project names. The name in the certificate must be the host's.
fn tls_parameters(mail: &Mail, roots: &Roots) -> Result<TlsParameters, Undelivered> {
    let mut builder = TlsParameters::builder(mail.host.clone());
    if let Some(file) = &mail.ca_file {
        builder = builder.add_root_certificate(authorities(roots, file)?);
    }
    builder
        .build()
        .map_err(|error| Undelivered::transient(chain(&error)))
}

fn authorities(roots: &Roots, file: &str) -> Result<Certificate, Undelivered> {
    let pem = roots
        .read(Path::new(file))
        .map_err(|error| Undelivered::transient(format!("failed to read {file}: {error}")))?;
    let has_any = String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----");
    let read = Certificate::from_pem(&pem).ok().filter(|_| has_any);
    read.ok_or_else(|| Undelivered::transient(format!("{file} holds no certificates in PEM form")))
}
