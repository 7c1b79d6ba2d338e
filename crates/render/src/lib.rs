//! Render.com from Rust: a client for its API, guarded probes of what runs there, and the tags of a Git repository.
//!
//! Which question is answered where:
//! - [`Client`]: one method a call of the API; paced, bounded, redacted, and never repeated on doubt.
//! - [`Error::sent`]: what is known about a change that did not succeed.
//! - [`probe`]: does a service answer, and is it well? Never reaches private addresses unless allowed.
//! - [`inspect`]: what must be known of a service before it is deployed.
//! - [`git`]: which commit a tag names.
//! - [`executor`]: the core's commands, carried out with all of the above.
//!
//! Nothing in here decides about a rollout, and nothing waits for a person. Start reading at [`client`].

mod account;
mod call;
pub mod client;
mod deploy;
mod error;
mod event;
pub mod executor;
pub mod git;
mod ids;
mod inspect;
mod job;
mod limit;
mod log;
mod metric;
mod page;
mod postgres;
pub mod probe;
mod redact;
mod service;
mod settings;
mod variable;
mod wire;
mod words;

pub use account::{Owner, OwnerKind, User};
pub use client::{Client, ServerTime};
pub use deploy::{
    Deploy, DeployFilter, DeploySpec, DeployStatus, DeployedCommit, DeployedImage, Source, Trigger,
    Triggered,
};
pub use error::{ApiError, Error, Result, Sent, Unreadable};
pub use event::{Event, EventKind};
pub use executor::{ExecutorSettings, RenderExecutor};
pub use ids::{DeployId, EventId, ExportId, InstanceId, JobId, OwnerId, PostgresId, ServiceId};
pub use inspect::{DowntimeWarning, ServiceView, inspect};
pub use job::{Job, JobStatus};
pub use limit::Priority;
pub use log::{Direction, LogFilter, LogLabel, LogLine};
pub use metric::{Point, RequestCount, Series, SeriesLabel, TimeRange, request_counts};
pub use page::Listing;
pub use postgres::{ConnectionInfo, Export, Postgres, PostgresStatus, Recovery, RecoveryStatus};
pub use service::{
    AutoDeploy, AutoDeploySetting, AutoDeployTrigger, Autoscaling, CreatedService, CronJob,
    CustomDomain, Details, Disk, Instance, MaintenanceMode, NewService, Origin, Server, Service,
    ServiceFilter, ServiceKind, StaticSite, Suspension,
};
pub use settings::{DEFAULT_URL, KEY_VARIABLE, Settings, key_from_env};
pub use variable::Variables;
