//! Which freezes fall into the time of a rollout, and when?

use std::collections::BTreeMap;
use std::ops::Range;

use chrono_tz::Tz;
use policy::calendar::{Boundary, Freeze, ZoneSpec};
use policy::{Plan, Timestamp};
use serde::Serialize;

use super::earliest::PhaseTimes;

/// So many occurrences of one freeze are told of.
const TOLD: usize = 500;

/// One time at which a freeze holds somebody of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrozenTime {
    /// The freeze.
    pub name: String,
    /// Its beginning, as written.
    #[serde(serialize_with = "as_text")]
    pub from: Boundary,
    /// Its end, as written.
    #[serde(serialize_with = "as_text")]
    pub until: Boundary,
    /// When it begins for the first whom it holds.
    pub begins_at: Timestamp,
    /// When it is over for the last.
    pub ends_at: Timestamp,
    /// How many it holds.
    pub customers: usize,
    /// Whether each customer's own clock counts.
    pub own_clocks: bool,
}

fn as_text<S: serde::Serializer>(boundary: &Boundary, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(boundary)
}

/// The time that a plan takes at the least, by its earliest instants.
pub fn span(phases: &[PhaseTimes], at: Timestamp) -> Range<Timestamp> {
    let batches = phases.iter().flat_map(|phase| &phase.batches);
    let starts = batches.flat_map(|batch| batch.customers.iter().map(|one| one.starts_at));
    let settled = phases.iter().map(|phase| phase.settles_at);
    let last = starts.chain(settled).flatten().max();
    at..last.unwrap_or(at).max(at)
}

/// What of the freezes of a plan holds somebody within a time, by freeze and beginning.
pub fn frozen(plan: &Plan, within: &Range<Timestamp>) -> Vec<FrozenTime> {
    let freezes = plan.freezes.iter();
    freezes
        .flat_map(|freeze| of_one(plan, freeze, within))
        .collect()
}

fn of_one(plan: &Plan, freeze: &Freeze, within: &Range<Timestamp>) -> Vec<FrozenTime> {
    let own_clocks = freeze.zone == ZoneSpec::Customer;
    let mut times: BTreeMap<Boundary, FrozenTime> = BTreeMap::new();
    for (zone, customers) in zones(plan, freeze) {
        let ahead = freeze.occurrences(within.start, zone);
        let ahead = ahead.take_while(|(_, interval)| interval.from < within.end);
        for (occurrence, interval) in ahead.take(TOLD) {
            let period = occurrence.period;
            let time = times.entry(period.from).or_insert_with(|| FrozenTime {
                name: freeze.name.clone(),
                from: period.from,
                until: period.until,
                begins_at: interval.from,
                ends_at: interval.until,
                customers: 0,
                own_clocks,
            });
            time.begins_at = time.begins_at.min(interval.from);
            time.ends_at = time.ends_at.max(interval.until);
            time.customers += customers;
        }
    }
    times.into_values().collect()
}

/// How many customers a freeze covers, by their zones.
fn zones(plan: &Plan, freeze: &Freeze) -> impl Iterator<Item = (Tz, usize)> {
    let customers = plan.customers.iter();
    let covered = customers.filter(|(id, planned)| freeze.covers(id, &planned.customer));
    let mut zones: BTreeMap<&str, (Tz, usize)> = BTreeMap::new();
    for (_, planned) in covered {
        let own = planned.customer.timezone.unwrap_or(plan.project.timezone);
        let zone = freeze.zone.resolve(own);
        zones.entry(zone.name()).or_insert((zone, 0)).1 += 1;
    }
    zones.into_values()
}
