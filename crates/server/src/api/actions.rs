//! What can people ask for? One address a verb; the body says what a person would type, and the core decides.
//!
//! Where a request is made from files (a start, a replan, single deploys, variables), the server makes it from its own.

mod bodies;
mod start;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use project::next::{Clock, warnings, what_comes_next};
use project::wish::{WantedDeploys, WantedVariables, Wish};
use project::{Answer, Error, allowed_paths};
use rollout::{Event, RejectedCode, RolloutId, Verb};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::bodies::{
    Abort, Approve, Block, ConfirmClock, Defer, Freeze, Observe, Override, Pause, Promote, Reject,
    Replan, Resume, ResumeMoved, Retry, Rollback, RollbackDatabase, Skip, Unblock, UndoVariables,
    Unfreeze, Withdraw,
};
pub(super) use self::start::Scope as PlannedScope;
use self::start::Start;
use super::extract::{Json, Nothing, Query};
use super::idempotency::once;
use super::reply::{json_of, written};
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

pub(super) fn routes(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(withdraw))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(resume_moved))
        .routes(routes!(confirm_clock))
        .routes(routes!(abort))
        .routes(routes!(retry))
        .routes(routes!(skip))
        .routes(routes!(defer))
        .routes(routes!(promote))
        .routes(routes!(block))
        .routes(routes!(unblock))
        .routes(routes!(freeze))
        .routes(routes!(unfreeze))
        .routes(routes!(override_freeze))
        .routes(routes!(observe))
        .routes(routes!(rollback))
        .routes(routes!(rollback_database))
        .routes(routes!(undo_variables))
        .routes(routes!(start))
        .routes(routes!(replan))
        .routes(routes!(deploy))
        .routes(routes!(variables))
        .route_layer(from_fn_with_state(app.clone(), once))
}

/// What came of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// What followed at once; empty: it was so already.
    #[schema(value_type = Vec<schema::Event>)]
    events: Vec<Event>,
    /// What a person should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// What comes next, as a sentence without a full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Why there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_so: Option<String>,
    /// Nobody drives the rollouts: what is to be done waits for an engine.
    without_engine: bool,
}

/// Declares actions that are one request, filed as it is.
macro_rules! actions {
    ($($(#[doc = $doc:literal])* $name:ident at $path:literal with $body:ident for $scope:ident;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(
            post, path = $path, tag = "actions", request_body = $body,
            params(("idempotency-key" = Option<String>, Header, description = "the same key does it once within 24 hours")),
            responses((status = 200, description = "it was done, or was so already", body = Done))
        )]
        async fn $name(
            who: Who,
            State(app): State<App>,
            Query(Nothing {}): Query<Nothing>,
            Json(body): Json<$body>,
        ) -> Result<Response, Problem> {
            who.require(Scope::$scope)?;
            let (rollout, verb) = body.asked();
            file(&app, &who, rollout, verb).await
        }
    )*};
}

actions! {
    /// Votes for a gate. It counts for the plan with `digest` alone; another plan is refused.
    approve at "/actions/approve" with Approve for Vote;
    /// Votes against a gate: one is enough.
    reject at "/actions/reject" with Reject for Vote;
    /// Takes the own vote back.
    withdraw at "/actions/withdraw" with Withdraw for Vote;
    /// No customer starts until `resume`; whoever has started finishes.
    pause at "/actions/pause" with Pause for Request;
    /// Ends a pause, or lifts a halt.
    resume at "/actions/resume" with Resume for Request;
    /// Lets go on what is held because the database is a copy or has moved.
    resume_moved at "/actions/resume_moved" with ResumeMoved for Request;
    /// Confirms the wall clock after a suspicion.
    confirm_clock at "/actions/confirm_clock" with ConfirmClock for Request;
    /// Ends a rollout: what is in flight finishes, or everybody is rolled back.
    abort at "/actions/abort" with Abort for Request;
    /// The same work again: a customer, a phase, or all that failed.
    retry at "/actions/retry" with Retry for Request;
    /// Leaves out what has not started, or a customer that is held.
    skip at "/actions/skip" with Skip for Request;
    /// Puts a customer's date off, as far as its policy allows.
    defer at "/actions/defer" with Defer for Request;
    /// Ends the current delay or soak.
    promote at "/actions/promote" with Promote for Request;
    /// No further customer gets a version, in any rollout.
    block at "/actions/block" with Block for Request;
    /// Ends a block.
    unblock at "/actions/unblock" with Unblock for Request;
    /// A freeze from now on.
    freeze at "/actions/freeze" with Freeze for Request;
    /// Ends a freeze that was made so.
    unfreeze at "/actions/unfreeze" with Unfreeze for Request;
    /// Lifts a freeze for one rollout, once a second person has said the same.
    override_freeze at "/actions/override" with Override for Vote;
    /// Writes down a figure from outside.
    observe at "/actions/observe" with Observe for Request;
    /// Returns a customer to what ran before, or to a version.
    rollback at "/actions/rollback" with Rollback for Request;
    /// Returns a customer with its database.
    rollback_database at "/actions/rollback_database" with RollbackDatabase for Request;
    /// Puts back what `variables` set.
    undo_variables at "/actions/undo_variables" with UndoVariables for Request;
}

/// Begins a rollout of the plan that the server's files make now. With `digest`, another plan than that is refused.
#[utoipa::path(
    post, path = "/actions/start", tag = "actions", request_body = Start,
    params(("idempotency-key" = Option<String>, Header, description = "the same key does it once within 24 hours")),
    responses((status = 200, description = "it has begun, or waits for its turn", body = Done))
)]
async fn start(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<Start>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    wish(&app, &who, None, Wish::Start(Box::new(wanted.into()))).await
}

/// Applies the server's files as they read now to what has not started.
#[utoipa::path(
    post, path = "/actions/replan", tag = "actions", request_body = Replan,
    params(("idempotency-key" = Option<String>, Header, description = "the same key does it once within 24 hours")),
    responses((status = 200, description = "it was done, or was so already", body = Done))
)]
async fn replan(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(Replan { rollout }): Json<Replan>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    wish(&app, &who, rollout, Wish::Replan).await
}

/// Deploys single services outside any rollout.
#[utoipa::path(
    post, path = "/actions/deploy", tag = "actions", request_body = schema::Deploy,
    params(("idempotency-key" = Option<String>, Header, description = "the same key does it once within 24 hours")),
    responses((status = 200, description = "the operation has begun", body = Done))
)]
async fn deploy(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<WantedDeploys>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    wish(&app, &who, None, Wish::Deploy(wanted)).await
}

/// Sets the variables of a version at a customer and deploys nothing.
#[utoipa::path(
    post, path = "/actions/variables", tag = "actions", request_body = schema::Variables,
    params(("idempotency-key" = Option<String>, Header, description = "the same key does it once within 24 hours")),
    responses((status = 200, description = "the operation has begun", body = Done))
)]
async fn variables(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<WantedVariables>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    wish(&app, &who, None, Wish::Variables(wanted)).await
}

/// What is made from files is made from those that whoever begins something now may begin with.
async fn wish(
    app: &App,
    who: &Who,
    rollout: Option<RolloutId>,
    wish: Wish,
) -> Result<Response, Problem> {
    let session = match &wish {
        Wish::Start(_) | Wish::Replan => {
            let session = who.session_to_plan(app)?;
            if matches!(wish, Wish::Start(_)) {
                allowed_paths::refuse(&session.config)?;
            }
            session
        }
        Wish::Deploy(_) | Wish::Variables(_) => who.session(app)?,
    };
    let verb = wish.into_verb(&session).await?;
    file(app, who, rollout, verb).await
}

async fn file(
    app: &App,
    who: &Who,
    rollout: Option<RolloutId>,
    verb: Verb,
) -> Result<Response, Problem> {
    let requester = who.requester(app);
    let answer = requester.answer(rollout, verb).await.map_err(of_filing)?;
    let without_engine = requester.waits_for_engine(&answer).await?;
    let Answer {
        events, rejected, ..
    } = answer;
    let done = match rejected {
        Some(rejected) if rejected.code == RejectedCode::AlreadySo => Done {
            events: Vec::new(),
            warnings: Vec::new(),
            next: None,
            already_so: Some(rejected.message),
            without_engine,
        },
        Some(rejected) => return Err(rejected.into()),
        None => Done {
            warnings: warnings(&events),
            next: what_comes_next(&**app.backend(), &events, CLOCK, app.now()).await,
            events,
            already_so: None,
            without_engine,
        },
    };
    Ok(json_of(written(&done)?))
}

/// Whoever reads an answer of the API may be anywhere.
const CLOCK: Clock = Clock {
    instant: |at| at.format("%a %-d %b %Y %H:%M UTC").to_string(),
    coming: |at, _| at.format("%a %-d %b %Y %H:%M:%S UTC").to_string(),
};

/// Whether it may have been done all the same is kept, so that the same key does not do it again.
fn of_filing(error: Error) -> Problem {
    let is_undecided = error.is_undecided();
    let problem = Problem::from(error);
    match is_undecided {
        true => problem.undecided(),
        false => problem,
    }
}
