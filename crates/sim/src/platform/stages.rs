//! Which statuses a deploy goes through, and when.

use policy::Span;

use super::model::Stage;
use crate::fault::Outcome;
use crate::ids::Timestamp;
use crate::terms::Status;

/// What decides the course of a deploy.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagePlan {
    /// It builds first.
    pub(super) builds: bool,
    /// It has a pre-deploy command.
    pub(super) pre_deploy: bool,
    /// How long it stays `created`.
    pub(super) created_for: Span,
    /// From its begin to its end.
    pub(super) total: Span,
    /// How it ends.
    pub(super) outcome: Outcome,
}

/// The parts of a deploy's time, in hundredths.
const BUILD: i64 = 70;
const PRE_DEPLOY: i64 = 10;
const UPDATE: i64 = 20;

impl StagePlan {
    /// All statuses in order with their instants; the first begins at `from`.
    pub(super) fn stages(&self, from: Timestamp) -> Vec<Stage> {
        let phases = self.phases();
        let whole: i64 = phases.iter().map(|(_, part)| part).sum();
        let work = self.total.as_millis() - self.created();
        let mut passed = 0;
        let mut stages: Vec<Stage> = Vec::new();
        if self.created() > 0 {
            stages.push(Stage {
                at: from,
                status: Status::Created,
            });
        }
        for (status, part) in phases {
            let millis = self.created() + work * passed / whole;
            stages.push(Stage {
                at: from + Span::from_millis(millis).to_delta(),
                status,
            });
            passed += part;
        }
        stages.extend(self.end().map(|status| Stage {
            at: from + self.total.to_delta(),
            status,
        }));
        stages
    }

    fn created(&self) -> i64 {
        self.created_for.min(self.total).as_millis()
    }

    /// The phases before the end, with their parts of the time; never empty.
    fn phases(&self) -> Vec<(Status, i64)> {
        let build = (Status::BuildInProgress, BUILD);
        let pre_deploy = (Status::PreDeployInProgress, PRE_DEPLOY);
        let update = (Status::UpdateInProgress, UPDATE);
        let mut phases = Vec::new();
        if self.builds || self.outcome == Outcome::BuildFailed {
            phases.push(build);
        }
        if self.outcome == Outcome::BuildFailed {
            return phases;
        }
        if self.pre_deploy || self.outcome == Outcome::PreDeployFailed {
            phases.push(pre_deploy);
        }
        if self.outcome != Outcome::PreDeployFailed {
            phases.push(update);
        }
        phases
    }

    fn end(&self) -> Option<Status> {
        match self.outcome {
            Outcome::Live => Some(Status::Live),
            Outcome::BuildFailed => Some(Status::BuildFailed),
            Outcome::PreDeployFailed => Some(Status::PreDeployFailed),
            Outcome::UpdateFailed => Some(Status::UpdateFailed),
            Outcome::Stuck => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn course(builds: bool, pre_deploy: bool, outcome: Outcome) -> Vec<(i64, Status)> {
        let from = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let course = StagePlan {
            builds,
            pre_deploy,
            created_for: Span::ZERO,
            total: Span::from_secs(100),
            outcome,
        };
        let seconds = |stage: Stage| ((stage.at - from).num_seconds(), stage.status);
        course.stages(from).into_iter().map(seconds).collect()
    }

    #[test]
    fn a_deploy_builds_runs_its_command_updates_and_is_live_at_the_end() {
        assert_eq!(
            course(true, true, Outcome::Live),
            [
                (0, Status::BuildInProgress),
                (70, Status::PreDeployInProgress),
                (80, Status::UpdateInProgress),
                (100, Status::Live),
            ]
        );
        assert_eq!(
            course(false, false, Outcome::Live),
            [(0, Status::UpdateInProgress), (100, Status::Live)]
        );
    }

    #[test]
    fn a_failing_deploy_ends_in_the_phase_that_failed() {
        assert_eq!(
            course(true, false, Outcome::BuildFailed),
            [(0, Status::BuildInProgress), (100, Status::BuildFailed)]
        );
        assert_eq!(
            course(false, false, Outcome::PreDeployFailed),
            [
                (0, Status::PreDeployInProgress),
                (100, Status::PreDeployFailed)
            ]
        );
        let stuck = course(true, false, Outcome::Stuck);
        assert_eq!(stuck.last().unwrap().1, Status::UpdateInProgress);
    }
}
