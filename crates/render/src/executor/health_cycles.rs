//! Health cycles of one live deploy, one after the other, each failed one with its control (R20, P33).

use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound as _;
use policy::health::Profile;
use rollout::command::{DeployStatus, DeployView, Probed};
use rollout::health::{Cycle, CycleResult};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use super::command_task::CommandTask;
use super::retry_policy::RetryPolicy;
use super::view::deploy_view;
use super::worker::Worker;
use crate::deploy;
use crate::error::{Result, chain};
use crate::probe::{CycleSample, Expectation, FigureSource, History, Latency, Subject};

/// A control must answer within this time after a failed cycle.
const CONTROL: Duration = Duration::from_secs(10);

/// So many other customers' sites are asked, at most.
const MAX_CONTROLS: usize = 3;

/// No profile makes cycles follow each other faster.
const MIN_EVERY: Duration = Duration::from_millis(10);

/// A baseline that the core carries was measured by this many requests.
const BASELINE_REQUESTS: u64 = 20;

/// The cycles of one service.
pub(super) struct HealthCycles<'t> {
    task: &'t CommandTask,
    probed: &'t Probed,
    profile: &'t Profile,
    retry: RetryPolicy,
    subject: Subject,
    expected: Expectation,
    history: History,
    /// Shared by all who are not in a hurry.
    crowd: Option<&'t Semaphore>,
    due: Instant,
    begun: bool,
    mute: u32,
}

/// What a cycle showed.
pub(super) enum Seen {
    /// A cycle took place.
    Cycle(Cycle),
    /// Nothing of the profile makes sense for this service.
    Nothing,
    /// Something else is live by now.
    Replaced(Option<DeployView>),
}

/// Whether the probed deploy still serves.
pub(super) enum Standing {
    Live,
    Replaced(Option<DeployView>),
}

enum Control {
    Answered,
    Replaced(Option<DeployView>),
    Silent(String),
}

impl<'t> HealthCycles<'t> {
    /// Begins a series; its first cycle is due at once.
    pub(super) async fn begin(
        task: &'t CommandTask,
        probed: &'t Probed,
        profile: &'t Profile,
        crowd: Option<&'t Semaphore>,
    ) -> Result<Self> {
        let retry = task.retry_policy();
        let worker: &Arc<Worker> = &task.worker;
        let owner = worker.settings.owner.as_ref();
        let kind = worker.kinds.of(&retry, owner, &probed.target.id).await?;
        Ok(Self {
            task,
            probed,
            profile,
            retry,
            subject: Subject {
                service: probed.target.id.clone(),
                role: probed.target.role.clone(),
                kind,
                url: probed.target.url.clone(),
            },
            expected: expectation(probed),
            history: History::default(),
            crowd,
            due: Instant::now(),
            begun: false,
            mute: 0,
        })
    }

    /// The next cycle, when it is due.
    pub(super) async fn next(&mut self) -> Seen {
        sleep_until(self.due).await;
        // The semaphore is never closed.
        let _place = match self.crowd {
            Some(crowd) => crowd.acquire().await.ok(),
            None => None,
        };
        self.schedule();
        let at = self.task.worker.sources.now().trunc_subsecs(3);
        let checkup = &self.task.worker.checkup;
        let cycle = checkup.cycle(
            &self.subject,
            self.profile,
            &self.expected,
            &mut self.history,
        );
        let sample = cycle.await;
        if sample.checks.is_empty() {
            return Seen::Nothing;
        }
        self.judge(&sample, at).await
    }

    /// In how many cycles in a row every check has abstained.
    pub(super) fn mute(&self) -> u32 {
        self.mute
    }

    /// Whether the probed deploy is still the live one. One that is gone, where its service is not, was replaced by nothing.
    pub(super) async fn standing(&self) -> Result<Standing> {
        let (client, service) = (&self.retry.client, &self.probed.target.id);
        let Some(ours) = &self.probed.deploy else {
            return Ok(Standing::Live);
        };
        match self.retry.ask(|| client.deploy(service, ours)).await {
            Ok(found) if found.status == deploy::DeployStatus::Live => Ok(Standing::Live),
            Ok(_) => self.live().await.map(Standing::Replaced),
            Err(error) if error.is_gone() && self.task.is_all_there().await => {
                Ok(Standing::Replaced(None))
            }
            Err(error) => Err(error),
        }
    }

    async fn judge(&mut self, sample: &CycleSample, at: policy::Timestamp) -> Seen {
        let result = sample.result();
        self.mute = match result {
            CycleResult::NoData { .. } => self.mute + 1,
            CycleResult::Passed | CycleResult::Failed { .. } => 0,
        };
        let result = match result {
            CycleResult::Failed { reason } => match self.control().await {
                Control::Answered => CycleResult::Failed { reason },
                Control::Replaced(by) => return Seen::Replaced(by),
                Control::Silent(silence) => CycleResult::NoData {
                    reason: format!("{reason}; but no control answered: {silence}"),
                },
            },
            CycleResult::Passed => CycleResult::Passed,
            CycleResult::NoData { reason } => CycleResult::NoData { reason },
        };
        tracing::debug!(role = %self.subject.role, ?result, "probed");
        Seen::Cycle(Cycle { at, result })
    }

    /// Whether others answer, now that this service does not: Render itself, and a customer not on the release.
    async fn control(&self) -> Control {
        match timeout(CONTROL, self.standing()).await {
            Ok(Ok(Standing::Live)) => {}
            Ok(Ok(Standing::Replaced(by))) => return Control::Replaced(by),
            Ok(Err(error)) => return Control::Silent(chain(&error)),
            Err(_) => return Control::Silent("Render did not answer in time".to_owned()),
        }
        let worker = &self.task.worker;
        let mut was_asked = false;
        let others = worker.sources.controls(&self.task.command.customer);
        for url in others.iter().take(MAX_CONTROLS) {
            match worker.prober.get(url).await {
                Ok(_) => return Control::Answered,
                Err(error) => was_asked |= error.was_asked(),
            }
        }
        if was_asked {
            return Control::Silent("no other customer's site answered".to_owned());
        }
        Control::Answered
    }

    async fn live(&self) -> Result<Option<DeployView>> {
        let (client, service) = (&self.retry.client, &self.probed.target.id);
        let is_live = |deploy: &deploy::Deploy| deploy.status == deploy::DeployStatus::Live;
        let read = || client.deploys_back_to(service, is_live);
        let deploys = self.retry.ask(read).await?.entries;
        let mut views = deploys.iter().map(deploy_view);
        Ok(views.find(|view| view.status == DeployStatus::Live))
    }

    /// The second cycle of those who began together does not take place together.
    fn schedule(&mut self) {
        let every = u64::try_from(self.profile.every.as_millis()).unwrap_or_default();
        let every = Duration::from_millis(every).max(MIN_EVERY);
        let scattered = self.crowd.is_some() && !self.begun;
        let share = if scattered {
            0.5 + fastrand::f64() / 2.0
        } else {
            1.0
        };
        self.begun = true;
        self.due = (self.due + every.mul_f64(share)).max(Instant::now());
    }
}

fn expectation(probed: &Probed) -> Expectation {
    Expectation {
        version: probed.version.clone(),
        live_at: Some(probed.live_at),
        before: probed.baseline_p95_ms.map(|p95_ms| Latency {
            p95_ms,
            requests: BASELINE_REQUESTS,
            source: FigureSource::Probes,
        }),
    }
}
