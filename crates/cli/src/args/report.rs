//! Commands that look back: `report` and `stats`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use rollout::RolloutId;

use super::candidates;

/// `report`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche report
  tranche report r1 --format html --to r1.html     # one page, for a browser or paper
  tranche report r1 --format csv | column -ts,
  tranche events > journal.jsonl; tranche report r1 --journal journal.jsonl")]
pub(crate) struct Report {
    /// Of which rollout; without it, the newest.
    #[arg(value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
    /// In which form; without it by the end of FILE, otherwise text.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ReportFormat>,
    /// Write it into a file instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// From an exported journal instead of this project's.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a terminal.
    Text,
    /// For a ticket or a wiki.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// A row for each customer.
    Csv,
    /// Everything, for programs.
    Json,
}

/// `stats`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche stats\n  tranche stats --hours 168 -o json")]
pub(crate) struct Stats {
    /// Over the last so many hours.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=876_000))]
    pub(crate) hours: u32,
}
