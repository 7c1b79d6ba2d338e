//! Render.com from Rust: a client for its API, guarded probes of what runs there, and the tags of a Git repository.
//!
//! Which question is answered where, in the order of reading; each knows only what stands above it:
//! - `call`, `limit`, [`Error::sent`]: a request before it is sent, when it may go, and what is known about a change that did
//!   not succeed.
//! - [`Client`]: how a request reaches Render and comes back; paced, bounded, redacted, and never repeated on doubt.
//! - `service`, `deploy`, `variable` and so on: one file a kind of thing, one method a call of the API. [`Admin`] has the calls
//!   that no rollout makes.
//! - [`WebhookVerifier`]: is an incoming webhook Render's?
//! - [`git`]: which commit a tag names.
//! - [`probe`]: does a service answer, and is it well? Never reaches private addresses unless allowed.
//! - [`inspect`]: what must be known of a service before it is deployed.
//! - [`executor`]: the core's commands, carried out with all of the above.
//!
//! Nothing in here decides about a rollout, and nothing waits for a person. Start reading at [`client`].
//!
//! # Quick start
//!
//! ```no_run
//! use render::{Client, ServiceFilter, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! async fn main() -> render::Result<()> {
//!     let client = Client::new(&Settings::from_env()?)?; // RENDER_API_KEY
//!     println!("connected as {}", client.user().await?.email);
//!     for service in client.services(&ServiceFilter::default(), 20).await? {
//!         println!("{} {} {}", service.id, service.kind, service.name);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Which call, with which types
//!
//! | about | calls of [`Client`] | and of [`Admin`] | types |
//! |---|---|---|---|
//! | the account | [`user`](Client::user), [`owners`](Client::owners) | | [`User`], [`Owner`] |
//! | services | [`services`](Client::services), [`service`](Client::service), [`instances`](Client::instances), [`custom_domains`](Client::custom_domains) | [`create_service`](Admin::create_service), [`update_service`](Admin::update_service), [`delete_service`](Admin::delete_service), [`suspend`](Admin::suspend), [`scale`](Admin::scale) | [`Service`], [`ServiceFilter`], [`NewService`], [`ServiceChanges`] |
//! | variables | [`variables`](Client::variables), [`set_variable`](Client::set_variable), [`delete_variable`](Client::delete_variable) | | [`Variables`], [`NewVariable`], [`EnvGroup`], [`SecretFiles`] |
//! | deploys | [`deploys`](Client::deploys), [`deploy`](Client::deploy), [`trigger`](Client::trigger), [`cancel`](Client::cancel), [`roll_back`](Client::roll_back) | | [`DeploySpec`], [`Deploy`], [`Triggered`] |
//! | logs and figures | [`logs`](Client::logs), [`follow_logs`](Client::follow_logs), [`metric`](Client::metric) | | [`LogFilter`], [`LogLine`], [`Metric`] |
//! | databases | [`postgres`](Client::postgres), [`recover`](Client::recover), [`start_export`](Client::start_export) | | [`Postgres`], [`Recovery`], [`Export`] |
//! | jobs | [`start_job`](Client::start_job), [`job`](Client::job) | | [`Job`] |
//! | what happened | [`events`](Client::events), [`audit_logs`](Client::audit_logs) | | [`Event`], [`AuditLog`] |

mod account;
mod admin;
mod audit;
mod call;
pub mod client;
mod deploy;
mod env_group;
mod error;
mod event;
pub mod executor;
pub mod git;
mod ids;
mod inspect;
mod job;
mod limit;
mod log;
mod maintenance;
mod metric;
mod notification;
mod open_enum;
mod page;
mod postgres;
pub mod probe;
mod redact;
mod secret_file;
mod service;
mod settings;
mod variable;
mod webhook;
mod wire;

pub use account::{Owner, OwnerKind, User};
pub use admin::Admin;
pub use audit::{ActorKind, AuditActor, AuditFilter, AuditLog};
pub use client::{Client, ServerTime};
pub use deploy::{
    Deploy, DeployFilter, DeploySpec, DeployStatus, DeployedCommit, DeployedImage, Source, Trigger,
    Triggered,
};
pub use env_group::{EnvGroup, LinkedService, NewEnvGroup};
pub use error::{ApiError, Error, Result, Sent, Unreadable};
pub use event::{Event, EventFilter, EventKind};
pub use executor::{ExecutorSettings, RenderExecutor};
pub use ids::{
    AuditLogId, DeployId, EnvGroupId, EnvironmentId, EventId, ExportId, InstanceId, JobId,
    MaintenanceId, OwnerId, PostgresId, ServiceId, WebhookId,
};
pub use inspect::{DowntimeWarning, ServiceView, inspect};
pub use job::{Job, JobStatus};
pub use limit::{OnBehalfOf, Priority, Wait, Waits};
pub use log::{Direction, Followed, LogField, LogFilter, LogLabel, LogLine};
pub use maintenance::{MaintenanceFilter, MaintenanceRun, MaintenanceState};
pub use metric::{
    Metric, MetricFilter, Point, RequestCount, Series, SeriesLabel, TimeRange, request_counts,
};
pub use notification::NotificationLevel;
pub use page::Listing;
pub use postgres::{
    ConnectionInfo, Export, Postgres, PostgresChanges, PostgresFilter, PostgresStatus, Recovery,
    RecoveryStatus,
};
pub use reqwest::header::HeaderMap;
pub use secret_file::SecretFiles;
pub use service::{
    AutoDeploy, AutoDeploySetting, AutoDeployTrigger, Autoscaling, CreatedService, CronJob,
    CustomDomain, Details, Disk, Instance, MaintenanceMode, NewService, Origin, Preview, Server,
    Service, ServiceChanges, ServiceFilter, ServiceKind, StaticSite, Suspension, Threshold,
    Thresholds,
};
pub use settings::{DEFAULT_URL, KEY_VARIABLE, Settings, key_from_env};
pub use variable::{NewVariable, Variables};
pub use webhook::{
    Hint, Webhook, WebhookDelivery, WebhookRejected, WebhookTarget, WebhookVerifier,
};
