//! What stands at Render, as far as hand-made answers need it: the deploys of each service, and two switches.

use std::collections::BTreeMap;

use policy::{Config, CustomerId, Role, Timestamp};
use rollout::command::{DeployStatus, DeployView, Sealed, ServiceView, Target};
use rollout::health::{Cycle, CycleResult, Verdict};
use rollout::{Command, CommandKind, DatabaseId, DeployId, Outcome};

/// What every customer runs at first.
pub(crate) const BEFORE: &str = "v1";

/// The commit of a version.
pub(crate) fn commit_of(version: &str) -> String {
    format!("commit-of-{version}")
}

/// One service as Render has it.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) suspended: bool,
    pub(crate) auto_deploy: bool,
    pub(crate) refusal: Option<String>,
    /// Newest first.
    pub(crate) deploys: Vec<DeployView>,
}

/// All services.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) services: BTreeMap<(CustomerId, Role), Service>,
    created: u32,
    /// What came of recoveries, by name.
    databases: BTreeMap<String, DatabaseId>,
}

impl World {
    /// Every service of the fleet runs [`BEFORE`].
    pub(crate) fn new(config: &Config) -> Self {
        let mut world = Self::default();
        for (customer, settings) in &config.fleet.customers {
            for role in settings.services.keys() {
                let live = DeployView {
                    id: DeployId(format!("{customer}-{role}-before")),
                    status: DeployStatus::Live,
                    trigger: "new_commit".to_owned(),
                    commit: Some(commit_of(BEFORE)),
                    digest: None,
                };
                let service = Service {
                    suspended: false,
                    auto_deploy: false,
                    refusal: None,
                    deploys: vec![live],
                };
                world
                    .services
                    .insert((customer.clone(), role.clone()), service);
            }
        }
        world
    }

    /// What a reading of a customer's service shows.
    pub(crate) fn view(&self, customer: &CustomerId, role: &Role) -> ServiceView {
        let service = &self.services[&(customer.clone(), role.clone())];
        let live = service
            .deploys
            .iter()
            .find(|deploy| deploy.status == DeployStatus::Live);
        let version = live
            .and_then(|live| live.commit.as_deref())
            .and_then(|commit| commit.strip_prefix("commit-of-"))
            .map(str::to_owned);
        ServiceView {
            role: role.clone(),
            suspended: service.suspended,
            auto_deploy: service.auto_deploy,
            auto_deploy_trigger: None,
            image: None,
            deploys: service.deploys.clone(),
            version,
            p95_ms: None,
            warnings: Vec::new(),
            refusals: service.refusal.iter().cloned().collect(),
        }
    }

    /// A new deploy of a service.
    pub(crate) fn create(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        trigger: &str,
        commit: Option<String>,
    ) -> DeployView {
        self.created += 1;
        let deploy = DeployView {
            id: DeployId(format!("dep-{}", self.created)),
            status: DeployStatus::Unfinished,
            trigger: trigger.to_owned(),
            commit,
            digest: None,
        };
        let service = self.service(customer, role);
        service.deploys.insert(0, deploy.clone());
        deploy
    }

    /// Gives a deploy its end; one that goes live takes over.
    pub(crate) fn end(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        id: &DeployId,
        to: DeployStatus,
    ) {
        for deploy in &mut self.service(customer, role).deploys {
            if deploy.id == *id {
                deploy.status = to;
            } else if to == DeployStatus::Live && deploy.status == DeployStatus::Live {
                deploy.status = DeployStatus::Deactivated;
            }
        }
    }

    pub(crate) fn service(&mut self, customer: &CustomerId, role: &Role) -> &mut Service {
        let key = (customer.clone(), role.clone());
        self.services.get_mut(&key).expect("a service of the fleet")
    }

    fn deploy(&mut self, customer: &CustomerId, role: &Role, id: &DeployId) -> Option<DeployView> {
        let deploys = &self.service(customer, role).deploys;
        deploys.iter().find(|deploy| deploy.id == *id).cloned()
    }

    /// The answer that `word` stands for, if this command can be answered so. `more` is a secret, a status, a key.
    pub(crate) fn answer(
        &mut self,
        command: &Command,
        word: &str,
        more: Option<&str>,
        at: Timestamp,
    ) -> Option<Outcome> {
        if let Some(outcome) = answered_otherwise(command, word, more) {
            return Some(outcome);
        }
        if !words(&command.kind).contains(&word) {
            return None;
        }
        let more = more.map(str::to_owned);
        let reason = more
            .clone()
            .unwrap_or_else(|| "so the script says".to_owned());
        Some(match word {
            "failed" => Outcome::Failed { reason },
            "unknown" => Outcome::Unknown { reason },
            "not_sent" => Outcome::NotSent { reason },
            "secret_missing" => Outcome::SecretMissing {
                name: more.unwrap_or_else(|| "SECRET".to_owned()),
            },
            "refused" => Outcome::Refused {
                status: more.map_or(400, |status| status.parse().unwrap()),
                message: "no".to_owned(),
            },
            _ => self.answer_of_kind(command, word, more, at)?,
        })
    }

    fn answer_of_kind(
        &mut self,
        command: &Command,
        word: &str,
        more: Option<String>,
        at: Timestamp,
    ) -> Option<Outcome> {
        let customer = &command.customer;
        Some(match &command.kind {
            CommandKind::Preflight { services, .. } => self.inspected(customer, services),
            CommandKind::Inspect { service } => {
                self.inspected(customer, std::slice::from_ref(service))
            }
            CommandKind::BackUp { variables, .. } => backed_up(variables, word),
            CommandKind::Recover { name, .. } => self.recovered(name, word),
            CommandKind::FindDatabases { name } => Outcome::DatabasesFound {
                databases: self.databases.get(name).cloned().into_iter().collect(),
            },
            CommandKind::AwaitDatabase { .. } => awaited(word),
            CommandKind::BackUpConnections { .. } => {
                let key = "DATABASE_URL".to_owned();
                backed_up(&BTreeMap::from([(key, String::new())]), word)
            }
            CommandKind::SetVariables { .. } => Outcome::VariablesSet,
            CommandKind::RestoreVariables { .. } => Outcome::VariablesRestored {
                foreign: more.into_iter().collect(),
            },
            CommandKind::SetAutoDeploy { service, on, .. } => {
                self.service(customer, &service.role).auto_deploy = *on;
                Outcome::AutoDeploySet
            }
            CommandKind::CreateDeploy {
                service, commit, ..
            } => self.created(customer, service, "api", Some(commit.clone()), word),
            CommandKind::CreateRollback {
                service, deploy, ..
            } => {
                let old = self.deploy(customer, &service.role, deploy);
                let commit = old.and_then(|old| old.commit);
                self.created(customer, service, "rollback", commit, word)
            }
            CommandKind::ListDeploys { service, .. } => Outcome::Listed {
                deploys: self.service(customer, &service.role).deploys.clone(),
            },
            CommandKind::FollowDeploy {
                service, deploy, ..
            }
            | CommandKind::AwaitQuiet {
                service, deploy, ..
            } => self.followed(customer, service, deploy, word)?,
            CommandKind::CancelDeploy { service, deploy } => {
                self.cancelled(customer, &service.role, deploy)?
            }
            CommandKind::Verify { probed, .. } => judged(&probed.target.role, word, at),
            CommandKind::Watch { probed, .. } | CommandKind::Confirm { probed, .. } => {
                let role = more.map_or_else(
                    || probed[0].target.role.clone(),
                    |role| role.as_str().into(),
                );
                judged(&role, word, at)
            }
            CommandKind::RunHook { .. } => Outcome::HookFinished {
                ok: word == "hook_ok",
                output: String::new(),
            },
            CommandKind::Stop { .. } => return None,
        })
    }

    fn cancelled(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        deploy: &DeployId,
    ) -> Option<Outcome> {
        let found = self.deploy(customer, role, deploy)?;
        if found.status == DeployStatus::Unfinished {
            self.end(customer, role, deploy, DeployStatus::Canceled);
        }
        Some(Outcome::CancelSent)
    }

    /// How many databases came of recoveries.
    pub(crate) fn databases(&self) -> usize {
        self.databases.len()
    }

    /// `lost`: the database exists, the reply does not.
    fn recovered(&mut self, name: &str, word: &str) -> Outcome {
        let database = DatabaseId(format!("dpg-{}", self.databases.len() + 1));
        let twice = self.databases.insert(name.to_owned(), database.clone());
        assert_eq!(twice, None, "{name} was asked for twice (P8)");
        match word {
            "lost" => Outcome::Unknown {
                reason: "the reply was lost".to_owned(),
            },
            _ => Outcome::DatabaseCreated { database },
        }
    }

    fn inspected(&self, customer: &CustomerId, services: &[Target]) -> Outcome {
        let views = services.iter();
        Outcome::Inspected {
            views: views
                .map(|target| self.view(customer, &target.role))
                .collect(),
        }
    }

    fn created(
        &mut self,
        customer: &CustomerId,
        service: &Target,
        trigger: &str,
        commit: Option<String>,
        word: &str,
    ) -> Outcome {
        if word == "queued" {
            return Outcome::Accepted;
        }
        let deploy = self.create(customer, &service.role, trigger, commit);
        match word {
            "lost" => Outcome::Unknown {
                reason: "the reply was lost".to_owned(),
            },
            "accepted" => Outcome::Accepted,
            _ => Outcome::Created { deploy },
        }
    }

    /// `ended` lets it end as the world has it, or live.
    fn followed(
        &mut self,
        customer: &CustomerId,
        service: &Target,
        id: &DeployId,
        word: &str,
    ) -> Option<Outcome> {
        let found = self.deploy(customer, &service.role, id)?;
        let unfinished = found.status == DeployStatus::Unfinished;
        let to = match word {
            "unfinished" if unfinished => return Some(Outcome::Unfinished { deploy: found }),
            "ended" | "live" if unfinished => DeployStatus::Live,
            "ended" => found.status,
            "build_failed" if unfinished => DeployStatus::BuildFailed,
            "pre_deploy_failed" if unfinished => DeployStatus::PreDeployFailed,
            "update_failed" if unfinished => DeployStatus::UpdateFailed,
            "canceled" if unfinished => DeployStatus::Canceled,
            _ => return None,
        };
        self.end(customer, &service.role, id, to);
        let deploy = self.deploy(customer, &service.role, id)?;
        Some(Outcome::Ended { deploy })
    }
}

/// What any command may be answered by: `trouble`, and `gone` (which service).
fn answered_otherwise(command: &Command, word: &str, more: Option<&str>) -> Option<Outcome> {
    match word {
        "trouble" => Some(Outcome::Trouble {
            reason: more.unwrap_or("garbled").to_owned(),
        }),
        "gone" => Some(Outcome::Gone {
            role: Role::new(more.unwrap_or("backend")),
            reason: format!("Render answered 404 to {:?}", command.customer.as_str()),
        }),
        _ => None,
    }
}

fn backed_up(variables: &BTreeMap<String, String>, word: &str) -> Outcome {
    let keys = variables.keys().cloned();
    Outcome::BackedUp {
        digests: variables
            .keys()
            .map(|key| (key.clone(), "keyed-digest".to_owned()))
            .collect(),
        differing: if word == "same" {
            Vec::new()
        } else {
            keys.collect()
        },
        sealed: Sealed(b"sealed".to_vec()),
    }
}

fn judged(role: &Role, word: &str, at: Timestamp) -> Outcome {
    if word == "replaced" {
        return Outcome::Replaced {
            role: role.clone(),
            by: None,
        };
    }
    let healthy = word == "healthy";
    let result = match healthy {
        true => CycleResult::Passed,
        false => CycleResult::Failed {
            reason: "GET /api/health answered 500".to_owned(),
        },
    };
    let cycles = vec![Cycle { at, result }];
    Outcome::Judged {
        role: role.clone(),
        verdict: Verdict { healthy, cycles },
    }
}

/// The answers that a command can get; the first is the good one. None: it may run for ever.
pub(crate) fn words(kind: &CommandKind) -> &'static [&'static str] {
    match kind {
        CommandKind::Preflight { .. } => &["inspected", "secret_missing", "failed"],
        CommandKind::Inspect { .. } => &["inspected", "failed"],
        CommandKind::AwaitQuiet { .. } => &["ended", "unfinished"],
        CommandKind::BackUp { .. } => &["backed_up", "same", "secret_missing", "failed"],
        CommandKind::Recover { .. } => &["recovered", "lost", "unknown", "refused", "not_sent"],
        CommandKind::FindDatabases { .. } => &["found", "failed"],
        CommandKind::AwaitDatabase { .. } => &["ready", "unfinished", "lost", "failed"],
        CommandKind::BackUpConnections { .. } => &["backed_up", "same", "failed"],
        CommandKind::SetVariables { .. } => &["set", "failed"],
        CommandKind::RestoreVariables { .. } => &["restored", "failed"],
        CommandKind::SetAutoDeploy { .. } => &["switched", "refused", "not_sent", "unknown"],
        CommandKind::CreateDeploy { .. } | CommandKind::CreateRollback { .. } => &[
            "created", "accepted", "queued", "lost", "unknown", "refused", "not_sent",
        ],
        CommandKind::ListDeploys { .. } => &["listed", "failed"],
        CommandKind::FollowDeploy { .. } => &[
            "ended",
            "live",
            "build_failed",
            "pre_deploy_failed",
            "update_failed",
            "canceled",
            "unfinished",
            "failed",
        ],
        CommandKind::CancelDeploy { .. } => &["cancelled", "refused", "not_sent", "unknown"],
        CommandKind::Verify { .. } | CommandKind::Confirm { .. } => {
            &["healthy", "unhealthy", "replaced"]
        }
        CommandKind::Watch { .. } => &["unhealthy", "replaced"],
        CommandKind::RunHook { .. } => &["hook_ok", "hook_failed", "unknown", "not_sent"],
        CommandKind::Stop { .. } => &[],
    }
}

/// The answer that moves the customer on; a watch has none.
pub(crate) fn good_word(kind: &CommandKind) -> Option<&'static str> {
    match kind {
        CommandKind::Watch { .. } => None,
        kind => words(kind).first().copied(),
    }
}

fn awaited(word: &str) -> Outcome {
    match word {
        "lost" => Outcome::DatabaseFailed,
        "unfinished" => Outcome::DatabaseUnfinished {
            status: "creating".to_owned(),
        },
        _ => Outcome::DatabaseReady,
    }
}
