//! The durable shell of the core: stores what follows from each instant, wakes the core in time, runs its commands.
//!
//! It takes no decision about a rollout and knows nothing of Render: commands go to an [`Executor`](rollout::Executor).
//! [`start`] drives a project's rollouts and hands back an [`EngineHandle`]; [`ask`] files a person's request from any
//! process.
//!
//! # In the order of reading
//! Each folder uses those above it, and none below.
//!
//! | folder | question it answers |
//! |---|---|
//! | `process` | Where does the state lie, which process is the engine, what time is it for it, and what wakes and ends it? |
//! | `store` | How do facts become durable? The database: journal, rows, the tables of requests and notifications, and what tells it from its copies |
//! | `read` | What do other processes see? Deploys of the past, sealed bytes, what the engine waits for |
//! | `vault` | How are backups of variables sealed? |
//! | `project_backup` | How is all of it copied into one file, and put back from it? |
//! | `identity` | Who asks? |
//! | `outbox` | Who is told what, and how is it told at least once? |
//! | `step` | What goes into the core at one instant, and what is committed together? |
//! | `inbox` | How does a request of another process reach the engine, and its answer come back? |
//! | `run` | What drives the core? One thread, one turn an instant |
//! | `service_deploys` | How are single services deployed, as a library? |
//!
//! Start reading at [`run`]; `error` and `limits` are used by all.

pub mod error;
mod hex;
pub mod identity;
pub mod inbox;
pub mod limits;
pub mod outbox;
mod process;
pub mod project_backup;
mod read;
pub mod run;
pub mod service_deploys;
mod step;
pub mod store;
pub mod vault;

pub use error::Error;
pub use inbox::{Answer, AnswerTimeout, ask, ask_and_notify};
pub use process::clock::{EngineTime, Reading};
pub use process::crash::CrashAt;
pub use process::lock::{EngineLock, LockFor};
pub use process::state_dir::StateDir;
pub use process::{clock, crash, lock, signals, state_dir};
pub use read::attachments::Attachments;
pub use read::history::{DeploysOf, History};
pub use read::waits::{WaitsNote, waits};
pub use run::{Ended, EngineHandle, EngineOptions, EngineSender, EngineState, ServerTime, start};
pub use step::watched_files::{Fingerprint, ListFiles, ReadFiles, WatchedFiles};
pub use store::{BadHead, Head, Problem, Reader, Store, Verification, verify};
pub use vault::Vault;
