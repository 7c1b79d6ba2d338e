//! What all commands share: the client, the prober, budgets, and what is remembered between commands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use policy::ServiceId;
use rollout::Notice;
use rollout::limit::LOOKS_A_MINUTE;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

use super::ExecutorSettings;
use super::hints::Hints;
use super::last_seen::LastSeen;
use super::polling::PollBudget;
use super::retry_policy::Workspace;
use super::service_kinds::ServiceKinds;
use super::sources::{Backups, Sources};
use crate::client::{Client, ServerTime};
use crate::probe::{Checkup, Prober};

/// Health cycles of watched services that take place at once.
const CYCLES_AT_ONCE: usize = 64;

/// What all commands share.
pub(super) struct Worker {
    pub(super) settings: ExecutorSettings,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) backups: Arc<dyn Backups>,
    pub(super) prober: Prober,
    pub(super) checkup: Checkup,
    pub(super) kinds: ServiceKinds,
    pub(super) last_seen: LastSeen,
    pub(super) follows: PollBudget,
    pub(super) hints: Hints,
    pub(super) watches: PollBudget,
    pub(super) cycles: Semaphore,
    pub(super) client: Client,
    pub(super) workspace: Workspace,
    writers: Mutex<HashMap<ServiceId, Writer>>,
}

/// Held by the one command that writes the variables of a service: what was stopped may still be writing its last one.
pub(super) type Writer = Arc<tokio::sync::Mutex<()>>;

impl Worker {
    pub(super) fn new(
        client: Client,
        prober: Prober,
        settings: ExecutorSettings,
        sources: Arc<dyn Sources>,
        backups: Arc<dyn Backups>,
        notices: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Self {
        let pauses = [settings.poll_from, settings.poll_to];
        let workspace = Workspace::new(
            client.clone(),
            Arc::clone(&sources),
            notices,
            pauses,
            settings.hold_after,
        );
        Self {
            checkup: Checkup::new(prober.clone(), Some(client.clone())),
            prober,
            kinds: ServiceKinds::default(),
            last_seen: LastSeen::default(),
            follows: PollBudget::new(settings.polls_a_minute),
            hints: Hints::default(),
            watches: PollBudget::new(LOOKS_A_MINUTE),
            cycles: Semaphore::new(CYCLES_AT_ONCE),
            settings,
            sources,
            backups,
            client,
            workspace,
            writers: Mutex::default(),
        }
    }

    pub(super) fn server_times(&self) -> watch::Receiver<Option<ServerTime>> {
        self.client.server_times()
    }

    pub(super) fn writer(&self, service: &ServiceId) -> Writer {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(writers.entry(service.clone()).or_default())
    }
}

/// Asks something that may block.
pub(super) async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(ask)
        .await
        .expect("what blocks neither panics nor is aborted")
}
