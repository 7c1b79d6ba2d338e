//! What Render calls its things. Every id is opaque: nothing is read out of its letters.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use policy::ServiceId;
pub use rollout::DeployId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

id!(
    /// A workspace (`tea-...`), or a user's own (`usr-...`).
    OwnerId
);
id!(
    /// A Postgres database (`dpg-...`).
    PostgresId
);
id!(
    /// A one-off job (`job-...`).
    JobId
);
id!(
    /// An event of a service (`evt-...`).
    EventId
);
id!(
    /// An instance of a service (`srv-...-abcde`).
    InstanceId
);
id!(
    /// An export of a database.
    ExportId
);
id!(
    /// An environment within a project (`evm-...`).
    EnvironmentId
);
id!(
    /// A group of variables (`evg-...`).
    EnvGroupId
);
id!(
    /// A webhook (`whk-...`).
    WebhookId
);
id!(
    /// Works of Render's own (`mrn-...`).
    MaintenanceId
);
id!(
    /// An entry of the audit log.
    AuditLogId
);
