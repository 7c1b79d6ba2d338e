//! How does a job of a CI system sign in without a secret that is stored? It shows the token that its system has signed for it.
//!
//! Such a token says of which repository, on which ref and for which environment the job runs. A signature alone says little:
//! anybody's repository gets one. All of it must be what the project's files name, and a job that runs for somebody's proposal
//! is never let in. What comes of it is a service, which never votes, for a quarter of an hour.

mod keys;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Header, TokenData, Validation, decode, decode_header};
use policy::settings::server::{Ci as Named, CiScope, Server};
use policy::{PersonId, Timestamp};
use rollout::request::{Proof, Scope};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use self::keys::Keys;
use crate::problem::Problem;
use crate::sign_in::web::Web;
use crate::store::{Grant, ServerStore, hashed};

/// So long what is given is good.
pub(crate) const GOOD_FOR: TimeDelta = TimeDelta::minutes(15);

/// The clocks of others may be so far from ours, in seconds.
const LEEWAY: u64 = 60;

/// No system's token is longer.
const LONGEST: usize = 16 << 10;

/// What a token may be signed with: never a secret that both know.
const PUBLIC: [Algorithm; 9] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::EdDSA,
];

/// What names a repository, ref or environment to people is so long.
const SHOWN: usize = 200;

/// Whose signatures are known, and which tokens were used.
#[derive(Debug, Default)]
pub(crate) struct Ci {
    keys: Keys,
    /// Until when, by hash: a token is taken once.
    used: Mutex<HashMap<String, Timestamp>>,
}

/// What a job was given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) service: PersonId,
    pub(crate) secret: SecretString,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) ends_at: Timestamp,
}

/// What a token says, as GitHub and GitLab write it.
#[derive(Debug, Default, Deserialize)]
struct Said {
    sub: String,
    exp: i64,
    /// GitHub's name of the repository.
    repository: Option<String>,
    /// GitLab's.
    project_path: Option<String>,
    #[serde(rename = "ref")]
    git_ref: Option<String>,
    /// GitLab's full name of the ref, where `ref` is its short one.
    ref_path: Option<String>,
    environment: Option<String>,
    /// Why GitHub runs the job.
    event_name: Option<String>,
    /// Why GitLab does.
    pipeline_source: Option<String>,
    /// The run, at GitHub.
    run_id: Option<serde_json::Value>,
    /// The pipeline, at GitLab.
    pipeline_id: Option<serde_json::Value>,
}

/// What is looked at before the signature is: who is said to have signed it.
#[derive(Debug, Deserialize)]
struct Unproved {
    iss: String,
}

/// What a job is let in by.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    /// What the files say.
    pub(crate) server: &'a Server,
    /// By which systems are asked.
    pub(crate) web: &'a Web,
    /// Where what is given is kept.
    pub(crate) store: &'a ServerStore,
    /// The instant.
    pub(crate) now: Timestamp,
}

impl Ci {
    /// Takes the token of a job, and gives it what its service may have.
    pub(crate) async fn exchange(
        &self,
        desk: Desk<'_>,
        token: &SecretString,
        service: Option<&str>,
    ) -> Result<Given, Problem> {
        let text = token.expose_secret();
        let (header, unproved) = read(text).ok_or_else(no_token)?;
        let named = desk.server.ci.iter().filter(|(name, one)| {
            one.issuer == unproved.iss && service.is_none_or(|service| service == *name)
        });
        let named: Vec<(&String, &Named)> = named.collect();
        if named.is_empty() {
            return Err(refused("no service here takes tokens of that issuer"));
        }
        let key = self
            .keys
            .find(desk.web, &unproved.iss, header.kid.as_deref());
        let key = key.await?;
        let mut why = "its token does not verify";
        let mut found = Vec::new();
        for (name, one) in named {
            let Some(said) = verified(text, &key, header.alg, one) else {
                continue;
            };
            match one.takes(&said) {
                Ok(()) => found.push((name, one, said)),
                Err(no) => why = no,
            }
        }
        match <[_; 1]>::try_from(found) {
            Ok([(name, one, said)]) => self.give(desk, text, name, one, &said),
            Err(found) if found.is_empty() => Err(refused(why)),
            Err(_) => Err(Problem::usage(
                "more than one service takes this token",
                "`service: NAME`, to say which".to_owned(),
            )),
        }
    }

    fn give(
        &self,
        desk: Desk<'_>,
        text: &str,
        name: &str,
        one: &Named,
        said: &Said,
    ) -> Result<Given, Problem> {
        let now = desk.now;
        if !self.is_first(text, said, now) {
            return Err(refused("its token was used before"));
        }
        let ends_at = now + GOOD_FOR;
        let grant = Grant {
            owner: PersonId::new(format!("service:{name}")),
            is_service: true,
            proof: Proof::oidc(&one.issuer, &said.sub, now),
            scopes: one.scopes.iter().map(|scope| scope_of(*scope)).collect(),
            votes_until: None,
            from: said.in_short(),
        };
        let given = desk.store.give(&grant, Some(ends_at));
        let secret = given.map_err(|error| {
            tracing::error!(%error, "a job of a CI system cannot be let in");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                "the server cannot let anybody in now",
                "tell whoever runs the server: its log says why".to_owned(),
            )
        })?;
        tracing::info!(service = %grant.owner, from = grant.from, "a job of a CI system was let in");
        Ok(Given {
            service: grant.owner,
            secret,
            scopes: grant.scopes,
            ends_at,
        })
    }

    /// Takes note of a token; whether nobody has used it before.
    fn is_first(&self, text: &str, said: &Said, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| now < *until);
        let until = Timestamp::from_timestamp(said.exp, 0).unwrap_or(now);
        let until = until + TimeDelta::seconds(LEEWAY.cast_signed());
        used.insert(hashed(text.as_bytes()), until).is_none()
    }
}

/// What the project's files ask of a job.
trait Takes {
    /// Whether a job is the one that is meant, or why not.
    fn takes(&self, said: &Said) -> Result<(), &'static str>;
}

impl Takes for Named {
    fn takes(&self, said: &Said) -> Result<(), &'static str> {
        if said.is_of_proposal() {
            return Err("it runs for a pull or merge request, which anybody may open");
        }
        let repository = said.repository.as_ref().or(said.project_path.as_ref());
        if repository != Some(&self.repository) {
            return Err("it runs for another repository");
        }
        let git_ref = said.ref_path.as_ref().or(said.git_ref.as_ref());
        if self.git_ref.is_some() && self.git_ref.as_ref() != git_ref {
            return Err("it runs on another ref");
        }
        if self.environment.is_some() && self.environment != said.environment {
            return Err("it runs for another environment");
        }
        match self.git_ref.is_some() || self.environment.is_some() {
            true => Ok(()),
            false => Err("neither a ref nor an environment is named for it"),
        }
    }
}

impl Said {
    /// Whether somebody's proposal runs it, whose files need not be the repository's.
    fn is_of_proposal(&self) -> bool {
        let event = self.event_name.as_deref().unwrap_or_default();
        let source = self.pipeline_source.as_deref().unwrap_or_default();
        let refs = [self.git_ref.as_deref(), self.ref_path.as_deref()];
        event.starts_with("pull_request")
            || source.contains("merge_request")
            || source.contains("pull_request")
            || refs
                .into_iter()
                .flatten()
                .any(|one| one.starts_with("refs/pull/") || one.starts_with("refs/merge-requests/"))
    }

    /// The run, for who looks at what is signed in.
    fn in_short(&self) -> String {
        let run = self.run_id.as_ref().or(self.pipeline_id.as_ref());
        let run = run.map(|run| run.to_string().replace('"', ""));
        let parts = [
            self.repository.clone().or(self.project_path.clone()),
            self.ref_path.clone().or(self.git_ref.clone()),
            run.map(|run| format!("run {run}")),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let shown = text.chars().filter(|letter| !letter.is_control());
        shown.take(SHOWN).collect()
    }
}

fn scope_of(scope: CiScope) -> Scope {
    match scope {
        CiScope::Read => Scope::Read,
        CiScope::Start => Scope::Start,
        CiScope::Request => Scope::Request,
        CiScope::Push => Scope::Push,
    }
}

fn read(text: &str) -> Option<(Header, Unproved)> {
    if text.len() > LONGEST {
        return None;
    }
    let header = decode_header(text).ok()?;
    let unproved = jsonwebtoken::dangerous::insecure_decode::<Unproved>(text).ok()?;
    Some((header, unproved.claims))
}

/// What a token says that its issuer has signed for this audience, while it is good.
fn verified(
    text: &str,
    key: &jsonwebtoken::DecodingKey,
    algorithm: Algorithm,
    one: &Named,
) -> Option<Said> {
    if !PUBLIC.contains(&algorithm) {
        return None;
    }
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[&one.audience]);
    validation.set_issuer(&[&one.issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    let data: TokenData<Said> = decode(text, key, &validation).ok()?;
    Some(data.claims)
}

fn no_token() -> Problem {
    Problem::usage(
        "this is no token of a CI system",
        "the token that the system signs for a job: see docs/sign-in.md".to_owned(),
    )
}

fn refused(why: &str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_permitted",
        format!("this job is not let in: {why}"),
        "`server: {ci: ...}` in tranche.yaml says which are; see docs/sign-in.md".to_owned(),
    )
}
