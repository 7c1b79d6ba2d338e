//! A Render that outlives engines, in which every deploy goes live at once, on a clock that only tests advance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::{EngineHandle, EngineOptions, EngineSender, Error, Reading, WatchedFiles};
use policy::{CustomerId, ServiceId, Timestamp};
use rollout::command::{DeployStatus, DeployView, Probed, Sealed, ServiceView, Target};
use rollout::health::{Cycle, CycleResult, Verdict};
use rollout::{Command, CommandKind, DeployId, Executor, Outcome, Product, Reply, Report};

use crate::lab::{LIMIT, Lab, files};

const OLD_COMMIT: &str = "0000000000000000000000000000000000000000";

/// Shared by the test and by all executors of one world.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    elapsed: Duration,
    deploys: BTreeMap<ServiceId, Vec<DeployView>>,
    seen: Vec<Command>,
    death: Option<Death>,
    dead: bool,
    kept: Vec<(Command, Reply)>,
    keep: fn(&CommandKind) -> bool,
    before: Box<dyn FnMut(&Command) + Send>,
}

/// The process dies with the command of this number, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Death {
    /// Before the command has taken effect.
    Before(usize),
    /// After it has, without an answer.
    After(usize),
}

impl World {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            elapsed: Duration::from_hours(1),
            deploys: BTreeMap::new(),
            seen: Vec::new(),
            death: None,
            dead: false,
            kept: Vec::new(),
            keep: |_| false,
            before: Box::new(|_| {}),
        })))
    }

    pub(crate) fn dying(death: Death) -> Self {
        let world = Self::new();
        world.inner().death = Some(death);
        world
    }

    /// Does something with every command before it is carried out.
    pub(crate) fn before(self, before: impl FnMut(&Command) + Send + 'static) -> Self {
        self.inner().before = Box::new(before);
        self
    }

    /// Leaves such commands unanswered until [`World::answer_kept`].
    pub(crate) fn keeping(self, keep: fn(&CommandKind) -> bool) -> Self {
        self.inner().keep = keep;
        self
    }

    pub(crate) fn engine(&self, lab: &Lab, options: EngineOptions) -> EngineHandle {
        self.try_engine(lab, options).unwrap()
    }

    pub(crate) fn try_engine(
        &self,
        lab: &Lab,
        mut options: EngineOptions,
    ) -> Result<EngineHandle, Error> {
        options
            .files
            .get_or_insert_with(|| WatchedFiles::new(Vec::new(), files()));
        engine::start(&lab.state, options, |_: &EngineSender| {
            Box::new(self.clone())
        })
    }

    /// Clocks that stand still until [`World::advance`].
    pub(crate) fn readings(&self) -> Box<dyn FnMut() -> Reading + Send> {
        let world = self.clone();
        Box::new(move || {
            let boot = world.inner().elapsed;
            Reading {
                boot,
                wall: origin() + boot,
            }
        })
    }

    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions {
            readings: self.readings(),
            ..EngineOptions::default()
        }
    }

    pub(crate) fn advance(&self, to: Timestamp) {
        let elapsed = (to - origin()).to_std().unwrap();
        let mut inner = self.inner();
        inner.elapsed = inner.elapsed.max(elapsed);
    }

    /// Runs engines, a new one after each death, until everything has ended.
    pub(crate) async fn run_to_the_end(&self, lab: &Lab) {
        let mut engine = self.engine(lab, self.options());
        let begun = std::time::Instant::now();
        loop {
            assert!(
                begun.elapsed() < LIMIT,
                "no end: {:#?}",
                self.inner().seen.last()
            );
            if self.resurrect() {
                let _ = end(engine).await;
                engine = self.engine(lab, self.options());
            }
            let Ok((wake_at, working)) = engine
                .look(|product| (product.wake_at(), is_working(product)))
                .await
            else {
                continue;
            };
            match wake_at {
                _ if working => tokio::task::yield_now().await,
                Some(at) => self.advance(at),
                None => break,
            }
            engine.sender().wake();
        }
        let _ = end(engine).await;
    }

    /// Commands so far, of all engines.
    pub(crate) fn seen(&self) -> Vec<Command> {
        self.inner().seen.clone()
    }

    pub(crate) fn has_died(&self) -> bool {
        self.inner().death.is_none()
    }

    pub(crate) fn answer_kept(&self) {
        let kept = std::mem::take(&mut self.inner().kept);
        for (command, reply) in kept {
            let outcome = self.inner().carry_out(&command.kind);
            answer(&command, outcome, reply);
        }
    }

    /// How many deploys of the new release each service got.
    pub(crate) fn new_deploys(&self) -> Vec<usize> {
        let is_new = |deploy: &&DeployView| deploy.commit.as_deref() != Some(OLD_COMMIT);
        let inner = self.inner();
        inner
            .deploys
            .values()
            .map(|deploys| deploys.iter().filter(is_new).count())
            .collect()
    }

    fn resurrect(&self) -> bool {
        std::mem::take(&mut self.inner().dead)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Executor for World {
    fn execute(&mut self, command: Command, reply: Reply) {
        let outcome = {
            let mut inner = self.inner();
            (inner.before)(&command);
            if inner.dead {
                return;
            }
            inner.seen.push(command.clone());
            if (inner.keep)(&command.kind) {
                inner.kept.push((command, reply));
                return;
            }
            match inner.death {
                Some(Death::Before(number)) if number + 1 == inner.seen.len() => {
                    return inner.die();
                }
                Some(Death::After(number)) if number + 1 == inner.seen.len() => {
                    inner.carry_out(&command.kind);
                    return inner.die();
                }
                _ => inner.carry_out(&command.kind),
            }
        };
        answer(&command, outcome, reply);
    }
}

impl Inner {
    fn die(&mut self) {
        self.death = None;
        self.dead = true;
    }

    fn carry_out(&mut self, kind: &CommandKind) -> Option<Outcome> {
        Some(match kind {
            CommandKind::Preflight { services, .. } => Outcome::Inspected {
                views: services.iter().map(|service| self.view(service)).collect(),
            },
            CommandKind::Inspect { service } => Outcome::Inspected {
                views: vec![self.view(service)],
            },
            CommandKind::AwaitQuiet {
                service, deploy, ..
            }
            | CommandKind::FollowDeploy {
                service, deploy, ..
            } => {
                let views = self.of(service);
                let known = views.iter().find(|view| view.id == *deploy);
                // The engine of a copy follows what was made in the world of the original.
                let foreign = || DeployView {
                    id: deploy.clone(),
                    ..views[0].clone()
                };
                Outcome::Ended {
                    deploy: known.cloned().unwrap_or_else(foreign),
                }
            }
            CommandKind::BackUp { variables, .. } => Outcome::BackedUp {
                digests: BTreeMap::new(),
                differing: variables.keys().cloned().collect(),
                sealed: Sealed(b"sealed".to_vec()),
            },
            CommandKind::Recover { database, .. } => Outcome::DatabaseCreated {
                database: database.clone(),
            },
            CommandKind::FindDatabases { .. } => Outcome::DatabasesFound {
                databases: Vec::new(),
            },
            CommandKind::AwaitDatabase { .. } => Outcome::DatabaseReady,
            CommandKind::BackUpConnections { .. } => Outcome::BackedUp {
                digests: BTreeMap::new(),
                differing: Vec::new(),
                sealed: Sealed(b"sealed".to_vec()),
            },
            CommandKind::SetVariables { .. } => Outcome::VariablesSet,
            CommandKind::RestoreVariables { .. } => Outcome::VariablesRestored {
                foreign: Vec::new(),
            },
            CommandKind::SetAutoDeploy { .. } => Outcome::AutoDeploySet,
            CommandKind::CreateDeploy {
                service, commit, ..
            } => Outcome::Created {
                deploy: self.create(service, "api", commit),
            },
            CommandKind::CreateRollback { service, .. } => Outcome::Created {
                deploy: self.create(service, "rollback", OLD_COMMIT),
            },
            CommandKind::ListDeploys { service, .. } => Outcome::Listed {
                deploys: self.of(service).clone(),
            },
            CommandKind::CancelDeploy { .. } => Outcome::CancelSent,
            CommandKind::Verify { probed, .. } => judged(probed),
            CommandKind::Confirm { probed, .. } => judged(probed.first()?),
            CommandKind::RunHook { .. } => Outcome::HookFinished {
                ok: true,
                output: String::new(),
            },
            CommandKind::Watch { .. } | CommandKind::Stop { .. } => return None,
        })
    }

    fn view(&mut self, service: &Target) -> ServiceView {
        ServiceView {
            role: service.role.clone(),
            suspended: false,
            auto_deploy: false,
            auto_deploy_trigger: None,
            image: None,
            deploys: self.of(service).clone(),
            version: None,
            p95_ms: None,
            warnings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    fn create(&mut self, service: &Target, trigger: &str, commit: &str) -> DeployView {
        let deploys = self.of(service);
        for deploy in deploys.iter_mut() {
            deploy.status = DeployStatus::Deactivated;
        }
        let live = deploy(&service.id, deploys.len(), trigger, commit);
        deploys.insert(0, live.clone());
        DeployView {
            status: DeployStatus::Unfinished,
            ..live
        }
    }

    fn of(&mut self, service: &Target) -> &mut Vec<DeployView> {
        let first = || vec![deploy(&service.id, 0, "manual", OLD_COMMIT)];
        self.deploys.entry(service.id.clone()).or_insert_with(first)
    }
}

/// Which customers a list of commands was for, with the name of each command.
pub(crate) fn outline(commands: &[Command]) -> Vec<(CustomerId, String)> {
    let name = |command: &Command| {
        let value = serde_json::to_value(&command.kind).unwrap();
        value["do"].as_str().unwrap().to_owned()
    };
    commands
        .iter()
        .map(|command| (command.customer.clone(), name(command)))
        .collect()
}

/// Ends an engine as a crash would, and waits until its lock is free.
pub(crate) async fn end(mut engine: EngineHandle) -> Result<engine::Ended, Error> {
    engine.kill();
    engine.ended().await
}

fn is_working(product: &Product) -> bool {
    product
        .in_flight()
        .any(|command| !matches!(command.kind, CommandKind::Watch { .. }))
}

fn answer(command: &Command, outcome: Option<Outcome>, reply: Reply) {
    if let Some(outcome) = outcome {
        reply(Report {
            command: command.id,
            outcome,
        });
    }
}

fn deploy(service: &ServiceId, number: usize, trigger: &str, commit: &str) -> DeployView {
    DeployView {
        id: DeployId(format!("dep-{service}-{number}")),
        status: DeployStatus::Live,
        trigger: trigger.to_owned(),
        commit: Some(commit.to_owned()),
        digest: None,
    }
}

fn judged(probed: &Probed) -> Outcome {
    let cycle = Cycle {
        at: probed.live_at,
        result: CycleResult::Passed,
    };
    Outcome::Judged {
        role: probed.target.role.clone(),
        verdict: Verdict {
            healthy: true,
            cycles: vec![cycle],
        },
    }
}

pub(crate) fn origin() -> Timestamp {
    "2027-01-11T08:00:00Z".parse().unwrap()
}
