//! Which alerts does nobody answer? The outbox asks before it says one again.

use engine::outbox::Alerts;
use engine::{Error, StateDir};

use super::alert::AlertId;
use super::store::MonitorStore;

/// The alerts of a project, read anew for each question: whoever asks may live for weeks.
#[derive(Debug)]
pub struct StoredAlerts(StateDir);

impl StoredAlerts {
    /// Those of this project.
    pub fn of(state: &StateDir) -> Self {
        Self(state.clone())
    }
}

impl Alerts for StoredAlerts {
    fn is_open(&self, id: i64) -> Result<bool, Error> {
        match MonitorStore::look(&self.0)? {
            Some(store) => store.is_open(AlertId(id)),
            None => Ok(false),
        }
    }
}
