//! Returns a customer together with its database, on a person's word only (B10, T15): to the code it had before our last
//! rollout, to the data of an instant before it.

use chrono::TimeDelta;
use policy::rules::Hook;
use policy::{CustomerId, PlannedCustomer, Role, ServiceId, Timestamp};

use crate::customer::protocol::DeployDirection;
use crate::fold::index::Rollout;
use crate::model::fact::{OperationStarted, RollbackRequested};
use crate::model::ids::{DatabaseId, DeployId, RolloutId};
use crate::model::offer::{Offer, Offers};
use crate::model::recovery::Recovery;
use crate::model::request::{Rejected, Request};
use crate::model::standing::CustomerStanding;
use crate::model::state::{CustomerState, CustomerStatus, Operation};
use crate::product::Product;
use crate::requests::operate::{operation_started, plan_of_one, taken_back};

/// Render restores no instant younger than this.
const YOUNGEST: TimeDelta = TimeDelta::minutes(10);

/// What a `rollback --database` would do, for the person who has to confirm it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseReturn {
    /// The rollout or operation that is taken back.
    pub source: RolloutId,
    /// How its data comes back.
    pub way: RecoveryWay,
    /// The instant whose data is wanted, to the second.
    pub to: Timestamp,
    /// What happens at each service, in that order.
    pub services: Vec<ServiceReturn>,
}

/// How the data of an earlier instant comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryWay {
    /// Render makes a new database of it.
    Render {
        /// The customer's database, which stays as it is.
        database: DatabaseId,
        /// The new one's name, with `INSTANT` for when it is asked for.
        name: String,
    },
    /// The policy's `restore_database` hooks, in order.
    Hooks(Vec<Hook>),
}

/// What a `rollback --database` does at one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReturn {
    /// Which.
    pub role: Role,
    /// Its id at Render.
    pub id: ServiceId,
    /// The variables that get their values from before the rollout.
    pub restored: Vec<String>,
    /// The deploy that Render takes it back to; `None`: its commit is deployed.
    pub target: Option<DeployId>,
    /// The commit that runs with the restored data.
    pub commit: Option<String>,
    /// Whether it runs another commit now. If not, it is deployed only where a variable names the database.
    pub changes: bool,
}

impl Product {
    /// What a `rollback --database` of this customer would do at `now`.
    ///
    /// # Errors
    /// When it is not possible, with what to type instead.
    pub fn database_return(
        &mut self,
        now: Timestamp,
        customer: &CustomerId,
        to: Option<Timestamp>,
    ) -> Result<DatabaseReturn, Rejected> {
        self.return_at(now, customer, to)
            .map_err(|rejected| self.settle_refusal(now, None, rejected))
    }

    fn return_at(
        &self,
        now: Timestamp,
        customer: &CustomerId,
        to: Option<Timestamp>,
    ) -> Result<DatabaseReturn, Rejected> {
        let source = self.last_change(customer)?;
        let rollout = &self.state.rollouts[&source];
        let planned = &rollout.plan.customers[customer];
        let hooks = &rollout.plan.phases[planned.phase]
            .policy
            .hooks
            .restore_database;
        let to = self.instant_before(customer, to)?;
        let database = match hooks.as_slice() {
            [] => Some(self.database_of(source, customer)?),
            [_, ..] => None,
        };
        if database.is_some() {
            old_enough(now, to)?;
            whole(rollout, source, customer)?;
        }
        let moves = database.is_some();
        let state = Self::recovering(rollout, customer, Recovery::wanted(database.clone(), to));
        let way = match database {
            Some(database) => RecoveryWay::Render {
                name: self.name_shown(source, customer, &state),
                database,
            },
            None => RecoveryWay::Hooks(hooks.clone()),
        };
        let service = |role: &Role| ServiceReturn::new(planned, role, &state, moves);
        let services: Vec<_> = planned.services.iter().rev().map(service).collect();
        if let Some(unknown) = services.iter().find(|one| moves && one.commit.is_none()) {
            let role = &unknown.role;
            let text =
                format!("what ran at {customer}/{role} before {source} is not known as a commit");
            return Err(Rejected::state(text, "restore the database at Render"));
        }
        Ok(DatabaseReturn {
            source,
            way,
            to,
            services,
        })
    }

    /// The customer on its way back with its data, as the rollout or a new operation has it.
    fn recovering(rollout: &Rollout, customer: &CustomerId, recovery: Recovery) -> CustomerState {
        let mut state = match rollout.is_ended() {
            true => taken_back(rollout, customer, ""),
            false => rollout.customer(customer).clone(),
        };
        let went_to = rollout
            .went_to(customer)
            .then(|| rollout.release_of(customer));
        state.take_back_with(recovery, went_to);
        state
    }

    fn name_shown(
        &self,
        source: RolloutId,
        customer: &CustomerId,
        state: &CustomerState,
    ) -> String {
        let id = match self.state.rollouts[&source].is_ended() {
            true => self.next_operation(),
            false => source,
        };
        let before = state.recovery.as_ref().map_or(0, |before| before.attempt);
        Recovery::name_of(customer, id, before + 1, "INSTANT")
    }

    /// Takes a `rollback --database`.
    pub(crate) fn request_database(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        to: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), Rejected> {
        let found = self.return_at(self.at, customer, to)?;
        let database = match found.way {
            RecoveryWay::Render { database, .. } => Some(database),
            RecoveryWay::Hooks(_) => None,
        };
        let recovery = Recovery::wanted(database, found.to);
        let rollout = &self.state.rollouts[&found.source];
        if !rollout.is_ended() {
            let by = Some(request.by.name.clone());
            let back = RollbackRequested {
                to: Some(recovery.to),
                database: recovery.database,
                ..self.back_requested(found.source, customer, by, reason.to_owned())
            };
            self.emit_in(found.source, back);
            return Ok(());
        }
        let plan = plan_of_one(rollout, customer, rollout.release_of(customer).clone());
        let state = CustomerState {
            since: Some(self.at),
            reason: Some(reason.to_owned()),
            ..Self::recovering(rollout, customer, recovery)
        };
        self.begin_operation(OperationStarted {
            customer: Some(customer.clone()),
            unit: Some(Box::new(state)),
            ..operation_started(request, Operation::Rollback, plan, reason)
        });
        Ok(())
    }

    /// The rollout or operation that changed the whole customer last, if nothing is under way there.
    fn last_change(&self, customer: &CustomerId) -> Result<RolloutId, Rejected> {
        let why = || Offer::why(customer);
        self.nothing_hidden(customer)?;
        let mut newest = self.state.newest_first();
        let Some((id, rollout)) = newest.find(|(_, rollout)| rollout.has_changed(customer)) else {
            let text = format!("no rollout has changed {customer}: there is nothing to take back");
            return Err(Rejected::state(text, why()));
        };
        let state = rollout.customer(customer);
        let busy = self.state.owner(customer).filter(|owner| *owner != id);
        if busy.is_some() || state.status.is_working() {
            let text = format!("{} is changing {customer} right now", busy.unwrap_or(id));
            return Err(Rejected::state(text, why()));
        }
        let half_way = state.has_open_request() || state.recovery.is_some();
        let held = matches!(state.status, CustomerStatus::Held { .. }) && half_way;
        if held || state.status == CustomerStatus::Waiting {
            let standing = CustomerStanding::from(&state.status);
            let text =
                format!("{customer} is {standing} in {id}: what was begun there is not over");
            let way_out = match held {
                true => Offer::retry(customer).or(Offer::skip(customer)),
                false => Offer::skip(customer),
            };
            return Err(Rejected::state(text, way_out.within(id)));
        }
        if rollout.plan.customers[customer].own.is_some() {
            let text = format!(
                "{id} has deployed single services of {customer}: which code belongs to its earlier data is not known"
            );
            let way_out = "restore the database at Render, and tranche deploy what belongs to it";
            return Err(Rejected::state(text, way_out));
        }
        if !rollout.is_ended() {
            self.not_closing(id)?;
        }
        Ok(id)
    }

    fn database_of(
        &self,
        source: RolloutId,
        customer: &CustomerId,
    ) -> Result<DatabaseId, Rejected> {
        let planned = &self.state.rollouts[&source].plan.customers[customer];
        let role = Role::new(policy::plan::DATABASE);
        let Some(database) = planned.customer.services.get(&role) else {
            let text = format!("{source} was planned without a `database` of {customer}");
            return Err(Rejected::usage(
                text,
                [Offer::rollback(customer), Offer::why(customer)],
            ));
        };
        let database = DatabaseId(database.id.to_string());
        let moved = self.state.moved(customer);
        let Some(moved) = moved.filter(|moved| moved.from == database) else {
            return Ok(database);
        };
        let (by, to) = (moved.by, &moved.to);
        let text = format!("{by} has pointed {customer} at {to}, a restored database, already");
        let back =
            self.state.rollouts[&source].customer(customer).status == CustomerStatus::RolledBack;
        let way_out = match back {
            true => vec![Offer::Customer(customer.clone())],
            false => vec![
                Offer::RollbackByForce(customer.clone()),
                Offer::Customer(customer.clone()),
            ],
        };
        Err(Rejected::state(text, Offers(way_out)))
    }

    /// The instant that is meant: without one, that before our last rollout changed anything. Render takes whole seconds.
    fn instant_before(
        &self,
        customer: &CustomerId,
        to: Option<Timestamp>,
    ) -> Result<Timestamp, Rejected> {
        let rollouts = self.state.rollouts.iter().rev();
        let mut rollouts = rollouts.filter(|(id, _)| matches!(id, RolloutId::Rollout(_)));
        let begun =
            || rollouts.find_map(|(_, rollout)| rollout.customer(customer).first_started_at);
        let Some(to) = to.or_else(begun) else {
            let text = format!("no rollout has started {customer}, so no instant is known");
            return Err(Rejected::usage(text, "add --at INSTANT"));
        };
        Ok(to - TimeDelta::nanoseconds(i64::from(to.timestamp_subsec_nanos())))
    }
}

fn old_enough(now: Timestamp, to: Timestamp) -> Result<(), Rejected> {
    if to <= now - YOUNGEST {
        return Ok(());
    }
    let (to, from) = (crate::show_instant(to), crate::show_instant(to + YOUNGEST));
    let text = format!("Render restores no instant of the last ten minutes, and {to} is one");
    let way_out = format!("the same command from {from} on, or with an earlier --at INSTANT");
    Err(Rejected::state(text, way_out))
}

impl Rollout {
    /// Whether it has started this customer.
    fn has_changed(&self, customer: &CustomerId) -> bool {
        let mut services = self.customer(customer).services.values();
        services.any(|service| service.baseline.is_some())
            && self.row.operation != Some(Operation::Variables)
    }

    /// Whether this is a `rollback --to`, which has gone forward to a version.
    fn went_to(&self, customer: &CustomerId) -> bool {
        self.row.operation == Some(Operation::Rollback)
            && self.customer(customer).first_started_at.is_some()
    }
}

/// Every service of the customer must be in the plan: one that stays out would read the old database on.
fn whole(rollout: &Rollout, id: RolloutId, customer: &CustomerId) -> Result<(), Rejected> {
    let planned = &rollout.plan.customers[customer];
    let mut services = planned.customer.services.keys();
    let outside = services
        .find(|role| role.as_str() != policy::plan::DATABASE && !planned.services.contains(role));
    let Some(role) = outside else { return Ok(()) };
    let text =
        format!("{id} was planned without {role} of {customer}, which may read the same database");
    Err(Rejected::state(
        text,
        "restore the database at Render, and point all services at it",
    ))
}

impl ServiceReturn {
    fn new(planned: &PlannedCustomer, role: &Role, state: &CustomerState, moves: bool) -> Self {
        let service = state.services.get(role).cloned().unwrap_or_default();
        let by_render = !moves && DeployDirection::back(&service) == DeployDirection::Back;
        let baseline = service.baseline.clone().unwrap_or_default();
        Self {
            role: role.clone(),
            id: planned.customer.services[role].id.clone(),
            restored: service.to_restore().to_vec(),
            changes: service.deploy.went_live(),
            target: baseline.deploy.filter(|_| by_render),
            commit: baseline.commit,
        }
    }
}
