//! How are the services, rollout or not? Probes in turn, figures over time, alerts that are raised once and end once.
//!
//! [`Schedule`] is the pure part: which service is asked when, and what its answers mean; it knows no clock and no network.
//! [`MonitorStore`] keeps samples, figures and alerts in a file of their own, so that the journal's writer never waits for
//! them. [`Monitor`] is the thin task that asks through a [`Watcher`], stores, and tells. Start reading at [`Schedule`].

mod alert;
mod driver;
mod figures;
mod histogram;
mod judge;
pub mod limits;
mod lock;
mod monitor_loop;
mod probe;
mod schedule;
mod sight;
mod store;
mod tell;
mod unanswered;

pub use self::alert::{Alert, AlertId, Condition, Told};
pub use self::driver::{Monitor, MonitorOptions, Watcher, Watching};
pub use self::figures::{Figures, History};
pub use self::histogram::Histogram;
pub use self::judge::{Change, Judge};
pub use self::lock::MonitorLock;
pub use self::probe::{Observed, Sample, ServiceKey};
pub use self::schedule::Schedule;
pub use self::sight::Sight;
pub use self::store::{Acknowledged, Batch, MonitorStore};
pub use self::unanswered::StoredAlerts;
