//! Where are a project and its state looked for?

use std::path::{self, PathBuf};
use std::sync::Arc;

use engine::StateDir;
use engine::state_dir::{Identity, Marks, make_private};
use etcetera::base_strategy::{BaseStrategy as _, Xdg};
use policy::network::is_on_this_machine;

use crate::backend::Backend;
use crate::caller::Caller;
use crate::environment::variable;
use crate::error::Error;
use crate::folder::Folder;
use crate::local::LocalBackend;
use crate::names;

/// A folder for the second mark of each database, such as a volume that is mounted for it.
const MARKS: &str = "TRANCHE_MARK";

/// Where somebody says that a project is.
#[derive(Clone, Debug, Default)]
pub struct Location {
    /// The project folder; without it, the working directory or the nearest one above that is one.
    pub dir: Option<PathBuf>,
    /// The database, where it is not the folder's own. It needs no project folder.
    pub db: Option<PathBuf>,
}

impl Location {
    /// The project folder.
    pub fn folder(&self) -> Result<Folder, Error> {
        Folder::find(self.dir.as_deref(), self.db.as_deref())
    }

    /// What keeps the state of the project.
    pub fn backend(&self, caller: &Arc<dyn Caller>) -> Result<Arc<dyn Backend>, Error> {
        let local = LocalBackend::new(self.state()?, Arc::clone(caller));
        Ok(Arc::new(local))
    }

    /// The same for a process that reads it again and again.
    pub fn kept_backend(&self, caller: &Arc<dyn Caller>) -> Result<Arc<dyn Backend>, Error> {
        let local = LocalBackend::new(self.state()?, Arc::clone(caller));
        Ok(Arc::new(local.keeping()))
    }

    /// A file of a server's own beside the state. The folder is made, and the file, for the owner alone.
    pub fn server_file(&self) -> Result<PathBuf, Error> {
        let state = self.state()?;
        state.prepare()?;
        let path = state.server();
        make_private(&path)?;
        Ok(path)
    }

    /// Where the state lies on this machine.
    pub(crate) fn state(&self) -> Result<StateDir, Error> {
        let (state, folder) = if let Some(db) = &self.db {
            (StateDir::of_database(db), self.folder().ok())
        } else {
            let folder = self.folder()?;
            (StateDir::of_project(folder.dir()), Some(folder))
        };
        let identity = match folder.as_ref().map(Folder::identity) {
            Some(names::Identity::Journal) => Identity::Journal,
            Some(names::Identity::File) | None => Identity::File,
        };
        Ok(state
            .with_identity(identity)
            .with_marks(marks(folder.as_ref())))
    }
}

/// Where the second mark of a database lies: not beside it, unless it is a try-out.
fn marks(folder: Option<&Folder>) -> Marks {
    if let Some(folder) = variable(MARKS) {
        return Marks::In(path::absolute(&folder).unwrap_or_else(|_| folder.into()));
    }
    let url = folder.and_then(Folder::render_url);
    if url.is_some_and(|url| is_on_this_machine(&url)) {
        return Marks::Beside;
    }
    // The folder of an account that nobody has named, as that of a service, is not where people would look for it.
    if variable("HOME").or(variable("XDG_STATE_HOME")).is_none() {
        return Marks::Nowhere;
    }
    let home = Xdg::new().ok().and_then(|places| places.state_dir());
    home.map_or(Marks::Nowhere, |home| {
        Marks::In(home.join("tranche").join("marks"))
    })
}
