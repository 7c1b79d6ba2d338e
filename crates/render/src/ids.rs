//! What Render calls its things. Every id is opaque: nothing is read out of its letters.

pub use policy::ServiceId;
pub use rollout::DeployId;

policy::names! {
    /// A workspace (`tea-...`), or a user's own (`usr-...`).
    OwnerId;
    /// A Postgres database (`dpg-...`).
    PostgresId;
    /// A one-off job (`job-...`).
    JobId;
    /// An event of a service (`evt-...`).
    EventId;
    /// An instance of a service (`srv-...-abcde`).
    InstanceId;
    /// An export of a database.
    ExportId;
    /// An environment within a project (`evm-...`).
    EnvironmentId;
    /// A group of variables (`evg-...`).
    EnvGroupId;
    /// A webhook (`whk-...`).
    WebhookId;
    /// Works of Render's own (`mrn-...`).
    MaintenanceId;
    /// An entry of the audit log.
    AuditLogId;
}
