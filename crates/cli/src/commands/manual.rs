//! `completions` and `man`: both come from the definition of the command line itself.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use crate::args::{Cli, Completions, Man};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Prints a completion script.
pub(crate) fn completions(args: &Completions, out: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tranche", &mut script);
    out.text(String::from_utf8_lossy(&script))?;
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
    out.text(String::from_utf8_lossy(&page(command)?))?;
    Ok(Exit::Done)
}

fn write_all(root: &clap::Command, dir: &Path) -> Result<(), Failure> {
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
