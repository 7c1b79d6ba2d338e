//! From YAML text to a checked configuration, with every mistake of every file at once.
//!
//! Three passes over trees in which every value knows its place: `check` compares a tree with its *shape* (keys, types,
//! formats), `read` makes typed values of it, and `cross` checks what concerns several values or files. A value that one
//! pass has refused is left out by the next, so that one mistake is reported once. Nothing here touches a disk: the
//! caller hands over texts.
//!
//! Start reading at [`load`].

mod calendar;
mod check;
mod cross;
mod diagnostic;
mod format;
pub(crate) mod limits;
mod merge;
mod node;
mod read;
mod report;
pub mod scenario;
pub(crate) mod shape;
pub(crate) mod shapes;
pub mod table;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::calendar::{Calendar, calendars_named};
use self::check::Mode;
pub use self::diagnostic::{Diagnostic, Severity};
use self::node::{Kind, Node, Pos};
use self::report::Report;
use self::shape::Shape;
use crate::ids::{CustomerId, PolicyId};
use crate::mail::Mail;
use crate::monitoring::Monitoring;
use crate::rules::Policy;
use crate::settings::server::Server;
use crate::settings::{Fleet, Project, Unzoned};
use crate::span::Timestamp;

/// A file the caller has read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// As people know it, for messages.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// The files of a project folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// `tranche.yaml`.
    pub project: File,
    /// `customers.yaml`.
    pub customers: File,
    /// The files of `policies/`.
    pub policies: Vec<File>,
    /// What the caller could not read, by the paths of these files; and what else of `policies/` was probably meant to be
    /// read (code [`MISNAMED`]).
    #[serde(default)]
    pub unread: Vec<Diagnostic>,
    /// The calendar files that freezes name, as they were read.
    #[serde(default)]
    pub calendars: Vec<Calendar>,
}

/// The code for what is called nearly like a file of the project. What has begun goes on without it.
pub const MISNAMED: &str = "misnamed";

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `tranche.yaml`.
    pub project: Project,
    /// `customers.yaml`.
    pub fleet: Fleet,
    /// The policies by name.
    pub policies: BTreeMap<PolicyId, Policy>,
    /// How services are watched; `None`: the project does not say, and an engine watches none by itself.
    pub monitor: Option<Monitoring>,
    /// The server that carries e-mail.
    pub mail: Option<Mail>,
    /// How people and programs reach the product through a server.
    #[serde(default)]
    pub server: Server,
    /// Whether Render tells a server at once what happens there (`render: webhooks`).
    #[serde(default)]
    pub webhooks: bool,
    /// Files and folders outside the project folder that its files may name (P53).
    #[serde(default)]
    pub files: Vec<String>,
    /// Windows that name no zone.
    #[serde(default)]
    pub unzoned: Unzoned,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// Checks all files of a project folder.
///
/// # Errors
/// Every mistake of every file, in the order of files and lines; warnings among them.
pub fn load(sources: &Sources) -> Result<Config, Vec<Diagnostic>> {
    load_into(Report::new(), sources, None)
}

/// The same for somebody who would start from them at an instant: what can never go from then on is a mistake too where dates
/// decide, as those of freezes do (R7-R9).
///
/// # Errors
/// As for [`load`].
pub fn load_at(sources: &Sources, at: Timestamp) -> Result<Config, Vec<Diagnostic>> {
    load_into(Report::new(), sources, Some(at))
}

/// The same for what has begun already, and for looking: there a gate that can no longer be filled is no mistake but waits,
/// since it would otherwise keep the removal of its voters from taking effect (P2), and so does a customer that can never
/// start. They are among the warnings.
///
/// # Errors
/// As for [`load`].
pub fn load_running(sources: &Sources) -> Result<Config, Vec<Diagnostic>> {
    load_into(Report::of_what_runs(), sources, None)
}

/// `tranche.yaml` by itself, however much of it and of the other files is wrong: what cannot be read is as if it were not
/// there. `None`: it is no YAML mapping. Only good for taking rights away.
pub fn project_alone(project: &File) -> Option<Project> {
    let mut report = Report::new();
    let node = yaml::read(project, &mut report).filter(|node| node.kind() == Kind::Map)?;
    Some(read::project::project(&node, &[]))
}

/// What a file says, checked or not; `None`: it cannot be parsed.
pub fn value(file: &File) -> Option<serde_json::Value> {
    yaml::read(file, &mut Report::new()).map(|node| node.to_json())
}

fn load_into<'s>(
    mut report: Report<'s>,
    sources: &'s Sources,
    at: Option<Timestamp>,
) -> Result<Config, Vec<Diagnostic>> {
    let trees = Trees::read(sources, &mut report);
    trees.config(report, at)
}

/// The trees of all files, before they are judged.
struct Trees<'s> {
    project: Option<Node<'s>>,
    /// The whole of `customers.yaml`, with its key `customers`.
    customers: Option<Node<'s>>,
    policies: Vec<Node<'s>>,
    /// Policies that may stand in files which cannot be read.
    unread: BTreeSet<PolicyId>,
    /// The calendar files that freezes name.
    calendars: &'s [Calendar],
}

impl<'s> Trees<'s> {
    fn read(sources: &'s Sources, report: &mut Report<'s>) -> Self {
        let project = tree(sources, &sources.project, report);
        let customers = tree(sources, &sources.customers, report);
        let (policies, unread) = Self::read_policies(sources, report);
        Self {
            project,
            customers,
            policies,
            unread,
            calendars: &sources.calendars,
        }
    }

    /// The trees of the policies, and the names of those that cannot be read.
    fn read_policies(
        sources: &'s Sources,
        report: &mut Report<'s>,
    ) -> (Vec<Node<'s>>, BTreeSet<PolicyId>) {
        let (mut policies, mut unread) = (Vec::new(), BTreeSet::new());
        for file in sources.policies.iter().take(limits::POLICIES) {
            match tree(sources, file, report) {
                Some(node) => policies.push(node),
                None => {
                    unread.insert(PolicyId::from(stem(&file.path)));
                }
            }
        }
        for one in sources.beside() {
            report.unread(one);
            unread.insert(PolicyId::from(stem(&one.file)));
        }
        if let Some(file) = sources.policies.get(limits::POLICIES) {
            let pos = Pos {
                file: report.file(file),
                line: 1,
                column: 1,
                length: 1,
            };
            report.error(
                pos,
                "limit",
                format!("more than {} files of policies", limits::POLICIES),
            );
        }
        (policies, unread)
    }

    /// Judges the trees and makes typed values of them.
    fn config(
        &self,
        mut report: Report<'s>,
        at: Option<Timestamp>,
    ) -> Result<Config, Vec<Diagnostic>> {
        self.check_shapes(&mut report);
        let nothing = Node::map(Pos::default());
        let project = self.project.as_ref().unwrap_or(&nothing);
        let project = read::project::project(project, self.calendars);
        let zone = project.timezone;
        let fleet = self
            .customers
            .as_ref()
            .map(|node| read::fleet::fleet(node, zone))
            .unwrap_or_default();
        let groups = project.groups.keys().cloned().collect();
        let surroundings = read::policy::Surroundings {
            zone,
            groups: &groups,
        };
        let mut unread = self.unread.clone();
        let mut policies = Vec::with_capacity(self.policies.len());
        for node in &self.policies {
            match read::policy::policy(node, &surroundings) {
                Some(policy) => policies.push((policy, node)),
                None => {
                    unread.insert(PolicyId::from(stem(report.path(node.pos))));
                }
            }
        }
        let server = self
            .project
            .as_ref()
            .map(read::server::server)
            .unwrap_or_default();
        let files = cross::CheckedFiles {
            project: &project,
            project_node: self.project.as_ref(),
            server: &server,
            fleet: &fleet,
            fleet_node: self.customers.as_ref(),
            policies: &policies,
            unread: &unread,
            at,
            calendars: self.calendars,
        };
        files.check(&mut report);
        let warnings = report.finish()?;
        let unzoned = self.unzoned();
        let policies = policies
            .into_iter()
            .map(|(policy, _)| (policy.name.clone(), policy))
            .collect();
        Ok(Config {
            project,
            fleet,
            policies,
            monitor: self.project.as_ref().and_then(read::monitoring::monitoring),
            mail: self.project.as_ref().and_then(read::monitoring::mail),
            server,
            webhooks: self.project.as_ref().is_some_and(read::server::webhooks),
            files: self
                .project
                .as_ref()
                .map(read::project::files)
                .unwrap_or_default(),
            unzoned,
            warnings,
        })
    }

    /// Which windows name no zone.
    fn unzoned(&self) -> Unzoned {
        let customers = self
            .customers
            .as_ref()
            .and_then(|node| node.get("customers"));
        let customers = customers.map_or(&[][..], Node::entries).iter();
        let customers = customers.map(|(key, node)| (CustomerId::new(&*key.name), node));
        let policies = self.policies.iter().filter_map(|node| {
            let name = node.get("policy").and_then(Node::scalar)?;
            Some((PolicyId::from(name), node))
        });
        Unzoned {
            customers: without_zone(customers),
            policies: without_zone(policies),
        }
    }

    fn check_shapes(&self, report: &mut Report<'s>) {
        let project = self.project.iter().map(|node| (node, &PROJECT));
        let customers = self.customers.iter().map(|node| (node, &CUSTOMERS));
        let policies = self.policies.iter().map(|node| (node, &POLICY));
        for (node, shape) in project.chain(customers).chain(policies) {
            if node.is_null() {
                let help = "write something into it, or remove it";
                report.help(node.pos, "empty", "the file is empty", help);
            } else {
                check::check(node, shape, Mode::Whole, report);
            }
        }
        if self.policies.is_empty() && self.unread.is_empty() {
            let pos = self
                .project
                .as_ref()
                .map_or(Pos::default(), |node| node.key_pos("policies"));
            let help =
                "write one such as policies/demo.yaml: `policy: demo`; `tranche init` makes four";
            report.help(
                pos,
                "no-policies",
                "there is no policy, so there is nothing to roll out by",
                help,
            );
        }
    }
}

impl Sources {
    /// What was not read and is none of the files.
    fn beside(&self) -> impl Iterator<Item = &Diagnostic> {
        let files = || {
            let named = [&self.project, &self.customers].into_iter();
            named.chain(&self.policies)
        };
        let unread = self.unread.iter();
        unread.filter(move |one| files().all(|file| file.path != one.file))
    }
}

/// The tree of one file, unless the caller could not read it.
fn tree<'s>(sources: &'s Sources, file: &'s File, report: &mut Report<'s>) -> Option<Node<'s>> {
    match sources.unread.iter().find(|one| one.file == file.path) {
        Some(unread) => {
            report.unread(unread);
            None
        }
        None => yaml::read(file, report),
    }
}

/// Of each that has windows without a zone, which of them.
fn without_zone<'n, 't: 'n, K: Ord>(
    of: impl Iterator<Item = (K, &'n Node<'t>)>,
) -> BTreeMap<K, BTreeSet<usize>> {
    of.filter(|(_, node)| node.get("window").is_some())
        .map(|(key, node)| (key, read::window::without_zone(node)))
        .filter(|(_, places)| !places.is_empty())
        .collect()
}

static PROJECT: Shape = Shape::Record(&shapes::project::PROJECT);
static CUSTOMERS: Shape = Shape::Record(&shapes::customers::CUSTOMERS);
static POLICY: Shape = Shape::Record(&shapes::policy::POLICY);

/// `demo` of `policies/demo.yaml`, which is how a policy's file is usually named.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}
