//! What does Render allow, how much of it may be used, and who waits for that? The limiter, the simulation and `why` ask here
//! (P44).
//!
//! Nothing in here is stored: whoever carries commands out tells of a wait, and it counts until the instant that was told.

use std::fmt;
use std::time::Duration;

use policy::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::command::{Command, CommandKind};
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::RolloutId;
use crate::model::offer::Offers;
use crate::read::view::RolloutView;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// So many reads a minute may go into following deploys, however many there are.
pub const POLLS_A_MINUTE: u32 = 200;

/// So many reads a minute may go into looking whether what is watched was replaced.
pub const LOOKS_A_MINUTE: u32 = 60;

/// One of Render's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Any GET.
    Reads,
    /// Any other change, variables included.
    Changes,
    /// Deploy, PATCH, suspend, resume: one shared budget a service (T20).
    Service,
    /// Services and databases.
    Creations,
    /// One-off jobs.
    Jobs,
}

impl Limit {
    /// Requests a window, as documented.
    pub const fn requests(self) -> u32 {
        match self {
            Self::Reads => 400,
            Self::Changes => 30,
            Self::Service => 10,
            Self::Creations => 20,
            Self::Jobs => 2_000,
        }
    }

    /// The window's length.
    pub const fn window(self) -> Duration {
        match self {
            Self::Reads | Self::Changes | Self::Service => MINUTE,
            Self::Creations | Self::Jobs => HOUR,
        }
    }

    /// How many requests of a window are kept for what is urgent.
    pub const fn reserve(self) -> u32 {
        match self {
            Self::Reads => 40,
            Self::Changes => 6,
            Self::Service => 3,
            Self::Creations => 2,
            Self::Jobs => 50,
        }
    }

    /// The limit in Render's words, with the number that it has told of.
    pub fn of(self, requests: u32) -> LimitOf {
        LimitOf {
            limit: self,
            requests,
        }
    }
}

/// How many requests of a window may be used, of which a part is kept for what is urgent: never more than half.
pub fn usable(requests: u32, reserve: u32, urgent: bool) -> u32 {
    match urgent {
        true => requests,
        false => requests - reserve.min(requests / 2),
    }
}

/// A limit with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitOf {
    /// Which.
    pub limit: Limit,
    /// Requests a window: as documented, or as Render has told.
    pub requests: u32,
}

/// `Render's limit of 10 deploys a minute for each service`
impl fmt::Display for LimitOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.limit {
            Limit::Reads => "GET requests a minute",
            Limit::Changes => "POST, PATCH, PUT and DELETE requests a minute",
            Limit::Service => "deploys a minute for each service",
            Limit::Creations => "new services and databases an hour",
            Limit::Jobs => "one-off jobs an hour",
        };
        write!(f, "Render's limit of {} {what}", self.requests)
    }
}

/// What is done for a customer waits for one of Render's limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitWait {
    /// In which rollout or operation.
    pub run: RolloutId,
    /// Whose.
    pub customer: CustomerId,
    /// For what.
    pub limit: LimitOf,
    /// Since when.
    pub since: Timestamp,
    /// When the next request may go. From then on nothing is known.
    pub until: Timestamp,
}

impl LimitWait {
    fn hold(&self) -> Hold {
        Hold {
            kind: HoldKind::Limit,
            text: format!("{} is used up", self.limit),
            until: Some(self.until),
            since: Some(self.since),
            owner: HoldOwner::Render,
            way_out: None,
            offers: Offers::default(),
            gate: None,
        }
    }
}

/// Who waits for Render's limits, as whoever drives the rollouts has told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitWaits(Vec<LimitWait>);

impl FromIterator<LimitWait> for LimitWaits {
    fn from_iter<I: IntoIterator<Item = LimitWait>>(waits: I) -> Self {
        Self(waits.into_iter().collect())
    }
}

impl LimitWaits {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that have not ended.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.0.retain(|wait| at < wait.until);
        self
    }

    /// For which limit this customer waits, of several the one that is waited for the longest.
    pub fn hold(&self, run: RolloutId, customer: &CustomerId, at: Timestamp) -> Option<Hold> {
        let own = (self.0.iter())
            .filter(|wait| wait.run == run && wait.customer == *customer && at < wait.until);
        own.max_by_key(|wait| wait.until).map(LimitWait::hold)
    }

    /// Why this customer waits, where that is known better than from what is stored: who is being worked on waits for a limit.
    pub fn explain(
        &self,
        holds: Vec<Hold>,
        run: RolloutId,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Vec<Hold> {
        let Some(hold) = self.hold(run, customer, at) else {
            return holds;
        };
        let others = holds.into_iter();
        let others = others.filter(|hold| hold.kind != HoldKind::Working);
        others.chain([hold]).collect()
    }

    /// The same for every customer of a rollout.
    pub fn mark(&self, run: &mut RolloutView, at: Timestamp) {
        if self.is_empty() {
            return;
        }
        for one in &mut run.customers {
            one.waits_for = self.hold(run.id, &one.customer, at);
        }
    }
}

/// How many requests something takes, by limit. Those of [`Limit::Service`] are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Any GET.
    pub reads: u32,
    /// Any other change.
    pub changes: u32,
    /// New databases.
    pub creations: u32,
    /// One-off jobs.
    pub jobs: u32,
}

impl Requests {
    const NONE: Self = Self {
        reads: 0,
        changes: 0,
        creations: 0,
        jobs: 0,
    };

    const fn reads(reads: u32) -> Self {
        Self {
            reads,
            ..Self::NONE
        }
    }

    const fn changes(changes: u32) -> Self {
        Self {
            changes,
            ..Self::NONE
        }
    }

    /// How many count against a limit.
    pub fn of(&self, limit: Limit) -> u32 {
        match limit {
            Limit::Reads => self.reads,
            Limit::Changes => self.changes,
            Limit::Service => 0,
            Limit::Creations => self.creations,
            Limit::Jobs => self.jobs,
        }
    }
}

/// Of a service, its domains and its newest deploys.
const READS_OF_A_LOOK: u32 = 3;

impl Command {
    /// How many requests carrying it out takes, if all goes well. What is read over and over while something goes on is not
    /// counted here: it has budgets of its own, [`POLLS_A_MINUTE`] and [`LOOKS_A_MINUTE`].
    pub fn requests(&self) -> Requests {
        match &self.kind {
            CommandKind::Preflight { services, .. } => {
                Requests::reads(READS_OF_A_LOOK * count(services.len()))
            }
            CommandKind::Inspect { .. } => Requests::reads(READS_OF_A_LOOK),
            CommandKind::BackUp { .. }
            | CommandKind::ListDeploys { .. }
            | CommandKind::FindDatabases { .. }
            | CommandKind::Verify { .. } => Requests::reads(1),
            CommandKind::BackUpConnections { .. } => Requests::reads(3),
            CommandKind::Confirm { probed, .. } => Requests::reads(count(probed.len())),
            // Read before and after.
            CommandKind::SetVariables { keys, .. } | CommandKind::RestoreVariables { keys, .. } => {
                Requests {
                    reads: 2,
                    ..Requests::changes(count(keys.len()))
                }
            }
            CommandKind::CreateRollback { .. } | CommandKind::CancelDeploy { .. } => {
                Requests::changes(1)
            }
            CommandKind::Recover { .. } => Requests {
                creations: 1,
                ..Requests::NONE
            },
            CommandKind::RunHook { service, .. } => Requests {
                jobs: u32::from(service.is_some()),
                ..Requests::NONE
            },
            // One service is deployed and switched far less often than its limit allows.
            CommandKind::SetAutoDeploy { .. }
            | CommandKind::CreateDeploy { .. }
            | CommandKind::AwaitQuiet { .. }
            | CommandKind::FollowDeploy { .. }
            | CommandKind::AwaitDatabase { .. }
            | CommandKind::Watch { .. }
            | CommandKind::Stop { .. } => Requests::NONE,
        }
    }
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    fn wait(customer: &str, until: i64) -> LimitWait {
        LimitWait {
            run: RolloutId::Rollout(1),
            customer: customer.into(),
            limit: Limit::Service.of(10),
            since: at(0),
            until: at(until),
        }
    }

    fn working() -> Vec<Hold> {
        vec![Hold::new(
            HoldKind::Working,
            HoldOwner::Render,
            "it is being worked on",
        )]
    }

    #[test]
    fn who_is_being_worked_on_waits_for_the_limit_until_its_instant_and_no_longer() {
        let waits = LimitWaits::from_iter([wait("a", 20), wait("a", 30), wait("b", 90)]);
        let why = |now| waits.explain(working(), RolloutId::Rollout(1), &"a".into(), at(now));
        let [hold] = &why(29)[..] else {
            panic!("one hold")
        };
        assert_eq!(
            hold.text,
            "Render's limit of 10 deploys a minute for each service is used up"
        );
        assert_eq!((hold.kind, hold.until), (HoldKind::Limit, Some(at(30))));
        assert_eq!(why(30), working());
        let other = waits.explain(working(), RolloutId::Rollout(2), &"a".into(), at(0));
        assert_eq!(other, working());
    }

    #[test]
    fn what_else_holds_somebody_is_said_as_well() {
        let frozen = Hold::new(HoldKind::Freeze, HoldOwner::Calendar, "frozen");
        let waits = LimitWaits::from_iter([wait("a", 20)]);
        let holds = waits.explain(vec![frozen], RolloutId::Rollout(1), &"a".into(), at(0));
        let kinds: Vec<HoldKind> = holds.iter().map(|hold| hold.kind).collect();
        assert_eq!(kinds, [HoldKind::Freeze, HoldKind::Limit]);
    }

    #[test]
    fn never_more_than_half_is_kept_back() {
        assert_eq!(usable(400, 40, false), 360);
        assert_eq!(usable(4, 40, false), 2);
        assert_eq!(usable(1, 40, false), 1);
        assert_eq!(usable(400, 40, true), 400);
    }
}
