//! Logs: lines that follow from what happened to the services.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::{Answer, bearer, refused, view};
use crate::ids::{ServiceId, Timestamp};
use crate::network_faults::Exchange;
use crate::platform::{Ended, Event, EventKind, Platform, ServiceKind};
use crate::requests::{ApiError, ApiRequest, Call, Done, Query};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// The filter that looks into the message.
const TEXT: &str = "text";

/// All filters.
const FIELDS: [&str; 10] = [
    "type",
    "level",
    TEXT,
    "instance",
    "host",
    "method",
    "path",
    "statusCode",
    "task",
    "taskRun",
];

/// One line.
struct Line<'a> {
    service: &'a ServiceId,
    event: &'a Event,
    source: &'static str,
    level: &'static str,
    message: String,
}

/// The lines that a query asks for, newest first unless it says `forward`.
pub(super) fn list(platform: &Platform, now: Timestamp, query: &Query) -> Result<Value, ApiError> {
    let (from, until) = query.last_hour(now)?;
    let limit = query.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request("limit must be from 1 to 100"));
    }
    let mut lines = between(platform, query, from, until)?;
    let forward = query.one("direction") == Some("forward");
    if !forward {
        lines.reverse();
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = lines.get(limit).map(|line| line.event.at);
    lines.truncate(limit);
    let (next_from, next_until) = match more {
        Some(at) if forward => (at, until),
        Some(at) => (from, at),
        None => (from, until),
    };
    Ok(json!({
        "hasMore": more.is_some(),
        "nextStartTime": view::instant(next_from),
        "nextEndTime": view::instant(next_until),
        "logs": lines.iter().map(show).collect::<Vec<_>>(),
    }))
}

/// The values of one field in the lines that a query asks for.
pub(super) fn values(
    platform: &Platform,
    now: Timestamp,
    query: &Query,
) -> Result<Value, ApiError> {
    let (from, until) = query.last_hour(now)?;
    let lines = between(platform, query, from, until)?;
    let value = |line: &Line<'_>| match query.one("label") {
        Some("type") => Ok(Some(line.source)),
        Some("level") => Ok(Some(line.level)),
        Some("instance" | "host" | "statusCode" | "method") => Ok(None),
        Some(_) | None => Err(ApiError::bad_request("invalid label")),
    };
    let values: BTreeSet<Option<&str>> = lines.iter().map(value).collect::<Result<_, _>>()?;
    Ok(values.into_iter().flatten().collect())
}

impl Platform {
    /// Whether logs may be followed; if so, what is asked for.
    pub(crate) fn open_logs(
        &mut self,
        now: Timestamp,
        request: &ApiRequest,
    ) -> Result<Query, Answer> {
        let now = self.advance(now);
        let call = Call::parse(request);
        let key = request.authorization.as_deref().and_then(bearer);
        let exchange = self.exchange(now, &call, |platform, _| {
            platform.admit(now, key, &call)?;
            between(platform, &call.query, now, now)?;
            Ok(Done::new(101, ()))
        });
        match exchange {
            Exchange::Nothing { reset: true } => Err(Answer::Reset),
            Exchange::Nothing { reset: false }
            | Exchange::NeverSent
            | Exchange::Unreachable { .. } => Err(Answer::Dropped),
            Exchange::Reply { outcome, .. } => {
                outcome.map(|()| call.query.clone()).map_err(|error| {
                    Answer::Reply(self.with_headers(now, refused(&error), key, &call))
                })
            }
        }
    }

    /// The lines of a time that a query asks for, oldest first: id, instant, and the line as Render writes it.
    pub(crate) fn fresh_logs(
        &self,
        query: &Query,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<(String, Timestamp, Value)> {
        // A service that has gone says nothing more.
        let lines = between(self, query, from, until).unwrap_or_default();
        let shown = lines.iter();
        shown
            .map(|line| (line.event.id.to_string(), line.event.at, show(line)))
            .collect()
    }
}

/// The lines of a time, oldest first.
fn between<'p>(
    platform: &'p Platform,
    query: &Query,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Line<'p>>, ApiError> {
    let resources = query.all("resource");
    if query.one("ownerId").is_none() || resources.is_empty() {
        return Err(ApiError::bad_request("ownerId and resource are required"));
    }
    let filters = Filters::of(query)?;
    let mut lines = Vec::new();
    for resource in &resources {
        let service = platform.service(&resource.as_str().into())?;
        if service.kind != ServiceKind::StaticSite {
            let events = service.events().filter(|e| from <= e.at && e.at <= until);
            lines.extend(events.filter_map(|event| line(&service.id, event)));
        }
    }
    lines.retain(|line| filters.fit(line));
    lines.sort_by(|a, b| (a.event.at, &a.event.id).cmp(&(b.event.at, &b.event.id)));
    Ok(lines)
}

/// The filters of a query, each with what may fit.
struct Filters(Vec<(&'static str, Vec<Pattern>)>);

/// What a filter asks for.
enum Pattern {
    /// A text, in which `*` stands for anything.
    Text(String),
    /// `/regular expression/`
    Expression(Regex),
}

impl Filters {
    fn of(query: &Query) -> Result<Self, ApiError> {
        let given = FIELDS
            .into_iter()
            .map(|field| (field, query.repeated(field)));
        let given = given.filter(|(_, written)| !written.is_empty());
        let read = given.map(|(field, written)| {
            let patterns = written.into_iter().map(|text| Pattern::read(field, text));
            Ok((field, patterns.collect::<Result<_, _>>()?))
        });
        Ok(Self(read.collect::<Result<_, ApiError>>()?))
    }

    /// Whether a line fits all filters. What a line does not say fits none.
    fn fit(&self, line: &Line<'_>) -> bool {
        self.0.iter().all(|(field, patterns)| {
            let said = line.field(field);
            said.is_some_and(|said| patterns.iter().any(|pattern| pattern.fits(said)))
        })
    }
}

impl Pattern {
    fn read(field: &str, written: &str) -> Result<Self, ApiError> {
        let inner = written
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        if let Some(expression) = inner.filter(|inner| !inner.is_empty()) {
            let read = Regex::new(expression);
            let invalid = |_| ApiError::bad_request(&format!("invalid {field}"));
            return Ok(Self::Expression(read.map_err(invalid)?));
        }
        Ok(Self::Text(match field {
            TEXT => format!("*{written}*"),
            _ => written.to_owned(),
        }))
    }

    fn fits(&self, said: &str) -> bool {
        match self {
            Self::Text(pattern) => fits(pattern, said),
            Self::Expression(expression) => expression.is_match(said),
        }
    }
}

impl Line<'_> {
    /// What it says of a field; there is nothing here that answers requests, so nothing is said of those.
    fn field(&self, name: &str) -> Option<&str> {
        match name {
            "type" => Some(self.source),
            "level" => Some(self.level),
            TEXT => Some(&self.message),
            _ => None,
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| fits(rest, &text[at..]))
        }),
    }
}

fn line<'a>(service: &'a ServiceId, event: &'a Event) -> Option<Line<'a>> {
    let (source, level, message) = match &event.kind {
        EventKind::DeployStarted { .. } | EventKind::ServiceResumed => return None,
        EventKind::BuildStarted { .. } => ("build", "info", "==> Building".to_owned()),
        EventKind::BuildEnded { ended, .. } => ("build", level(*ended), ending("Build", *ended)),
        EventKind::PreDeployStarted { .. } => (
            "app",
            "info",
            "==> Running the pre-deploy command".to_owned(),
        ),
        EventKind::PreDeployEnded { ended, .. } => {
            ("app", level(*ended), ending("Pre-deploy command", *ended))
        }
        EventKind::DeployEnded { ended, .. } => ("app", level(*ended), ending("Deploy", *ended)),
        EventKind::ServiceSuspended => ("app", "info", "==> Suspended".to_owned()),
        EventKind::ServerRestarted => ("app", "info", "==> Restarted".to_owned()),
    };
    Some(Line {
        service,
        event,
        source,
        level,
        message,
    })
}

fn level(ended: Ended) -> &'static str {
    if ended == Ended::Failed {
        "error"
    } else {
        "info"
    }
}

fn ending(what: &str, ended: Ended) -> String {
    let how = match ended {
        Ended::Succeeded => "succeeded",
        Ended::Failed => "failed",
        Ended::Canceled => "was canceled",
    };
    format!("==> {what} {how}")
}

fn show(line: &Line<'_>) -> Value {
    json!({
        "id": line.event.id,
        "timestamp": view::instant(line.event.at),
        "message": line.message,
        "labels": [
            { "name": "resource", "value": line.service },
            { "name": "type", "value": line.source },
            { "name": "level", "value": line.level },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("build*", "build failed"));
        assert!(fits("*fail*", "build failed"));
        assert!(fits("*", ""));
        assert!(!fits("build", "build failed"));
        assert!(!fits("*x", "build failed"));
    }
}
