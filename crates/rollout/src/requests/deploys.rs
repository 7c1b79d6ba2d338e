//! Begins operations over single services (A8-A11): each service is a phase of its own in a plan without gates, windows or
//! waits, so that everything else goes as in a rollout.

use std::collections::{BTreeMap, BTreeSet};

use policy::plan::{Own, Phase};
use policy::rules::{
    BatchRule, Hooks, OnFailure, Order, Policy, RollbackMode, Selection, Tolerance,
};
use policy::settings::AutoDeploy;
use policy::{Customer, CustomerId, Plan, PlannedCustomer, PolicyId, Project, Release, Span};

use crate::model::fact::{OperationStarted, Seen};
use crate::model::offer::Offer;
use crate::model::operation::{Deploys, MAX_SERVICES, ServiceDeploy};
use crate::model::request::{Rejected, Request};
use crate::model::state::{CustomerStatus, Operation, RunningService};
use crate::product::Product;
use crate::requests::operate::{digest, operation_started};

impl Product {
    /// Takes a `deploy`: refuses it with everything that is in its way, or begins an operation.
    pub(crate) fn request_deploys(
        &mut self,
        request: &Request,
        deploys: &Deploys,
    ) -> Result<(), Rejected> {
        let plan = deploys.plan()?;
        for deploy in &deploys.services {
            self.is_nobodys(&deploy.customer)?;
            self.is_not_blocked(&deploy.release)?;
        }
        refuse_services(deploys)?;
        let first = &deploys.services[0];
        let one = deploys.services.len() == 1;
        let fact = OperationStarted {
            customer: one.then(|| first.customer.clone()),
            service: one.then(|| first.role.clone()),
            customers: Some(plan.customers.keys().cloned().collect()),
            running: Some(self.seen(deploys)),
            ..operation_started(request, Operation::Deploy, plan, &deploys.reason)
        };
        self.begin_operation(fact);
        Ok(())
    }

    /// Refuses a customer that somebody is changing, or that an unfinished rollout has started and still watches (R15).
    pub(crate) fn is_nobodys(&self, customer: &CustomerId) -> Result<(), Rejected> {
        let in_hand = self.state.rollouts.iter().find(|(_, rollout)| {
            let waits = rollout.customer(customer).status == CustomerStatus::Waiting;
            !rollout.is_ended() && rollout.has_open(customer) && !waits
        });
        let owner = self.state.owner(customer);
        match owner.or(in_hand.map(|(id, _)| *id)) {
            None => Ok(()),
            Some(id) => Err(Rejected::state(
                format!("{id} has {customer} in hand"),
                Offer::why(customer),
            )),
        }
    }

    fn is_not_blocked(&self, release: &Release) -> Result<(), Rejected> {
        match self.state.product.blocks.get(&release.version) {
            None => Ok(()),
            Some(block) => Err(Rejected::state(
                format!(
                    "{} is blocked by {}: {}",
                    release.version, block.by, block.reason
                ),
                Offer::Unblock(release.version.clone()),
            )),
        }
    }

    /// What Render said of the services, for the tracking of what runs where.
    fn seen(&self, deploys: &Deploys) -> Seen {
        let mut seen = Seen::new();
        for deploy in &deploys.services {
            let Some(live) = deploy.observed.as_ref().and_then(|view| view.live()) else {
                continue;
            };
            let service = RunningService {
                deploy: Some(live.id.clone()),
                version: deploy
                    .observed
                    .as_ref()
                    .and_then(|view| view.version.clone()),
                commit: live.exact(),
                since: self.at,
            };
            seen.entry(deploy.customer.clone())
                .or_default()
                .insert(deploy.role.clone(), service);
        }
        seen
    }
}

impl Deploys {
    /// The plan of the operation that they become.
    ///
    /// # Errors
    ///
    /// Nobody is named, too many are, or one twice.
    pub fn plan(&self) -> Result<Plan, Rejected> {
        make_sense(self)?;
        Ok(plan(self))
    }
}

/// A customer is changed by one deploy at a time, so it can be named once (R15).
fn make_sense(deploys: &Deploys) -> Result<(), Rejected> {
    let usage = "tranche deploy SERVICE --commit SHA --reason ...";
    if deploys.services.is_empty() {
        return Err(Rejected::usage("no service is named", usage));
    }
    if deploys.services.len() > MAX_SERVICES {
        let text = format!("one operation has at most {MAX_SERVICES} services");
        return Err(Rejected::usage(
            text,
            "several deploys, one after the other",
        ));
    }
    let mut named = BTreeSet::new();
    for deploy in &deploys.services {
        if !deploy.services.services.contains_key(&deploy.role) {
            let text = format!("{} has no service `{}`", deploy.customer, deploy.role);
            return Err(Rejected::usage(
                text,
                Offer::Customer(deploy.customer.clone()),
            ));
        }
        if !named.insert(&deploy.customer) {
            let text = format!(
                "{} is named twice, and a customer is changed by one deploy at a time",
                deploy.customer
            );
            return Err(Rejected::usage(text, "a deploy of its own, after this one"));
        }
    }
    Ok(())
}

/// Services that a deploy refuses as a start does (R18), all of them at once.
fn refuse_services(deploys: &Deploys) -> Result<(), Rejected> {
    let manage = deploys.project.render.auto_deploy == AutoDeploy::Manage;
    let mut reasons = Vec::new();
    for deploy in &deploys.services {
        let name = format!("{}/{}", deploy.customer, deploy.role);
        let Some(view) = &deploy.observed else {
            continue;
        };
        if view.suspended {
            reasons.push(format!("{name} is suspended"));
        }
        if view.auto_deploy && !manage {
            reasons.push(format!("auto-deploy of {name} is on"));
        }
        let unsuited = view.unsuited(&deploy.release.commit);
        let refusals = view.refusals.iter().filter(|_| deploy.validate);
        let refusals = refusals.chain(&unsuited);
        reasons.extend(refusals.map(|refusal| format!("{name}: {refusal}")));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let way_out = "mend it at Render; for auto-deploy, write `auto_deploy: manage` in tranche.yaml";
    Err(Rejected::state(reasons.join("; "), way_out))
}

fn plan(deploys: &Deploys) -> Plan {
    let one = deploys.services.len() == 1;
    let name = |number: usize| match one {
        true => PolicyId::new("deploy"),
        false => PolicyId::new(format!("deploy-{}", number + 1)),
    };
    let mut plan = bare_plan(&deploys.project, common_release(deploys));
    for (number, deploy) in deploys.services.iter().enumerate() {
        let policy = Policy {
            health: deploy.health.clone(),
            watch: deploy.watch,
            max_parallel: deploys.max_parallel,
            services: vec![deploy.role.clone()],
            deploy_timeout: deploy.timeout,
            rollback: deploy.rollback,
            ..bare_policy(name(number))
        };
        plan.phases.push(Phase {
            policy,
            health: deploy.profile.clone(),
            after: Vec::new(),
            customers: vec![deploy.customer.clone()],
            sizes: vec![1],
            tolerated: 0,
            tolerated_weight: None,
        });
        plan.customers
            .insert(deploy.customer.clone(), planned(deploy, number));
    }
    plan.digest = digest(&plan);
    plan
}

fn planned(deploy: &ServiceDeploy, phase: usize) -> PlannedCustomer {
    let own = Own {
        release: deploy.release.clone(),
        version: deploy.version.clone(),
        variables: BTreeMap::from([(deploy.role.clone(), deploy.variables.clone())]),
        clear_cache: deploy.clear_cache,
        validate: deploy.validate,
    };
    PlannedCustomer {
        customer: Customer {
            window: Vec::new(),
            ..deploy.services.clone()
        },
        phase,
        services: vec![deploy.role.clone()],
        running: deploy
            .observed
            .as_ref()
            .and_then(|view| view.version.clone()),
        own: Some(Box::new(own)),
    }
}

/// What all get, if it is the same; else how many there are.
fn common_release(deploys: &Deploys) -> Release {
    let first = &deploys.services[0].release;
    if deploys
        .services
        .iter()
        .all(|deploy| deploy.release == *first)
    {
        return first.clone();
    }
    Release {
        version: format!("{} services", deploys.services.len()),
        commit: String::new(),
    }
}

/// A plan of an operation, without anybody in it.
pub(crate) fn bare_plan(project: &Project, release: Release) -> Plan {
    Plan {
        digest: String::new(),
        product: project.product.clone(),
        release,
        phases: Vec::new(),
        customers: BTreeMap::new(),
        left_out: BTreeMap::new(),
        freezes: Vec::new(),
        project: project.clone(),
    }
}

/// A policy that lets everybody go at once, and waits for nothing.
pub(crate) fn bare_policy(name: PolicyId) -> Policy {
    Policy {
        name,
        after: Vec::new(),
        customers: Selection {
            tier: None,
            tags: BTreeSet::new(),
            only: None,
            except: BTreeSet::new(),
        },
        not_before: Span::ZERO,
        due: None,
        batch: BatchRule::All,
        delay: Span::ZERO,
        order: Order::Ready,
        health: "basic".to_owned(),
        soak: Span::ZERO,
        watch: Span::ZERO,
        max_failures: Tolerance::Count(0),
        on_failure: OnFailure::Continue,
        approval: None,
        window: Vec::new(),
        max_parallel: 1,
        services: Vec::new(),
        deploy_timeout: Span::from_secs(600),
        rollback: RollbackMode::Automatic,
        hooks: Hooks::default(),
        deferral: None,
    }
}
