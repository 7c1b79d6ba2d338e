//! Verdicts on live deploys: `Verify`, `Watch`, `Confirm`.

use std::time::Duration;

use futures::future::{pending, select_all, try_join_all};
use policy::Role;
use policy::health::Profile;
use rollout::Outcome;
use rollout::command::Probed;
use rollout::health::{Cycle, CycleResult, Fold, Verdict};
use tokio::time::{Instant, sleep};

use super::command_task::CommandTask;
use super::health_cycles::{HealthCycles, Seen, Standing};
use crate::error::{Error, Result, chain};

/// The cycle that passed, if there was anything to ask; or what is wrong, as the answer of the command.
type Passed = std::result::Result<Option<Cycle>, Outcome>;

/// After so many cycles a watch asks Render whether its deploy is still live.
const LOOK_AFTER: u32 = 5;

/// In at least so many cycles in a row must every check abstain before a person is asked why.
const MUTE: u32 = 3;

impl CommandTask {
    /// Probes until a verdict. A healthy one counts only while the deploy is live (P33).
    pub(super) async fn verify(&self, probed: &Probed, profile: &Profile) -> Result<Outcome> {
        let role = &probed.target.role;
        let mut series = HealthCycles::begin(self, probed, profile, None).await?;
        let mut fold = Fold::new();
        loop {
            let verdict = match series.next().await {
                Seen::Replaced(by) => return Ok(replaced(role, by)),
                Seen::Nothing => Some(nothing_to_ask()),
                Seen::Cycle(Cycle {
                    result: CycleResult::NoData { reason },
                    ..
                }) if series.mute() >= profile.fail_after.max(MUTE) => {
                    return Ok(Outcome::Failed { reason });
                }
                Seen::Cycle(cycle) => fold.add(profile, cycle),
            };
            match verdict {
                Some(verdict) if verdict.healthy => {
                    return Ok(match series.standing().await? {
                        Standing::Live => judged(role, verdict),
                        Standing::Replaced(by) => replaced(role, by),
                    });
                }
                Some(verdict) => return Ok(judged(role, verdict)),
                None => {}
            }
        }
    }

    /// Probes every service until one is unhealthy or replaced.
    pub(super) async fn watch(&self, probed: &[Probed], profile: &Profile) -> Outcome {
        let watches = probed
            .iter()
            .map(|one| Box::pin(self.watch_one(one, profile)));
        let watches: Vec<_> = watches.collect();
        if watches.is_empty() {
            return pending().await;
        }
        select_all(watches).await.0
    }

    async fn watch_one(&self, probed: &Probed, profile: &Profile) -> Outcome {
        loop {
            match self.watch_until_trouble(probed, profile).await {
                Ok(outcome) => return outcome,
                Err(error) => match self.gone_by(&error).await {
                    Some(gone) => return gone,
                    None => self.rest(&error).await,
                },
            }
        }
    }

    async fn watch_until_trouble(&self, probed: &Probed, profile: &Profile) -> Result<Outcome> {
        let role = &probed.target.role;
        let crowd = Some(&self.worker.cycles);
        let mut series = HealthCycles::begin(self, probed, profile, crowd).await?;
        let mut fold = Fold::new();
        let watcher = self.worker.watches.join();
        let (mut cycles, mut looked_at) = (0, Instant::now());
        loop {
            match series.next().await {
                Seen::Replaced(by) => return Ok(replaced(role, by)),
                Seen::Nothing => {}
                Seen::Cycle(cycle) => {
                    let verdict = fold.add(profile, cycle);
                    if let Some(verdict) = verdict.filter(|verdict| !verdict.healthy) {
                        return Ok(judged(role, verdict));
                    }
                }
            }
            cycles += 1;
            if cycles >= LOOK_AFTER && looked_at.elapsed() >= watcher.period() {
                (cycles, looked_at) = (0, Instant::now());
                if let Standing::Replaced(by) = series.standing().await? {
                    return Ok(replaced(role, by));
                }
            }
        }
    }

    /// Probes every service until one cycle has passed on each, or one is unhealthy or replaced.
    pub(super) async fn confirm(&self, probed: &[Probed], profile: &Profile) -> Outcome {
        let Some(last) = probed.last() else {
            return pending().await;
        };
        let passes = probed.iter().map(|one| self.pass_once(one, profile));
        match try_join_all(passes).await {
            Ok(cycles) => {
                let verdict = Verdict {
                    healthy: true,
                    cycles: cycles.into_iter().flatten().collect(),
                };
                judged(&last.target.role, verdict)
            }
            Err(ill) => ill,
        }
    }

    /// The cycle that passed, or what is wrong with the service.
    async fn pass_once(&self, probed: &Probed, profile: &Profile) -> Passed {
        loop {
            match self.pass_until_trouble(probed, profile).await {
                Ok(passed) => return passed,
                Err(error) => match self.gone_by(&error).await {
                    Some(gone) => return Err(gone),
                    None => self.rest(&error).await,
                },
            }
        }
    }

    async fn pass_until_trouble(&self, probed: &Probed, profile: &Profile) -> Result<Passed> {
        let role = &probed.target.role;
        let crowd = Some(&self.worker.cycles);
        let mut series = HealthCycles::begin(self, probed, profile, crowd).await?;
        let mut fold = Fold::new();
        loop {
            let passed = match series.next().await {
                Seen::Replaced(by) => return Ok(Err(replaced(role, by))),
                Seen::Nothing => None,
                Seen::Cycle(cycle) if cycle.result == CycleResult::Passed => Some(cycle),
                Seen::Cycle(cycle) => match fold.add(profile, cycle) {
                    Some(verdict) if !verdict.healthy => return Ok(Err(judged(role, verdict))),
                    Some(_) | None => continue,
                },
            };
            return Ok(match series.standing().await? {
                Standing::Live => Ok(passed),
                Standing::Replaced(by) => Err(replaced(role, by)),
            });
        }
    }

    /// Whether an error means that a service is not there any more.
    async fn gone_by(&self, error: &Error) -> Option<Outcome> {
        match error.is_gone() {
            true => self.gone().await,
            false => None,
        }
    }

    /// Whoever must not give up tries again later.
    async fn rest(&self, error: &Error) {
        tracing::warn!(error = chain(error), "a watched service cannot be read");
        sleep(self.worker.settings.poll_to.max(Duration::from_millis(1))).await;
    }
}

/// What nobody can be asked about is healthy once it is live.
fn nothing_to_ask() -> Verdict {
    Verdict {
        healthy: true,
        cycles: Vec::new(),
    }
}

fn judged(role: &Role, verdict: Verdict) -> Outcome {
    let role = role.clone();
    Outcome::Judged { role, verdict }
}

fn replaced(role: &Role, by: Option<rollout::command::DeployView>) -> Outcome {
    let role = role.clone();
    Outcome::Replaced { role, by }
}
