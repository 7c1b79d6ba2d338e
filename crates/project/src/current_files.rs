//! What do the project's files say now, for somebody who asks again and again?

use std::sync::{Arc, Mutex, PoisonError};

use engine::Fingerprint;
use policy::{Config, Project};

use crate::backend::FilesNow;
use crate::caller::Caller;
use crate::folder::Folder;

/// The files of a project, read anew only after an edit.
#[derive(Debug)]
pub struct CurrentFiles {
    folder: Folder,
    caller: Arc<dyn Caller>,
    read: Mutex<Option<(Fingerprint, Arc<FilesNow>)>>,
}

impl CurrentFiles {
    /// Of a project folder; the caller is told of warnings each time they are read.
    pub fn new(folder: Folder, caller: Arc<dyn Caller>) -> Self {
        Self {
            folder,
            caller,
            read: Mutex::new(None),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// As they read now. What is edited while they are read is found by the next look.
    pub fn now(&self) -> Arc<FilesNow> {
        let found = Fingerprint::of(&self.folder.watched());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((seen, files)) if *seen == found => Arc::clone(files),
            Some(_) | None => {
                let files = Arc::new(self.load());
                *read = Some((found, Arc::clone(&files)));
                files
            }
        }
    }

    fn load(&self) -> FilesNow {
        match self.folder.load_running(&*self.caller) {
            Ok(config) => FilesNow::Valid(Box::new(config)),
            Err(error) => FilesNow::Broken {
                reason: error.in_short(),
                alone: self.folder.alone().map(Box::new),
            },
        }
    }
}

impl FilesNow {
    /// What they say, or why they cannot be used.
    pub fn usable(&self) -> Result<&Config, &str> {
        match self {
            Self::Valid(config) => Ok(config),
            Self::Broken { reason, .. } => Err(reason),
        }
    }

    /// What they say, if they can be used.
    pub fn config(&self) -> Option<&Config> {
        self.usable().ok()
    }

    /// What `tranche.yaml` says, whatever is wrong with the other files.
    pub fn project(&self) -> Option<&Project> {
        match self {
            Self::Valid(config) => Some(&config.project),
            Self::Broken { alone, .. } => alone.as_deref(),
        }
    }
}
