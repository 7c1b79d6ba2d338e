//! In which zone does the reader want to see instants?

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde::Deserialize;

use super::reader::{Frame, Reader, Section};
use super::time::COOKIE_NAME;
use super::{PageProblem, html, is_local};
use crate::problem::Problem;

/// A cookie of a year.
const KEPT_S: u32 = 31_536_000;

#[derive(Template)]
#[template(path = "zone.html")]
struct ZonePage {
    frame: Frame,
    zones: Vec<&'static str>,
    back: String,
}

/// Where the reader comes from.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    back: String,
}

/// What the reader chose.
#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    zone: String,
    #[serde(default)]
    back: String,
}

pub(super) async fn ask(
    reader: Reader,
    Query(from): Query<From>,
) -> Result<Html<String>, PageProblem> {
    html(&ZonePage {
        frame: reader.frame(Section::Elsewhere),
        zones: TZ_VARIANTS.iter().map(|zone| zone.name()).collect(),
        back: or_home(from.back),
    })
}

pub(super) async fn take(
    _reader: Reader,
    Form(chosen): Form<Chosen>,
) -> Result<impl IntoResponse, PageProblem> {
    let zone: Tz = chosen.zone.parse().map_err(|_| {
        let message = format!("`{}` is no time zone", chosen.zone);
        Problem::usage(message, "a name such as Europe/Berlin".to_owned())
    })?;
    let cookie = format!(
        "{COOKIE_NAME}={}; Path=/; Max-Age={KEPT_S}; SameSite=Lax",
        zone.name()
    );
    let cookie = HeaderValue::try_from(cookie)
        .map_err(|_| Problem::usage("that is no time zone", "Europe/Berlin".to_owned()))?;
    let back = Redirect::to(&or_home(chosen.back));
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), back))
}

fn or_home(back: String) -> String {
    match is_local(&back) {
        true => back,
        false => "/".to_owned(),
    }
}
