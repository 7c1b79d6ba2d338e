//! Which commands are being carried out, so that they can be stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rollout::CommandId;
use tokio_util::sync::CancellationToken;

/// The commands under way. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// An id may come again while the task of its namesake still ends: a state that was loaded anew counts anew.
    serial: u64,
    stops: BTreeMap<CommandId, (u64, CancellationToken)>,
}

/// A command under way; dropping it says that it is over.
pub(super) struct Entry {
    running: Running,
    id: CommandId,
    serial: u64,
}

impl Running {
    /// A command begins.
    pub(super) fn enter(&self, id: CommandId, stop: CancellationToken) -> Entry {
        let mut table = self.lock();
        table.serial += 1;
        let serial = table.serial;
        table.stops.insert(id, (serial, stop));
        Entry {
            running: self.clone(),
            id,
            serial,
        }
    }

    /// Stops a command, unless it is over.
    pub(super) fn stop(&self, id: CommandId) {
        if let Some((_, stop)) = self.lock().stops.remove(&id) {
            stop.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.running.lock();
        if table
            .stops
            .get(&self.id)
            .is_some_and(|(serial, _)| *serial == self.serial)
        {
            table.stops.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_the_id_of_one_that_ends_can_still_be_stopped() {
        let running = Running::default();
        let (old, new) = (CancellationToken::new(), CancellationToken::new());
        let ending = running.enter(CommandId(1), old);
        let _begun = running.enter(CommandId(1), new.clone());
        drop(ending);
        running.stop(CommandId(1));
        assert!(new.is_cancelled());
    }
}
