//! What does a file hold that is named on the command line?

use std::fs::File as Opened;
use std::io::Read as _;
use std::path::Path;

use machine::files::{MAX_BYTES, NotRead, decode_text};
use policy::File;
use project::unreadable::{mistake, reason};

use crate::exit::Failure;

/// A file, or a pipe, that a person names on the command line.
pub(crate) fn named(path: &Path) -> Result<File, Failure> {
    no_larger(path, MAX_BYTES)
}

/// The same of what a command of ours wrote: a journal is as long as it is.
pub(crate) fn exported(path: &Path) -> Result<File, Failure> {
    no_larger(path, u64::MAX)
}

fn no_larger(path: &Path, most: u64) -> Result<File, Failure> {
    let read = bytes(path, most).and_then(|bytes| Ok(decode_text(bytes)?));
    let text = read.map_err(|refused| match &refused {
        NotRead::NotText(_) => Failure::diagnostics(vec![mistake(path, &refused)])
            .or_type("the same command, once that is mended"),
        NotRead::Outside(_)
        | NotRead::Never(_)
        | NotRead::Irregular
        | NotRead::TooLarge
        | NotRead::Io(_) => {
            let text = format!("failed to read {}: {}", path.display(), reason(&refused));
            Failure::usage(text).or_type("the same command with a file that can be read")
        }
    })?;
    Ok(File {
        path: path.display().to_string(),
        text,
    })
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, NotRead> {
    let mut bytes = Vec::new();
    let file = Opened::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(NotRead::TooLarge),
        false => Ok(bytes),
    }
}
