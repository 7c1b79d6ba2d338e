//! In which zone is a window that names none, and what did a frozen plan take it for (R7)?
//!
//! A customer's own window without a zone is local where the customer is. Plans that were frozen by releases in which it was
//! local where the project is keep that: what is written has not changed, and so it is no edit that waits for `replan`.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar::{Opening, WindowSpec, Windows, ZoneSpec};
use crate::ids::{CustomerId, PolicyId};
use crate::parse::Config;
use crate::plan::Plan;
use crate::settings::{Customer, Unzoned};
use crate::span::{Span, Timestamp};

/// Whose zone a window without one is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneOf {
    /// The customer's own.
    Customer,
    /// The project's.
    Project,
}

/// A window that names no zone, and the zone it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenZone {
    /// Whose, if it is a customer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Whose, if it is a policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyId>,
    /// When it begins.
    pub cron: String,
    /// How long it is.
    pub duration: Span,
    /// Where that is local.
    pub timezone: Tz,
    /// Whose zone that is.
    pub of: ZoneOf,
}

/// A window that a plan has frozen in another zone than the files mean now, though nobody has edited it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedWindow {
    /// Whose.
    pub customer: CustomerId,
    /// When it begins.
    pub cron: String,
    /// How long it is.
    pub duration: Span,
    /// The zone that is frozen.
    pub frozen_in: Tz,
    /// When it opens there next.
    pub frozen_next: Option<Timestamp>,
    /// The zone it is in by the files.
    pub now_in: Tz,
    /// When it opens there next.
    pub now_next: Option<Timestamp>,
}

/// The zone of every window that names none, policies first.
pub fn taken(config: &Config) -> Vec<TakenZone> {
    let Unzoned {
        customers,
        policies,
    } = &config.unzoned;
    let project = config.project.timezone;
    let policies = policies.iter().flat_map(|(id, places)| {
        let windows = config.policies.get(id).map(|policy| &policy.window);
        chosen(windows, places).map(move |window| TakenZone {
            policy: Some(id.clone()),
            ..taken_by(window, project, ZoneOf::Project)
        })
    });
    let customers = customers.iter().flat_map(move |(id, places)| {
        let customer = config.fleet.customers.get(id);
        let of = match customer.and_then(|customer| customer.timezone) {
            Some(_) => ZoneOf::Customer,
            None => ZoneOf::Project,
        };
        chosen(customer.map(|customer| &customer.window), places).map(move |window| TakenZone {
            customer: Some(id.clone()),
            ..taken_by(window, project, of)
        })
    });
    policies.chain(customers).collect()
}

/// The customers of a frozen plan whose windows mean another zone by the files, and when each opens after an instant.
pub fn moved(config: &Config, plan: &Plan, at: Timestamp) -> Vec<MovedWindow> {
    let moved = config.unzoned.customers.iter().flat_map(|(id, places)| {
        let now = config.fleet.customers.get(id);
        let frozen = plan.customers.get(id).map(|planned| &planned.customer);
        let windows = chosen(now.map(|now| &now.window), places);
        windows.filter_map(move |window| {
            let (now, frozen) = (now?, frozen?);
            let same = |other: &&WindowSpec| window.is_but_for_zone(other);
            let was = frozen.window.iter().find(same)?;
            let is_kept = frozen.window.contains(window);
            (!is_kept && is_projects(now, was, plan))
                .then(|| moved_window(id, (was, frozen.zone(&plan.project)), window, at))
        })
    });
    moved.collect()
}

/// The windows that the files give a customer, with the zones that a plan has frozen where only how a missing zone is read
/// has changed.
pub fn as_frozen(
    config: &Config,
    id: &CustomerId,
    now: &Customer,
    frozen: &Customer,
    plan: &Plan,
) -> Vec<WindowSpec> {
    let unzoned = config.unzoned.customers.get(id);
    let mut windows = now.window.clone();
    if windows.len() != frozen.window.len() {
        return windows;
    }
    let places = unzoned.into_iter().flatten();
    for place in places {
        if let (Some(window), Some(was)) = (windows.get_mut(*place), frozen.window.get(*place))
            && window.is_but_for_zone(was)
            && is_projects(now, was, plan)
        {
            window.zone = was.zone;
        }
    }
    windows
}

/// When these windows let somebody start next; `None`: not within the years that are looked at.
pub fn next_opening(windows: &[WindowSpec], zone: Tz, at: Timestamp) -> Option<Timestamp> {
    match Windows::new(&[], windows, zone).ok()?.opening(at) {
        Opening::Open { .. } => Some(at),
        Opening::Opens { at } => Some(at),
        Opening::Never => None,
    }
}

/// Whether a frozen window of a customer that has a zone is in the project's, as windows without a zone once were.
fn is_projects(now: &Customer, frozen: &WindowSpec, plan: &Plan) -> bool {
    now.timezone.is_some() && frozen.zone == ZoneSpec::Zone(plan.project.timezone)
}

fn chosen<'c>(
    windows: Option<&'c Vec<WindowSpec>>,
    places: &'c BTreeSet<usize>,
) -> impl Iterator<Item = &'c WindowSpec> {
    let windows = windows.map_or(&[][..], Vec::as_slice);
    places.iter().filter_map(|place| windows.get(*place))
}

fn taken_by(window: &WindowSpec, project: Tz, of: ZoneOf) -> TakenZone {
    TakenZone {
        customer: None,
        policy: None,
        cron: window.cron.clone(),
        duration: window.duration,
        timezone: window.zone.resolve(project),
        of,
    }
}

fn moved_window(
    id: &CustomerId,
    (was, frozen_zone): (&WindowSpec, Tz),
    now: &WindowSpec,
    at: Timestamp,
) -> MovedWindow {
    let next = |window: &WindowSpec| {
        let windows = std::slice::from_ref(window);
        next_opening(windows, frozen_zone, at)
    };
    MovedWindow {
        customer: id.clone(),
        cron: now.cron.clone(),
        duration: now.duration,
        frozen_in: was.zone.resolve(frozen_zone),
        frozen_next: next(was),
        now_in: now.zone.resolve(frozen_zone),
        now_next: next(now),
    }
}
