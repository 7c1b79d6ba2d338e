//! Projects of any size, as texts and as the request that starts a rollout.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine::ReadFiles;
use policy::parse::{self, Config, File, Sources};
use policy::{PlanInput, PlanScope, Release};
use rollout::request::{Conflict, Directory, FilesRead};
use rollout::{Actor, Request, Start, Verb};

pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";
pub(crate) const OLD_COMMIT: &str = "0000000000000000000000000000000000000000";

/// Where sites are that nobody asks.
pub(crate) const NOWHERE: &str = "https://sites.example";

/// A fleet of customers with two services each, under one policy.
pub(crate) struct Project {
    pub(crate) customers: usize,
    /// Deploys in flight over all customers.
    pub(crate) max_parallel: usize,
    /// Under which address the customers' sites are found.
    pub(crate) sites: String,
    /// What the policy says beside its name.
    pub(crate) policy: String,
}

impl Project {
    /// The project's files.
    pub(crate) fn sources(&self) -> Sources {
        let file = |path: &str, text: String| File {
            path: path.to_owned(),
            text,
        };
        let project = format!(
            "product: securewatch\nrender: {{ max_parallel: {} }}\nvariables:\n  \
             backend: {{ VERSION_TAG: '${{version}}' }}\npeople:\n  ann: {{ os: ann }}\n",
            self.max_parallel
        );
        let policy = format!("policy: main\n{}", self.policy);
        Sources {
            project: file("tranche.yaml", project),
            customers: file("customers.yaml", self.fleet()),
            policies: vec![file("policies/main.yaml", policy)],
            unread: Vec::new(),
            calendars: Vec::new(),
        }
    }

    pub(crate) fn config(&self) -> Config {
        parse::load(&self.sources()).expect("the files have no mistake")
    }

    fn fleet(&self) -> String {
        let sites = &self.sites;
        let mut text = "customers:\n".to_owned();
        for n in 0..self.customers {
            let _ = write!(
                text,
                "  customer-{n:06}:\n    tier: main\n    timezone: Europe/Berlin\n    services:\n      \
                 backend: {{ id: srv-b{n:06}, url: \"{sites}/srv-b{n:06}\" }}\n      \
                 frontend: {{ id: srv-f{n:06}, url: \"{sites}/srv-f{n:06}\" }}\n"
            );
        }
        text
    }
}

/// The request that starts v1.1.0.
pub(crate) fn start(config: Config) -> Request {
    let input = PlanInput {
        project: config.project,
        fleet: config.fleet,
        policies: config.policies,
        release: Release {
            version: "v1.1.0".to_owned(),
            commit: COMMIT.to_owned(),
        },
        scope: PlanScope::default(),
        history: policy::plan::History::new(),
    };
    Request {
        by: Actor::person("ann"),
        rollout: None,
        verb: Verb::Start(Box::new(Start {
            input,
            observed: BTreeMap::new(),
            conflict: Conflict::Refuse,
            clear_cache: false,
            deploy_timeout: None,
            reviewed: None,
        })),
    }
}

/// What an engine tells the core of the files.
pub(crate) fn read(config: &Config) -> FilesRead {
    FilesRead {
        directory: Directory::of(&config.project),
        customers: config.fleet.customers.keys().cloned().collect(),
        ..FilesRead::default()
    }
}

/// The files, as whoever files a request reads them.
pub(crate) fn reader(config: &Config) -> ReadFiles {
    let read = read(config);
    Box::new(move |_| read.clone())
}
