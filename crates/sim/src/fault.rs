//! What can go wrong, by whom it is felt, and how often.
//!
//! Faults are armed before they are met. A fault with a number of `times` is used up; one without stays.

use std::collections::BTreeMap;

use policy::Span;
use serde::{Deserialize, Serialize};

use crate::api::Op;
use crate::ids::{CommitId, ServiceId, Timestamp};
use crate::platform::{Source, Trigger};

/// One fault, as armed in-process or by JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The service that feels it; absent: every one.
    #[serde(default)]
    pub service: Option<ServiceId>,
    /// How often it is felt; absent: always.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of one service that is always felt.
    pub fn of(service: &ServiceId, kind: FaultKind) -> Self {
        Self {
            service: Some(service.clone()),
            times: None,
            kind,
        }
    }

    /// A fault of every service that is always felt.
    pub fn everywhere(kind: FaultKind) -> Self {
        Self {
            service: None,
            times: None,
            kind,
        }
    }

    /// The same fault, felt a number of times only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// A request or its reply meets trouble on the way.
    Request {
        /// Which requests; absent: any.
        #[serde(default)]
        op: Option<Op>,
        /// What trouble.
        #[serde(flatten)]
        trouble: Trouble,
    },
    /// A deploy asked for through the API takes another course.
    Deploy(DeployFault),
    /// A release misbehaves.
    Health(HealthFault),
    /// Somebody else deploys.
    ForeignDeploy(ForeignDeploy),
    /// Somebody suspends the service, and perhaps resumes it.
    Suspended {
        /// From when.
        from: Timestamp,
        /// Until when; absent: for good.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Nothing arrives there.
    Unreachable(Outage),
    /// One-off jobs end otherwise.
    Job(JobOutcome),
}

/// What becomes of a request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum Trouble {
    /// It is never sent, and has no effect.
    NeverSent,
    /// It has its effect, and the connection ends without a reply.
    Lost,
    /// The connection is reset before or after the effect.
    Reset {
        /// Whether it has its effect.
        effect: bool,
    },
    /// The client hears nothing; the request has its effect later.
    ArrivesLate {
        /// How much later.
        by: Span,
    },
    /// It has its effect at once; the reply comes later.
    ReplyLate {
        /// How much later.
        by: Span,
    },
    /// It is answered with a status of 500 or above.
    Status {
        /// 500 or 503.
        status: u16,
        /// Whether it has its effect.
        effect: bool,
    },
    /// It is answered 429, without effect.
    RateLimited {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// A deploy or rollback that did start is answered 202 without a body.
    AcceptedWithoutBody,
    /// A deploy or rollback is answered 202 without a body and appears in the list later.
    ListedLate {
        /// How much later.
        by: Span,
    },
    /// The list of deploys leaves out the newest.
    OmitsNewest,
    /// The reply is no JSON.
    Malformed,
    /// The reply is far too long.
    Huge {
        /// How long, in bytes.
        bytes: usize,
    },
}

/// Which deploys take another course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployKind {
    /// Those triggered through the API.
    #[default]
    Deploy,
    /// Rollbacks.
    Rollback,
}

/// How a deploy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It becomes live.
    Live,
    /// Its build fails.
    BuildFailed,
    /// Its pre-deploy command fails.
    PreDeployFailed,
    /// Its new instances do not start.
    UpdateFailed,
    /// It never ends.
    Stuck,
}

/// Another course for deploys asked for through the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployFault {
    /// Ordinary deploys or rollbacks.
    #[serde(default)]
    pub on: DeployKind,
    /// How they end.
    pub outcome: Outcome,
    /// From their begin to that end; absent: the usual time.
    #[serde(default)]
    pub after: Option<Span>,
    /// Only deploys of this commit.
    #[serde(default)]
    pub commit: Option<CommitId>,
}

/// What visitors notice of a release that misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "symptom", rename_all = "snake_case")]
pub enum Symptom {
    /// Every path answers 500.
    Failing,
    /// The health report says that the database is disconnected.
    Database,
    /// Answers take long.
    Slow {
        /// How long.
        latency_ms: u32,
    },
    /// A share of the answers is 500.
    Flaky {
        /// The share.
        percent: u8,
    },
    /// It reports another version.
    Version {
        /// What it says.
        says: String,
    },
}

/// When a misbehaviour begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Onset {
    /// When the deploy becomes live.
    Live,
    /// At an instant, also if the deploy is live by then.
    At(Timestamp),
}

/// A release that misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFault {
    /// What is noticed.
    #[serde(flatten)]
    pub symptom: Symptom,
    /// The commit that misbehaves; absent: every deploy but rollbacks.
    #[serde(default)]
    pub commit: Option<CommitId>,
    /// Since when.
    pub from: Onset,
    /// Until when; absent: for good.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// A deploy by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDeploy {
    /// When it is asked for.
    pub at: Timestamp,
    /// Its commit.
    pub commit: CommitId,
    /// Who began it: `manual` or `new_commit`, but any will do.
    pub trigger: Trigger,
    /// From then to `live`; absent: the usual time.
    #[serde(default)]
    pub live_after: Option<Span>,
}

/// Where nothing arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Render's API.
    #[default]
    Api,
    /// Customers' sites.
    Sites,
    /// Both, as when our own network is down.
    Everything,
}

/// A time in which nothing arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// From when.
    pub from: Timestamp,
    /// Until when; absent: for good.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Where.
    #[serde(default)]
    pub reach: Reach,
}

/// How a one-off job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum JobOutcome {
    /// It fails.
    Failed,
    /// It never ends.
    Stuck,
}

impl Outage {
    fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    fn reaches(&self, what: Reach) -> bool {
        self.reach == Reach::Everything || self.reach == what
    }
}

/// The faults that are armed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    requests: Scoped<(Option<Op>, Trouble)>,
    deploys: Scoped<DeployFault>,
    health: Scoped<HealthFault>,
    outages: Scoped<Outage>,
    jobs: Scoped<JobOutcome>,
}

impl Faults {
    pub(crate) fn add_trouble(&mut self, fault: Felt, op: Option<Op>, trouble: Trouble) {
        self.requests.add(fault, (op, trouble));
    }

    pub(crate) fn add_deploy(&mut self, fault: Felt, course: DeployFault) {
        self.deploys.add(fault, course);
    }

    pub(crate) fn add_health(&mut self, fault: Felt, health: HealthFault) {
        self.health.add(fault, health);
    }

    pub(crate) fn add_outage(&mut self, fault: Felt, outage: Outage) {
        self.outages.add(fault, outage);
    }

    pub(crate) fn add_job(&mut self, fault: Felt, outcome: JobOutcome) {
        self.jobs.add(fault, outcome);
    }

    /// The trouble that this request meets.
    pub(crate) fn take_trouble(&mut self, op: Op, service: Option<&ServiceId>) -> Option<Trouble> {
        let meets =
            |(only, trouble): &(Option<Op>, Trouble)| only.map_or(trouble.fits(op), |o| o == op);
        self.requests.take(service, meets).map(|(_, t)| t)
    }

    /// The course that this deploy takes instead of the usual one.
    pub(crate) fn take_course(
        &mut self,
        service: &ServiceId,
        on: DeployKind,
        source: &Source,
    ) -> Option<DeployFault> {
        self.deploys.take(Some(service), |fault| {
            fault.on == on && concerns(fault.commit.as_ref(), source)
        })
    }

    /// How this job ends instead of succeeding.
    pub(crate) fn take_job(&mut self, service: &ServiceId) -> Option<JobOutcome> {
        self.jobs.take(Some(service), |_| true)
    }

    /// The misbehaviours of a deploy that becomes live.
    pub(crate) fn take_health(
        &mut self,
        service: &ServiceId,
        trigger: Trigger,
        source: &Source,
    ) -> Vec<HealthFault> {
        self.health
            .take_all(service, |fault| fault.concerns(trigger, source))
    }

    /// Until when nothing arrives there, if nothing does; the inner absence means for good.
    pub(crate) fn outage(
        &self,
        service: Option<&ServiceId>,
        reach: Reach,
        at: Timestamp,
    ) -> Option<Option<Timestamp>> {
        self.outages
            .of(service)
            .filter(|outage| outage.covers(at) && outage.reaches(reach))
            .map(|outage| outage.until)
            .max_by_key(|until| until.unwrap_or(Timestamp::MAX_UTC))
    }

    /// The instants at which a service's site vanishes or comes back.
    pub(crate) fn site_outages(&self, service: &ServiceId) -> impl Iterator<Item = Timestamp> {
        self.outages
            .of(Some(service))
            .filter(|outage| outage.reaches(Reach::Sites))
            .flat_map(|outage| [Some(outage.from), outage.until])
            .flatten()
    }
}

impl Trouble {
    /// Whether a fault armed for any request concerns this one.
    fn fits(&self, op: Op) -> bool {
        match self {
            Self::AcceptedWithoutBody | Self::ListedLate { .. } => {
                matches!(op, Op::TriggerDeploy | Op::Rollback)
            }
            Self::OmitsNewest => op == Op::ListDeploys,
            Self::ArrivesLate { .. } => !op.is_read(),
            Self::NeverSent
            | Self::Lost
            | Self::Reset { .. }
            | Self::ReplyLate { .. }
            | Self::Status { .. }
            | Self::RateLimited { .. }
            | Self::Malformed
            | Self::Huge { .. } => true,
        }
    }
}

impl HealthFault {
    /// Whether a deploy of this kind misbehaves.
    pub(crate) fn concerns(&self, trigger: Trigger, source: &Source) -> bool {
        match &self.commit {
            Some(commit) => source.as_str() == commit.as_str(),
            None => trigger != Trigger::Rollback,
        }
    }
}

fn concerns(commit: Option<&CommitId>, source: &Source) -> bool {
    commit.is_none_or(|commit| source.as_str() == commit.as_str())
}

/// By whom a fault is felt, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Felt {
    pub(crate) service: Option<ServiceId>,
    pub(crate) times: Option<u32>,
}

/// Faults by the service that feels them, so that finding one does not depend on how many services there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scoped<T> {
    everywhere: Vec<Armed<T>>,
    by_service: BTreeMap<ServiceId, Vec<Armed<T>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Armed<T> {
    what: T,
    left: Option<u32>,
}

impl<T> Default for Scoped<T> {
    fn default() -> Self {
        Self {
            everywhere: Vec::new(),
            by_service: BTreeMap::new(),
        }
    }
}

impl<T: Clone> Scoped<T> {
    fn add(&mut self, felt: Felt, what: T) {
        let armed = Armed {
            what,
            left: felt.times,
        };
        match felt.service {
            Some(service) => self.by_service.entry(service).or_default().push(armed),
            None => self.everywhere.push(armed),
        }
    }

    fn of(&self, service: Option<&ServiceId>) -> impl Iterator<Item = &T> {
        let own = service.and_then(|service| self.by_service.get(service));
        let own = own.into_iter().flatten();
        own.chain(&self.everywhere).map(|armed| &armed.what)
    }

    /// Uses the first that fits: the service's own before those of all.
    fn take(&mut self, service: Option<&ServiceId>, fits: impl Fn(&T) -> bool) -> Option<T> {
        let own = service.and_then(|service| self.by_service.get_mut(service));
        own.and_then(|own| take_from(own, &fits))
            .or_else(|| take_from(&mut self.everywhere, &fits))
    }

    /// Uses each that fits.
    fn take_all(&mut self, service: &ServiceId, fits: impl Fn(&T) -> bool) -> Vec<T> {
        let own = self.by_service.get_mut(service);
        own.into_iter()
            .chain([&mut self.everywhere])
            .flat_map(|list| take_all_from(list, &fits))
            .collect()
    }
}

fn take_from<T: Clone>(list: &mut Vec<Armed<T>>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let place = list.iter().position(|armed| fits(&armed.what))?;
    let what = list[place].what.clone();
    if list[place].spend() {
        list.remove(place);
    }
    Some(what)
}

fn take_all_from<T: Clone>(list: &mut Vec<Armed<T>>, fits: impl Fn(&T) -> bool) -> Vec<T> {
    let mut taken = Vec::new();
    list.retain_mut(|armed| {
        if !fits(&armed.what) {
            return true;
        }
        taken.push(armed.what.clone());
        !armed.spend()
    });
    taken
}

impl<T> Armed<T> {
    /// Counts one use; says whether it was the last.
    fn spend(&mut self) -> bool {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.left == Some(0)
    }
}
