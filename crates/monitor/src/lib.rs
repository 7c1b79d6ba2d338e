//! How are the services, rollout or not? Probes in turn, figures over time, alerts that are raised once and end once.
//!
//! [`Schedule`] is the pure part: which service is asked when, and what its answers mean; it knows no clock and no network.
//! [`MonitorStore`] keeps samples, figures and alerts in a file of their own, so that the journal's writer never waits for
//! them. [`Monitor`] is the thin task that asks through a [`Watcher`], stores, and tells.
//!
//! In the order of reading: `probe`, `alert`, `judge` and `schedule` (pure), `histogram` and `figures`, `store`, then
//! `watcher`, `store_and_notify`, `monitor_loop` and `handle`. Start at [`Schedule`].

mod alert;
mod figures;
mod handle;
mod histogram;
mod judge;
pub mod limits;
mod lock;
mod monitor_loop;
mod probe;
mod schedule;
mod store;
mod store_and_notify;
mod stored_alerts;
mod visibility;
mod watcher;

pub use self::alert::{Alert, AlertEvent, AlertId, Condition};
pub use self::figures::{Figures, History};
pub use self::handle::Monitor;
pub use self::histogram::Histogram;
pub use self::judge::{Change, Judge};
pub use self::lock::MonitorLock;
pub use self::probe::{Observed, Sample, ServiceKey};
pub use self::schedule::Schedule;
pub use self::store::{Acknowledged, Batch, MonitorStore};
pub use self::stored_alerts::StoredAlerts;
pub use self::visibility::Visibility;
pub use self::watcher::{MonitorOptions, Watcher, WatcherFuture};
