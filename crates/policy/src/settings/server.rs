//! What does `tranche.yaml` say about the server: its address, who signs in and how, for how long?
//!
//! None of it is frozen by a rollout: it says how people and programs reach the product, never what they may do to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::SecretSource;
use crate::span::Span;

/// The `server:` part of `tranche.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The address that people open, without a path and without a slash at its end; absent: that of the platform, or the
    /// one listened on.
    pub url: Option<String>,
    /// Ranges of reverse proxies, in CIDR form: what these say about the caller is believed.
    pub proxies: Vec<String>,
    /// The certificate that the server shows; absent: it speaks in the clear.
    pub tls: Option<Tls>,
    /// How long a sign-in lasts.
    pub sessions: Sessions,
    /// The identity provider at which people sign in.
    pub sign_in: Option<SignIn>,
    /// Programs of CI systems that sign in with a token of theirs, by the name of the service they become.
    pub ci: BTreeMap<String, Ci>,
}

/// A certificate and its key: PEM files, relative to the project folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The chain of certificates, the server's own first.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// After which time a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// Without being used.
    pub idle: Span,
    /// In any case.
    pub absolute: Span,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle: Span::from_secs(12 * 60 * 60),
            absolute: Span::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// An identity provider (OIDC). It says who somebody is and gives no rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Its issuer, to the letter as its tokens name it.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// Where the secret is that it gave this server; absent: a public client.
    pub client_secret: Option<SecretSource>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
}

impl SignIn {
    /// The scopes where none are written.
    pub fn usual_scopes() -> Vec<String> {
        ["profile", "email"].map(str::to_owned).to_vec()
    }
}

/// A program of a CI system, known by what its token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ci {
    /// Who signs its tokens, to the letter.
    pub issuer: String,
    /// For whom the token must be.
    pub audience: String,
    /// The only repository that may use it: `repository` of GitHub, `project_path` of GitLab.
    pub repository: String,
    /// The only ref: `refs/heads/main`. At least one of it and `environment` is there.
    #[serde(rename = "ref")]
    pub git_ref: Option<String>,
    /// The only environment.
    pub environment: Option<String>,
    /// What it may do.
    pub scopes: Vec<CiScope>,
}

/// What a program of a CI system may do; never vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiScope {
    /// Look.
    Read,
    /// Start rollouts.
    Start,
    /// Ask for any change that an operator may ask for.
    Request,
    /// Push the project's files.
    Push,
}
