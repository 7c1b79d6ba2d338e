//! Which notifications may be delivered at the same time? Those with different destinations, so that no recipient who does not
//! answer keeps others waiting; those with the same one go one after the other.

use std::collections::{BTreeMap, BTreeSet};

use policy::Timestamp;

use super::notification::Sink;
use crate::limits::{DELIVERIES_AT_ONCE, EMAILS_AT_ONCE};

/// Where a notification goes: one address by one sink.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Destination {
    pub(super) sink: Sink,
    pub(super) target: String,
}

/// Which destinations are busy, and which ask for some rest.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    busy: BTreeSet<Destination>,
    resting: BTreeMap<Destination, Timestamp>,
}

impl Destinations {
    /// Whether there is room for a notification more at all.
    pub(super) fn have_room(&self) -> bool {
        self.busy.len() < DELIVERIES_AT_ONCE
    }

    /// Whether a notification may go there now.
    pub(super) fn are_free_for(&self, destination: &Destination, now: Timestamp) -> bool {
        let rests = self
            .resting
            .get(destination)
            .is_some_and(|until| *until > now);
        self.have_room()
            && !rests
            && !self.busy.contains(destination)
            && self.mail_has_room(destination)
    }

    /// All mailboxes are reached through one server.
    fn mail_has_room(&self, destination: &Destination) -> bool {
        let mails = || self.busy.iter().filter(|busy| busy.sink == Sink::Email);
        destination.sink != Sink::Email || mails().count() < EMAILS_AT_ONCE
    }

    /// A notification is on its way there.
    pub(super) fn take(&mut self, destination: Destination) {
        self.resting.remove(&destination);
        self.busy.insert(destination);
    }

    /// The attempt is over, and the next one is to wait until then.
    pub(super) fn leave(&mut self, destination: &Destination, rest_until: Option<Timestamp>) {
        self.busy.remove(destination);
        if let Some(until) = rest_until {
            self.resting.insert(destination.clone(), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(sink: Sink, number: usize) -> Destination {
        let target = number.to_string();
        Destination { sink, target }
    }

    #[test]
    fn one_mail_server_leaves_room_for_other_sinks() {
        let (mut destinations, now) = (Destinations::default(), Timestamp::UNIX_EPOCH);
        for number in 0..EMAILS_AT_ONCE {
            let destination = destination(Sink::Email, number);
            assert!(destinations.are_free_for(&destination, now));
            destinations.take(destination);
        }
        assert!(!destinations.are_free_for(&destination(Sink::Email, EMAILS_AT_ONCE), now));
        assert!(destinations.are_free_for(&destination(Sink::Slack, 0), now));
    }

    #[test]
    fn together_they_are_bounded() {
        let (mut destinations, now) = (Destinations::default(), Timestamp::UNIX_EPOCH);
        for number in 0..DELIVERIES_AT_ONCE {
            assert!(destinations.have_room());
            destinations.take(destination(Sink::Webhook, number));
        }
        let next = destination(Sink::Webhook, DELIVERIES_AT_ONCE);
        assert!(!destinations.have_room() && !destinations.are_free_for(&next, now));
        destinations.leave(&destination(Sink::Webhook, 0), None);
        assert!(destinations.are_free_for(&next, now));
    }
}
