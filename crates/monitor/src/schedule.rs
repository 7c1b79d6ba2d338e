//! Which service is asked when, and what do the answers mean? The whole state of a monitor, driven by instants.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use policy::monitoring::Monitoring;
use policy::{Span, Timestamp};
use sha2::{Digest as _, Sha256};

use super::judge::{Change, Judge};
use super::probe::{Observed, ServiceKey};

/// The services that are watched.
///
/// ```
/// use monitor::{Observed, Schedule, ServiceKey};
/// use policy::Timestamp;
///
/// let mut schedule = Schedule::new(&policy::monitoring::Monitoring::default());
/// let backend = ServiceKey::new("acme", "backend");
/// schedule.add(backend.clone(), Timestamp::UNIX_EPOCH);
/// assert_eq!(schedule.due(Timestamp::UNIX_EPOCH), [backend.clone()]);
/// assert_eq!(schedule.observed(&backend, &Observed::Up { latency_ms: 80 }), []);
/// assert!(schedule.wake_at().is_some_and(|next| next > Timestamp::UNIX_EPOCH));
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: Monitoring,
    services: BTreeMap<ServiceKey, Entry>,
    /// Who is asked next; those that are being asked stand in it already, with their next turn.
    queue: BTreeSet<(Timestamp, ServiceKey)>,
    in_flight: usize,
    is_stopped: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    judge: Judge,
    turn_at: Timestamp,
    asked: u64,
    in_flight: bool,
}

impl Schedule {
    /// Watches nobody yet.
    pub fn new(settings: &Monitoring) -> Self {
        Self {
            settings: settings.clone(),
            services: BTreeMap::new(),
            queue: BTreeSet::new(),
            in_flight: 0,
            is_stopped: false,
        }
    }

    /// Watches a service from now on; one that is watched stays as it is.
    pub fn add(&mut self, key: ServiceKey, at: Timestamp) {
        self.resume(key, at, Judge::default());
    }

    /// Watches a service from now on, going on from what is known of it.
    pub fn resume(&mut self, key: ServiceKey, at: Timestamp, judge: Judge) {
        if self.services.contains_key(&key) {
            return;
        }
        let entry = Entry {
            judge,
            turn_at: at,
            asked: 0,
            in_flight: false,
        };
        self.queue.insert((at, key.clone()));
        self.services.insert(key, entry);
    }

    /// Watches a service no longer; an answer that is still out is not heard.
    pub fn remove(&mut self, key: &ServiceKey) {
        if let Some(entry) = self.services.remove(key) {
            self.queue.remove(&(entry.turn_at, key.clone()));
            self.in_flight -= usize::from(entry.in_flight);
        }
    }

    /// Asks nobody until [`Schedule::start`].
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Asks again. Turns that were missed are not made up for.
    pub fn start(&mut self, at: Timestamp) {
        self.is_stopped = false;
        let missed: Vec<_> = self
            .queue
            .iter()
            .take_while(|(turn_at, _)| *turn_at < at)
            .map(|(_, key)| key.clone())
            .collect();
        for key in &missed {
            self.turn(key, at);
        }
    }

    /// Asks each service so often from now on.
    pub fn set_interval(&mut self, every: Span, at: Timestamp) {
        self.settings.every = every;
        let keys: Vec<_> = self.services.keys().cloned().collect();
        for key in &keys {
            self.turn(key, at);
        }
    }

    /// The services that are watched.
    pub fn services(&self) -> impl Iterator<Item = &ServiceKey> {
        self.services.keys()
    }

    /// Those to be asked now, no more than may be asked at the same time.
    pub fn due(&mut self, at: Timestamp) -> Vec<ServiceKey> {
        let limit = usize::try_from(self.settings.parallel).unwrap_or(usize::MAX);
        let free = limit.saturating_sub(self.in_flight);
        if self.is_stopped || free == 0 {
            return Vec::new();
        }
        let ready = self
            .queue
            .iter()
            .take_while(|(turn_at, _)| *turn_at <= at)
            .filter(|(_, key)| !self.services[key].in_flight);
        let due: Vec<ServiceKey> = ready.take(free).map(|(_, key)| key.clone()).collect();
        for key in &due {
            self.ask(key, at);
        }
        due
    }

    /// When somebody is to be asked next; `None`: nobody, or an answer is awaited first.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let limit = usize::try_from(self.settings.parallel).unwrap_or(usize::MAX);
        if self.is_stopped || self.in_flight >= limit {
            return None;
        }
        let mut free = self
            .queue
            .iter()
            .filter(|(_, key)| !self.services[key].in_flight);
        free.next().map(|(turn_at, _)| *turn_at)
    }

    /// Takes an answer in and says which alerts begin or end.
    pub fn observed(&mut self, key: &ServiceKey, observed: &Observed) -> Vec<Change> {
        let Some(entry) = self.services.get_mut(key) else {
            return Vec::new();
        };
        if entry.in_flight {
            entry.in_flight = false;
            self.in_flight -= 1;
        }
        entry.judge.observe(&self.settings.limits, observed)
    }

    /// Takes in what runs at a service; `None`: what was put there.
    pub fn compared(&mut self, key: &ServiceKey, drift: Option<&str>) -> Option<Change> {
        let entry = self.services.get_mut(key)?;
        entry.judge.compare(&self.settings.limits, drift)
    }

    /// How much is remembered, over all services: bounded by their number.
    pub fn remembered(&self) -> usize {
        let entries = self.services.values();
        entries.map(|entry| entry.judge.remembered()).sum()
    }

    fn ask(&mut self, key: &ServiceKey, at: Timestamp) {
        self.in_flight += 1;
        let entry = self.services.get_mut(key).expect("it was in the queue");
        entry.in_flight = true;
        entry.asked += 1;
        let next = at + pause(self.settings.every, key, entry.asked);
        self.turn(key, next);
    }

    fn turn(&mut self, key: &ServiceKey, at: Timestamp) {
        if let Some(entry) = self.services.get_mut(key) {
            self.queue.remove(&(entry.turn_at, key.clone()));
            entry.turn_at = at;
            self.queue.insert((at, key.clone()));
        }
    }
}

/// The interval, up to a twentieth shorter or longer, so that services do not stay in step with each other.
fn pause(every: Span, key: &ServiceKey, asked: u64) -> TimeDelta {
    let lot = Sha256::digest(format!("{key} {asked}"))[0];
    let spread = every.as_millis() * (i64::from(lot) - 128) / 2560;
    TimeDelta::milliseconds((every.as_millis() + spread).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn key(number: usize) -> ServiceKey {
        ServiceKey::new(format!("c{number}").as_str(), "backend")
    }

    fn schedule(services: usize, parallel: u32) -> Schedule {
        let mut schedule = Schedule::new(&Monitoring {
            parallel,
            ..Monitoring::default()
        });
        (0..services).for_each(|number| schedule.add(key(number), at(0)));
        schedule
    }

    const GOOD: Observed = Observed::Up { latency_ms: 1 };

    #[test]
    fn no_more_are_asked_at_once_than_is_allowed() {
        let mut schedule = schedule(5, 2);
        let first = schedule.due(at(0));
        assert_eq!(first.len(), 2);
        assert_eq!((schedule.due(at(0)).len(), schedule.wake_at()), (0, None));
        schedule.observed(&first[0], &GOOD);
        assert_eq!(schedule.due(at(0)).len(), 1);
    }

    #[test]
    fn a_service_that_does_not_answer_is_not_asked_twice_at_once() {
        let mut schedule = schedule(1, 10);
        assert_eq!(schedule.due(at(0)).len(), 1);
        assert_eq!(schedule.due(at(3600)).len(), 0);
        schedule.observed(&key(0), &GOOD);
        assert_eq!(schedule.due(at(3600)).len(), 1);
    }

    #[test]
    fn turns_are_spread_around_the_interval() {
        let mut schedule = schedule(100, 100);
        let asked = schedule.due(at(0));
        for key in &asked {
            schedule.observed(key, &GOOD);
        }
        let turns: BTreeSet<Timestamp> = schedule.queue.iter().map(|(turn, _)| *turn).collect();
        assert!(turns.len() > 50, "{turns:?}");
        assert!(turns.iter().all(|turn| (at(57)..=at(63)).contains(turn)));
    }

    #[test]
    fn a_stopped_monitor_asks_nobody_and_goes_on_where_it_is() {
        let mut schedule = schedule(1, 10);
        schedule.stop();
        assert_eq!((schedule.due(at(100)).len(), schedule.wake_at()), (0, None));
        schedule.start(at(500));
        assert_eq!(schedule.wake_at(), Some(at(500)));
        schedule.set_interval(Span::from_secs(10), at(600));
        assert_eq!(schedule.wake_at(), Some(at(600)));
        schedule.remove(&key(0));
        assert_eq!((schedule.wake_at(), schedule.services().count()), (None, 0));
        assert_eq!(schedule.observed(&key(0), &GOOD), []);
    }
}
