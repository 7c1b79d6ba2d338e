//! The binary `tranche`: translates between people and the crates that know what to do. It decides nothing about rollouts.
//!
//! `args` is what can be typed, `commands` what is done about it, `show` how the answer looks, `exit` how it ends.

mod args;
mod caller;
mod commands;
mod exit;
mod named_file;
mod open;
mod output;
mod output_file;
mod plan;
mod request;
mod screen;
mod show;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Global};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::screen::{LogWriter, print_to_stderr};

fn main() -> ExitCode {
    // A shell that asks what could come next is answered here, and the process ends.
    CompleteEnv::with_factory(Cli::command).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return tell(&told).unwrap_or_else(failed).into(),
    };
    let out = Output::new(&cli.global);
    log_to_stderr(&cli.global);
    let exit = refuse_key(&cli.global).and_then(|()| commands::run(&cli.global, cli.command, out));
    exit.unwrap_or_else(failed).into()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as `unwrap_or_else(failed)`"
)]
fn failed(failure: Failure) -> Exit {
    print_to_stderr(failure.render());
    failure.exit
}

/// What the command line says of itself is data like any other: where it cannot be written, that is a failure. What it says of
/// a mistake goes to standard error.
fn tell(told: &clap::Error) -> Result<Exit, Failure> {
    let text = told.render();
    if told.use_stderr() {
        // Nobody is left to be told when standard error is closed.
        let _ = told.print();
        return Ok(Exit::Usage);
    }
    Output::silent().exact(text.ansi())?;
    Ok(Exit::Done)
}

/// A key on the command line is visible to everybody on the machine, and stays in the shell's history.
fn refuse_key(global: &Global) -> Result<(), Failure> {
    match global.api_key {
        None => Ok(()),
        Some(_) => Err(Failure::usage("a key is never taken from the command line")
            .or_type("set RENDER_API_KEY, or RENDER_API_KEY_FILE to a file that holds it")),
    }
}

fn log_to_stderr(global: &Global) {
    // What people must know is said by the commands themselves; the log is for those who ask for it.
    let level = match global.verbose {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| LogWriter)
        .with_ansi(false)
        .init();
}
