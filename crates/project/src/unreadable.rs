//! What cannot be read of the project: where, why, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::Path;

use machine::files::{LikelyFormat, Listing, Mistaken, NotRead, NotText};
use policy::parse::{Diagnostic, MISNAMED, Severity};

use crate::shell::word;

/// The code of what cannot be read.
const UNREADABLE: &str = "unreadable";

/// The code of what is no text.
const ENCODING: &str = "encoding";

/// Why a file or folder of the project cannot be read; `path` is as people know it.
pub fn mistake(path: &Path, refused: &NotRead) -> Diagnostic {
    let shown = path.display().to_string();
    match refused {
        NotRead::NotText(what) => encoding(shown, what),
        NotRead::Outside(_)
        | NotRead::Never(_)
        | NotRead::Irregular
        | NotRead::TooLarge
        | NotRead::Io(_) => {
            let message = format!("{shown} cannot be read: {}", reason(refused));
            whole(UNREADABLE, shown, message, way_out(path, refused))
        }
    }
}

/// What is called nearly like the files that count in a folder, and does not count.
pub(crate) fn misnamed(listing: &Listing) -> impl Iterator<Item = Diagnostic> {
    listing.mistaken.iter().map(|(path, why)| {
        let shown = path.display().to_string();
        let (code, help) = match why {
            Mistaken::Capitals(name) => (MISNAMED, format!("call it {name}")),
            Mistaken::Folder => (
                MISNAMED,
                "move its files up one folder; a folder whose name begins with a dot is passed over".to_owned(),
            ),
            Mistaken::Dangling => (
                UNREADABLE,
                "put back what it leads to, or remove the link".to_owned(),
            ),
        };
        let message = format!("{shown} is not read: {why}");
        whole(code, shown, message, Some(help))
    })
}

/// A mistake that concerns a file as a whole.
fn whole(code: &str, file: String, message: String, help: Option<String>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: code.to_owned(),
        file,
        line: 1,
        column: 1,
        length: 1,
        source_line: String::new(),
        message,
        help,
    }
}

fn encoding(file: String, what: &NotText) -> Diagnostic {
    let path = word(Path::new(&file));
    let help = match what.looks {
        LikelyFormat::Encoded(from) => format!(
            "save it as UTF-8, or: iconv -f {from} -t UTF-8 {path} > {path}.new && mv {path}.new {path}"
        ),
        LikelyFormat::CutOff => {
            "it was not written to its end: put the whole file there".to_owned()
        }
        LikelyFormat::Archive => "save the sheet as CSV in UTF-8, and name that file".to_owned(),
        LikelyFormat::Binary => "write the file as text, in UTF-8".to_owned(),
    };
    let byte = what.byte;
    let message = match what.looks {
        LikelyFormat::Encoded(from) if from.starts_with("UTF-") => {
            format!("the file is {from}, and only UTF-8 is read")
        }
        LikelyFormat::Archive => format!("the file is no text but {}", what.looks),
        looks @ (LikelyFormat::Encoded(_) | LikelyFormat::CutOff | LikelyFormat::Binary) => {
            format!("the byte 0x{byte:02X} is no UTF-8 text: {looks}")
        }
    };
    Diagnostic {
        line: what.line,
        column: what.column,
        source_line: what.source_line.chars().take(SHOWN).collect(),
        ..whole(ENCODING, file, message, Some(help))
    }
}

/// So many characters of a line are shown.
const SHOWN: usize = 200;

/// Why it cannot be read, in words.
pub fn reason(refused: &NotRead) -> String {
    match refused {
        NotRead::Io(source) => said(source),
        NotRead::Outside(_)
        | NotRead::Never(_)
        | NotRead::Irregular
        | NotRead::TooLarge
        | NotRead::NotText(_) => refused.to_string(),
    }
}

/// The usual errors of the system in words.
fn said(source: &io::Error) -> String {
    let known = [
        (ErrorKind::NotFound, "it is not there"),
        (ErrorKind::PermissionDenied, "this account may not read it"),
        (ErrorKind::NotADirectory, "it is no folder, or lies in none"),
        (ErrorKind::IsADirectory, "it is a folder"),
    ];
    let found = known.into_iter().find(|(kind, _)| *kind == source.kind());
    found.map_or_else(|| source.to_string(), |(_, said)| said.to_owned())
}

fn way_out(path: &Path, refused: &NotRead) -> Option<String> {
    let shown = word(path);
    match refused {
        NotRead::Io(source) if source.kind() == ErrorKind::NotFound => Some(
            "write it, or name another under `customers` or `policies` in tranche.yaml; `tranche init` shows how they look"
                .to_owned(),
        ),
        NotRead::Io(source) if source.kind() == ErrorKind::PermissionDenied => {
            Some(format!("let the account that runs tranche read it, such as by: chmod u+r {shown}"))
        }
        NotRead::Io(_) => Some("look whether its disk is in order".to_owned()),
        NotRead::Irregular => Some("put a regular file there, or remove it".to_owned()),
        NotRead::TooLarge => Some("split it, or remove what does not belong there".to_owned()),
        // The reason says it already.
        NotRead::Outside(_) | NotRead::Never(_) | NotRead::NotText(_) => None,
    }
}
