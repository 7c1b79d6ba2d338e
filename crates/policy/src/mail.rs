//! The `mail:` part of `tranche.yaml`: the server that carries e-mail.

use serde::{Deserialize, Serialize};

use crate::settings::SecretSource;

/// How e-mail leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// A PEM file of further authorities whose certificates are trusted, relative to the project folder.
    pub ca_file: Option<String>,
    /// Who the messages are from: `Releases <releases@example.com>`.
    pub from: String,
    /// The account at the server, if it asks for one.
    pub user: Option<String>,
    /// Where its password is; absent: `SMTP_PASSWORD`.
    pub password: Option<SecretSource>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// It begins in the clear and must turn to TLS before anything is said.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Never; for a server on the same machine.
    None,
}

impl MailTls {
    /// The port that servers use for it.
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}
