//! Which customers are not on the release that another one just got? While one of them answers, it is not our own network
//! that fails (R20).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use policy::CustomerId;
use rollout::standing::CustomerStanding;
use rollout::{Event, Kind, Product, RolloutId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// The customers that each rollout has begun with.
#[derive(Debug, Default)]
pub(super) struct Controls {
    begun: RwLock<BTreeMap<RolloutId, BTreeSet<CustomerId>>>,
}

impl Controls {
    /// As the stored state has it.
    pub(super) fn new(product: &Product) -> Self {
        let unfinished = product
            .overview()
            .into_iter()
            .filter(|run| !run.has_ended());
        let begun = unfinished.map(|run| {
            let customers = run
                .customers
                .into_iter()
                .filter(|one| one.state != CustomerStanding::Waiting);
            (run.id, customers.map(|one| one.customer).collect())
        });
        Self {
            begun: RwLock::new(begun.collect()),
        }
    }

    /// Whether this customer may run the release that the other got.
    pub(super) fn share_a_release(&self, one: &CustomerId, other: &CustomerId) -> bool {
        let begun = self.begun.read().unwrap_or_else(PoisonError::into_inner);
        begun
            .values()
            .any(|customers| customers.contains(one) && customers.contains(other))
    }

    fn note(&self, event: &Event) {
        let fact = &event.line;
        let (Some(run), Some(customer)) = (fact.rollout, &fact.customer) else {
            return;
        };
        let mut begun = self.begun.write().unwrap_or_else(PoisonError::into_inner);
        let customers = begun.entry(run).or_default();
        if fact.kind == Kind::CustomerStarted {
            customers.insert(customer.clone());
        } else if matches!(
            fact.kind,
            Kind::CustomerUnchanged | Kind::CustomerRolledBack
        ) {
            customers.remove(customer);
        }
    }
}

/// Keeps it up to date for as long as the engine runs.
pub(super) async fn follow(controls: Arc<Controls>, mut events: Receiver<Arc<Event>>) {
    loop {
        match events.recv().await {
            Ok(event) => controls.note(&event),
            // A customer that is missing here is one control less, or one that proves too little.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
