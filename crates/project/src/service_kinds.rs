//! What kind is a service? Render says so; a service that it was not asked about is guessed from its role.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::{Role, ServiceId};
use render::{Client, ServiceKind};
use tokio::time::timeout;

/// A look at a service does not wait longer than this to learn its kind.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kinds of services, each asked for until Render has said it once.
pub struct Kinds {
    client: Option<Client>,
    known: Mutex<BTreeMap<ServiceId, ServiceKind>>,
}

impl Kinds {
    /// Without a client, kinds are guessed.
    pub fn new(client: Option<Client>) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// The kind of a service.
    pub async fn of(&self, service: &ServiceId, role: &Role) -> ServiceKind {
        if let Some(kind) = self.known().get(service) {
            return kind.clone();
        }
        let Some(kind) = self.asked(service).await else {
            return guessed(role);
        };
        self.known().insert(service.clone(), kind.clone());
        kind
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<ServiceId, ServiceKind>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn asked(&self, service: &ServiceId) -> Option<ServiceKind> {
        let asked = self.client.as_ref()?.service(service);
        let answer = timeout(PATIENCE, asked).await.ok()?;
        answer.ok().map(|service| service.kind)
    }
}

fn guessed(role: &Role) -> ServiceKind {
    match role.as_str() {
        "frontend" => ServiceKind::StaticSite,
        _ => ServiceKind::WebService,
    }
}
