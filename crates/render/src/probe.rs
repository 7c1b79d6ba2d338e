//! Does a service answer, and is it well? Guarded probes, and one health cycle of a profile (R20, P51).
//!
//! [`Prober`] asks one address and refuses private ones. [`Checkup`] asks everything a profile wants to know once and gives a
//! [`CycleSample`]. Counting cycles in a row and reaching a verdict is `rollout::health`'s question, and whether a failed
//! cycle counts at all needs a control that only the caller has.

mod applicable;
mod checkup;
mod figures;
mod history;
mod judge;
mod prober;
mod subject;

pub use checkup::{CheckSample, Checkup, CycleSample, Expectation};
pub use figures::{FigureSource, Latency};
pub use history::History;
pub use judge::CheckResult;
pub use policy::network::{BadRange, Network};
pub use prober::{Answer, NoAnswer, ProbeSettings, Prober};
pub use subject::Subject;
