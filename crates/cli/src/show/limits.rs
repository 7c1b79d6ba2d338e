//! A wait for one of Render's limits, as a person reads it: once, and again only if it lasts beyond what was said.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use policy::{CustomerId, Timestamp};
use rollout::view::RolloutView;

use super::time;

/// Nobody is told of a wait that is shorter.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(2);

/// So many of those who wait are named.
const NAMED: usize = 3;

/// What people were told: which limit, and until when.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<String, Timestamp>);

impl Told {
    /// When a wait is to be told of; `None`: not at all, or it was.
    pub(crate) fn due_at(
        &self,
        limit: &str,
        since: Timestamp,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let is_long = until - since >= WORTH_A_WORD && now < until;
        let was_told = self.0.get(limit).is_some_and(|told| now < *told);
        (is_long && !was_told).then_some(since + WORTH_A_WORD)
    }

    /// It is said now.
    pub(crate) fn note(&mut self, limit: String, until: Timestamp) {
        self.0.insert(limit, until);
    }

    /// What is to be said now of the customers that wait: a line for each limit.
    pub(crate) fn remarks(&mut self, runs: &[&RolloutView], now: Timestamp) -> Vec<String> {
        let mut waits: BTreeMap<&str, (Timestamp, Vec<&CustomerId>)> = BTreeMap::new();
        for one in runs.iter().flat_map(|run| &run.customers) {
            let Some(hold) = &one.waits_for else { continue };
            let (Some(since), Some(until)) = (hold.since, hold.until) else {
                continue;
            };
            let due = self.due_at(&hold.text, since, until, now);
            if due.is_some_and(|due| due <= now) {
                let (last, who) = waits.entry(&hold.text).or_insert((until, Vec::new()));
                *last = until.max(*last);
                who.push(&one.customer);
            }
        }
        let mut remarks = Vec::new();
        for (text, (until, who)) in waits {
            remarks.push(format!("{}: {}", named(&who), until_when(text, until, now)));
            self.note(text.to_owned(), until);
        }
        remarks
    }
}

/// `Render's limit of 10 deploys a minute for each service is used up, until Mon 11 Jan 2027 09:01 UTC (in 40s)`
pub(crate) fn until_when(what: &str, until: Timestamp, now: Timestamp) -> String {
    format!("{what}, until {}", time::instant_and_away(until, now))
}

fn named(who: &[&CustomerId]) -> String {
    let shown: Vec<&str> = who.iter().take(NAMED).map(|one| one.as_str()).collect();
    match who.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: &str = "Render's limit of 400 GET requests a minute";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    #[test]
    fn a_wait_is_told_once_it_has_lasted_and_again_only_beyond_what_was_said() {
        let mut told = Told::default();
        let due = |told: &Told, until, now| told.due_at(LIMIT, at(0), at(until), at(now));
        assert_eq!(due(&told, 1, 0), None, "too short");
        assert_eq!(due(&told, 20, 0), Some(at(2)));
        told.note(LIMIT.to_owned(), at(20));
        assert_eq!(due(&told, 20, 3), None);
        assert_eq!(due(&told, 20, 21), None, "it is over");
        assert_eq!(due(&told, 80, 21), Some(at(2)), "it goes on");
    }

    #[test]
    fn only_some_of_those_who_wait_are_named() {
        let all: Vec<CustomerId> = ["a", "b", "c", "d", "e"].map(CustomerId::new).into();
        let all: Vec<&CustomerId> = all.iter().collect();
        assert_eq!(named(&all[..2]), "a, b");
        assert_eq!(named(&all), "a, b, c and 2 more");
    }
}
