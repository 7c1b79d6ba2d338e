//! `deploy` and `env`: single services and variables outside any rollout.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use policy::{CustomerId, Role, Span};

use super::value;

/// `deploy`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche deploy acme-corp/backend --commit 3f2a... --reason 'hotfix for ACME'
  tranche deploy worker --image registry.example/worker:1.4 --reason 'new image' --watch 10m
  tranche deploy srv-cukouhrtq21c73e9scng --commit v1.1.0 --dry-run
  tranche deploy --file services.yaml --parallel 5 --reason 'monthly rebuild'")]
pub(crate) struct Deploy {
    /// CUSTOMER/ROLE, a service's name at Render, or its id.
    #[arg(value_name = "SERVICE", required_unless_present = "file")]
    pub(crate) service: Option<String>,
    /// What it gets and how.
    #[command(flatten)]
    pub(crate) config: DeployConfig,
    /// A YAML list of services with the same keys, instead of one service.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "commit", "image"])]
    pub(crate) file: Option<PathBuf>,
    /// So many services at once.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) parallel: u32,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub(crate) reason: Option<String>,
    /// Show what would happen and every request that would be sent, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Record it and return; whoever runs the engine drives it.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// What one service gets, as flags; with `--file`, what holds where the file says nothing.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeployConfig {
    /// A full commit id, or a tag of the project's repository.
    #[arg(long, value_name = "SHA", conflicts_with = "image", required_unless_present_any = ["image", "file"])]
    pub(crate) commit: Option<String>,
    /// An image (NAME:TAG or NAME@sha256:DIGEST); only its tag or digest may differ from the service's own.
    #[arg(long, value_name = "NAME:TAG")]
    pub(crate) image: Option<String>,
    /// Clear the build cache.
    #[arg(long)]
    pub(crate) clear_cache: bool,
    /// A variable to write before, as a template; may be repeated.
    #[arg(long, value_name = "KEY=TEMPLATE")]
    pub(crate) set: Vec<String>,
    /// Skip the checks before the deploy.
    #[arg(long)]
    pub(crate) no_validate: bool,
    /// What follows when it turns out unhealthy.
    #[arg(long, value_name = "MODE")]
    pub(crate) rollback: Option<RollbackBy>,
    /// How long it is watched once it is healthy.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) watch: Option<Span>,
    /// The health profile it must pass; without it, `basic`.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) health: Option<String>,
    /// How long the deploy may take; without it, 10m.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) deploy_timeout: Option<Span>,
}

/// Who returns an unhealthy service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RollbackBy {
    /// The engine, at once.
    Automatic,
    /// A person.
    Manual,
}

/// `env`
#[derive(Debug, Args)]
pub(crate) struct Env {
    /// What to do with the variables.
    #[command(subcommand)]
    pub(crate) command: EnvCommand,
}

/// What to do with a customer's variables.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// List the variables that stand at Render, masked.
    #[command(
        after_help = "Examples:\n  tranche env list acme-corp\n  tranche env list acme-corp --service backend --reveal"
    )]
    List {
        /// Whose.
        #[arg(value_name = "CUSTOMER")]
        customer: CustomerId,
        /// Only of this service.
        #[arg(long, value_name = "ROLE")]
        service: Option<Role>,
        /// Show the values in full; on a terminal only, and noted in the journal.
        #[arg(long)]
        reveal: bool,
    },
    /// Compare the planned variables of a version with what stands at Render, masked.
    #[command(after_help = "Example:\n  tranche env diff acme-corp v1.1.0")]
    Diff {
        /// Whose.
        #[arg(value_name = "CUSTOMER")]
        customer: CustomerId,
        /// The version; without it, the highest that is no pre-release.
        #[arg(value_name = "VERSION", default_value = "latest")]
        version: String,
    },
    /// Write the planned variables of a version without deploying anything.
    #[command(
        after_help = "Examples:\n  tranche env apply acme-corp v1.1.0 --reason 'ahead of the deploy'\n  tranche env apply acme-corp --undo --reason 'postponed'"
    )]
    Apply {
        /// Whose.
        #[arg(value_name = "CUSTOMER")]
        customer: CustomerId,
        /// The version; without it, the highest that is no pre-release.
        #[arg(
            value_name = "VERSION",
            default_value = "latest",
            conflicts_with = "undo"
        )]
        version: String,
        /// Put back what `env apply` has written and nothing was deployed with since.
        #[arg(long)]
        undo: bool,
        /// Why; kept in the journal.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Show what would happen, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Record it and return; whoever runs the engine drives it.
        #[arg(long)]
        detach: bool,
    },
}
