//! Reads a deploy until it is over: ours, or somebody else's that is in the way.

use policy::Timestamp;
use rollout::command::Target;
use rollout::{DeployId, Outcome};
use tokio::time::Instant;

use super::command_task::CommandTask;
use super::hints::Paces;
use super::polling::Backoff;
use super::view::deploy_view;
use crate::error::Result;

/// How much longer each pause is than the one before.
const GROWTH: f64 = 1.2;

impl CommandTask {
    /// Reads until the deploy is over, or a status read at or after the time limit shows that it is not (R11).
    pub(super) async fn follow(
        &self,
        service: &Target,
        deploy: &DeployId,
        until: Option<Timestamp>,
    ) -> Result<Outcome> {
        let settings = &self.worker.settings;
        let deadline = until.and_then(|until| self.deadline(until));
        let fresh = Backoff::new(settings.poll_from, settings.poll_to, GROWTH);
        let mut pauses = fresh.clone();
        let retry = self.retry_policy();
        let follower = self.worker.follows.join();
        let paces = Paces {
            close: settings.poll_to,
            hinted: settings.poll_hinted,
        };
        let mut listener = self.worker.hints.listen(&service.id, paces);
        loop {
            let asked_at = Instant::now();
            let read = || retry.client.deploy(&service.id, deploy);
            let found = retry.ask(read).await?;
            let view = deploy_view(&found);
            if view.status.is_over() {
                listener.ended();
                return Ok(Outcome::Ended { deploy: view });
            }
            if deadline.is_some_and(|deadline| deadline <= asked_at) {
                return Ok(Outcome::Unfinished { deploy: view });
            }
            let pause = pauses.next().max(follower.period());
            if listener.pause(pause, deadline).await {
                // The end may show a moment after it was told of.
                pauses = fresh.clone();
            }
        }
    }

    /// When an instant of the engine's time comes, by a clock that nobody sets meanwhile (P22). `None`: beyond all time.
    pub(super) fn deadline(&self, until: Timestamp) -> Option<Instant> {
        let left = until - self.worker.sources.now();
        Instant::now().checked_add(left.to_std().unwrap_or_default())
    }
}
