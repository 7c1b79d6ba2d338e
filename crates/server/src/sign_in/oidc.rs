//! How does somebody sign in at the identity provider, and again where a gate wants to be sure?
//!
//! What is remembered of a sign-in under way lies in the browser's session and is used up by the first who comes back.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use policy::settings::server::SignIn;
use project::person_proved_by;
use rollout::request::Proof;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use super::begin;
use super::local_path::LocalPath;
use super::provider::{NotSignedIn, Setup, UnderWay};
use crate::app::App;
use crate::pages::PageProblem;
use crate::problem::Problem;
use crate::store::{SignedIn, UNDER_WAY};

/// Where it stands in a session.
const KEY: &str = "sign_in";

/// A sign-in under way, and where it leads.
#[derive(Serialize, Deserialize)]
struct Begun {
    under_way: UnderWay,
    to: LocalPath,
}

/// What a link to the sign-in says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Link {
    /// The page that is wanted.
    pub(super) to: Option<String>,
    /// They must prove anew who they are.
    pub(super) again: Option<String>,
}

/// What the provider sends somebody back with.
#[derive(Deserialize)]
pub(super) struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Sends somebody to the provider.
pub(super) async fn start(
    State(app): State<App>,
    session: Session,
    Query(link): Query<Link>,
) -> Result<Redirect, PageProblem> {
    let server = app.server();
    let sign_in = server.sign_in.as_ref().ok_or_else(no_provider)?;
    let claims = claims(&app).await?;
    let setup = setup(&app, sign_in, &claims)?;
    let sent = app.provider().send(app.web(), &setup, link.again.is_some());
    let (url, under_way) = sent.await.map_err(|error| refused(&error))?;
    let begun = Begun {
        under_way,
        to: LocalPath::or_home(link.to.as_deref()),
    };
    let kept = session.insert(KEY, begun).await;
    kept.map_err(Problem::session)?;
    Ok(Redirect::to(&url))
}

/// Takes somebody back from the provider.
pub(super) async fn back(
    State(app): State<App>,
    session: Session,
    Query(back): Query<Back>,
) -> Result<Redirect, PageProblem> {
    let begun = session
        .remove::<Begun>(KEY)
        .await
        .map_err(Problem::session)?;
    // It is used up whatever comes of it, also if the next request comes before this one has ended.
    session.save().await.map_err(Problem::session)?;
    let Begun { under_way, to } = begun.ok_or_else(not_begun)?;
    let server = app.server();
    let sign_in = server.sign_in.as_ref().ok_or_else(no_provider)?;
    let proof = prove(&app, sign_in, under_way, back).await?;
    let project = app.people().await.map_err(Problem::from)?;
    let project = project.ok_or_else(Problem::nobody_named)?;
    let actor = person_proved_by(&proof, &project).map_err(Problem::from)?;
    let signed_in = SignedIn {
        person: actor.name,
        proof,
        at: app.now(),
    };
    begin(&session, &signed_in).await?;
    Ok(Redirect::to(to.as_str()))
}

async fn prove(
    app: &App,
    sign_in: &SignIn,
    under_way: UnderWay,
    back: Back,
) -> Result<Proof, Problem> {
    let is_late = under_way.at + UNDER_WAY <= app.now();
    let state = back.state.unwrap_or_default();
    let is_same = bool::from(state.as_bytes().ct_eq(under_way.state.as_bytes()));
    if is_late || !is_same || under_way.issuer != sign_in.issuer {
        return Err(not_begun());
    }
    let (web, issuer) = (app.web(), sign_in.issuer.as_str());
    let named = app.provider().check_named(web, issuer, back.iss.as_deref());
    named.await.map_err(|error| refused(&error))?;
    let code = match (back.code, back.error) {
        (Some(code), None) => code,
        (_, error) => return Err(said_no(error.as_deref())),
    };
    let claims = claims(app).await?;
    let setup = setup(app, sign_in, &claims)?;
    let taken = app.provider().take(web, &setup, under_way, code);
    taken.await.map_err(|error| refused(&error))
}

async fn claims(app: &App) -> Result<policy::settings::Claims, Problem> {
    let project = app.people().await?;
    Ok(project.map(|project| project.claims).unwrap_or_default())
}

fn setup<'a>(
    app: &'a App,
    sign_in: &'a SignIn,
    claims: &'a policy::settings::Claims,
) -> Result<Setup<'a>, Problem> {
    let files = app.files();
    let config = files.config();
    let secret = sign_in.client_secret.as_ref();
    // How far the files reach, they say; while they cannot be read it is the folder.
    let secret = secret.map(|source| app.folder().secret(config, source));
    Ok(Setup {
        sign_in,
        secret: secret.transpose().map_err(|error| {
            tracing::error!(error = error.message(), "the client's secret is missing");
            refused(&NotSignedIn::Provider(
                "the server does not find its secret for it".to_owned(),
            ))
        })?,
        url: &app.settings().url,
        claims,
        now: app.now(),
    })
}

fn refused(error: &NotSignedIn) -> Problem {
    let message = format!("{error}, so nobody is signed in");
    match error {
        NotSignedIn::Provider(_) => {
            tracing::warn!(%error, "nobody can sign in");
            Problem::new(
                StatusCode::BAD_GATEWAY,
                "unreachable",
                message,
                "/sign-in, once it answers; whoever is signed in stays so".to_owned(),
            )
        }
        NotSignedIn::Refused(_) => Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            message,
            "/sign-in, from the beginning".to_owned(),
        ),
    }
}

/// What the provider says of it is its own text, of which only the code is passed on.
fn said_no(code: Option<&str>) -> Problem {
    let known = [
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "server_error",
        "temporarily_unavailable",
    ];
    let code = known.into_iter().find(|known| Some(*known) == code);
    let message = match code {
        Some(code) => format!("the identity provider says no ({code}), so nobody is signed in"),
        None => "the identity provider says no, so nobody is signed in".to_owned(),
    };
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_permitted",
        message,
        "/sign-in, or ask whoever runs the provider".to_owned(),
    )
}

fn not_begun() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_permitted",
        "this is not the end of a sign-in that was begun in this browser, or it was too long ago",
        "/sign-in, from the beginning".to_owned(),
    )
}

fn no_provider() -> Problem {
    Problem::not_found(
        "no identity provider is set up here",
        "`server: {sign_in: {issuer: ..., client_id: ...}}` in tranche.yaml; see docs/sign-in.md"
            .to_owned(),
    )
}
