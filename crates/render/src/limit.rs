//! When may a request go? One limiter a key, shared by every clone of a client (A2, P44).
//!
//! Render counts requests in windows and says in every reply what is left of them. The limiter begins with the documented
//! numbers, believes the replies from then on, be it more or less, is silent after a 429 for as long as asked, and keeps a
//! part of each budget for rollbacks. Nobody queues here: whoever has to wait asks again at the instant it was told, a little
//! later than others, or as soon as a reply has told of more. Who waits for what stands in a table that anybody may follow.

mod bucket;
#[cfg(test)]
mod fleet;
mod quota;
mod waits;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::ServiceId;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use rollout::limit::{Limit, LimitOf};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use bucket::{Bucket, Budget, Ticket};
use quota::Quota;
pub(crate) use quota::{clamp_silence, retry_after, server_date};
use waits::Waiting;
pub use waits::{OnBehalfOf, Wait, Waits};

/// Who may use the part of the budget that is kept back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Everything else.
    #[default]
    Normal,
    /// A rollback and what belongs to it.
    Rollback,
}

/// What kind of request it is, as Render's limits see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Any GET.
    Read,
    /// Any other change, variables included.
    Write,
    /// Deploy, PATCH, suspend, resume: one shared budget a service (T20).
    Service(ServiceId),
    /// Rollback, cancel, restart, scale: undocumented, so counted in the strictest class and among the other changes.
    Doubtful(ServiceId),
    /// Services and databases.
    Create,
    /// One-off jobs.
    Job,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Reads,
    Writes,
    Service(ServiceId),
    Creations,
    Jobs,
}

/// Services remembered before idle ones are forgotten.
const MANY_BUCKETS: usize = 1_000;

/// Requests of a new client that are not spread.
const UNSPREAD: u32 = 8;

/// Silence after a 429 that does not say how long.
const DEFAULT_SILENCE: Duration = Duration::from_secs(5);

/// Waiters wake up within this time of one another.
const WAKE_SPREAD: Duration = Duration::from_millis(750);

impl Class {
    fn charged(&self) -> Vec<Name> {
        match self {
            Self::Read => vec![Name::Reads],
            Self::Write => vec![Name::Writes],
            Self::Service(service) => vec![Name::Service(service.clone())],
            Self::Doubtful(service) => vec![Name::Service(service.clone()), Name::Writes],
            Self::Create => vec![Name::Creations],
            Self::Job => vec![Name::Jobs],
        }
    }

    /// The budget that the headers of a reply speak of, where that is known.
    fn reported(&self) -> Option<Name> {
        match self {
            Self::Doubtful(_) => None,
            Self::Read | Self::Write | Self::Service(_) | Self::Create | Self::Job => {
                self.charged().pop()
            }
        }
    }
}

impl Name {
    fn limit(&self) -> Limit {
        match self {
            Self::Reads => Limit::Reads,
            Self::Writes => Limit::Changes,
            Self::Service(_) => Limit::Service,
            Self::Creations => Limit::Creations,
            Self::Jobs => Limit::Jobs,
        }
    }
}

/// All budgets of one key.
#[derive(Debug)]
pub(crate) struct Limiter {
    buckets: Mutex<HashMap<Name, Bucket>>,
    /// A reply has told of more than was assumed.
    more: Notify,
    /// Who waits.
    waits: watch::Sender<Waits>,
    spread_until: Instant,
    spread: Duration,
    asked: Mutex<u32>,
}

impl Limiter {
    pub(crate) fn new(spread: Duration) -> Self {
        Self {
            buckets: Mutex::default(),
            more: Notify::new(),
            waits: watch::Sender::new(Waits::default()),
            spread_until: Instant::now() + spread,
            spread,
            asked: Mutex::default(),
        }
    }

    /// Waits until a request of this class may go; meanwhile it stands in the table for whom it is. Dropping the permit says
    /// that the request is over.
    pub(crate) async fn permit(
        &self,
        class: &Class,
        priority: Priority,
        whose: Option<&OnBehalfOf>,
    ) -> Permit<'_> {
        if let Some(delay) = self.startup_delay() {
            sleep(delay).await;
        }
        let mut waiting = Waiting::new(&self.waits, whose);
        loop {
            // It listens before it asks: nothing that is told in between is missed.
            let more = self.more.notified();
            match self.take(class, priority, Instant::now()) {
                Ok(permit) => return permit,
                Err(used_up) => {
                    tracing::debug!(?class, ?priority, "waiting for Render's rate limit");
                    let until = used_up.until;
                    waiting.tell(&used_up);
                    let wakes = sleep_until(until + random_up_to(WAKE_SPREAD));
                    tokio::select! {
                        () = wakes => {}
                        () = more => {}
                    }
                }
            }
        }
    }

    /// Who waits now, and every change of it.
    pub(crate) fn waits(&self) -> watch::Receiver<Waits> {
        self.waits.subscribe()
    }

    /// Whether at least half of the budget for reads is left.
    pub(crate) fn has_spare_reads(&self) -> bool {
        let mut buckets = self.lock();
        buckets
            .get_mut(&Name::Reads)
            .is_none_or(|bucket| bucket.has_half(Instant::now()))
    }

    fn take(&self, class: &Class, priority: Priority, now: Instant) -> Result<Permit<'_>, UsedUp> {
        let charged = class.charged();
        let mut buckets = self.lock();
        if buckets.len() > MANY_BUCKETS {
            buckets.retain(|_, bucket| !bucket.is_idle(now));
        }
        let waits = charged.iter().filter_map(|name| {
            let bucket = buckets
                .entry(name.clone())
                .or_insert_with(|| Bucket::new(Budget::of(name.limit())));
            let until = bucket.wait_until(now, priority)?;
            let limit = name.limit().of(bucket.limit());
            Some(UsedUp { limit, until })
        });
        if let Some(used_up) = waits.max_by_key(|used_up| used_up.until) {
            return Err(used_up);
        }
        let take = |name: Name| {
            let ticket = buckets.get_mut(&name).map(|bucket| bucket.take(now));
            ticket.map(|ticket| (name, ticket))
        };
        Ok(Permit {
            limiter: self,
            charged: charged.into_iter().filter_map(take).collect(),
            reported: class.reported(),
        })
    }

    fn startup_delay(&self) -> Option<Duration> {
        if Instant::now() >= self.spread_until {
            return None;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = asked.saturating_add(1);
        (*asked > UNSPREAD).then(|| random_up_to(self.spread))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Bucket>> {
        // A panic elsewhere leaves nothing half-written here that the next reply would not correct.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A budget that is used up.
struct UsedUp {
    limit: LimitOf,
    until: Instant,
}

/// The right to send one request.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
    /// The budgets it counts against and has not been heard of by.
    charged: Vec<(Name, Ticket)>,
    reported: Option<Name>,
}

impl Permit<'_> {
    /// Takes in what the reply says.
    pub(crate) fn learn(&mut self, status: StatusCode, headers: &HeaderMap) {
        let now = Instant::now();
        let quota = Quota::of(headers);
        let mut buckets = self.limiter.lock();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = retry_after(headers)
                .or(quota.reset)
                .unwrap_or(DEFAULT_SILENCE);
            let until = now + clamp_silence(asked);
            for (name, _) in &self.charged {
                buckets
                    .entry(name.clone())
                    .and_modify(|bucket| bucket.silence(until));
            }
        }
        let reported = self.reported.as_ref();
        let about = (self.charged.iter()).position(|(name, _)| Some(name) == reported);
        let Some(about) = about else { return };
        let (name, ticket) = &self.charged[about];
        let Some(bucket) = buckets.get_mut(name) else {
            return;
        };
        let waited = bucket.wait_until(now, Priority::Normal).is_some();
        let is_told = bucket.learn(now, *ticket, &quota);
        if waited && bucket.wait_until(now, Priority::Normal).is_none() {
            self.limiter.more.notify_waiters();
        }
        if is_told {
            self.charged.remove(about);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut buckets = self.limiter.lock();
        for (name, _) in &self.charged {
            buckets.entry(name.clone()).and_modify(Bucket::release);
        }
    }
}

fn random_up_to(most: Duration) -> Duration {
    most.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn service(n: u32) -> Class {
        Class::Service(ServiceId::new(format!("srv-{n}")))
    }

    fn limiter() -> Limiter {
        Limiter::new(Duration::ZERO)
    }

    async fn spend(
        limiter: &Limiter,
        class: &Class,
        requests: u32,
        priority: Priority,
    ) -> Duration {
        let begin = Instant::now();
        for _ in 0..requests {
            drop(limiter.permit(class, priority, None).await);
        }
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn services_do_not_share_their_budget() {
        let limiter = limiter();
        assert_eq!(
            spend(&limiter, &service(1), 7, Priority::Normal).await,
            Duration::ZERO
        );
        assert_eq!(
            spend(&limiter, &service(2), 7, Priority::Normal).await,
            Duration::ZERO
        );
        assert!(spend(&limiter, &service(1), 1, Priority::Normal).await >= MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rollback_passes_where_a_deploy_waits() {
        let limiter = limiter();
        let Class::Service(id) = service(1) else {
            unreachable!()
        };
        spend(&limiter, &service(1), 7, Priority::Normal).await;
        let rollback = Class::Doubtful(id);
        assert_eq!(
            spend(&limiter, &rollback, 3, Priority::Rollback).await,
            Duration::ZERO
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_reply_allows_beyond_the_documented_numbers_is_used_at_once() {
        let limiter = Limiter::new(Duration::ZERO);
        let first = limiter.permit(&Class::Write, Priority::Normal, None).await;
        let begin = Instant::now();
        let others = futures::future::join_all((0..200).map(|_| async {
            drop(limiter.permit(&Class::Write, Priority::Normal, None).await);
        }));
        let reply = async {
            sleep(Duration::from_millis(50)).await;
            let mut first = first;
            let rows = [
                ("ratelimit-limit", "1000"),
                ("ratelimit-remaining", "999"),
                ("ratelimit-reset", "60"),
            ];
            let headers = rows.map(|(name, value)| {
                let value = reqwest::header::HeaderValue::from_static(value);
                (reqwest::header::HeaderName::from_static(name), value)
            });
            first.learn(StatusCode::OK, &headers.into_iter().collect());
        };
        futures::future::join(others, reply).await;
        assert!(
            begin.elapsed() < Duration::from_secs(1),
            "{:?}",
            begin.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_every_class_it_was_charged_to_is_silent() {
        let limiter = limiter();
        let Class::Service(id) = service(1) else {
            unreachable!()
        };
        let mut permit = limiter
            .permit(&Class::Doubtful(id), Priority::Normal, None)
            .await;
        let headers = [("retry-after".parse(), "30".parse())];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name.ok()?, value.ok()?)))
            .collect();
        permit.learn(StatusCode::TOO_MANY_REQUESTS, &headers);
        drop(permit);
        let silent = Duration::from_secs(30)..Duration::from_secs(32);
        assert!(silent.contains(&spend(&limiter, &Class::Write, 1, Priority::Rollback).await));
        assert_eq!(
            spend(&limiter, &Class::Read, 1, Priority::Normal).await,
            Duration::ZERO
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_herd_after_a_restart_is_spread_and_a_single_command_is_not_delayed() {
        let limiter = Limiter::new(Duration::from_secs(2));
        assert_eq!(
            spend(&limiter, &Class::Read, UNSPREAD, Priority::Normal).await,
            Duration::ZERO
        );
        let herd = spend(&limiter, &Class::Read, 20, Priority::Normal).await;
        assert!(herd > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_services_are_forgotten() {
        let limiter = limiter();
        for n in 0..=u32::try_from(MANY_BUCKETS).unwrap_or(u32::MAX) {
            drop(limiter.permit(&service(n), Priority::Normal, None).await);
        }
        sleep(MINUTE).await;
        drop(limiter.permit(&Class::Read, Priority::Normal, None).await);
        assert_eq!(limiter.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_stands_in_the_table_until_it_goes_with_the_number_that_render_has_told() {
        let limiter = limiter();
        let waits = limiter.waits();
        let mut told = limiter.permit(&Class::Write, Priority::Normal, None).await;
        let rows = [
            ("ratelimit-limit", "100"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "20"),
        ];
        let headers = rows.map(|(name, value)| {
            let value = reqwest::header::HeaderValue::from_static(value);
            (reqwest::header::HeaderName::from_static(name), value)
        });
        told.learn(StatusCode::OK, &headers.into_iter().collect());
        drop(told);
        assert!(waits.borrow().all().next().is_none());
        let whose: OnBehalfOf = (rollout::RolloutId::Rollout(1), "acme".into());
        let class = Class::Write;
        let next = limiter.permit(&class, Priority::Normal, Some(&whose));
        let look = async {
            sleep(Duration::from_secs(1)).await;
            let waits = waits.borrow().clone();
            waits.all().cloned().collect::<Vec<Wait>>()
        };
        let (_permit, seen) = futures::future::join(next, look).await;
        let [wait] = &seen[..] else {
            panic!("one waits: {seen:?}")
        };
        assert_eq!(wait.limit, Limit::Changes.of(100));
        assert_eq!(wait.whose.as_ref(), Some(&whose));
        let left = wait.until - wait.since;
        assert!((19..=20).contains(&left.num_seconds()), "{left}");
        assert!(waits.borrow().all().next().is_none(), "it has gone");
    }
}
