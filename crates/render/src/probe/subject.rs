//! What is probed: one service and where it answers.

use policy::{Role, ServiceId};

use crate::service::ServiceKind;

/// Which service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Render's id.
    pub service: ServiceId,
    /// Its role within the customer.
    pub role: Role,
    /// What kind it is; decides which checks make sense.
    pub kind: ServiceKind,
    /// Where it answers; without one nothing can be asked.
    pub url: Option<String>,
}
