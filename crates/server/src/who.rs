//! Who asks? A token with the request, or the session of a browser, proves it; what they may do the core decides.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use policy::{Config, Project};
use project::{Error, FilesNow, Requester, Session, person_proved_by};
use rollout::Actor;
pub(crate) use rollout::request::Scope;
use secrecy::SecretString;

use crate::app::App;
use crate::peer::Peer;
use crate::problem::Problem;
use crate::store::{SignedIn, is_grant};

/// Somebody whose identity is proved. A handler that takes this answers nobody else.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// Person or service, with what proves it.
    pub(crate) actor: Actor,
    /// What the files say of people, while they can be read or as they said last.
    pub(crate) project: Project,
    /// How it was proved.
    pub(crate) by: ProvedBy,
    /// What may be done with that proof.
    pub(crate) scopes: BTreeSet<Scope>,
}

/// How an identity was proved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProvedBy {
    /// By a token in the request, or by what a sign-in has given to a program.
    Token,
    /// By a session that began with this sign-in.
    Session(SignedIn),
}

impl Who {
    /// Refuses a token that was made for something else; a session is for everything.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        match scope.is_in(&self.scopes) {
            true => Ok(()),
            false => Err(Problem::not_in_scope(scope)),
        }
    }

    /// The same, as somebody who works with the files: plans, starts, compares.
    pub(crate) fn session(&self, app: &App) -> Result<Session, Problem> {
        let files = app.files();
        let config = files.usable().map_err(Problem::files)?;
        Ok(self.session_by(app, config.clone()))
    }

    /// The same for somebody who plans from the files: then a gate that nobody can fill is a mistake.
    pub(crate) fn session_to_plan(&self, app: &App) -> Result<Session, Problem> {
        let config = app.folder().load(&**app.caller())?;
        Ok(self.session_by(app, config))
    }

    fn session_by(&self, app: &App, config: Config) -> Session {
        Session::acting(
            app.location(),
            app.folder().clone(),
            config,
            self.requester(app),
            app.caller().clone(),
        )
    }

    /// The same, as somebody who asks for changes.
    pub(crate) fn requester(&self, app: &App) -> Requester {
        let files = FilesNow::clone(&app.files());
        Requester::acting(
            app.backend().clone(),
            self.actor.clone(),
            files,
            app.caller().clone(),
        )
    }
}

impl FromRequestParts<App> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let project = app.people().await?.ok_or_else(Problem::nobody_named)?;
        if let Some(token) = bearer(parts)? {
            let peer = Peer::of(&parts.extensions);
            let proved = by_secret(app, &token, &project).await;
            // Who sends what proves nothing may do so a few times.
            let actor = proved.or_else(|refused| app.tries().note(peer).and(Err(refused)))?;
            return Ok(Self {
                scopes: scopes_of(&actor),
                actor,
                project,
                by: ProvedBy::Token,
            });
        }
        let session = tower_sessions::Session::from_request_parts(parts, app).await;
        let session = session.map_err(|_| Problem::not_signed_in())?;
        let signed_in = session
            .get::<SignedIn>(SignedIn::KEY)
            .await
            .map_err(Problem::session)?;
        let signed_in = signed_in.ok_or_else(Problem::not_signed_in)?;
        let actor = match person_proved_by(&signed_in.proof, &project) {
            Ok(actor) => actor,
            Err(error) => return Err(gone(&session, error).await),
        };
        Ok(Self {
            scopes: scopes_of(&actor),
            actor,
            project,
            by: ProvedBy::Session(signed_in),
        })
    }
}

/// Whom a token proves, or what a sign-in has given to a program.
async fn by_secret(app: &App, secret: &SecretString, project: &Project) -> Result<Actor, Problem> {
    if is_grant(secret) {
        return by_grant(app, secret, project);
    }
    let mut actor = app.backend().prove(Some(secret), project).await?;
    // The account of this process says nothing about who asks it.
    if let Some(proof) = &mut actor.proof {
        proof.account = None;
    }
    Ok(actor)
}

/// A program that was given something is somebody only for as long as the files name them.
fn by_grant(app: &App, secret: &SecretString, project: &Project) -> Result<Actor, Problem> {
    let server = app.server();
    let grant = app.store().granted(secret).map_err(Problem::store)?;
    let grant = grant.ok_or_else(Problem::not_granted)?;
    let scopes = grant.scopes_at(app.now());
    if !grant.is_service {
        return Ok(person_proved_by(&grant.proof, project)?.scoped(scopes));
    }
    let name = grant.owner.as_str().strip_prefix("service:");
    match name.is_some_and(|name| server.ci.contains_key(name)) {
        true => Ok(Actor::service(grant.owner)
            .proved_by(grant.proof)
            .scoped(scopes)),
        false => Err(Problem::not_granted()),
    }
}

/// For what the proof was made; one without scopes is for everything.
fn scopes_of(actor: &Actor) -> BTreeSet<Scope> {
    let scopes = actor.scopes.clone();
    scopes.unwrap_or_else(|| Scope::ALL.into())
}

/// A session of somebody who is nobody here any more ends.
async fn gone(session: &tower_sessions::Session, error: Error) -> Problem {
    if let Err(error) = session.flush().await {
        return Problem::session(error);
    }
    error.into()
}

/// The secret with a request, whatever it is worth.
#[derive(Debug)]
pub(crate) struct Presented(pub(crate) SecretString);

impl FromRequestParts<App> for Presented {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        bearer(parts)?.map(Self).ok_or_else(Problem::not_a_token)
    }
}

fn bearer(parts: &Parts) -> Result<Option<SecretString>, Problem> {
    let Some(value) = parts.headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Problem::not_a_token())?;
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(Problem::not_a_token)?;
    Ok(Some(SecretString::from(token.trim())))
}
