//! Commands that drive rollouts.

use std::path::PathBuf;

use clap::Args;
use policy::Span;

use super::offline::Scope;
use super::value;

/// `start`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche start v1.1.0                     # drive it here; Ctrl-C leaves it resumable
  tranche start latest --detach            # only record it; `tranche run` drives it
  tranche start v1.1.0 --customers acme-corp --service backend
  tranche start v1.1.1 --hotfix
  tranche start --plan v1.1.0.json         # exactly the plan that `plan --out` wrote, or nothing
  tranche start v1.1.0 --dry-run")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag people can type"
)]
pub(crate) struct Start {
    /// The tag to roll out; `latest`: the highest version that is no pre-release.
    #[arg(value_name = "VERSION", required_unless_present = "plan")]
    pub(crate) version: Option<String>,
    /// Start exactly the plan that `plan --out` wrote, or nothing: then the difference is shown.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "version", "customers", "policy", "service", "hotfix", "replaces", "allow_downgrade",
            "skip_suspended", "queue", "supersede",
        ]
    )]
    pub(crate) plan: Option<PathBuf>,
    /// Narrows the rollout.
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// Show the plan and every request that would be sent, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Record the start and return; whoever runs the engine drives it.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Begin when the rollout in the way has ended.
    #[arg(long, conflicts_with_all = ["supersede", "hotfix"])]
    pub(crate) queue: bool,
    /// Let the rollout in the way drain and end; begin at once.
    #[arg(long, conflicts_with = "hotfix")]
    pub(crate) supersede: bool,
    /// Time limit of one deploy, instead of the policies'.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) deploy_timeout: Option<Span>,
    /// Clear the build cache of every deploy.
    #[arg(long)]
    pub(crate) clear_cache: bool,
}

/// `run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche run
  tranche run --until-idle     # ends when everything has ended or rests, or a person is awaited")]
pub(crate) struct Drive {
    /// End when every rollout has ended or rests, or only a person could change anything.
    #[arg(long)]
    pub(crate) until_idle: bool,
}
