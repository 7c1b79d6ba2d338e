//! How does the command line sign in at a server? It shows a code, somebody types it into the server's page, and it is given a
//! token of its own, which [`credentials`](crate::credentials) keeps.

use std::fs;
use std::time::Duration;

use policy::PersonId;
use policy::network::is_on_this_machine;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::error::{Error, ErrorKind, StateError};

/// So long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What this machine calls itself.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// A sign-in that waits for somebody to type its code.
#[derive(Debug)]
pub struct Waiting {
    client: Client,
    url: String,
    begun: Begun,
}

#[derive(Debug, Deserialize)]
struct Begun {
    code: String,
    page: String,
    secret: SecretString,
    expires_in: u64,
    interval: u64,
}

/// What somebody let it have.
#[derive(Debug, Deserialize)]
pub struct Given {
    /// In whose name.
    pub person: PersonId,
    /// The token.
    pub token: SecretString,
}

impl Waiting {
    /// Asks a server to be let in; for votes too, if somebody wants that for a few minutes.
    ///
    /// # Errors
    /// The server cannot be reached, or says no.
    pub async fn begin(url: &str, votes: bool) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').to_owned();
        let client = client(&url)?;
        let host = fs::read_to_string(HOST_NAME).unwrap_or_default();
        let wanted = json!({"host": host.trim(), "votes": votes});
        let answer = client.post(format!("{url}/api/v1/device")).json(&wanted);
        let answer = answer.send().await.map_err(unreached)?;
        let begun = read(checked(answer).await?).await?;
        Ok(Self { client, url, begun })
    }

    /// What is to be typed by hand.
    pub fn code(&self) -> &str {
        &self.begun.code
    }

    /// Where.
    pub fn page(&self) -> &str {
        &self.begun.page
    }

    /// Waits until somebody has let it in.
    ///
    /// # Errors
    /// Somebody has said no, or nobody has said anything for too long.
    pub async fn answer(self) -> Result<Given, Error> {
        let patience = Duration::from_secs(self.begun.expires_in);
        let answer = timeout(patience, self.ask_again());
        answer.await.unwrap_or_else(|_| {
            Err(failed(
                ErrorKind::Unfinished,
                "nobody has typed the code in time",
                "the same command again",
            ))
        })
    }

    async fn ask_again(&self) -> Result<Given, Error> {
        let secret = json!({"secret": self.begun.secret.expose_secret()});
        loop {
            sleep(Duration::from_secs(self.begun.interval.max(1))).await;
            let asked = self
                .client
                .post(format!("{}/api/v1/device/token", self.url));
            // A network that fails for a moment comes back.
            let Ok(answer) = asked.json(&secret).send().await else {
                continue;
            };
            let answer = checked(answer).await?;
            if answer.status() == StatusCode::OK {
                return read(answer).await;
            }
        }
    }
}

/// Tells a server that a token is not used any more.
///
/// # Errors
/// The server cannot be reached, or says no.
pub async fn end(url: &str, token: &SecretString) -> Result<(), Error> {
    let url = url.trim_end_matches('/');
    let ended = client(url)?
        .delete(format!("{url}/api/v1/device/token"))
        .bearer_auth(token.expose_secret());
    checked(ended.send().await.map_err(unreached)?)
        .await
        .map(drop)
}

/// What is sent is secret, so nobody on the way may read it, and nobody else may be asked.
fn client(url: &str) -> Result<Client, Error> {
    if !url.starts_with("https://") && !is_on_this_machine(url) {
        return Err(failed(
            ErrorKind::Usage,
            format!(
                "{url} is not reached over TLS, so what is sent there could be read on the way"
            ),
            "an address that begins with https://",
        ));
    }
    let client = Client::builder()
        .redirect(Policy::none())
        .timeout(TIMEOUT)
        .user_agent("tranche")
        .build();
    client.map_err(unreached)
}

async fn read<T: for<'de> Deserialize<'de>>(answer: Response) -> Result<T, Error> {
    let read = answer.json().await;
    read.map_err(|error| {
        failed(
            ErrorKind::Failed,
            format!("the server answers something else than was asked: {error}"),
            "the address of a server of tranche, of the same release",
        )
    })
}

/// What a server says when it says no.
async fn checked(answer: Response) -> Result<Response, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said: Value = answer.json().await.unwrap_or_default();
    let message = said["detail"].as_str().map_or_else(
        || format!("the server answers {status}"),
        |detail| format!("the server says: {detail}"),
    );
    let kind = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ErrorKind::NotPermitted,
        StatusCode::NOT_FOUND => ErrorKind::Usage,
        _ if status.is_server_error() => ErrorKind::Unreachable,
        _ => ErrorKind::Refused,
    };
    Err(StateError {
        kind,
        way_out: None,
        source: message.into(),
    }
    .into())
}

fn unreached(error: reqwest::Error) -> Error {
    StateError {
        kind: ErrorKind::Unreachable,
        way_out: Some("the same command again, once the server can be reached".to_owned()),
        source: Box::new(error),
    }
    .into()
}

fn failed(kind: ErrorKind, message: impl Into<String>, way_out: &str) -> Error {
    StateError {
        kind,
        way_out: Some(way_out.to_owned()),
        source: message.into().into(),
    }
    .into()
}
