//! `start`: is it refused, or does it begin now or when others have ended (R14, R18)? The plan is frozen with it (R6).

use std::collections::BTreeSet;

use policy::plan::{PlanError, RunningVersions};
use policy::settings::AutoDeploy;
use policy::{CustomerId, PersonId, Plan, PlanInput, Timestamp};

use crate::model::command::views::Observed;
use crate::model::fact::{RolloutAborted, RolloutStarted};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::{Rejected, Request};
use crate::model::state::{Outcome, Queued};
use crate::model::verb::{Conflict, Reviewed, Start};
use crate::product::Product;
use crate::requests::in_the_way::unfinished;
use crate::requests::started::{asked, exposed_in, observed, queued};
use crate::requests::votes::SHOWN_DIGEST;

impl Product {
    /// Takes a `start`: refuses it, or begins it now or when others have ended.
    pub(crate) fn request_start(
        &mut self,
        request: &Request,
        start: &Start,
    ) -> Result<(), Rejected> {
        self.nothing_elsewhere()?;
        let version = &start.input.release.version;
        if let Some(block) = self.state.product.blocks.get(version) {
            let text = format!("{version} is blocked by {}: {}", block.by, block.reason);
            return Err(Rejected::state(text, Offer::Unblock(version.clone())));
        }
        let running = self.running(&start.observed);
        self.check_replaced(start, &running)?;
        let everybody = Self::compile(&start.input, start.conflict, &[], &running, self.at)?;
        let customers: BTreeSet<CustomerId> = everybody.customers.keys().cloned().collect();
        let others = self.in_the_way(&customers, start.conflict);
        let replaced = self.superseded_releases(&others);
        let exposed = self.first_in(start.conflict, &start.input, &replaced, &running);
        let plan = match start.conflict {
            Conflict::Hotfix => {
                Self::compile(&start.input, start.conflict, &exposed, &running, self.at)?
            }
            Conflict::Refuse | Conflict::Queue | Conflict::Supersede => everybody,
        };
        if plan.customers.is_empty() {
            let text = format!(
                "nobody is left to get {version}: every customer has it, is pinned or excluded"
            );
            return Err(Rejected::state(text, Offer::plan(version)));
        }
        refuse_services(&plan, start)?;
        if !others.is_empty() && start.conflict == Conflict::Refuse {
            let hotfix = Self::compile(&start.input, Conflict::Hotfix, &[], &running, self.at);
            let is_bound = start.reviewed.is_some();
            return Err(unfinished(&others, hotfix.is_ok(), is_bound));
        }
        if let Some(reviewed) = &start.reviewed {
            is_reviewed(reviewed, &plan, &running, &others)?;
        }
        let id = RolloutId::Rollout(self.state.product.rollouts + 1);
        let observed = observed(start, &running);
        if others.is_empty() {
            let actor = request.by.name.clone();
            let exposed = exposed_in(start.conflict, exposed);
            let fact = self.started(actor, plan, exposed, &start.input, &start.observed);
            self.emit_in(id, asked(fact, start, observed));
            return Ok(());
        }
        let fact = queued(request, start, observed, replaced, &others);
        self.emit_in(id, fact);
        if matches!(start.conflict, Conflict::Supersede | Conflict::Hotfix) {
            self.supersede(&others, request, &start.input.release.version);
        }
        self.in_flight.queued_dirty = true;
        Ok(())
    }

    /// Compiles a plan; by the `hotfix` policy, those already on the release of what it supersedes go first.
    pub(crate) fn compile(
        input: &PlanInput,
        conflict: Conflict,
        exposed: &[CustomerId],
        running: &RunningVersions,
        at: Timestamp,
    ) -> Result<Plan, Rejected> {
        let mut input = input.clone();
        if conflict == Conflict::Hotfix {
            input.scope.hotfix = Some(exposed.to_vec());
        }
        policy::plan::compile(&input, running, at).map_err(|error| match error {
            PlanError::Downgrade { .. } => {
                Rejected::state(error.to_string(), "the same command with --allow-downgrade")
            }
            PlanError::Unknown { .. }
            | PlanError::Cycle(_)
            | PlanError::TwoPhases { .. }
            | PlanError::NoHotfixPolicy => Rejected::usage(error.to_string(), Offer::Validate),
        })
    }

    /// Customers of a queued rollout, as its plan would be now.
    pub(crate) fn wanted(&self, queued: &Queued) -> BTreeSet<CustomerId> {
        let running = self.running(&Observed::new());
        self.reached(&queued.input, queued.conflict, &running)
    }

    /// Begins a rollout whose turn has come: the plan is made from what really runs, and its digest is final (R14).
    pub(crate) fn begin_rollout(&mut self, id: RolloutId) {
        let Some(queued) = self
            .state
            .find(id)
            .and_then(|rollout| rollout.row.state.asked().cloned())
        else {
            return;
        };
        let running = self.running(&Observed::new());
        let row = &self.state.rollouts[&id].row;
        let exposed = self.first_in(queued.conflict, &queued.input, &row.replaces, &running);
        match Self::compile(&queued.input, queued.conflict, &exposed, &running, self.at) {
            Ok(plan) => {
                let (starter, input) = (row.starter.clone(), &queued.input);
                let exposed = exposed_in(queued.conflict, exposed);
                let fact = self.started(starter, plan, exposed, input, &Observed::new());
                self.emit_in(id, fact);
            }
            Err(rejected) => {
                let fact = RolloutAborted {
                    actor: None,
                    reason: Some(rejected.message),
                    outcome: Outcome::Aborted,
                };
                self.emit_in(id, fact);
            }
        }
    }

    /// The first fact of a rollout that begins with its plan, with what a person should know of that: no sure order of
    /// versions (R14), a way back that leads to what was judged unhealthy (R19).
    fn started(
        &self,
        starter: PersonId,
        plan: Plan,
        exposed: Option<Vec<CustomerId>>,
        input: &PlanInput,
        observed: &Observed,
    ) -> RolloutStarted {
        RolloutStarted {
            actor: starter,
            commit: plan.release.commit.clone(),
            version: plan.release.version.clone(),
            digest: plan.digest.clone(),
            doubts: policy::plan::doubts(&plan, input, &self.running(observed)),
            unhealthy_targets: self.unhealthy_targets(&plan, observed),
            plan: Box::new(plan),
            exposed,
            history: None,
            scope: None,
            clear_cache: None,
            deploy_timeout_ms: None,
            running: None,
            newest: None,
        }
    }
}

/// A start that is bound to a reviewed plan begins with exactly that one, or not at all (R6). The plan of a rollout that waits
/// for another is made when it begins, so that nobody can have reviewed it.
fn is_reviewed(
    reviewed: &Reviewed,
    plan: &Plan,
    running: &RunningVersions,
    others: &[(RolloutId, CustomerId)],
) -> Result<(), Rejected> {
    let version = &plan.release.version;
    if let Some((other, _)) = others.first() {
        let text = format!(
            "{other} is unfinished, and the plan of what follows it is only made when it begins: no reviewed plan binds it"
        );
        return Err(Rejected::state(text, Offer::plan(version)));
    }
    let ran = |customer: &CustomerId| running.get(customer) == reviewed.running.get(customer);
    if plan.digest == reviewed.digest && plan.customers.keys().all(ran) {
        return Ok(());
    }
    let text = format!(
        "the plan is another one than the one reviewed: {} instead of {}",
        shown(&plan.digest),
        shown(&reviewed.digest)
    );
    let again = Offer::Plan {
        version: version.clone(),
        out: true,
    };
    Err(Rejected::state(text, again))
}

fn shown(digest: &str) -> &str {
    digest.get(..SHOWN_DIGEST).unwrap_or(digest)
}

/// Services that a start refuses (R18): auto-deploy on, suspended, of another workspace.
fn refuse_services(plan: &Plan, start: &Start) -> Result<(), Rejected> {
    let manage = plan.project.render.auto_deploy == AutoDeploy::Manage;
    let mut reasons = Vec::new();
    let (mut suspended, mut automatic) = (0, 0);
    for (customer, planned) in &plan.customers {
        let views = start.observed.get(customer);
        for view in planned.services.iter().filter_map(|role| views?.get(role)) {
            if view.suspended && !start.input.scope.skip_suspended {
                reasons.push(format!("{} of {customer} is suspended", view.role));
                suspended += 1;
            }
            if view.auto_deploy && !manage {
                reasons.push(format!("auto-deploy of {}'s {} is on", customer, view.role));
                automatic += 1;
            }
            let unsuited = view.unsuited(&plan.release.commit);
            let refusals = view.refusals.iter().chain(&unsuited);
            reasons
                .extend(refusals.map(|refusal| format!("{customer}'s {}: {refusal}", view.role)));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let way_out = match (automatic, suspended) {
        (0, some) if some == reasons.len() => "the same command with --skip-suspended",
        (1.., _) => {
            "switch auto-deploy off at Render, or write `auto_deploy: manage` in tranche.yaml"
        }
        (_, _) => "mend it at Render",
    };
    Err(Rejected::state(reasons.join("; "), way_out))
}
