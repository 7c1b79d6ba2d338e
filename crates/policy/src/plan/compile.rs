//! From policies and a fleet to a frozen plan (R1, R2, R4, R6, R14, R22).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::age::{shown, standing};
use super::version::{is_release, matches_pin};
use super::{
    LeftOut, LeftOutReason, Phase, Plan, PlanError, PlanInput, PlanScope, PlannedCustomer, Running,
    RunningVersions, digest, scope,
};
use crate::health::Profile;
use crate::ids::{CustomerId, PolicyId, Role};
use crate::phases::{Cycle, DATABASE, HOTFIX, batch_sizes, narrowed, order};
use crate::rules::Policy;
use crate::settings::Customer;
use crate::span::{Span, Timestamp};

/// Compiles a plan. The same input gives the same plan; `at` decides only which pins still hold.
///
/// # Errors
/// Names in the scope that do not exist, cycles, a customer in two phases, and downgrades nobody asked for.
pub fn compile(
    input: &PlanInput,
    running: &RunningVersions,
    at: Timestamp,
) -> Result<Plan, PlanError> {
    scope::check(input)?;
    let ordered = phases_of(input)?;
    let members = members(input, &ordered)?;
    let mut compiler = Compiler {
        input,
        running,
        at,
        wanted: input.scope.customers.iter().collect(),
        planned: BTreeMap::new(),
        left_out: BTreeMap::new(),
        newer: Vec::new(),
    };
    let mut phases = Vec::with_capacity(ordered.len());
    for (index, ((policy, after), members)) in ordered.iter().zip(members).enumerate() {
        let earlier = |name: &PolicyId| ordered.iter().position(|(policy, _)| policy.name == *name);
        let named = Policy {
            after: after.clone(),
            ..(*policy).clone()
        };
        let after = after.iter().filter_map(earlier).collect();
        let customers = compiler.choose(index, policy, members);
        phases.push(phase(input, named, after, customers));
    }
    compiler.refuse_downgrades()?;
    let Compiler {
        planned,
        mut left_out,
        ..
    } = compiler;
    left_out.retain(|customer, _| !planned.contains_key(customer));
    let mut plan = Plan {
        digest: String::new(),
        product: input.project.product.clone(),
        release: input.release.clone(),
        phases,
        customers: planned,
        left_out,
        freezes: input.project.freezes.clone(),
        project: input.project.clone(),
    };
    plan.digest = digest::digest(&plan);
    Ok(plan)
}

/// The phases of the plan in their order.
fn phases_of(input: &PlanInput) -> Result<Vec<(&Policy, Vec<PolicyId>)>, PlanError> {
    if input.scope.hotfix.is_some() {
        let hotfix = input
            .policies
            .get(&PolicyId::from(HOTFIX))
            .ok_or(PlanError::NoHotfixPolicy)?;
        return Ok(vec![(hotfix, Vec::new())]);
    }
    let ordered = order(regular(input)).map_err(|Cycle(names)| PlanError::Cycle(names))?;
    let wanted = &input.scope.policies;
    Ok(narrowed(ordered, |name| {
        wanted.is_empty() || wanted.contains(name)
    }))
}

/// The policies of the DAG.
fn regular(input: &PlanInput) -> impl Iterator<Item = &Policy> {
    input
        .policies
        .values()
        .filter(|policy| policy.name.as_str() != HOTFIX)
}

/// A customer of a phase, before anything is left out.
type Member<'i> = (&'i CustomerId, &'i Customer);

/// The customers of each phase, in the order in which they go; those under `except` among them.
fn members<'i>(
    input: &'i PlanInput,
    ordered: &[(&'i Policy, Vec<PolicyId>)],
) -> Result<Vec<Vec<Member<'i>>>, PlanError> {
    if let ([(hotfix, _)], Some(exposed)) = (ordered, &input.scope.hotfix) {
        return Ok(vec![hotfix_members(input, hotfix, exposed)]);
    }
    let mut phases: Vec<Vec<Member<'i>>> = vec![Vec::new(); ordered.len()];
    for (id, customer) in &input.fleet.customers {
        let mut covering: Option<&Policy> = None;
        for policy in regular(input).filter(|policy| policy.customers.covers(id, customer)) {
            if let Some(first) = covering.replace(policy) {
                let (first, second) = (first.name.clone(), policy.name.clone());
                return Err(PlanError::TwoPhases {
                    customer: id.clone(),
                    first,
                    second,
                });
            }
        }
        for ((policy, _), members) in ordered.iter().zip(&mut phases) {
            let excepted = covering.is_none() && policy.customers.excepts(id, customer);
            if excepted || covering.is_some_and(|covering| covering.name == policy.name) {
                members.push((id, customer));
            }
        }
    }
    for members in &mut phases {
        members.sort_by_key(|(id, customer)| (customer.order, *id));
    }
    Ok(phases)
}

/// A hotfix reaches whom its policy selects, and without a selection whom the DAG covers; the exposed go first.
fn hotfix_members<'i>(
    input: &'i PlanInput,
    hotfix: &Policy,
    exposed: &[CustomerId],
) -> Vec<Member<'i>> {
    let everybody = hotfix.customers.is_open() && regular(input).next().is_some();
    let in_dag = |id, customer| regular(input).any(|policy| policy.customers.covers(id, customer));
    let reached = |id, customer| {
        (hotfix.customers.covers(id, customer) && (!everybody || in_dag(id, customer)))
            || hotfix.customers.excepts(id, customer)
    };
    let exposed: BTreeSet<&CustomerId> = exposed.iter().collect();
    let mut members: Vec<Member<'i>> = input
        .fleet
        .customers
        .iter()
        .filter(|(id, customer)| reached(id, customer))
        .collect();
    members.sort_by_key(|(id, customer)| (!exposed.contains(id), customer.order, *id));
    members
}

/// Decides customer by customer who is planned and who is left out.
struct Compiler<'i> {
    input: &'i PlanInput,
    running: &'i RunningVersions,
    at: Timestamp,
    /// Those that `--customers` names; empty: all.
    wanted: BTreeSet<&'i CustomerId>,
    planned: BTreeMap<CustomerId, PlannedCustomer>,
    left_out: BTreeMap<CustomerId, LeftOut>,
    /// Those that run something newer, and what.
    newer: Vec<(&'i CustomerId, &'i str)>,
}

impl<'i> Compiler<'i> {
    /// The planned customers of a phase, in its order.
    fn choose(
        &mut self,
        phase: usize,
        policy: &Policy,
        members: Vec<Member<'i>>,
    ) -> Vec<CustomerId> {
        let mut chosen = Vec::with_capacity(members.len());
        for (id, customer) in members {
            let services = services(policy, customer, &self.input.scope);
            if let Some(why) = self.left_out(policy, id, customer, &services) {
                self.left_out.insert(
                    id.clone(),
                    LeftOut {
                        phase: policy.name.clone(),
                        why,
                    },
                );
                continue;
            }
            let version = |role| {
                self.running_at(id, role)
                    .and_then(|running| running.version.as_deref())
            };
            let running = services.iter().find_map(version);
            let newer = services.iter().find_map(|role| self.newer_at(id, role));
            self.newer.extend(newer.map(|newer| (id, newer)));
            let planned = PlannedCustomer {
                customer: customer.clone(),
                phase,
                running: running.map(str::to_owned),
                services,
                own: None,
            };
            self.planned.insert(id.clone(), planned);
            chosen.push(id.clone());
        }
        chosen
    }

    fn left_out(
        &self,
        policy: &Policy,
        id: &CustomerId,
        customer: &Customer,
        services: &[Role],
    ) -> Option<LeftOutReason> {
        let release = &self.input.release;
        let unwanted = !self.wanted.is_empty() && !self.wanted.contains(id);
        if unwanted || policy.customers.except.contains(id) || services.is_empty() {
            return Some(LeftOutReason::Excluded);
        }
        if let Some(pin) = &customer.pin
            && pin.until.is_none_or(|until| self.at < until)
            && !matches_pin(&pin.version, &release.version)
        {
            return Some(LeftOutReason::Pinned {
                version: pin.version.clone(),
                until: pin.until,
            });
        }
        let on_release = |role| {
            self.running_at(id, role)
                .is_some_and(|running| is_release(running, release))
        };
        services
            .iter()
            .all(on_release)
            .then_some(LeftOutReason::OnRelease)
    }

    fn running_at(&self, id: &CustomerId, role: &Role) -> Option<&'i Running> {
        self.running.get(id)?.get(role)
    }

    /// What runs there, if the release is older.
    fn newer_at(&self, id: &CustomerId, role: &Role) -> Option<&'i str> {
        let running = self.running_at(id, role)?;
        let (name, compared) = standing(&self.input.release, running, &self.input.history)?;
        let is_newer = compared.ordering == Some(Ordering::Less);
        (is_newer && !is_release(running, &self.input.release)).then_some(name)
    }

    fn refuse_downgrades(&self) -> Result<(), PlanError> {
        if self.newer.is_empty() || self.input.scope.allow_downgrade {
            return Ok(());
        }
        let versions = self.newer.iter().map(|(_, version)| shown(version));
        let versions: BTreeSet<String> = versions.collect();
        Err(PlanError::Downgrade {
            customers: self.newer.iter().map(|(id, _)| id.to_string()).collect(),
            running: versions.into_iter().collect::<Vec<_>>().join(", "),
            wanted: self.input.release.version.clone(),
        })
    }
}

/// The roles that are deployed, in the policy's order (R5).
fn services(policy: &Policy, customer: &Customer, scope: &PlanScope) -> Vec<Role> {
    let wanted = |role: &&Role| {
        let narrowed = scope.service.as_ref().is_none_or(|only| only == *role);
        narrowed && role.as_str() != DATABASE && customer.services.contains_key(*role)
    };
    policy.services.iter().filter(wanted).cloned().collect()
}

fn phase(
    input: &PlanInput,
    mut policy: Policy,
    after: Vec<usize>,
    customers: Vec<CustomerId>,
) -> Phase {
    if input.scope.is_narrowed() {
        policy.not_before = Span::ZERO;
        policy.soak = Span::ZERO;
    }
    let health = input
        .project
        .health
        .get(&policy.health)
        .cloned()
        .unwrap_or_else(Profile::basic);
    let weight = |customer| {
        let known = input.fleet.customers.get(customer);
        known.map_or(Customer::WEIGHT, |known| known.weight)
    };
    let weights: Vec<u64> = customers.iter().map(weight).collect();
    let sizes = batch_sizes(&weights, &policy.batch);
    let mut phase = Phase {
        policy,
        health,
        after,
        customers,
        sizes,
        tolerated: 0,
        tolerated_weight: None,
    };
    phase.resolve_tolerance(&weights);
    phase
}
