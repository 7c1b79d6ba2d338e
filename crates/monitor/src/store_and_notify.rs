//! From what was seen to what is stored and told, in an order that a crash cannot turn into a second telling.

use engine::outbox::{Audience, Notification, Outbox, SharedAudience, notifications_of_alert};
use engine::{Error, StateDir};
use policy::Timestamp;
use policy::monitoring::Keep;

use super::alert::{Alert, AlertEvent};
use super::store::{Batch, MonitorStore};

/// What is to be stored and whom to tell.
pub(super) struct Turn {
    pub(super) state: StateDir,
    /// `None`: it could not be used the last time.
    pub(super) store: Option<MonitorStore>,
    pub(super) batch: Batch,
    pub(super) audience: SharedAudience,
    /// Old samples and hours are downsampled too, so that this is kept.
    pub(super) downsample: Option<Keep>,
    pub(super) now: Timestamp,
}

/// A turn that failed, with what of it is still to be stored.
pub(super) struct Failed {
    pub(super) batch: Batch,
    pub(super) error: Error,
}

impl Turn {
    /// Stores, tells and downsamples. Blocks.
    pub(super) fn take(self) -> Result<(MonitorStore, Vec<(Alert, AlertEvent)>), Failed> {
        let store = match self.store {
            Some(store) => Ok(store),
            None => MonitorStore::open(&self.state),
        };
        let recorded = store.and_then(|mut store| {
            store.record(&self.batch)?;
            Ok(store)
        });
        let mut store = recorded.map_err(|error| Failed {
            batch: self.batch,
            error,
        })?;
        let told = tell(&mut store, &self.state, &self.audience, self.now).and_then(|told| {
            if let Some(keep) = &self.downsample {
                store.downsample(keep, self.now)?;
            }
            Ok(told)
        });
        // The samples are durable; only what follows from them is tried again.
        told.map(|told| (store, told)).map_err(|error| Failed {
            batch: Batch::default(),
            error,
        })
    }
}

fn tell(
    store: &mut MonitorStore,
    state: &StateDir,
    audience: &SharedAudience,
    now: Timestamp,
) -> Result<Vec<(Alert, AlertEvent)>, Error> {
    let untold = store.untold()?;
    let notifications = audience.look(|audience| {
        let notifications = untold.iter().flat_map(|one| about(audience, one, now));
        notifications.collect::<Vec<_>>()
    });
    if !notifications.is_empty() {
        // Their names say what they are about: a crash between the two files has none written twice.
        Outbox::open_or_make(state)?.post(&notifications)?;
    }
    if !untold.is_empty() {
        store.told(&untold)?;
    }
    Ok(untold)
}

fn about(
    audience: &Audience,
    (alert, event): &(Alert, AlertEvent),
    now: Timestamp,
) -> Vec<Notification> {
    let (at, suffix) = match event {
        AlertEvent::Raised => (alert.raised_at, "raised"),
        AlertEvent::Recovered => (alert.recovered_at.unwrap_or(now), "recovered"),
    };
    let id = format!("a{}-{suffix}", alert.id);
    let value = serde_json::to_value(alert).expect("alerts serialise");
    notifications_of_alert(audience, event.kind(), at, &id, &alert.key.customer, &value)
}
