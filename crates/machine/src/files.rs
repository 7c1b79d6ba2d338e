//! Files that the project's files name, and files that are written for people (P53).
//!
//! One function opens what is named: it lies in the project folder, or where the project allows by name, after all links; it
//! is a regular file; and it is not larger than anything honest. [`replace`] is the one that writes.
//!
//! A secret is read as it stands; what people write by hand is read by [`Roots::read_written`], which knows marks of
//! encodings. [`Roots::list`] says which files of a folder count.

mod listing;
mod text;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::OFlags;

pub use self::listing::{Listing, Mistaken, PassedOver};
pub use self::text::{LikelyFormat, NotText, decode_text};

/// No file that is read is larger.
pub const MAX_BYTES: u64 = 64 << 20;

/// What is below these is no file of anybody's: it is the machine, and the process that reads.
const NEVER: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// It lies where the project's files do not reach.
    #[error(
        "it lies outside the project folder, at {}; name its folder under `files: allow` in tranche.yaml if that is meant",
        .0.display()
    )]
    Outside(PathBuf),
    /// It lies where nothing is ever read.
    #[error("nothing below {0} is ever read")]
    Never(&'static str),
    /// A folder, a pipe, a device.
    #[error("it is no regular file")]
    Irregular,
    /// It is larger than [`MAX_BYTES`].
    #[error("it is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// It is no text.
    #[error("{0}")]
    NotText(Box<NotText>),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<NotText> for NotRead {
    fn from(what: NotText) -> Self {
        Self::NotText(Box::new(what))
    }
}

/// How far the project's files reach. All clones see what is renewed.
#[derive(Clone, Debug)]
pub struct Roots(Arc<Bounds>);

#[derive(Debug)]
struct Bounds {
    folder: PathBuf,
    outside: RwLock<OutsideFiles>,
}

/// What may be read outside the folder.
#[derive(Clone, Debug, Default)]
pub struct OutsideFiles {
    /// Files, and folders with all in them; relative ones begin at the project folder.
    pub allowed: Vec<PathBuf>,
    /// Names that are read although they are not allowed, with the files right below them, since work that goes on was begun
    /// with them.
    pub tolerated: BTreeSet<String>,
}

impl Roots {
    /// The folder alone.
    pub fn new(folder: &Path) -> Self {
        Self(Arc::new(Bounds {
            folder: folder.to_owned(),
            outside: RwLock::default(),
        }))
    }

    /// Takes anew what may be read outside the folder.
    pub fn renew(&self, outside: OutsideFiles) {
        *self
            .0
            .outside
            .write()
            .unwrap_or_else(PoisonError::into_inner) = outside;
    }

    /// The same, as this is made.
    #[must_use]
    pub fn with(self, outside: OutsideFiles) -> Self {
        self.renew(outside);
        self
    }

    /// The project folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Whether a name is within what is allowed, wherever its links lead. What does not exist is judged by its name.
    ///
    /// # Errors
    /// [`NotRead::Outside`] and [`NotRead::Never`].
    pub fn judge(&self, name: &Path) -> Result<(), NotRead> {
        self.within(&resolved(&self.0.folder.join(name)))
    }

    fn within(&self, path: &Path) -> Result<(), NotRead> {
        if let Some(never) = NEVER.iter().find(|never| path.starts_with(never)) {
            return Err(NotRead::Never(never));
        }
        let outside = self
            .0
            .outside
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let allowed = outside.allowed.iter().map(|one| self.0.folder.join(one));
        let mut roots = allowed.chain([self.0.folder.clone()]);
        if roots.any(|root| path.starts_with(resolved(&root))) {
            return Ok(());
        }
        Err(NotRead::Outside(path.to_owned()))
    }

    /// Where a name leads, if what is there may be read.
    ///
    /// # Errors
    /// It is not there, or lies outside.
    pub fn resolve(&self, name: &Path) -> Result<PathBuf, NotRead> {
        let path = self.0.folder.join(name).canonicalize()?;
        match self.within(&path) {
            Err(NotRead::Outside(_)) if self.tolerates(name) => Ok(path),
            judged => judged.map(|()| path),
        }
    }

    fn tolerates(&self, name: &Path) -> bool {
        let outside = self
            .0
            .outside
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let tolerated = |path: &Path| outside.tolerated.iter().any(|one| path == Path::new(one));
        tolerated(name) || name.parent().is_some_and(tolerated)
    }

    /// What is in the file of that name.
    ///
    /// # Errors
    /// It lies outside, is no regular file, is too large, or cannot be read.
    pub fn read(&self, name: &Path) -> Result<Vec<u8>, NotRead> {
        read_regular(&self.resolve(name)?)
    }

    /// The same as text, exactly as it stands, as secrets are.
    ///
    /// # Errors
    /// As [`Roots::read`]; or it is no UTF-8.
    pub fn read_text(&self, name: &Path) -> Result<String, NotRead> {
        text(self.read(name)?)
    }

    /// The same of what people have written: a byte order mark is no part of it, and the place is known where it is no text.
    ///
    /// # Errors
    /// As [`Roots::read`]; or it is no UTF-8 text.
    pub fn read_written(&self, name: &Path) -> Result<String, NotRead> {
        Ok(decode_text(self.read(name)?)?)
    }
}

/// What is in a regular file that the operator names: on the command line, in the environment, or by being the project.
///
/// # Errors
/// It is no regular file, is too large, is no UTF-8, or cannot be read.
pub fn read_own(path: &Path) -> Result<String, NotRead> {
    text(own(path)?)
}

/// The same of what people have written: a byte order mark is no part of it, and the place is known where it is no text.
///
/// # Errors
/// As [`read_own`].
pub fn read_own_written(path: &Path) -> Result<String, NotRead> {
    Ok(decode_text(own(path)?)?)
}

fn own(path: &Path) -> Result<Vec<u8>, NotRead> {
    let path = path.canonicalize()?;
    if let Some(never) = NEVER.iter().find(|never| path.starts_with(never)) {
        return Err(NotRead::Never(never));
    }
    read_regular(&path)
}

fn text(bytes: Vec<u8>) -> Result<String, NotRead> {
    let text = String::from_utf8(bytes);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()).into())
}

/// A pipe is opened without waiting for who writes to it, and a link that takes the file's place meanwhile is not followed.
fn read_regular(path: &Path) -> Result<Vec<u8>, NotRead> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY).bits();
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(NotRead::Irregular);
    }
    if metadata.len() > MAX_BYTES {
        return Err(NotRead::TooLarge);
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(NotRead::TooLarge);
    }
    Ok(bytes)
}

/// The path without links as far as it exists; the rest by its names alone.
pub fn resolved(path: &Path) -> PathBuf {
    // A relative path begins where this process is.
    let mut known = match path.is_absolute() {
        true => PathBuf::new(),
        false => Path::new(".").canonicalize().unwrap_or_default(),
    };
    for part in path.components() {
        match part {
            Component::ParentDir => {
                known.pop();
            }
            Component::CurDir => {}
            part @ (Component::Normal(_) | Component::RootDir | Component::Prefix(_)) => {
                known.push(part);
            }
        }
        if let Ok(real) = known.canonicalize() {
            known = real;
        }
    }
    known
}

/// Replaces what a file holds in one step: beside it, then by its name. A link stays, and what it leads to is replaced.
///
/// # Errors
/// The place holds something that is no regular file, or cannot be written.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let path = match fs::symlink_metadata(path) {
        Ok(_) => path.canonicalize()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(io::Error::other(
            "there is something that is no regular file",
        ));
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("it names no file"))?;
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}-{number}.partial", process::id()));
    let partial = path.with_file_name(partial);
    let written = write_new(&partial, content)
        .and_then(|file| match &before {
            Some(before) => file.set_permissions(before.permissions()),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&partial, &path));
    if written.is_err() {
        // What could not be written may be there in part.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}
