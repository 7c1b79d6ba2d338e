//! One place that opens a project: its folder, its files, its state, and the engine that drives it.
//!
//! Whoever shows something of a project, or asks for something in it, uses this crate: the command line, and whatever comes
//! beside it. It prints nothing and knows no arguments; what somebody should know besides the answer goes to a [`Caller`], and
//! a failure is an [`Error`] that says what it means. [`Location`] finds the project, [`Session`] and [`Requester`] work with
//! it, [`Backend`] is what can be asked of the state, [`engine_host`] and [`monitor_host`] drive and watch in this process.
//! Start reading at [`Session`].

pub mod allowed_paths;
pub mod artifact;
mod backend;
pub mod backup;
mod caller;
pub mod connect;
pub mod credentials;
mod current_files;
mod delivery;
pub mod engine_host;
mod environment;
pub mod error;
mod files_read;
pub mod fleet;
mod fleet_watcher;
mod folder;
pub mod hints;
mod identity;
pub mod links;
mod local;
mod location;
pub mod login;
pub mod monitor_host;
pub mod moved_windows;
mod names;
pub mod next;
pub mod observe;
pub mod prepare;
pub mod release;
mod render_settings;
mod requester;
pub mod runs;
pub mod secrets;
pub mod service_kinds;
mod session;
pub mod shell;
pub mod simulation;
mod stored;
pub mod templates;
mod tokens;
pub mod unreadable;
pub mod view;
pub mod wish;

pub use engine::clock::wall as now;
pub use engine::identity::{
    NewToken, TokenInfo, TokenOwner, TokenTerms, account_name, check_admin,
};
pub use engine::outbox::{NotificationId, NotificationState, StoredNotification};
pub use engine::store::{BadHead, Head, Line, Verification};
pub use engine::{Answer, AnswerTimeout, DeploysOf, signals};
pub use monitor::{
    Acknowledged, Alert, AlertEvent, AlertId, Condition, Figures, History, Observed, Sample,
    ServiceKey, Visibility,
};

pub use crate::backend::{Asking, Backend, Changes, FilesNow, Reply};
pub use crate::caller::{Caller, Silent};
pub use crate::current_files::CurrentFiles;
pub use crate::delivery::{DELIVER_WHEN_STOPPED, DELIVER_WITHIN};
pub use crate::environment::variable;
pub use crate::error::{Error, ErrorKind, StateError};
pub use crate::files_read::unapplied;
pub use crate::folder::{Folder, SCENARIOS};
pub use crate::identity::{check_operator, person_proved_by};
pub use crate::local::LocalBackend;
pub use crate::location::Location;
pub use crate::names::PROJECT_FILE;
pub use crate::requester::{Requester, people_of, prove};
pub use crate::session::Session;
