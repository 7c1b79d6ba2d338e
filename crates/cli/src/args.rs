//! What can be typed: the command line as `clap` reads it. Nothing is decided here.
//!
//! One file a family of commands; each command's help ends with examples.

mod act;
mod backup;
mod candidates;
mod deploy;
mod fault;
mod login;
mod look;
mod offline;
mod platform;
mod report;
mod serve;
mod start;
mod value;
mod watching;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::act::{
    Abort, Approve, Block, Defer, Freeze, Observe, Override, Pause, Promote, Reject, Replan,
    Resume, Retry, Rollback, Skip, Unblock, Unfreeze, Withdraw,
};
pub(crate) use self::backup::{Backup, Restore};
pub(crate) use self::deploy::{Deploy, DeployConfig, Env, EnvCommand, RollbackBy};
pub(crate) use self::fault::{FaultSwitch, FaultWord};
pub(crate) use self::login::{Login, Logout};
pub(crate) use self::look::{
    Approvals, Convention, Customers, CustomersAdd, CustomersCommand, CustomersDiscover, Deploys,
    Events, Health, List, Status, Until, Verify, Watch, Why,
};
pub(crate) use self::offline::{
    ApprovalsAssumed, Completions, Demo, Graph, Import, Init, Man, Plan, Schema, SchemaOf,
    Simulate, Test,
};
pub(crate) use self::platform::{
    Render, RenderCommand, RenderDeploys, RenderEnv, RenderLogs, RenderServices, RenderWebhooks,
    SimulateServer, Token, TokenCommand,
};
pub(crate) use self::report::{Report, ReportFormat, Stats};
pub(crate) use self::serve::Serve;
pub(crate) use self::start::{Drive, Start};
pub(crate) use self::watching::{
    Alerts, AlertsCommand, HealthFormat, HealthReport, Monitor, MonitorCommand, Notifications,
    NotificationsCommand,
};

/// The version, of which commit the source is, and for which machine it was built.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("TRANCHE_COMMIT"),
    ", ",
    env!("TRANCHE_TARGET"),
    ")"
);

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the rollout failed, halted, was aborted or superseded, or a check found something
  2    wrong usage or configuration
  3    refused in the present state
  4    not permitted
  5    Render could not be reached
  6    stopped with the rollout unfinished
  7    plan --detailed-exitcode: there is something to do
  130  interrupted

Try it without an account:  tranche demo
Begin a project:            tranche init";

/// Rolls a version out to a fleet of customers on Render, phase by phase.
///
/// Policies and customers are files in a project folder. A start freezes them into a plan; the
/// rollout then goes on for as long as it takes, survives any crash, rolls back what turns
/// unhealthy, and says at any moment what it waits for and until when.
#[derive(Debug, Parser)]
#[command(name = "tranche", version = VERSION, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command. A flag beats the environment, which beats the files.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The project folder; without it, this folder or the nearest above with a tranche.yaml.
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = "TRANCHE_DIR"
    )]
    pub(crate) dir: Option<PathBuf>,
    /// The database; without it, .tranche/tranche.db in the project folder.
    #[arg(long, global = true, value_name = "FILE", env = "TRANCHE_DB")]
    pub(crate) db: Option<PathBuf>,
    /// How data is written to standard output.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        env = "TRANCHE_OUTPUT",
        default_value = "text",
        hide_possible_values = false
    )]
    pub(crate) output: Format,
    /// When to colour; `NO_COLOR` turns it off too.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
    /// Say more; twice: everything.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say nothing but data and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Answer questions with yes; severe actions still want `--confirm`.
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Refused: a key on the command line is visible to everybody on the machine.
    #[arg(long, global = true, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) api_key: Option<String>,
}

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs; streams are JSON lines.
    Json,
    /// For people and programs.
    Yaml,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole story on a simulated Render, in seconds and without an account.
    Demo(Demo),
    /// Make a project folder to start from.
    #[command(
        after_help = "Examples:\n  tranche init\n  tranche init releases/\n  tranche init --practice shop     # ready for `render simulate`"
    )]
    Init(Init),
    /// Make project files of the JSON that earlier release scripts kept, or `customers.yaml` of a spreadsheet.
    Import(Import),
    /// Check all files and say in words what each policy does.
    #[command(after_help = "Examples:\n  tranche validate\n  tranche -C releases validate -o json")]
    Validate,
    /// Print the JSON Schema of a kind of file, for editors, or of an event of the journal.
    #[command(
        after_help = "Examples:\n  tranche schema policy > policy.schema.json\n  tranche schema event > event.schema.json"
    )]
    Schema(Schema),
    /// Show what a start would do: phases, batches, earliest times, gates.
    Plan(Plan),
    /// Run a rollout on a virtual clock and show its timeline.
    Simulate(Simulate),
    /// Run scenarios and compare them with what they expect.
    Test(Test),
    /// Begin a rollout.
    Start(Box<Start>),
    /// Drive all unfinished rollouts, resuming what was interrupted.
    Run(Drive),
    /// Drive all unfinished rollouts, and answer people's browsers and programs over HTTP.
    Serve(Serve),
    /// Show where a rollout stands.
    Status(Status),
    /// Follow a rollout until it rests.
    Watch(Watch),
    /// List all rollouts, or what every customer runs.
    List(List),
    /// Say what came of a rollout: customers, approvals, incidents, overrides, times.
    Report(Report),
    /// Show deploys in numbers: success, durations, rollbacks.
    Stats(Stats),
    /// Say why a customer waits, until when, and what would change it.
    Why(Why),
    /// List the gates that wait for people.
    Approvals(Approvals),
    /// Vote for a gate.
    Approve(Approve),
    /// Vote against a gate; one such vote is enough.
    Reject(Reject),
    /// Take your own vote back.
    Withdraw(Withdraw),
    /// Start no further customer until `resume`.
    Pause(Pause),
    /// End a pause.
    Resume(Resume),
    /// End a rollout; with `--rollback`, return everybody to what ran before.
    Abort(Abort),
    /// Do the same work again, for a customer, a phase or everybody who failed.
    Retry(Retry),
    /// Leave out what has not started.
    Skip(Skip),
    /// Put a customer's date off, as far as its policy allows.
    Defer(Defer),
    /// End the current delay or soak early.
    Promote(Promote),
    /// Apply edited files to what has not started.
    Replan(Replan),
    /// Let no further customer get a version, in any rollout.
    Block(Block),
    /// Let customers get a blocked version again.
    Unblock(Unblock),
    /// Start nobody until an instant.
    Freeze(Freeze),
    /// End a freeze that `freeze` made.
    Unfreeze(Unfreeze),
    /// Lift a freeze for one rollout; counts once a second person says the same.
    Override(Override),
    /// Return a customer to what ran before, or to a version.
    Rollback(Rollback),
    /// Deploy single services outside any rollout.
    Deploy(Box<Deploy>),
    /// List, compare and write a customer's variables.
    Env(Env),
    /// Write down a figure from outside, such as tickets or satisfaction.
    Observe(Observe),
    /// List the customers, show one, add one, or find them at Render.
    Customers(Customers),
    /// List the newest deploys of a customer at Render, ours among them.
    Deploys(Deploys),
    /// Ask the customers' services how they are, now, or see how they were.
    Health(Health),
    /// Watch the customers' services, rollout or not.
    Monitor(Monitor),
    /// List alerts, and take notice of them.
    Alerts(Alerts),
    /// See what was told to whom, and deliver again what could not be.
    Notifications(Notifications),
    /// Print the journal as JSON lines.
    Events(Events),
    /// Check the journal's chain, its fold and the database.
    Verify(Verify),
    /// Copy all that is needed to go on into one file, also while an engine runs.
    Backup(Backup),
    /// Put a backup where no state is; what is open in it rests until `resume --moved`.
    Restore(Restore),
    /// Sign in at a server, by a code that is typed into its page.
    Login(Login),
    /// Sign out at a server.
    Logout(Logout),
    /// Make, list and revoke tokens that prove who somebody is.
    Token(Token),
    /// Check the connection to Render, or simulate one.
    Render(Render),
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Print a manual page, or write all of them.
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let has_example = help.contains("Example") || command.has_subcommands();
            assert!(has_example, "{} has no example", command.get_name());
            command.get_subcommands().for_each(check);
        }
        Cli::command().get_subcommands().for_each(check);
    }
}
