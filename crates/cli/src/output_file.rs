//! Where may that be written which a command makes for people? Never into the state, never over what people have written.

use std::path::Path;

use machine::files::{replace, resolved};
use project::{Folder, PROJECT_FILE};

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::open;

/// The folder of the state.
const STATE: &str = ".tranche";

/// Writes a file that somebody named, in one step; what was there before is replaced.
pub(crate) fn write(global: &Global, path: &Path, text: &str) -> Result<(), Failure> {
    refuse(global, path)?;
    put(path, text)
}

/// Writes a file that is the command's own to write, in one step.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text.as_bytes()).map_err(|source| {
        Failure::failed(format!("failed to write {}", path.display()))
            .caused_by(source)
            .or_type("the same command with a file in a folder that you may write to")
    })
}

/// Refuses a place that holds the state, or what people have written.
pub(crate) fn refuse(global: &Global, path: &Path) -> Result<(), Failure> {
    refuse_state(path)?;
    let target = resolved(path);
    if let Some(db) = &global.db
        && resolved(db).parent() == target.parent()
        && is_of_database(&target, db)
    {
        return Err(refused(path, "it is the database"));
    }
    let around = target.ancestors().skip(1);
    let mut projects: Vec<Folder> = around
        .filter(|dir| dir.join(PROJECT_FILE).is_file())
        .map(Folder::at)
        .collect();
    projects.extend(open::folder(global).ok());
    let inputs = projects.iter().flat_map(Folder::inputs);
    for input in inputs {
        if target.starts_with(resolved(&input)) {
            return Err(refused(path, "the project is made of what is there"));
        }
    }
    Ok(())
}

/// The database, and what lies beside it under its name.
fn is_of_database(target: &Path, db: &Path) -> bool {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    match (name(target), name(db)) {
        (Some(target), Some(db)) => target.starts_with(&db),
        (_, None) | (None, _) => false,
    }
}

/// Refuses a place in the folder of a state.
pub(crate) fn refuse_state(path: &Path) -> Result<(), Failure> {
    let mut parts = resolved(path);
    loop {
        if parts.file_name().is_some_and(|name| name == STATE) {
            return Err(refused(
                path,
                "the state is there, and it is the engine's alone",
            ));
        }
        if !parts.pop() {
            return Ok(());
        }
    }
}

fn refused(path: &Path, why: &str) -> Failure {
    let text = format!("{} is not written: {why}", path.display());
    Failure::new(Exit::Refused, text).or_type("the same command with another file")
}
