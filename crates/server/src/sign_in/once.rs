//! A link that signs in once: printed where the server runs, for the person who started it there.
//!
//! Opening it changes nothing, since programs open links too; the button on its page signs in.

use axum::extract::{Path, State};
use axum::response::{Html, Redirect};
use project::{account_name, person_proved_by};
use rollout::request::Proof;
use tower_sessions::Session;

use super::{begin, product};
use crate::app::App;
use crate::pages::{PageProblem, html};
use crate::problem::Problem;
use crate::store::{SignedIn, hashed};

/// The page behind the link.
#[derive(askama::Template)]
#[template(path = "sign-in-once.html")]
struct Once {
    product: String,
    account: String,
}

pub(super) async fn ask(
    State(app): State<App>,
    Path(secret): Path<String>,
) -> Result<Html<String>, PageProblem> {
    if !app.once().is(&hashed(secret.as_bytes())) {
        return Err(used_up().into());
    }
    html(&Once {
        product: product(&app).await?,
        account: account_name(),
    })
}

pub(super) async fn take(
    State(app): State<App>,
    session: Session,
    Path(secret): Path<String>,
) -> Result<Redirect, PageProblem> {
    let project = app
        .people()
        .await
        .map_err(Problem::from)?
        .ok_or_else(Problem::nobody_named)?;
    let proof = Proof::account(account_name());
    let actor = person_proved_by(&proof, &project).map_err(Problem::from)?;
    if !app.once().take(&hashed(secret.as_bytes())) {
        return Err(used_up().into());
    }
    let signed_in = SignedIn {
        person: actor.name,
        proof,
        at: app.now(),
    };
    begin(&session, &signed_in).await?;
    Ok(Redirect::to("/"))
}

fn used_up() -> Problem {
    Problem::not_found(
        "this link was used already, or belongs to a server that has ended",
        "start the server again, which prints another one".to_owned(),
    )
}
