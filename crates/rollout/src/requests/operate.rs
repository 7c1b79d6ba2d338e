//! Returns a customer on a person's word: within its rollout, or as an operation of its own (`o1`).

use std::collections::BTreeMap;

use policy::rules::{BatchRule, OnFailure};
use policy::{CustomerId, Plan, Release, Span};

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::canonical;
use crate::model::fact::OperationStarted;
use crate::model::ids::RolloutId;
use crate::model::offer::{Begin, Offer};
use crate::model::recovery::{Moved, Recovery};
use crate::model::request::{Rejected, Request};
use crate::model::standing::CustomerStanding;
use crate::model::state::{
    CustomerState, CustomerStatus, Operation, RollbackState, ServiceState, Sweep, SweepScope,
};
use crate::product::Product;

impl Product {
    /// Takes a `rollback CUSTOMER`: a person's word, which is not counted as a failure (R11).
    pub(crate) fn request_rollback(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        to: Option<&str>,
        reason: &str,
    ) -> Result<(), Rejected> {
        self.nothing_hidden(customer)?;
        if to.is_none() {
            self.has_target(customer)?;
        }
        if let Some(owner) = self.state.owner(customer) {
            let rests = matches!(
                self.state.rollouts[&owner].customer(customer).status,
                CustomerStatus::Held { .. } | CustomerStatus::Healthy(_)
            );
            if !rests {
                let text = format!("{owner} is changing {customer} right now");
                return Err(Rejected::state(text, Offer::why(customer)));
            }
        }
        let unfinished = self.state.open();
        let within = unfinished
            .map(|(id, _)| *id)
            .find(|id| self.state.brought(&self.state.rollouts[id], customer));
        if let (Some(id), None) = (within, to) {
            self.not_closing(id)?;
            let place = self.state.rollouts[&id]
                .position(customer)
                .expect("the customer is planned");
            let sweep = Sweep {
                scope: SweepScope::All,
                reason: reason.to_owned(),
                by: Some(request.by.name.clone()),
            };
            self.roll_back(id, &[place], &sweep);
            return Ok(());
        }
        // A customer that only waits elsewhere may be taken back first; to another version it goes by that rollout.
        let in_hand = |rollout: &Rollout| {
            let waits = rollout.customer(customer).status == CustomerStatus::Waiting;
            !rollout.is_ended() && rollout.has_open(customer) && (to.is_some() || !waits)
        };
        if let Some((id, _)) = self
            .state
            .rollouts
            .iter()
            .find(|(_, rollout)| in_hand(rollout))
        {
            let text = format!("{id} is unfinished and has {customer} in hand");
            let way_out = match within {
                Some(_) if self.has_target(customer).is_err() => Offer::skip(customer)
                    .noted("and then the same again")
                    .within(*id),
                Some(_) => Offer::rollback(customer).noted("to what ran before"),
                None => Offer::skip(customer).within(*id),
            };
            return Err(Rejected::state(text, [way_out, Offer::why(customer)]));
        }
        self.operate(request, customer, to, reason)
    }

    fn operate(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        to: Option<&str>,
        reason: &str,
    ) -> Result<(), Rejected> {
        let rollouts = || self.state.rollouts.values().rev();
        let source = match to {
            None => rollouts().find(|rollout| self.state.brought(rollout, customer)),
            Some(_) => rollouts().find(|rollout| rollout.is_whole(customer)),
        };
        let Some(source) = source else {
            let state = rollouts().find_map(|rollout| {
                rollout
                    .plan
                    .customers
                    .contains_key(customer)
                    .then(|| rollout.customer(customer))
            });
            let Some(state) = state else {
                return Err(Rejected::usage(
                    format!("no rollout has a customer `{customer}`"),
                    Offer::Customers,
                ));
            };
            let standing = CustomerStanding::from(&state.status);
            let text = format!("{customer} is {standing}: there is no deploy of ours to take back");
            return Err(Rejected::state(text, Offer::why(customer)));
        };
        let release = match to {
            None => source.release_of(customer).clone(),
            Some(version) => self.known_release(customer, version)?,
        };
        let plan = plan_of_one(source, customer, release);
        let state = match to {
            None => taken_back(source, customer, reason),
            Some(_) => CustomerState {
                services: attempts(source.customer(customer)),
                ..CustomerState::default()
            },
        };
        let unhealthy_targets = match to {
            None => self.targets_back(customer, &state.services),
            Some(_) => self.targets_brought_again(customer, &plan),
        };
        self.begin_operation(OperationStarted {
            customer: Some(customer.clone()),
            unit: Some(Box::new(state)),
            unhealthy_targets,
            ..operation_started(request, Operation::Rollback, plan, reason)
        });
        Ok(())
    }

    /// Refuses to take back what was found at a customer: nothing of before is known (P30).
    pub(crate) fn has_target(&self, customer: &CustomerId) -> Result<(), Rejected> {
        let mut newest = self.state.newest_first();
        let brought = newest.find(|(_, rollout)| self.state.brought(rollout, customer));
        let Some(role) = brought.and_then(|(_, rollout)| rollout.customer(customer).stays()) else {
            return Ok(());
        };
        let text = format!(
            "{role} of {customer} ran the release before its rollout deployed anything there: that rollout does not know what ran before"
        );
        Err(Rejected::state(
            text,
            [
                Offer::RollbackTo(customer.clone()),
                Offer::skip(customer),
                Offer::why(customer),
            ],
        ))
    }

    /// Refuses to take back what runs under variables that nothing was deployed with (T9).
    pub(crate) fn nothing_hidden(&self, customer: &CustomerId) -> Result<(), Rejected> {
        let Some(hidden) = self.hidden(customer) else {
            return Ok(());
        };
        let text = format!(
            "{hidden} has set variables of {customer} that nothing was deployed with since"
        );
        Err(Rejected::state(
            text,
            [Offer::UndoVariables(customer.clone()), Offer::why(customer)],
        ))
    }

    /// Gives an operation its number: `o1`, `o2`, ... in the order of their start.
    pub(crate) fn begin_operation(&mut self, started: OperationStarted) {
        self.emit_in(self.next_operation(), started);
    }

    pub(crate) fn next_operation(&self) -> RolloutId {
        RolloutId::Operation(self.state.product.operations + 1)
    }

    fn known_release(&self, customer: &CustomerId, version: &str) -> Result<Release, Rejected> {
        let reached = |rollout: &&Rollout| {
            rollout
                .customers()
                .any(|(_, state)| state.reached_at().is_some())
        };
        let rollouts = self.state.rollouts.values().rev().filter(reached);
        let mut known = rollouts
            .map(|rollout| &rollout.plan.release)
            .filter(|release| policy::plan::bare(&release.version) == policy::plan::bare(version));
        known.next().cloned().ok_or_else(|| {
            let text =
                format!("no rollout has brought {version} to anybody, so its commit is not known");
            Rejected::state(
                text,
                [
                    Offer::Start(Begin {
                        version: Some(version.to_owned()),
                        customers: vec![customer.clone()],
                        flag: Some("--allow-downgrade"),
                    }),
                    Offer::rollback(customer),
                    Offer::why(customer),
                ],
            )
        })
    }
}

impl State {
    /// Every rollout and operation, the one that was asked for last first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (RolloutId, &Rollout)> {
        let mut rollouts: Vec<_> = self
            .rollouts
            .iter()
            .map(|(id, rollout)| (*id, rollout))
            .collect();
        rollouts.sort_by_key(|(id, rollout)| (rollout.row.requested_at, *id));
        rollouts.into_iter().rev()
    }

    /// Which database a customer reads since a person had it restored.
    pub(crate) fn moved(&self, customer: &CustomerId) -> Option<&Moved> {
        self.fleet.get(customer)?.moved.as_ref()
    }

    /// Whether the customer still runs what this rollout brought, as far as is known.
    pub(crate) fn brought(&self, rollout: &Rollout, customer: &CustomerId) -> bool {
        let services = &rollout.customer(customer).services;
        let fleet = self.fleet.get(customer);
        let mut running = fleet.into_iter().flat_map(|row| &row.running);
        rollout.is_ours(customer)
            && running.any(|(role, live)| {
                let ours = services.get(role).and_then(|service| service.deploy.id());
                ours.is_some() && ours == live.deploy.as_ref()
            })
    }
}

impl Rollout {
    /// Whether this is a rollout, or an operation, over the customer as its policy has it.
    fn is_whole(&self, customer: &CustomerId) -> bool {
        let planned = self.plan.customers.get(customer);
        planned.is_some_and(|planned| planned.own.is_none())
            && self.row.operation != Some(Operation::Variables)
    }

    /// Whether this rollout has brought the customer to the release and not back.
    fn is_ours(&self, customer: &CustomerId) -> bool {
        let state = self.customer(customer);
        let live = state
            .services
            .values()
            .any(|service| service.deploy.went_live() && service.rollback == RollbackState::None);
        match state.status {
            CustomerStatus::Healthy(_) => true,
            CustomerStatus::Held { .. } | CustomerStatus::Skipped => live,
            CustomerStatus::Waiting
            | CustomerStatus::Forward
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed
            | CustomerStatus::Applied
            | CustomerStatus::Excluded => false,
        }
    }
}

/// Attempts are counted on, so that no deploy is taken for another.
fn attempts(state: &CustomerState) -> BTreeMap<policy::Role, ServiceState> {
    let kept = |service: &ServiceState| ServiceState {
        attempt: service.attempt,
        rollback_attempt: service.rollback_attempt,
        ..ServiceState::default()
    };
    state
        .services
        .iter()
        .map(|(role, service)| (role.clone(), kept(service)))
        .collect()
}

/// The first event of an operation; whoever begins one adds what only it has.
pub(crate) fn operation_started(
    request: &Request,
    verb: Operation,
    plan: Plan,
    reason: &str,
) -> OperationStarted {
    OperationStarted {
        customer: None,
        service: None,
        actor: request.by.name.clone(),
        reason: reason.to_owned(),
        commit: plan.release.commit.clone(),
        version: plan.release.version.clone(),
        verb: Some(verb),
        plan: Box::new(plan),
        force: false,
        skipped: None,
        unit: None,
        customers: None,
        running: None,
        unhealthy_targets: Vec::new(),
    }
}

/// A customer on its way back from what a run brought it.
pub(crate) fn taken_back(source: &Rollout, customer: &CustomerId, reason: &str) -> CustomerState {
    let state = source.customer(customer);
    CustomerState {
        status: CustomerStatus::Backward,
        batch: Some(1),
        reason: Some(reason.to_owned()),
        services: state.services.clone(),
        recovery: state.recovery.clone().filter(Recovery::is_done),
        ..CustomerState::default()
    }
}

/// A plan of this one customer, without gates, windows or waits: a person has decided.
pub(crate) fn plan_of_one(source: &Rollout, customer: &CustomerId, release: Release) -> Plan {
    let mut planned = source.plan.customers[customer].clone();
    let mut phase = source.plan.phases[planned.phase].clone();
    planned.phase = 0;
    planned.customer.window.clear();
    phase.after.clear();
    phase.customers = vec![customer.clone()];
    phase.sizes = vec![1];
    phase.tolerated = 0;
    phase.tolerated_weight = None;
    phase.policy.after.clear();
    phase.policy.approval = None;
    phase.policy.window.clear();
    phase.policy.batch = BatchRule::All;
    phase.policy.on_failure = OnFailure::Halt;
    phase.policy.watch = Span::ZERO;
    let mut plan = Plan {
        digest: String::new(),
        product: source.plan.product.clone(),
        release,
        phases: vec![phase],
        customers: BTreeMap::from([(customer.clone(), planned)]),
        left_out: BTreeMap::new(),
        freezes: Vec::new(),
        project: source.plan.project.clone(),
    };
    plan.digest = digest(&plan);
    plan
}

/// The digest of a plan that the core itself has put together.
pub(crate) fn digest(plan: &Plan) -> String {
    let blank = Plan {
        digest: String::new(),
        ..plan.clone()
    };
    canonical::digest(&serde_json::to_value(&blank).expect("plans serialise"))
}
