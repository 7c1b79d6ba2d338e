//! Begins rollouts: refuses, queues, supersedes (R14, R18), freezes the plan (R6), and takes edited files.

use std::collections::{BTreeMap, BTreeSet};

use policy::plan::{PlanError, RunningVersions};
use policy::settings::AutoDeploy;
use policy::{CustomerId, Plan, PlanInput, Role, Timestamp};

use crate::customer::targets::with_targets;
use crate::fold::index::Rollout;
use crate::model::event::{Kind, Line};
use crate::model::ids::{DeployId, RolloutId};
use crate::model::offer::{Offer, Offers};
use crate::model::request::{
    Conflict, Directory, FilesRead, Rejected, RejectedCode, Request, Reviewed, Start,
};
use crate::model::state::{CustomerStatus, DrainTo, Queued, RolloutState, RunningService};
use crate::product::Product;
use crate::progress::running::Observed;
use crate::requests::votes::SHOWN_DIGEST;

impl Rejected {
    /// Not in the present state.
    pub(crate) fn state(message: impl Into<String>, way_out: impl Into<Offers>) -> Self {
        Self::new(RejectedCode::State, message, way_out)
    }

    /// It makes no sense as asked.
    pub(crate) fn usage(message: impl Into<String>, way_out: impl Into<Offers>) -> Self {
        Self::new(RejectedCode::Usage, message, way_out)
    }

    pub(crate) fn new(
        code: RejectedCode,
        message: impl Into<String>,
        way_out: impl Into<Offers>,
    ) -> Self {
        let offers = way_out.into();
        Self {
            code,
            message: message.into(),
            way_out: offers.first(),
            offers,
        }
    }
}

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
        if others.is_empty() {
            let fact = started_fact(&request.by.name, &plan);
            let fact = self.with_warnings(fact, &start.input, &plan, &start.observed);
            let fact = with_exposed(fact, start.conflict, &exposed);
            self.emit_in(id, with_request(fact, start, &running));
            return Ok(());
        }
        let fact = Line {
            actor: Some(request.by.name.clone()),
            commit: Some(start.input.release.commit.clone()),
            ..Line::new(Kind::RolloutQueued)
        };
        let fact = fact
            .with("version", version.clone())
            .with_value("conflict", &start.conflict)
            .with_value(
                "behind",
                &others.iter().map(|(other, _)| other).collect::<Vec<_>>(),
            )
            .with_value("input", &start.input);
        let fact = match start.conflict {
            Conflict::Supersede | Conflict::Hotfix => fact.with_value("replaces", &replaced),
            Conflict::Refuse | Conflict::Queue => fact,
        };
        self.emit_in(id, with_request(fact, start, &running));
        if matches!(start.conflict, Conflict::Supersede | Conflict::Hotfix) {
            self.supersede(&others, request, version);
        }
        self.work.queued_dirty = true;
        Ok(())
    }

    /// Compiles a plan; by the `hotfix` policy, those already on the release of what it supersedes go first.
    fn compile(
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

    /// Unfinished rollouts that have one of these customers unsettled or still watched (R14).
    fn in_common(
        &self,
        customers: &BTreeSet<CustomerId>,
        except: Option<RolloutId>,
    ) -> Vec<(RolloutId, CustomerId)> {
        let mut others = Vec::new();
        for (id, run) in &self.state.runs {
            if Some(*id) == except || run.is_ended() {
                continue;
            }
            let common = match &run.row.queued {
                Some(queued) => self.wanted(queued).intersection(customers).next().cloned(),
                None => customers.iter().find(|one| run.has_open(one)).cloned(),
            };
            others.extend(common.map(|customer| (*id, customer)));
        }
        others
    }

    /// Whether no unfinished work has these customers in hand, so that a rollout of its own can have them.
    pub(crate) fn is_free(&self, customers: &BTreeSet<CustomerId>) -> bool {
        self.in_common(customers, None).is_empty()
    }

    /// Customers that such a start would reach.
    pub(crate) fn reached(
        &self,
        input: &PlanInput,
        conflict: Conflict,
        running: &RunningVersions,
    ) -> BTreeSet<CustomerId> {
        let plan = Self::compile(input, conflict, &[], running, self.at);
        plan.map_or_else(
            |_| BTreeSet::new(),
            |plan| plan.customers.into_keys().collect(),
        )
    }

    /// What a start with these customers has to do with: unfinished work in common, and, where it takes the place of others,
    /// also rollouts that have halted with nobody left to start, since nothing else would end them.
    pub(crate) fn in_the_way(
        &self,
        customers: &BTreeSet<CustomerId>,
        conflict: Conflict,
    ) -> Vec<(RolloutId, CustomerId)> {
        let mut others = self.in_common(customers, None);
        if matches!(conflict, Conflict::Refuse | Conflict::Queue) {
            return others;
        }
        let resting = self.state.runs.iter().filter_map(|(id, run)| {
            let planned = |customer: &&CustomerId| run.plan.customers.contains_key(*customer);
            let customer = customers.iter().find(planned)?;
            run.is_halted().then(|| (*id, customer.clone()))
        });
        let resting: Vec<_> = resting
            .filter(|(id, _)| others.iter().all(|(other, _)| other != id))
            .collect();
        others.extend(resting);
        others.sort_unstable();
        others
    }

    /// Rollouts that a queued one waits for: unfinished ones before it with a customer in common.
    pub(crate) fn blockers(&self, id: RolloutId) -> Vec<RolloutId> {
        let run = &self.state.runs[&id];
        let Some(queued) = &run.row.queued else {
            return Vec::new();
        };
        let customers = self.wanted(queued);
        let draining = |other: &RolloutId| {
            let other = &self.state.runs[other];
            other.is_ending() && !other.is_ended()
        };
        let common = self
            .in_common(&customers, Some(id))
            .into_iter()
            .map(|(other, _)| other);
        let ending = self.state.runs.keys().copied().filter(draining);
        let before: BTreeSet<RolloutId> =
            common.chain(ending).filter(|other| *other < id).collect();
        before.into_iter().collect()
    }

    /// Customers of a queued rollout, as its plan would be now.
    fn wanted(&self, queued: &Queued) -> BTreeSet<CustomerId> {
        let running = self.running(&Observed::new());
        self.reached(&queued.input, queued.conflict, &running)
    }

    /// Whether a rollout is one that another start can take the place of. An operation is over before its customer's turn
    /// comes (R15), and an abort is final (P19).
    pub(crate) fn is_superseded(&self, id: RolloutId) -> bool {
        let aborting = self.state.runs.get(&id).is_some_and(|run| {
            matches!(
                run.row.state,
                RolloutState::Draining {
                    to: DrainTo::Aborted,
                    ..
                }
            )
        });
        matches!(id, RolloutId::Rollout(_)) && !aborting
    }

    fn supersede(&mut self, others: &[(RolloutId, CustomerId)], request: &Request, version: &str) {
        let others = others.iter().map(|(other, _)| *other);
        let rollouts: Vec<RolloutId> = others.filter(|other| self.is_superseded(*other)).collect();
        for other in rollouts {
            let fact = Line {
                actor: Some(request.by.name.clone()),
                reason: Some(format!("superseded by {version}")),
                ..Line::new(Kind::RolloutDraining)
            };
            self.emit_in(other, fact.with_value("to", &DrainTo::Superseded));
        }
    }

    /// Begins a rollout whose turn has come: the plan is made from what really runs, and its digest is final (R14).
    pub(crate) fn begin_rollout(&mut self, id: RolloutId) {
        let Some(queued) = self
            .state
            .runs
            .get(&id)
            .and_then(|run| run.row.queued.clone())
        else {
            return;
        };
        let running = self.running(&Observed::new());
        let row = &self.state.runs[&id].row;
        let exposed = self.first_in(queued.conflict, &queued.input, &row.replaces, &running);
        let fact = match Self::compile(&queued.input, queued.conflict, &exposed, &running, self.at)
        {
            Ok(plan) => {
                let fact = started_fact(&row.starter, &plan);
                let fact = self.with_warnings(fact, &queued.input, &plan, &Observed::new());
                with_exposed(fact, queued.conflict, &exposed)
            }
            Err(rejected) => {
                let outcome = crate::model::state::Outcome::Aborted;
                Line {
                    reason: Some(rejected.message),
                    ..Line::new(Kind::RolloutAborted)
                }
                .with_value("outcome", &outcome)
            }
        };
        self.emit_in(id, fact);
    }

    /// What a person should know of a plan that begins: no sure order of versions (R14), a way back that leads to what was
    /// judged unhealthy (R19).
    fn with_warnings(
        &self,
        fact: Line,
        input: &PlanInput,
        plan: &Plan,
        observed: &Observed,
    ) -> Line {
        let doubts = policy::plan::doubts(plan, input, &self.running(observed));
        let targets = self.unhealthy_targets(plan, observed);
        let fact = match doubts.is_empty() {
            true => fact,
            false => fact.with_value("doubts", &doubts),
        };
        with_targets(fact, &targets)
    }

    /// Takes the project's files as now written (R6).
    pub(crate) fn files_read(&mut self, files: &FilesRead) {
        let known = self.state.product.files.as_ref();
        let in_force = self.left_by(files);
        let gates_shut = files.unreadable.is_some() && files.by_itself.is_none();
        let same = known.is_some_and(|known| match &files.unreadable {
            Some(_) => {
                known.unreadable == files.unreadable
                    && known.in_force == in_force
                    && known.gates_shut == gates_shut
            }
            None => {
                known.unreadable.is_none()
                    && known.directory == files.directory
                    && known.freezes == files.freezes
                    && known.pins == files.pins
                    && known.customers == files.customers
                    && known.unapplied == files.unapplied
                    && known.outside == files.outside
            }
        });
        if same {
            return;
        }
        let before = self.state.last_directory();
        let joined = self.joined(files);
        let fact = Line {
            reason: files.alarm(),
            ..Line::new(Kind::FilesRead)
        };
        let mut fact = fact
            .with_value("files", files)
            .with_value("joined_after_the_start", &joined);
        if let Some(in_force) = &in_force {
            fact = fact.with_value("in_force", in_force);
        }
        if gates_shut {
            fact = fact.with("gates_shut", true);
        }
        self.emit(fact);
        self.tell_of_people(before.as_ref());
    }

    /// What files that do not validate leave of who may do what (R6).
    fn left_by(&self, files: &FilesRead) -> Option<Directory> {
        files.unreadable.as_ref()?;
        let product = &self.state.product;
        let Some(read) = &files.by_itself else {
            return product.files.as_ref()?.in_force.clone();
        };
        let valid = product.read_files().map(|known| known.directory.clone());
        let valid = valid.or_else(|| self.state.frozen_directory())?;
        Some(valid.reduced_to(read))
    }

    /// A change of people, groups or roles is a fact of its own (P49): it decides whose vote counts.
    fn tell_of_people(&mut self, before: Option<&Directory>) {
        let now = self.state.product.directory();
        let Some(change) = before
            .zip(now)
            .and_then(|(before, now)| before.change_to(now))
        else {
            return;
        };
        let fact = Line::new(Kind::PeopleChanged)
            .with_value("people", &change.people)
            .with_value("groups", &change.groups)
            .with_value("roles", &change.roles)
            .with_value("whom", &change.whom);
        self.emit(fact);
    }

    /// Customers that joined after every unfinished rollout's start.
    fn joined(&self, files: &FilesRead) -> Vec<CustomerId> {
        let mut unfinished = self
            .state
            .runs
            .values()
            .filter(|run| !run.is_ended())
            .peekable();
        if unfinished.peek().is_none() {
            return Vec::new();
        }
        let planned: Vec<_> = unfinished.collect();
        let known = |customer: &&CustomerId| {
            planned.iter().any(|run| {
                run.plan.customers.contains_key(*customer)
                    || run.plan.left_out.contains_key(*customer)
            })
        };
        files
            .customers
            .iter()
            .filter(|customer| !known(customer))
            .cloned()
            .collect()
    }
}

impl Rollout {
    /// Whether nobody starts in it any more, whatever people do: it has ended, or drains to its end.
    pub(crate) fn is_ending(&self) -> bool {
        match &self.row.state {
            RolloutState::Ended { .. }
            | RolloutState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => true,
            RolloutState::Queued
            | RolloutState::Running
            | RolloutState::Halted { .. }
            | RolloutState::Draining {
                to: DrainTo::Halted,
                ..
            } => false,
        }
    }

    /// Whether it rests after failures, or is about to.
    fn is_halted(&self) -> bool {
        match &self.row.state {
            RolloutState::Halted { .. }
            | RolloutState::Draining {
                to: DrainTo::Halted,
                ..
            } => true,
            RolloutState::Queued
            | RolloutState::Running
            | RolloutState::Ended { .. }
            | RolloutState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => false,
        }
    }

    /// Whether the customer has not settled here, or is still watched (R14).
    pub(crate) fn has_open(&self, customer: &CustomerId) -> bool {
        let state = &self.customer(customer).state;
        let settled = *state == CustomerStatus::Healthy && !self.is_watched(customer);
        self.plan.customers.contains_key(customer) && !state.is_over() && !settled
    }
}

fn started_fact(starter: &policy::PersonId, plan: &Plan) -> Line {
    let fact = Line {
        actor: Some(starter.clone()),
        commit: Some(plan.release.commit.clone()),
        ..Line::new(Kind::RolloutStarted)
    };
    fact.with("version", plan.release.version.clone())
        .with("digest", plan.digest.clone())
        .with_value("plan", plan)
}

/// Who goes first, in a hotfix.
fn with_exposed(fact: Line, conflict: Conflict, exposed: &[CustomerId]) -> Line {
    match conflict {
        Conflict::Hotfix => fact.with_value("exposed", &exposed),
        Conflict::Refuse | Conflict::Queue | Conflict::Supersede => fact,
    }
}

/// What of the request counts beside the plan: options, and what Render said of the services.
fn with_request(fact: Line, start: &Start, running: &RunningVersions) -> Line {
    let mut seen: BTreeMap<&CustomerId, BTreeMap<&Role, RunningService>> = BTreeMap::new();
    let mut newest: BTreeMap<&CustomerId, BTreeMap<&Role, &DeployId>> = BTreeMap::new();
    for (customer, views) in &start.observed {
        for (role, view) in views {
            let known = running
                .get(customer)
                .and_then(|services| services.get(role));
            let service = RunningService {
                deploy: view.live().map(|live| live.id.clone()),
                version: known.and_then(|known| known.version.clone()),
                commit: known.and_then(|known| known.commit.clone()),
                since: Timestamp::default(),
            };
            let first = view.deploys.first().map(|deploy| &deploy.id);
            if let Some(first) = first.filter(|first| Some(*first) != service.deploy.as_ref()) {
                newest.entry(customer).or_default().insert(role, first);
            }
            seen.entry(customer).or_default().insert(role, service);
        }
    }
    let fact = match start.input.history.is_empty() {
        true => fact,
        false => fact.with_value("history", &start.input.history),
    };
    // What is there now and not named here came after the start (R16).
    let fact = match seen.is_empty() {
        true => fact,
        false => fact.with_value("newest", &newest),
    };
    fact.with_value("scope", &start.input.scope)
        .with("clear_cache", start.clear_cache)
        .with_value(
            "deploy_timeout_ms",
            &start.deploy_timeout.map(policy::Span::as_millis),
        )
        .with_value("running", &seen)
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

/// `has_hotfix`: the files have a policy for one; `is_bound`: to a plan that was reviewed, which cannot wait.
fn unfinished(others: &[(RolloutId, CustomerId)], has_hotfix: bool, is_bound: bool) -> Rejected {
    let list: Vec<String> = others
        .iter()
        .map(|(id, customer)| format!("{id} still has {customer}"))
        .collect();
    let text = format!("another rollout is unfinished: {}", list.join(", "));
    let way_out = match has_hotfix {
        _ if is_bound => {
            "the same command once it has ended; a start that waits cannot be bound to a plan"
        }
        true => "add --queue to wait for it, --supersede to end it, or --hotfix",
        false => "add --queue to wait for it, or --supersede to end it",
    };
    Rejected::state(text, way_out)
}
