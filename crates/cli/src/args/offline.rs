//! Commands that change nothing outside a folder of files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use policy::{CustomerId, PlanScope, PolicyId, Role, Span, Timestamp};

use super::value;

/// `demo`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche demo\n  tranche demo my-demo && tranche -C my-demo status"
)]
pub(crate) struct Demo {
    /// The folder it plays in and leaves behind to explore; it must be new or empty.
    #[arg(value_name = "DIR", default_value = "tranche-demo")]
    pub(crate) dir: PathBuf,
}

/// `init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made if it is not there.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The demo's fleet with a repository of two tags, for `render simulate` on this machine.
    #[arg(long)]
    pub(crate) practice: bool,
}

/// `import`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche import render-deployment.json customers.json minor-release-policies.json
  tranche -C releases import customers.json --write     # over files that are there already
  tranche import --csv customers.csv                    # customers.yaml from a spreadsheet")]
pub(crate) struct Import {
    /// JSON files of the scripts.
    #[arg(value_name = "FILE", required_unless_present = "csv")]
    pub(crate) files: Vec<PathBuf>,
    /// The customers as a table: a row each, below headings such as `key,tier,services.backend.id`.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub(crate) csv: Option<PathBuf>,
    /// Replace files of the project that exist.
    #[arg(long)]
    pub(crate) write: bool,
}

/// `schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what.
    #[arg(value_name = "KIND")]
    pub(crate) of: SchemaOf,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A file of policies/.
    Policy,
    /// customers.yaml
    Customers,
    /// tranche.yaml
    Project,
    /// A file of scenarios/.
    Scenario,
    /// One event of the journal.
    Event,
}

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche plan v1.1.0
  tranche plan v1.1.0 --policy standard
  tranche plan v1.1.0 --graph dot | dot -Tsvg > plan.svg
  tranche plan v1.1.0 --ics > plan.ics
  tranche plan v1.1.0 --detailed-exitcode   # 7: there is something to do
  tranche plan v1.1.0 --out v1.1.0.json     # and, once it is reviewed: tranche start --plan v1.1.0.json")]
pub(crate) struct Plan {
    /// The tag to roll out.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Narrows the plan.
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// When it would start; now, if not given.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant)]
    pub(crate) start: Option<Timestamp>,
    /// Print the graph of phases and batches instead.
    #[arg(long, value_name = "LANGUAGE", conflicts_with = "ics")]
    pub(crate) graph: Option<Graph>,
    /// Print the earliest times as a calendar instead.
    #[arg(long)]
    pub(crate) ics: bool,
    /// End with 7 if there is something to do.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Do not ask Render what runs; take the journal's word.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Also write the plan into a file, for `start --plan` to carry out exactly that.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["start", "graph", "ics", "offline"])]
    pub(crate) out: Option<PathBuf>,
}

/// What a plan is narrowed to.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Scope {
    /// Only these customers; `not_before` and `soak` do not apply.
    #[arg(long, alias = "customer", value_name = "A,B", value_delimiter = ',')]
    pub(crate) customers: Vec<CustomerId>,
    /// Only this phase; `not_before` and `soak` do not apply.
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub(crate) policy: Vec<PolicyId>,
    /// Only this service of each customer.
    #[arg(long, alias = "service-type", value_name = "ROLE")]
    pub(crate) service: Option<Role>,
    /// By the policy `hotfix`, customers on the faulty release first.
    #[arg(long, conflicts_with_all = ["customers", "policy"])]
    pub(crate) hotfix: bool,
    /// The faulty release; without it, that of the rollouts that the hotfix supersedes, or the newest that one delivered.
    #[arg(long, value_name = "VERSION", requires = "hotfix")]
    pub(crate) replaces: Option<String>,
    /// Also for customers that run something newer.
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Leave out customers with a suspended service instead of refusing.
    #[arg(long)]
    pub(crate) skip_suspended: bool,
}

impl Scope {
    /// The same, as the core takes it.
    pub(crate) fn of_plan(&self) -> PlanScope {
        PlanScope {
            customers: self.customers.clone(),
            policies: self.policy.clone(),
            service: self.service.clone(),
            hotfix: self.hotfix.then(Vec::new),
            replaces: self.replaces.clone(),
            allow_downgrade: self.allow_downgrade,
            skip_suspended: self.skip_suspended,
        }
    }
}

/// Languages for graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Graph {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// `simulate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche simulate v1.1.0
  tranche simulate v1.1.0 --start 2027-01-11T09:00:00Z --approve 'after 2d'
  tranche simulate --scenario scenarios/first.yaml -o json")]
pub(crate) struct Simulate {
    /// The tag to roll out; a scenario names its own.
    #[arg(value_name = "VERSION", required_unless_present = "scenario")]
    pub(crate) version: Option<String>,
    /// When the rollout starts; now, if not given.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant, conflicts_with = "scenario")]
    pub(crate) start: Option<Timestamp>,
    /// Faults and people's actions from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "version")]
    pub(crate) scenario: Option<PathBuf>,
    /// When people approve: `at-once`, `never`, or `after 2d`; without it `at-once`, in a scenario only what it says.
    #[arg(long, value_name = "WHEN", value_parser = approvals)]
    pub(crate) approve: Option<ApprovalsAssumed>,
}

/// When people are assumed to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApprovalsAssumed {
    /// As soon as they are asked.
    AtOnce,
    /// Not at all.
    Never,
    /// So long after they are asked.
    After(Span),
}

/// `test`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche test\n  tranche test scenarios/first.yaml")]
pub(crate) struct Test {
    /// Scenario files; without any, all of scenarios/.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `completions`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tranche completions bash > ~/.local/share/bash-completion/completions/tranche"
)]
pub(crate) struct Completions {
    /// For which shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `man`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche man | man -l -\n  tranche man --all man1/")]
pub(crate) struct Man {
    /// Of which command; without one, of `tranche` itself.
    #[arg(value_name = "COMMAND", conflicts_with = "all")]
    pub(crate) command: Option<String>,
    /// Write the pages of all commands into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) all: Option<PathBuf>,
}

fn approvals(text: &str) -> Result<ApprovalsAssumed, String> {
    match text.trim() {
        "at-once" => Ok(ApprovalsAssumed::AtOnce),
        "never" => Ok(ApprovalsAssumed::Never),
        other => match other.strip_prefix("after ") {
            Some(span) => value::span(span.trim()).map(ApprovalsAssumed::After),
            None => Err("write at-once, never, or a length of time: 'after 2d'".to_owned()),
        },
    }
}
