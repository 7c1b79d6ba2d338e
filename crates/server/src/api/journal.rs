//! What does the journal say, and is it whole?

use axum::extract::State;
use axum::response::Response;
use project::{ErrorKind, Head, Line};
use rollout::RolloutId;
use rollout::event::GENESIS;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Nothing, Query};
use super::reply::{Asked, Tag, json_of, lines, written};
use super::rollouts::Limit;
use super::{apart, schema};
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// So many events are answered where nobody says how many.
const EVENTS: usize = 1_000;

/// No more than this at once.
const MOST_EVENTS: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(head))
        .routes(routes!(verification))
        .routes(routes!(state))
}

/// Which events are answered.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asking {
    /// Only those of this rollout.
    #[param(value_type = Option<schema::RolloutName>)]
    rollout: Option<RolloutId>,
    /// Only those behind this one; 0: from the first on.
    #[serde(default)]
    after: u64,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 10000, default = 1000)]
    limit: Option<Limit<MOST_EVENTS>>,
}

/// The journal's lines as they are stored, byte for byte: one JSON object a line.
#[utoipa::path(
    get, path = "/events", tag = "journal", params(Asking),
    responses((
        status = 200, description = "one event a line", body = String, content_type = "application/x-ndjson",
        headers(("link" = Option<String>, description = "where it goes on"))
    ))
)]
async fn events(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(asking): Query<Asking>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let product = app.backend().product().await?;
    if let Some(run) = asking.rollout
        && product.plan(run).is_none()
    {
        return Err(project::Error::UnknownRollout(run).into());
    }
    let limit = Limit::or(asking.limit, EVENTS);
    let (seq, hash) = product.head();
    let tag = Tag::of_head(seq, hash);
    if asked.has(&tag) {
        return asked.tagged(&tag, || Ok(lines(String::new())));
    }
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    let read = app.backend().lines(asking.rollout, asking.after, most);
    let mut read = or_nothing(read.await)?;
    // What was written since belongs to another tag.
    read.retain(|line| line.seq <= seq);
    let next = read.last().filter(|_| read.len() == limit);
    let next = next.map(|last| last.seq.to_string());
    asked.tagged(&tag, || {
        let mut response = lines(joined(&read));
        asked.describe(&mut response, next.as_deref(), None);
        Ok(response)
    })
}

fn joined(lines: &[Line]) -> String {
    let length = lines.iter().map(|line| line.json.len() + 1).sum();
    let mut text = String::with_capacity(length);
    for line in lines {
        text.push_str(&line.json);
        text.push('\n');
    }
    text
}

/// Nothing, where nothing was ever stored.
pub(super) fn or_nothing<T: Default>(read: Result<T, project::Error>) -> Result<T, Problem> {
    match read {
        Err(error) if error.kind() == ErrorKind::Absent => Ok(T::default()),
        read => Ok(read?),
    }
}

/// The end of the journal.
#[derive(Debug, Serialize, ToSchema)]
struct End {
    /// `SEQ:HASH`, to be kept elsewhere: what `verify --anchor` takes.
    anchor: String,
    /// The last number; 0: nothing has happened.
    seq: u64,
    /// Its hash.
    hash: String,
}

/// The end of the journal, as `tranche events --head` prints it.
#[utoipa::path(
    get, path = "/events/head", tag = "journal",
    responses((status = 200, description = "the end", body = End))
)]
async fn head(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let head = match app.backend().head().await {
        Err(error) if error.kind() == ErrorKind::Absent => Head {
            seq: 0,
            hash: GENESIS.to_owned(),
        },
        head => head?,
    };
    asked.tagged(&Tag::of_head(head.seq, &head.hash), || {
        let end = End {
            anchor: head.to_string(),
            seq: head.seq,
            hash: head.hash.clone(),
        };
        Ok(json_of(written(&end)?))
    })
}

/// Against what the journal is held.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Against {
    /// An end of the journal that was kept elsewhere, `SEQ:HASH`.
    anchor: Option<String>,
}

/// Whether the journal is whole and folds to what is stored, as `tranche verify -o json` shows it. It takes as long as the
/// journal is.
#[utoipa::path(
    get, path = "/verification", tag = "journal", params(Against),
    responses((status = 200, description = "what was found", body = schema::Verification))
)]
async fn verification(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Against { anchor }): Query<Against>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let anchor = anchor.map(|anchor| anchor.parse::<Head>()).transpose();
    let anchor = anchor
        .map_err(|bad| Problem::usage(bad.to_string(), "GET /api/v1/events/head".to_owned()))?;
    let found = apart(&app, async move |backend| backend.verify(anchor).await).await?;
    asked.json(&found)
}

/// A part of the state, as stored.
#[derive(Debug, Serialize, ToSchema)]
struct StoredRow {
    /// What it is about.
    key: String,
    /// Its JSON, as text.
    json: String,
}

/// All of the state.
#[derive(Debug, Serialize, ToSchema)]
struct WholeState {
    /// The end of the journal to which it belongs.
    seq: u64,
    /// Its hash.
    hash: String,
    /// All its rows.
    rows: Vec<StoredRow>,
}

/// The state as it is stored, from which a program of this release makes the same product as here.
#[utoipa::path(
    get, path = "/state", tag = "journal",
    responses((status = 200, description = "the state", body = WholeState))
)]
async fn state(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let product = app.backend().product().await?;
    let (seq, hash) = product.head();
    asked.tagged(&Tag::of_head(seq, hash), || {
        let keys = product.row_keys().into_iter();
        let rows = keys.filter_map(|key| {
            let json = product.row(&key)?;
            Some(StoredRow { key: key.0, json })
        });
        let state = WholeState {
            seq,
            hash: hash.to_owned(),
            rows: rows.collect(),
        };
        Ok(json_of(written(&state)?))
    })
}
