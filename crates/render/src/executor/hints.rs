//! When is a followed deploy read: by the clock, or because Render says that something ended there (P52)?
//!
//! A hint only brings a read forward. While every end comes with one, the reads between are put far apart; the first end that
//! comes without one puts them back to where they would be if there were no hints. So a hint that is lost, late or a lie costs
//! seconds or a read, and never a verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::ServiceId;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::event::EventKind;
use crate::webhook::Hint;

/// Where an executor is told what Render says. Cloning shares it.
#[derive(Clone, Default)]
pub struct Hints(Arc<Shared>);

#[derive(Default)]
struct Shared {
    followers: Mutex<Followers>,
    /// Whether ends come with hints at present.
    arriving: watch::Sender<bool>,
}

#[derive(Default)]
struct Followers {
    serial: u64,
    bells: BTreeMap<ServiceId, BTreeMap<u64, Arc<Bell>>>,
}

/// What rings for one follower.
#[derive(Default)]
struct Bell {
    rung: Notify,
    last: Mutex<Option<Instant>>,
}

/// How far apart reads are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paces {
    /// A hint this long before or after an end was that end's.
    pub(super) close: Duration,
    /// The pause while hints arrive.
    pub(super) hinted: Duration,
}

/// One who follows a deploy of a service. Dropping it says that nobody does any more.
pub(super) struct Listener {
    hints: Hints,
    service: ServiceId,
    serial: u64,
    bell: Arc<Bell>,
    paces: Paces,
    has_paused: bool,
}

impl Hints {
    /// Has whoever follows a deploy of that service read it at once. A hint that nobody waits for is forgotten.
    pub fn tell(&self, hint: &Hint) {
        // Nothing else ends a deploy, and each read is one of four hundred a minute.
        if hint.kind != EventKind::DeployEnded {
            return;
        }
        let followers = self.lock();
        for bell in followers.bells.get(&hint.service).into_iter().flatten() {
            bell.1.ring();
        }
    }

    /// Whether ends come with hints at present, so that deploys are read more seldom.
    pub fn are_arriving(&self) -> bool {
        *self.0.arriving.borrow()
    }

    /// Listens for a service, for as long as one of its deploys is followed.
    pub(super) fn listen(&self, service: &ServiceId, paces: Paces) -> Listener {
        let bell = Arc::<Bell>::default();
        let mut followers = self.lock();
        followers.serial += 1;
        let serial = followers.serial;
        let bells = followers.bells.entry(service.clone()).or_default();
        bells.insert(serial, Arc::clone(&bell));
        Listener {
            hints: self.clone(),
            service: service.clone(),
            serial,
            bell,
            paces,
            has_paused: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Followers> {
        let followers = &self.0.followers;
        followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, arriving: bool) {
        let changed = self.0.arriving.send_if_modified(|was| {
            let changed = *was != arriving;
            *was = arriving;
            changed
        });
        if changed {
            tracing::info!(arriving, "hints of Render about the ends of deploys");
        }
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hints")
            .field("arriving", &self.are_arriving())
            .finish_non_exhaustive()
    }
}

impl Bell {
    fn ring(&self) {
        *self.last() = Some(Instant::now());
        self.rung.notify_one();
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Waits before the next read: for the usual pause, or while hints arrive for a long one, but no longer than to the time
    /// limit or a hint. Says whether it was a hint.
    pub(super) async fn pause(&mut self, usual: Duration, deadline: Option<Instant>) -> bool {
        self.has_paused = true;
        let mut arriving = self.hints.0.arriving.subscribe();
        // One that was told already is not told again: what it was told of was something else, or is not to be read yet.
        let mut is_long = *arriving.borrow_and_update() && self.bell.last().is_none();
        let pause = if is_long {
            usual.max(self.paces.hinted)
        } else {
            usual
        };
        let mut due = due_after(pause, deadline);
        loop {
            tokio::select! {
                () = sleep_until(due) => return false,
                () = self.bell.rung.notified() => return true,
                changed = arriving.changed(), if is_long => {
                    if changed.is_ok() && !*arriving.borrow_and_update() {
                        is_long = false;
                        due = due.min(due_after(usual, deadline));
                    }
                }
            }
        }
    }

    /// A read has shown the end: whether a hint came with it says how others are to be read.
    pub(super) fn ended(self) {
        let told = *self.bell.last();
        if told.is_some_and(|at| at.elapsed() <= self.paces.close) {
            self.hints.arrive(true);
        } else if self.has_paused && self.hints.are_arriving() {
            drop(tokio::spawn(self.wait_for_hint()));
        }
        // What was over at the first read says nothing: nobody could have been told.
    }

    /// The read may have been faster than the message about the end.
    async fn wait_for_hint(self) {
        let told = timeout(self.paces.close, self.bell.rung.notified()).await;
        self.hints.arrive(told.is_ok());
    }
}

fn due_after(pause: Duration, deadline: Option<Instant>) -> Instant {
    let due = Instant::now() + pause;
    deadline.map_or(due, |deadline| due.min(deadline))
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut followers = self.hints.lock();
        if let Some(bells) = followers.bells.get_mut(&self.service) {
            bells.remove(&self.serial);
            if bells.is_empty() {
                followers.bells.remove(&self.service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACES: Paces = Paces {
        close: Duration::from_secs(15),
        hinted: Duration::from_mins(1),
    };

    const USUAL: Duration = Duration::from_secs(5);

    fn hint(kind: EventKind, service: &str) -> Hint {
        Hint {
            kind,
            event: "evt-1".into(),
            service: service.into(),
        }
    }

    fn told_of(service: &str) -> Hint {
        hint(EventKind::DeployEnded, service)
    }

    /// How long it pauses while nobody says anything, in seconds.
    async fn paused(listener: &mut Listener) -> u64 {
        let begun = Instant::now();
        assert!(!listener.pause(USUAL, None).await);
        begun.elapsed().as_secs()
    }

    /// Hints that arrive, as the end of one deploy has shown.
    fn arriving() -> Hints {
        let hints = Hints::default();
        let listener = hints.listen(&"srv-0".into(), PACES);
        hints.tell(&told_of("srv-0"));
        listener.ended();
        assert!(hints.are_arriving());
        hints
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_ends_the_pause_of_its_service_alone() {
        let hints = Hints::default();
        let mut ours = hints.listen(&"srv-1".into(), PACES);
        let mut other = hints.listen(&"srv-2".into(), PACES);
        let begun = Instant::now();
        hints.tell(&told_of("srv-1"));
        assert!(ours.pause(USUAL, None).await);
        assert!(begun.elapsed().is_zero());
        assert_eq!(paused(&mut other).await, 5);
        assert_eq!(paused(&mut ours).await, 5, "each wakes once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_no_deploy_wakes_nobody() {
        let hints = Hints::default();
        let mut listener = hints.listen(&"srv-1".into(), PACES);
        hints.tell(&hint(EventKind::DeployStarted, "srv-1"));
        hints.tell(&told_of("srv-2"));
        assert_eq!(paused(&mut listener).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_long_while_hints_arrive_and_never_longer_than_a_minute() {
        let hints = arriving();
        let mut listener = hints.listen(&"srv-1".into(), PACES);
        assert_eq!(paused(&mut listener).await, 60);
        assert_eq!(paused(&mut listener).await, 60);
        let limit = Instant::now() + Duration::from_secs(7);
        assert!(!listener.pause(USUAL, Some(limit)).await);
        assert_eq!(Instant::now(), limit, "a time limit is still met");
        hints.tell(&told_of("srv-1"));
        assert!(listener.pause(USUAL, None).await);
        assert_eq!(
            paused(&mut listener).await,
            5,
            "it was told, and the end does not show yet"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_without_a_hint_brings_everybody_back_to_the_usual_pauses() {
        let hints = arriving();
        let mut waiting = hints.listen(&"srv-1".into(), PACES);
        let mut silent = hints.listen(&"srv-2".into(), PACES);
        assert_eq!(paused(&mut silent).await, 60);
        silent.ended();
        // The message may still be on its way for fifteen seconds; whoever waits goes on for five from then.
        assert_eq!(paused(&mut waiting).await, 20);
        assert!(!hints.are_arriving());
        assert_eq!(paused(&mut waiting).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_was_faster_than_the_hint_says_nothing_against_hints() {
        let hints = arriving();
        let mut quick = hints.listen(&"srv-1".into(), PACES);
        assert_eq!(paused(&mut quick).await, 60);
        quick.ended();
        tokio::time::sleep(Duration::from_secs(2)).await;
        hints.tell(&told_of("srv-1"));
        tokio::time::sleep(PACES.close * 2).await;
        assert!(hints.are_arriving());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_over_before_anybody_listened_says_nothing_about_hints() {
        let hints = arriving();
        hints.listen(&"srv-1".into(), PACES).ended();
        tokio::time::sleep(PACES.close * 2).await;
        assert!(hints.are_arriving());
        let fresh = Hints::default();
        fresh.tell(&told_of("srv-1"));
        fresh.listen(&"srv-1".into(), PACES).ended();
        assert!(!fresh.are_arriving());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_of_long_ago_was_not_that_of_this_end() {
        let hints = arriving();
        let mut listener = hints.listen(&"srv-1".into(), PACES);
        hints.tell(&told_of("srv-1"));
        assert!(listener.pause(USUAL, None).await);
        tokio::time::sleep(PACES.close * 2).await;
        listener.ended();
        tokio::time::sleep(PACES.close * 2).await;
        assert!(!hints.are_arriving());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_remembered_who_no_longer_follows() {
        let hints = Hints::default();
        let listener = hints.listen(&"srv-1".into(), PACES);
        assert_eq!(hints.lock().bells.len(), 1);
        drop(listener);
        assert!(hints.lock().bells.is_empty());
    }
}
