//! What kind is a service? Decides which checks make sense for it; it never changes.

use std::collections::HashMap;

use policy::ServiceId;
use tokio::sync::Mutex;

use super::retry_policy::RetryPolicy;
use crate::error::Result;
use crate::ids::OwnerId;
use crate::service::{ServiceFilter, ServiceKind};

/// No workspace has more services.
const MOST: usize = 10_000;

/// The kinds of all services seen so far.
#[derive(Debug, Default)]
pub(super) struct ServiceKinds(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    kinds: HashMap<ServiceId, ServiceKind>,
    listed: bool,
}

impl ServiceKinds {
    /// Remembers a kind.
    pub(super) async fn learn(&self, service: &ServiceId, kind: &ServiceKind) {
        let mut known = self.0.lock().await;
        known.kinds.insert(service.clone(), kind.clone());
    }

    /// The kind of a service. After a restart thousands are asked for at once, so the first miss reads the whole list.
    pub(super) async fn of(
        &self,
        retry: &RetryPolicy,
        owner: Option<&OwnerId>,
        service: &ServiceId,
    ) -> Result<ServiceKind> {
        let mut known = self.0.lock().await;
        if !known.listed && !known.kinds.contains_key(service) {
            let all = ServiceFilter {
                owner: owner.cloned(),
                ..ServiceFilter::default()
            };
            let services = retry.ask(|| retry.client.services(&all, MOST)).await?;
            let kinds = services.into_iter();
            known
                .kinds
                .extend(kinds.map(|service| (service.id, service.kind)));
            known.listed = true;
        }
        if let Some(kind) = known.kinds.get(service) {
            return Ok(kind.clone());
        }
        let kind = retry.ask(|| retry.client.service(service)).await?.kind;
        known.kinds.insert(service.clone(), kind.clone());
        Ok(kind)
    }
}
