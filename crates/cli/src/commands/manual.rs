//! `completions` and `man`: both come from the definition of the command line itself.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::env::Shells;

use crate::args::{Cli, Completions, Man};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::output_file;

/// The variable by which a shell asks for completions.
const ASKED_BY: &str = "COMPLETE";

/// Prints what a shell must run so that it asks this binary, which knows customers, gates and rollouts.
pub(crate) fn completions(args: &Completions, out: Output) -> Result<Exit, Failure> {
    let name = args.shell.to_string();
    let shells = Shells::builtins();
    let shell = shells
        .completer(&name)
        .ok_or_else(|| Failure::usage(format!("no completions for {name}")))?;
    let mut script = Vec::new();
    shell
        .write_registration(ASKED_BY, "tranche", "tranche", "tranche", &mut script)
        .map_err(|source| Failure::failed("failed to make the script").caused_by(source))?;
    out.exact(String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints one manual page, or writes all.
pub(crate) fn man(args: &Man, out: Output) -> Result<Exit, Failure> {
    let mut root = Cli::command();
    root.build();
    if let Some(dir) = &args.all {
        write_all(&root, dir)?;
        out.say(format_args!("wrote the manual pages to {}", dir.display()));
        return Ok(Exit::Done);
    }
    let command = match &args.command {
        None => &root,
        Some(name) => root.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("there is no command `{name}`")).or_type("tranche --help")
        })?,
    };
    out.exact(String::from_utf8_lossy(&page(command)?))?;
    Ok(Exit::Done)
}

fn write_all(root: &clap::Command, dir: &Path) -> Result<(), Failure> {
    output_file::refuse_state(dir)?;
    let written =
        fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(root.clone(), dir));
    written.map_err(|source| {
        Failure::failed(format!("failed to write manual pages to {}", dir.display()))
            .caused_by(source)
    })
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|source| Failure::failed("failed to make the manual page").caused_by(source))?;
    Ok(page)
}
