//! Commands about watching and telling: `monitor`, `alerts`, `notifications`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use policy::{CustomerId, Span};
use project::AlertId;

use super::value;

/// `monitor`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tranche monitor                         # everybody, until Ctrl-C
  tranche monitor acme-corp --every 10s
  tranche monitor --once                  # for cron; ends with 1 if a service is down
  tranche monitor report --hours 168 --format html --to week.html"
)]
pub(crate) struct Monitor {
    /// Look back instead.
    #[command(subcommand)]
    pub(crate) command: Option<MonitorCommand>,
    /// Whom to watch; without it, everybody.
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customers: Vec<CustomerId>,
    /// How often each service is asked, instead of `monitor.every`.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) every: Option<Span>,
    /// Ask every service once, and end.
    #[arg(long, conflicts_with = "every")]
    pub(crate) once: bool,
}

/// What else the monitor can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Show how the services were.
    #[command(
        after_help = "Examples:\n  tranche monitor report\n  tranche monitor report --hours 168 --to week.html"
    )]
    Report(HealthReport),
}

/// `monitor report`
#[derive(Debug, Args)]
pub(crate) struct HealthReport {
    /// Over the last so many hours.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=876_000))]
    pub(crate) hours: u32,
    /// In which form; without it by the end of FILE, otherwise text.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<HealthFormat>,
    /// Write it into a file instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

/// The form of a health report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HealthFormat {
    /// For a terminal.
    Text,
    /// For a ticket or a wiki.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// Everything, for programs.
    Json,
}

/// `alerts`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche alerts\n  tranche alerts list --all -o json\n  tranche alerts ack 7 --reason 'the provider knows'"
)]
pub(crate) struct Alerts {
    /// What of them; without it, `list`.
    #[command(subcommand)]
    pub(crate) command: Option<AlertsCommand>,
}

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Those that are open.
    #[command(after_help = "Example:\n  tranche alerts list --all")]
    List {
        /// Also those that are over.
        #[arg(long)]
        all: bool,
    },
    /// Take notice of one, so that nobody is reminded of it.
    #[command(after_help = "Example:\n  tranche alerts ack 7 --reason 'the provider knows'")]
    Ack {
        /// Its number, as `list` shows it.
        #[arg(value_name = "ID", value_parser = alert_id)]
        id: AlertId,
        /// Why nobody needs to be reminded.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `notifications`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tranche notifications\n  tranche notifications --failed\n  tranche notifications resend e42-1f0a9c3e"
)]
pub(crate) struct Notifications {
    /// What of them; without it, `list`.
    #[command(subcommand)]
    pub(crate) command: Option<NotificationsCommand>,
    /// Only those that could not be delivered so far.
    #[arg(long)]
    pub(crate) failed: bool,
}

/// What to do with notifications.
#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// The newest hundred.
    #[command(after_help = "Example:\n  tranche notifications list --failed")]
    List {
        /// Only those that could not be delivered so far.
        #[arg(long)]
        failed: bool,
    },
    /// One, with all that it says.
    #[command(after_help = "Example:\n  tranche notifications show e42-1f0a9c3e")]
    Show {
        /// Its name, as `list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Deliver one again, whatever became of it.
    #[command(after_help = "Example:\n  tranche notifications resend e42-1f0a9c3e")]
    Resend {
        /// Its name, as `list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
}

fn alert_id(text: &str) -> Result<AlertId, String> {
    text.parse()
        .map(AlertId)
        .map_err(|_| "write the number that `tranche alerts` shows".to_owned())
}
