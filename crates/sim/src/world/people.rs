//! What people do in a simulated world: verbs of the script, votes, edits of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use policy::parse::scenario as written;
use policy::{Config, Customer, CustomerId, PersonId, PlanInput, PlanScope, Release, Timestamp};
use rollout::{
    Actor, ApplyVariables, Deploys, Event, Input, Notice, Rejected, RejectedCode, Request,
    ServiceDeploy, Start, Verb,
};

use super::approvals::{self, Ballot};
use super::script::{self, Ask, DeployFlags, StartFlags};
use super::{Act, BadRow, Broken, Row, World, files, set_pace};

/// A row of the script that went otherwise than it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Surprise {
    /// When it was said.
    pub at: Timestamp,
    /// What.
    pub verb: String,
    /// By whom.
    pub by: PersonId,
    /// What was surprising.
    pub what: SurpriseKind,
}

/// What is surprising about the answer to a row of the script.
#[derive(Clone, Debug, PartialEq)]
pub enum SurpriseKind {
    /// It was refused.
    Refused(Rejected),
    /// It should have been refused.
    Accepted,
    /// It cannot be said like that.
    Bad(BadRow),
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, verb, by, what } = self;
        write!(f, "{} `{verb}` by {by} ", rollout::show_instant(*at))?;
        match what {
            SurpriseKind::Refused(rejected) => write!(f, "was refused: {rejected}"),
            SurpriseKind::Accepted => f.write_str("was accepted, and should have been refused"),
            SurpriseKind::Bad(bad) => write!(f, "makes no sense: {bad}"),
        }
    }
}

/// What is said first: the start of the rollout.
pub(super) fn first_row(version: &str, at: Timestamp, by: PersonId) -> Row {
    let version = serde_json::Value::String(version.to_owned());
    let act = Act::Say(written::Verb {
        verb: "start".to_owned(),
        args: BTreeMap::from([("version".to_owned(), version)]),
        by,
        refused: false,
    });
    Row { at, act }
}

impl World {
    pub(super) fn say(&mut self, row: &written::Verb) {
        let answer = script::read(row).and_then(|ask| Ok((script::run(row)?, ask)));
        let answer = answer.map(|(run, ask)| {
            let verb = self.complete(ask);
            self.ask(&Request {
                by: Actor::person(row.by.as_str()),
                rollout: run,
                verb,
            })
        });
        let what = match answer {
            Ok(Ok(_)) => row.refused.then_some(SurpriseKind::Accepted),
            // Saying what is so already is no refusal: it ends with exit code 0.
            Ok(Err(no)) if no.code == RejectedCode::AlreadySo => {
                row.refused.then_some(SurpriseKind::Accepted)
            }
            Ok(Err(no)) => (!row.refused).then_some(SurpriseKind::Refused(no)),
            Err(bad) => (!row.refused).then_some(SurpriseKind::Bad(bad)),
        };
        self.surprises.extend(what.map(|what| Surprise {
            at: self.now,
            verb: row.verb.clone(),
            by: row.by.clone(),
            what,
        }));
    }

    /// Adds what only the world knows.
    fn complete(&mut self, ask: Ask) -> Verb {
        match ask {
            Ask::Plain(verb) => verb,
            Ask::Start(flags) => Verb::Start(Box::new(self.start(flags))),
            Ask::Deploy(flags) => Verb::Deploy(Box::new(self.deploy(flags))),
            Ask::Variables {
                customer,
                version,
                reason,
            } => {
                let release = self.named_release(&version);
                let services = self.customer(&customer);
                let project = &self.config.project;
                let apply = ApplyVariables::new(project, customer, services, release, reason);
                Verb::Variables(Box::new(apply))
            }
            Ask::Replan => {
                let release = files::release("");
                let input = PlanInput::of(&self.config, release, PlanScope::default());
                Verb::Replan {
                    input: Box::new(input),
                }
            }
        }
    }

    /// As the files have it; one that nobody knows has no services.
    fn customer(&self, id: &CustomerId) -> Customer {
        let known = self.config.fleet.customers.get(id).cloned();
        known.unwrap_or_else(|| Customer {
            name: id.to_string(),
            tier: String::new(),
            timezone: None,
            order: 0,
            weight: Customer::WEIGHT,
            tags: BTreeSet::new(),
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
            window: Vec::new(),
            pin: None,
            contacts: BTreeMap::new(),
        })
    }

    fn named_release(&mut self, version: &str) -> Release {
        let release = files::release(version);
        self.executor.name_version(&release);
        release
    }

    fn deploy(&mut self, flags: DeployFlags) -> Deploys {
        let release = self.named_release(&flags.version);
        let deploy = ServiceDeploy::new(
            &self.config.project,
            flags.customer.clone(),
            self.customer(&flags.customer),
            flags.service,
            release.clone(),
        );
        let deploy = ServiceDeploy {
            version: Some(release.version),
            clear_cache: flags.clear_cache,
            watch: flags.watch,
            ..deploy
        };
        Deploys {
            project: self.config.project.clone(),
            services: vec![deploy],
            max_parallel: 1,
            reason: flags.reason,
        }
    }

    fn start(&mut self, flags: StartFlags) -> Start {
        let release = self.named_release(&flags.version);
        Start {
            observed: self.executor.observe(self.now, &self.config),
            input: PlanInput::of(&self.config, release, flags.scope),
            conflict: flags.conflict,
            clear_cache: flags.clear_cache,
            deploy_timeout: flags.deploy_timeout,
            reviewed: None,
        }
    }

    /// A person asks for something, as through a command line.
    ///
    /// # Errors
    /// As the core refuses it.
    pub fn ask(&mut self, request: &Request) -> Result<Vec<Event>, Rejected> {
        let Some(process) = self.process.as_mut() else {
            unreachable!("requests wait until a process runs");
        };
        let applies_files = matches!(request.verb, Verb::Start(_) | Verb::Replan { .. });
        match process
            .product
            .step(self.now, Input::Request(request.clone()))
        {
            Ok(step) => {
                if applies_files {
                    self.applied = self.config.clone();
                }
                let events = step.events.clone();
                self.commit(step);
                Ok(events)
            }
            Err(rejected) => {
                let step = process.product.denied(self.now, request, &rejected);
                self.commit(step);
                Err(rejected)
            }
        }
    }

    /// The votes of a ballot, until its quorum is complete.
    pub(super) fn vote(&mut self, ballot: &Ballot) {
        for person in &ballot.people {
            let verb = Verb::Approve {
                gate: ballot.gate.clone(),
                reason: None,
                digest: None,
            };
            let by = Actor::person(person.as_str());
            let answer = self.ask(&Request {
                by,
                rollout: ballot.run,
                verb,
            });
            if answer.is_ok_and(|events| events.iter().any(approvals::completes)) {
                return;
            }
        }
    }

    pub(super) fn edit(&mut self, config: Result<Config, Broken>) {
        let read = match config {
            Ok(mut config) => {
                set_pace(&mut config, &self.pace);
                self.executor
                    .read_fleet(self.now, &config, &self.running, files::older_than(""));
                self.config = config;
                files::read(&self.config, &self.applied, self.now)
            }
            Err(broken) => files::unreadable(&broken),
        };
        self.step(Input::Notice(Notice::FilesRead(Box::new(read))));
    }
}
