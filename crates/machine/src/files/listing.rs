//! Which files of a folder count, which are passed over, and which were probably meant to count?

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{NotRead, Roots};

/// What editors and archives leave behind ends so.
const LEFTOVERS: [&str; 3] = ["~", ".swp", ".bak"];

/// What is right below a folder, each part in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What counts. Whether it can be read shows when it is read.
    pub files: Vec<PathBuf>,
    /// What was probably meant to count.
    pub mistaken: Vec<(PathBuf, Mistaken)>,
    /// What does not count.
    pub passed_over: Vec<(PathBuf, PassedOver)>,
}

/// Why something is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It is hidden.
    Hidden,
    /// An editor has left it behind.
    Leftover,
    /// It is another kind of file.
    OtherKind,
    /// It is a folder with none of the files in it.
    Folder,
}

/// Why something does not count that was probably meant to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistaken {
    /// Its ending is written in capitals; the name that counts.
    Capitals(String),
    /// It is a folder that is called like a file, or has such files in it.
    Folder,
    /// It is a link that leads nowhere.
    Dangling,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hidden => "its name begins with a dot",
            Self::Leftover => "an editor's leftover by its name",
            Self::OtherKind => "another kind of file",
            Self::Folder => "a folder",
        })
    }
}

impl fmt::Display for Mistaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capitals(_) => "its ending is written in capitals",
            Self::Folder => "it is a folder, and files in folders within this one do not count",
            Self::Dangling => "it is a link that leads nowhere",
        })
    }
}

/// What to think of one entry.
enum Judged {
    Counts,
    Mistaken(Mistaken),
    PassedOver(PassedOver),
}

impl Roots {
    /// What is right below a folder; files count that end with one of `ends`, such as `yaml`.
    ///
    /// # Errors
    /// The folder is not there, lies outside, or cannot be read.
    pub fn list(&self, folder: &Path, ends: &[&str]) -> Result<Listing, NotRead> {
        let resolved = self.resolve(folder)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&resolved)? {
            names.push(entry?.file_name());
        }
        names.sort();
        let mut listing = Listing::default();
        for name in names {
            let path = folder.join(&name);
            match self.judged(&resolved.join(&name), &path, ends) {
                Judged::Counts => listing.files.push(path),
                Judged::Mistaken(why) => listing.mistaken.push((path, why)),
                Judged::PassedOver(why) => listing.passed_over.push((path, why)),
            }
        }
        Ok(listing)
    }

    fn judged(&self, place: &Path, path: &Path, ends: &[&str]) -> Judged {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            return Judged::PassedOver(PassedOver::Hidden);
        }
        if LEFTOVERS.iter().any(|end| name.ends_with(end)) {
            return Judged::PassedOver(PassedOver::Leftover);
        }
        let is_called_so = is_called_so(place, ends);
        if place.is_dir() {
            return match is_called_so || self.has_such(path, ends) {
                true => Judged::Mistaken(Mistaken::Folder),
                false => Judged::PassedOver(PassedOver::Folder),
            };
        }
        if !is_called_so {
            return Judged::PassedOver(PassedOver::OtherKind);
        }
        if place.is_symlink() && !place.exists() {
            return Judged::Mistaken(Mistaken::Dangling);
        }
        match lower(place).filter(|lower| **lower != *name) {
            Some(lower) => Judged::Mistaken(Mistaken::Capitals(lower)),
            None => Judged::Counts,
        }
    }

    /// Whether files that would count lie in a folder within.
    fn has_such(&self, folder: &Path, ends: &[&str]) -> bool {
        let entries = self
            .resolve(folder)
            .ok()
            .and_then(|at| fs::read_dir(at).ok());
        let entries = entries.into_iter().flatten().flatten();
        entries
            .map(|entry| PathBuf::from(entry.file_name()))
            .any(|name| !name.to_string_lossy().starts_with('.') && is_called_so(&name, ends))
    }
}

/// Whether a name has one of the endings, capitals or not.
fn is_called_so(name: &Path, ends: &[&str]) -> bool {
    let end = name.extension().map(OsStr::to_string_lossy);
    end.is_some_and(|end| ends.iter().any(|one| end.eq_ignore_ascii_case(one)))
}

/// The name with its ending in small letters.
fn lower(path: &Path) -> Option<String> {
    let end = path.extension()?.to_string_lossy().to_ascii_lowercase();
    let name = path.with_extension(end);
    Some(name.file_name()?.to_string_lossy().into_owned())
}
