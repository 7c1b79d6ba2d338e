//! Carries out the core's commands against the simulated Render, in this process and in virtual time.
//!
//! Nothing takes time here but what Render itself takes, and what its limits cost where that is more than a minute. A command
//! that has to wait is looked at again at an instant that is known beforehand, or whenever Render changes while somebody
//! waits for that; a healthy customer that is watched costs nothing until a fault or somebody else's deploy comes near it.

mod databases;
mod deploys;
mod faults;
mod fleet;
mod limits;
mod probe;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests;
mod variables;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use policy::parse::scenario::{self as written, Answer};
use policy::{Release, ServiceId, Timestamp};
use rollout::command::{Sealed, Target};
use rollout::{AttachmentId, Command, CommandId, CommandKind, Executor, Outcome, Reply, Report};

use self::faults::Faults;
use self::limits::Budgets;
pub use self::limits::Moved;
use self::probe::{Probing, Purpose};
use crate::network_faults::Delivery;
use crate::platform::Platform;
use crate::settings::{Overlap, Pace, Settings};

/// After this a read that Render answered badly is repeated.
const RETRY_AFTER: policy::Span = policy::Span::from_secs(1);

/// The executor of the simulated world, and Render itself.
pub struct SimExecutor {
    now: Timestamp,
    /// Since when the process runs: counts of health cycles begin anew with it (R20).
    began_at: Timestamp,
    platform: Platform,
    attachments: BTreeMap<AttachmentId, Sealed>,
    faults: Faults,
    works: BTreeMap<CommandId, Work>,
    /// When which command is looked at again.
    looks: BTreeSet<(Timestamp, CommandId)>,
    /// Commands that wait for a change at Render.
    waiting: BTreeSet<CommandId>,
    death: Option<Timestamp>,
    outage_met: bool,
    budgets: Budgets,
}

/// A command that has not been answered.
struct Work {
    command: Command,
    reply: Reply,
    look_at: Option<Timestamp>,
    probing: Option<Probing>,
}

/// How far a command has come.
enum Progress {
    /// It has an answer.
    Done(Outcome),
    /// Nothing new can be known before then.
    LookAt(Timestamp),
    /// It waits for a change at Render, until then at most.
    LookOnChange { until: Option<Timestamp> },
    /// Nothing that is known of can change it.
    Rest,
    /// The process died in this call.
    Dead,
}

impl SimExecutor {
    /// An executor beside an empty Render; some services take a time of their own.
    pub(super) fn new(
        now: Timestamp,
        pace: &written::World,
        paces: &BTreeMap<ServiceId, Pace>,
    ) -> Self {
        let settings = Settings {
            deploy: pace.deploy,
            rollback: pace.rollback,
            paces: paces.clone(),
            overlap: match pace.overlap {
                written::Overlap::Override => Overlap::Override,
                written::Overlap::Wait => Overlap::Wait,
            },
            ..Settings::default()
        };
        Self {
            now,
            began_at: now,
            platform: Platform::new(now, settings),
            attachments: BTreeMap::new(),
            faults: Faults::default(),
            works: BTreeMap::new(),
            looks: BTreeSet::new(),
            waiting: BTreeSet::new(),
            death: None,
            outage_met: false,
            budgets: Budgets::new(now),
        }
    }

    /// What Render's limits have moved.
    pub(super) fn moved(&self) -> impl Iterator<Item = &Moved> {
        self.budgets.moved()
    }

    /// The simulated Render.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// A new process begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.began_at = now;
    }

    /// The process dies: nothing that it waited for is answered.
    pub(super) fn forget(&mut self) {
        self.works.clear();
        self.looks.clear();
        self.waiting.clear();
        self.budgets.forget();
    }

    /// Keeps sealed bytes, as the engine stores them with the events that name them.
    pub(super) fn keep(&mut self, attachments: Vec<(AttachmentId, Sealed)>) {
        self.attachments.extend(attachments);
    }

    /// Until when the process is dead, if it died in a call.
    pub(super) fn take_death(&mut self) -> Option<Timestamp> {
        self.death.take()
    }

    /// Whether a request found Render unreachable since this was last asked.
    pub(super) fn take_outage_met(&mut self) -> bool {
        std::mem::take(&mut self.outage_met)
    }

    /// When Render can be reached again, if it cannot now.
    pub(super) fn unreachable_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.faults.unreachable_until(now)
    }

    /// When some command may have an answer.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let look = self.looks.first().map(|(at, _)| *at);
        let change = self
            .platform
            .next_event_at()
            .filter(|_| !self.waiting.is_empty());
        [look, change].into_iter().flatten().min()
    }

    /// Looks at every command that may have an answer by now.
    pub(super) fn look(&mut self, now: Timestamp) {
        self.now = now;
        // What happens at Render happens whether or not it can be asked.
        self.platform.advance(now);
        let mut due = self.waiting.clone();
        due.extend(
            self.looks
                .iter()
                .take_while(|(at, _)| *at <= now)
                .map(|(_, id)| *id),
        );
        for id in due {
            if let Some(work) = self.take(id) {
                self.go_on(work);
            }
        }
    }

    fn take(&mut self, id: CommandId) -> Option<Work> {
        let mut work = self.works.remove(&id)?;
        self.waiting.remove(&id);
        if let Some(at) = work.look_at.take() {
            self.looks.remove(&(at, id));
        }
        Some(work)
    }

    fn go_on(&mut self, mut work: Work) {
        let id = work.command.id;
        let look_at = match self.attempt(&mut work) {
            Progress::Done(outcome) => {
                self.budgets.ends(&work.command.kind);
                (work.reply)(Report {
                    command: id,
                    outcome,
                });
                return;
            }
            Progress::Dead => return,
            Progress::Rest => None,
            Progress::LookAt(at) => Some(at),
            Progress::LookOnChange { until } => {
                self.waiting.insert(id);
                until
            }
        };
        match look_at {
            Some(at) => self.look_later(work, at),
            None => drop(self.works.insert(id, work)),
        }
    }

    fn look_later(&mut self, work: Work, at: Timestamp) {
        let id = work.command.id;
        self.looks.insert((at, id));
        let look_at = Some(at);
        self.works.insert(id, Work { look_at, ..work });
    }

    fn attempt(&mut self, work: &mut Work) -> Progress {
        if let Some(outcome) = self.answered_otherwise(&work.command) {
            return Progress::Done(outcome);
        }
        self.perform(work)
            .map_or_else(|progress| progress, Progress::Done)
    }

    fn perform(&mut self, work: &mut Work) -> Result<Outcome, Progress> {
        let (customer, probing) = (&work.command.customer, &mut work.probing);
        match &work.command.kind {
            CommandKind::Preflight {
                services, baseline, ..
            } => self.inspect(services, baseline.is_some()),
            CommandKind::Inspect { service } => self.inspect(std::slice::from_ref(service), false),
            CommandKind::AwaitQuiet {
                service,
                deploy,
                until,
            }
            | CommandKind::FollowDeploy {
                service,
                deploy,
                until,
            } => self.follow(&service.id, deploy, *until),
            CommandKind::BackUp {
                service,
                variables,
                version,
                commit,
                urls,
                left,
            } => {
                let release = release(version, commit);
                self.back_up(customer, service, variables, &release, urls, left.as_ref())
            }
            CommandKind::SetVariables {
                service,
                backup,
                keys,
            } => self.set_variables(&service.id, backup, keys),
            CommandKind::RestoreVariables {
                service,
                backup,
                keys,
            } => self.restore_variables(&service.id, backup, keys),
            CommandKind::SetAutoDeploy { service, on, .. } => {
                Ok(self.set_auto_deploy(&service.id, *on))
            }
            CommandKind::CreateDeploy {
                service,
                commit,
                clear_cache,
                ..
            } => self.create_deploy(&service.id, commit, *clear_cache),
            CommandKind::CreateRollback {
                service, deploy, ..
            } => self.create_rollback(&service.id, deploy),
            CommandKind::ListDeploys { service, known } => self.list(&service.id, known),
            CommandKind::CancelDeploy { service, deploy } => Ok(self.cancel(&service.id, deploy)),
            CommandKind::Verify { probed, profile } => self.verify(probing, probed, profile),
            CommandKind::Watch { probed, profile } => {
                self.probe(probing, Purpose::Watch, probed, profile)
            }
            CommandKind::Confirm { probed, profile } => {
                self.probe(probing, Purpose::Confirm, probed, profile)
            }
            CommandKind::Recover { database, to, name } => Ok(self.recover(database, *to, name)),
            CommandKind::FindDatabases { name } => self.find_databases(name),
            CommandKind::AwaitDatabase { database, until } => self.await_database(database, *until),
            CommandKind::BackUpConnections { service, from, to } => {
                self.back_up_connections(service, from, to)
            }
            CommandKind::RunHook { .. } => Ok(hook_succeeded()),
            CommandKind::Stop { .. } => Err(Progress::Rest),
        }
    }

    /// What a scenario lets Render answer about the services of a command.
    fn answered_otherwise(&self, command: &Command) -> Option<Outcome> {
        let (answer, role) = asked_at_render(&command.kind)
            .into_iter()
            .find_map(|service| {
                let answer = (self.faults).answer(&command.customer, &service.role, self.now)?;
                Some((answer, service.role.clone()))
            })?;
        let reason = |reason: &str| reason.to_owned();
        Some(match answer {
            Answer::Gone if command.kind.is_repeatable() => Outcome::Gone {
                role,
                reason: reason("Render answered 404"),
            },
            Answer::Gone => Outcome::Refused {
                status: 404,
                message: reason("not found"),
            },
            Answer::Unreachable | Answer::Forbidden => Outcome::Trouble {
                reason: reason("Render answered 403"),
            },
            // Whoever sent it and cannot read the answer does not know what came of it.
            Answer::Garbled if !command.kind.is_repeatable() => Outcome::Unknown {
                reason: reason("the answer cannot be read"),
            },
            Answer::Garbled => Outcome::Trouble {
                reason: reason("the answer cannot be read"),
            },
        })
    }

    /// What a read learns; trouble on the way is met again later.
    fn learn<T>(&mut self, reply: crate::network_faults::Reply<T>) -> Result<T, Progress> {
        let again = Progress::LookAt(self.now + RETRY_AFTER.to_delta());
        match reply {
            Delivery::Delivered(Ok(answer)) => Ok(answer),
            Delivery::Delivered(Err(error)) if error.status == 429 || error.status >= 500 => {
                Err(again)
            }
            Delivery::Delivered(Err(error)) => {
                let reason = error.to_string();
                Err(Progress::Done(match error.status {
                    404 | 410 => Outcome::Failed { reason },
                    _ => Outcome::Trouble { reason },
                }))
            }
            Delivery::Lost | Delivery::NeverSent => Err(again),
            Delivery::Unreachable { until } => {
                self.outage_met = true;
                Err(until.map_or(Progress::Rest, Progress::LookAt))
            }
        }
    }
}

fn release(version: &str, commit: &str) -> Release {
    Release {
        version: version.to_owned(),
        commit: commit.to_owned(),
    }
}

/// In this world hooks do nothing, and do it well.
fn hook_succeeded() -> Outcome {
    Outcome::HookFinished {
        ok: true,
        output: String::new(),
    }
}

/// The services that a command asks Render about. Probes go to the sites, and hooks elsewhere.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "these four are the exceptions, and every kind says which services it is about"
)]
fn asked_at_render(kind: &CommandKind) -> Vec<&Target> {
    match kind {
        CommandKind::Verify { .. }
        | CommandKind::Watch { .. }
        | CommandKind::Confirm { .. }
        | CommandKind::RunHook { .. } => Vec::new(),
        kind => kind.services(),
    }
}

impl Executor for SimExecutor {
    fn execute(&mut self, command: Command, reply: Reply) {
        if let CommandKind::Stop { command } = command.kind {
            if let Some(stopped) = self.take(command) {
                self.budgets.ends(&stopped.command.kind);
            }
            return;
        }
        let goes_at = self.budgets.begins(self.now, &command);
        let work = Work {
            command,
            reply,
            look_at: None,
            probing: None,
        };
        if goes_at > self.now {
            self.look_later(work, goes_at);
        } else {
            self.go_on(work);
        }
    }
}

impl fmt::Debug for SimExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let works = self.works.values().map(|work| &work.command);
        f.debug_list().entries(works).finish()
    }
}
