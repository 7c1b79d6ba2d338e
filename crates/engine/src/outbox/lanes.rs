//! Which letters may be delivered beside one another? Those that take different ways, so that no recipient who does not answer
//! keeps others waiting; those of one way go one after the other.

use std::collections::{BTreeMap, BTreeSet};

use policy::Timestamp;

use super::letter::Sink;
use crate::limits::{DELIVERIES_AT_ONCE, EMAILS_AT_ONCE};

/// The way of a letter: one address by one sink.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) sink: Sink,
    pub(super) target: String,
}

/// Which ways are taken, and which ask for some rest.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    busy: BTreeSet<Lane>,
    resting: BTreeMap<Lane, Timestamp>,
}

impl Lanes {
    /// Whether there is room for a letter more at all.
    pub(super) fn have_room(&self) -> bool {
        self.busy.len() < DELIVERIES_AT_ONCE
    }

    /// Whether a letter may take this way now.
    pub(super) fn are_free_for(&self, lane: &Lane, now: Timestamp) -> bool {
        let rests = self.resting.get(lane).is_some_and(|until| *until > now);
        self.have_room() && !rests && !self.busy.contains(lane) && self.mail_has_room(lane)
    }

    /// All mailboxes are reached through one server.
    fn mail_has_room(&self, lane: &Lane) -> bool {
        let mails = || self.busy.iter().filter(|busy| busy.sink == Sink::Email);
        lane.sink != Sink::Email || mails().count() < EMAILS_AT_ONCE
    }

    /// A letter takes it.
    pub(super) fn take(&mut self, lane: Lane) {
        self.resting.remove(&lane);
        self.busy.insert(lane);
    }

    /// The letter has come to its end, and the next one is to wait for so long.
    pub(super) fn leave(&mut self, lane: &Lane, rest_until: Option<Timestamp>) {
        self.busy.remove(lane);
        if let Some(until) = rest_until {
            self.resting.insert(lane.clone(), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(sink: Sink, number: usize) -> Lane {
        let target = number.to_string();
        Lane { sink, target }
    }

    #[test]
    fn one_mail_server_leaves_room_for_other_sinks() {
        let (mut lanes, now) = (Lanes::default(), Timestamp::UNIX_EPOCH);
        for number in 0..EMAILS_AT_ONCE {
            let lane = lane(Sink::Email, number);
            assert!(lanes.are_free_for(&lane, now));
            lanes.take(lane);
        }
        assert!(!lanes.are_free_for(&lane(Sink::Email, EMAILS_AT_ONCE), now));
        assert!(lanes.are_free_for(&lane(Sink::Slack, 0), now));
    }

    #[test]
    fn together_they_are_bounded() {
        let (mut lanes, now) = (Lanes::default(), Timestamp::UNIX_EPOCH);
        for number in 0..DELIVERIES_AT_ONCE {
            assert!(lanes.have_room());
            lanes.take(lane(Sink::Webhook, number));
        }
        let next = lane(Sink::Webhook, DELIVERIES_AT_ONCE);
        assert!(!lanes.have_room() && !lanes.are_free_for(&next, now));
        lanes.leave(&lane(Sink::Webhook, 0), None);
        assert!(lanes.are_free_for(&next, now));
    }
}
