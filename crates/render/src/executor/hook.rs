//! Hooks: a shell command on this machine, or a job at Render.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use machine::command::{self, Abandoned, Ended, Environment, Kept, Printed, Script};
use policy::redact::Cut;
use policy::rules::{Hook, HookCommand};
use rollout::Outcome;
use rollout::command::Target;
use tokio::time::{Instant, sleep};

use super::command_task::CommandTask;
use super::duration;
use super::polling::Backoff;
use super::retry_policy::RetryPolicy;
use super::worker::blocking;
use crate::error::{Result, chain};
use crate::job::{Job, JobStatus};
use crate::redact::Redactor;

/// So much of the end of what a hook prints is kept.
const MAX_OUTPUT: usize = 4 << 10;

/// How much longer each pause of following a job is than the one before.
const GROWTH: f64 = 1.2;

impl CommandTask {
    /// Runs a hook to its end, or to its time limit.
    pub(super) async fn run_hook(
        &self,
        hook: &Hook,
        service: Option<&Target>,
        environment: &BTreeMap<String, String>,
    ) -> Outcome {
        let limit = duration(hook.timeout);
        match (&hook.run, service) {
            (HookCommand::Run(script), _) => self.run_here(script, environment, limit).await,
            (HookCommand::Job { command, .. }, Some(service)) => {
                let command = with_environment(command, environment);
                self.run_there(service, &command, limit).await
            }
            (HookCommand::Job { service, .. }, None) => {
                finished(false, format!("this customer has no {service}"))
            }
        }
    }

    async fn run_here(
        &self,
        script: &str,
        environment: &BTreeMap<String, String>,
        limit: Duration,
    ) -> Outcome {
        let script = Script {
            line: script,
            dir: &self.worker.settings.project_dir,
            environment: Environment::Only(environment),
            input: b"",
            kept: Kept::All,
            limit,
            // A migration that is cut short is worse than one whose end nobody has seen.
            abandoned: Abandoned::GoesOn,
        };
        match command::run(&script).await {
            Ok(Ended::Exited { status, output }) => {
                finished(status.success(), self.shown(&output).await)
            }
            Ok(Ended::TimedOut) => Outcome::Unknown {
                reason: format!("it ran longer than {limit:?} and was killed"),
            },
            Err(error) => finished(false, format!("it could not be run: {error}")),
        }
    }

    /// The end of what a hook printed, without anything that is secret or would disturb a terminal.
    async fn shown(&self, output: &Printed) -> String {
        let (sources, customer) = (
            Arc::clone(&self.worker.sources),
            self.command.customer.clone(),
        );
        let mut secrets = blocking(move || sources.secrets(&customer)).await;
        secrets.push(self.retry_policy().client.secret());
        let cut = Cut {
            before: output.is_cut,
            after: false,
        };
        Redactor::new(secrets).tail(&output.bytes, cut, MAX_OUTPUT)
    }

    async fn run_there(&self, service: &Target, command: &str, limit: Duration) -> Outcome {
        let retry = self.retry_policy();
        let started = retry.change(|| retry.client.start_job(&service.id, command));
        let job = match started.await {
            Ok(job) => job,
            Err(error) => return not_started(self.undone(&error).await),
        };
        match self.follow_job(&retry, service, &job, limit).await {
            Ok(Some(status)) => finished(
                status == JobStatus::Succeeded,
                format!("job {} {status}", job.id),
            ),
            Err(error) => Outcome::Unknown {
                reason: format!("job {}: {}", job.id, chain(&error)),
            },
            Ok(None) => {
                // Whether it is cancelled in time is as unknown as what it has done.
                let cancelled = retry.change(|| retry.client.cancel_job(&service.id, &job.id));
                drop(cancelled.await);
                Outcome::Unknown {
                    reason: format!("job {} ran longer than {limit:?}", job.id),
                }
            }
        }
    }

    /// Reads until the job is over; `None`: a status read at or after the time limit shows that it is not.
    async fn follow_job(
        &self,
        retry: &RetryPolicy,
        service: &Target,
        job: &Job,
        limit: Duration,
    ) -> Result<Option<JobStatus>> {
        let settings = &self.worker.settings;
        let begun = Instant::now();
        let mut pauses = Backoff::new(settings.poll_from, settings.poll_to, GROWTH);
        let follower = self.worker.follows.join();
        loop {
            let asked_after = begun.elapsed();
            let read = || retry.client.job(&service.id, &job.id);
            match retry.ask(read).await {
                Ok(found) if !found.status.is_unfinished() => return Ok(Some(found.status)),
                Err(error) if error.is_gone() => return Err(error),
                // Trouble says nothing about the job: it is followed until its time limit.
                Ok(_) | Err(_) => {}
            }
            if asked_after >= limit {
                return Ok(None);
            }
            let pause = pauses.next().max(follower.period());
            sleep(pause.min(limit.saturating_sub(begun.elapsed()))).await;
        }
    }
}

/// A job has no environment of its own: what the hook is to see goes into its command.
fn with_environment(command: &str, environment: &BTreeMap<String, String>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut words = vec!["env".to_owned()];
    words.extend(
        environment
            .iter()
            .map(|(name, value)| format!("{name}={}", quoted(value))),
    );
    words.push(format!("sh -c {}", quoted(command)));
    words.join(" ")
}

fn finished(ok: bool, output: String) -> Outcome {
    Outcome::HookFinished { ok, output }
}

/// A job that Render refuses is a hook that failed.
fn not_started(outcome: Outcome) -> Outcome {
    if let Outcome::Refused { status, message } = outcome {
        return finished(
            false,
            format!("Render refused the job ({status}): {message}"),
        );
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_sees_the_environment_of_the_hook_whatever_its_command_holds() {
        let environment = [("TRANCHE_CUSTOMER", "acme"), ("TRANCHE_VERSION", "it's")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            with_environment("./migrate 'a b' && true", &environment.into()),
            r"env TRANCHE_CUSTOMER='acme' TRANCHE_VERSION='it'\''s' sh -c './migrate '\''a b'\'' && true'"
        );
    }
}
