//! Where the state of a project lies, and who may read it: the folder 0700, its files 0600 (P48).

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

const FOLDER: &str = ".tranche";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The files in which a project's state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    folder: PathBuf,
    database: PathBuf,
    prefix: String,
    marks: Marks,
    identity: Identity,
}

/// Where the second mark of a database lies: one that does not go along when its folder is copied or put back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// There is none but that beside the database: for try-outs.
    #[default]
    Beside,
    /// In this folder.
    In(PathBuf),
    /// There is no place for it.
    Nowhere,
}

/// What tells a database from its copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Its file and its journal.
    #[default]
    File,
    /// Its journal alone, where files have other numbers whenever the file system is mounted.
    Journal,
}

impl StateDir {
    /// `.tranche/` in a project folder.
    pub fn of_project(project: &Path) -> Self {
        let folder = project.join(FOLDER);
        Self {
            database: folder.join("tranche.db"),
            folder,
            prefix: String::new(),
            marks: Marks::default(),
            identity: Identity::default(),
        }
    }

    /// A database elsewhere (`--db`); the other files lie beside it and carry its name.
    pub fn of_database(database: &Path) -> Self {
        let folder = database
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let stem = database.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            folder: folder.to_owned(),
            database: database.to_owned(),
            prefix: format!("{stem}-"),
            marks: Marks::default(),
            identity: Identity::default(),
        }
    }

    /// The same, with its second mark in another place.
    #[must_use]
    pub fn with_marks(self, marks: Marks) -> Self {
        Self { marks, ..self }
    }

    /// The same, told from its copies by something else.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Where the second mark lies.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What tells this database from its copies.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The database.
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// The file whose lock makes a process the engine.
    pub fn lock(&self) -> PathBuf {
        self.beside("engine.lock")
    }

    /// The socket that wakes the engine.
    pub fn socket(&self) -> PathBuf {
        self.beside("engine.sock")
    }

    /// The key of the sealed backups.
    pub fn key(&self) -> PathBuf {
        self.beside("backup.key")
    }

    /// The last event that was surely committed.
    pub fn mark(&self) -> PathBuf {
        self.beside("journal.mark")
    }

    /// What the engine waits for at present.
    pub fn waits(&self) -> PathBuf {
        self.beside("engine.waits")
    }

    /// What the monitor has measured.
    pub fn monitor(&self) -> PathBuf {
        self.beside("monitor.db")
    }

    /// The file whose lock makes a process the monitor.
    pub fn monitor_lock(&self) -> PathBuf {
        self.beside("monitor.lock")
    }

    /// Who is signed in at a server, and the like.
    pub fn server(&self) -> PathBuf {
        self.beside("server.db")
    }

    /// Where another state is put together before it takes this place. While its database is there and none is here, that
    /// was begun and not finished.
    pub(crate) fn restoring(&self) -> Self {
        Self::of_database(&self.beside("restoring.db"))
    }

    /// The folder that all of it lies in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What all files beside the database begin with, where they share the folder with others.
    pub(crate) fn prefix(&self) -> Option<&str> {
        Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty())
    }

    /// Makes the folder, for the owner only.
    ///
    /// # Errors
    /// It cannot be made, or belongs to somebody else.
    pub fn prepare(&self) -> Result<(), Error> {
        make_folder(&self.folder)?;
        if self.prefix.is_empty() {
            restrict(&self.folder, FOLDER_MODE)?;
        }
        Ok(())
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}{name}", self.prefix))
    }
}

/// Makes a folder of ours, and those that it lies in, unless they are there.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path);
    made.map_err(Error::file("created", path))
}

/// Opens a file of ours for reading and writing, made if need be.
pub fn open_private(path: &Path) -> Result<File, Error> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path);
    let file = opened.map_err(Error::file("opened", path))?;
    restrict(path, FILE_MODE)?;
    Ok(file)
}

/// Makes an empty file of ours unless there is one. An existing file is not opened: closing it would drop `SQLite`'s locks.
pub fn make_private(path: &Path) -> Result<(), Error> {
    match create_private(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => restrict(path, FILE_MODE),
        Err(error) => Err(Error::file("created", path)(error)),
    }
}

/// Makes a new file of ours.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Takes away what others may do with it.
pub(crate) fn restrict(path: &Path, mode: u32) -> Result<(), Error> {
    let metadata = fs::metadata(path).map_err(Error::file("read", path))?;
    if metadata.permissions().mode() & 0o777 & !mode != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(Error::file("made private", path))?;
    }
    Ok(())
}
