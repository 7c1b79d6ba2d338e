//! The durable shell of the core: stores what follows from each instant, wakes the core in time, runs its commands.
//!
//! It takes no decision about a rollout and knows nothing of Render: commands go to an [`Executor`](rollout::Executor).
//! [`start`] drives a project's rollouts and hands back an [`EngineHandle`]; [`ask`] files a person's request from any
//! process; [`outbox`] tells people and machines; [`Reader`] and [`verify`] look at what is stored; [`Vault`] seals backups
//! of variables; [`identity`] proves who asks; [`manager`] deploys single services. Start reading at [`run`].

pub mod attachments;
pub mod clock;
pub mod crash;
pub mod error;
pub mod files;
mod group;
mod hex;
pub mod history;
pub mod identity;
pub mod inbox;
pub mod limits;
pub mod lock;
pub mod manager;
pub mod outbox;
pub mod place;
pub mod run;
pub mod signals;
pub mod store;
pub mod vault;
pub mod waits;

pub use attachments::Attachments;
pub use clock::{EngineTime, Reading};
pub use crash::CrashAt;
pub use error::Error;
pub use files::{Files, ReadFiles};
pub use history::{DeploysOf, History};
pub use inbox::{Answer, Patience, ask, ask_telling};
pub use lock::{EngineLock, LockFor};
pub use place::StateDir;
pub use run::{Ended, EngineHandle, EngineOptions, EngineState, Inlet, ServerTime, start};
pub use store::{BadHead, Head, Problem, Reader, Store, Verification, verify};
pub use vault::Vault;
pub use waits::{WaitsNote, waits};
