//! What came of a rollout: a pure fold over the journal into everything a report says.
//!
//! Start reading at [`Reporter`]: pass it every event of the product in order, then ask for the [`Report`] of one rollout.
//! How a report looks is decided by whoever shows it.

mod approvals;
mod customers;
mod deploys;
mod incidents;
mod phases;
mod spent;
mod statistics;
mod usual;
mod weights;

use std::collections::BTreeSet;

use policy::{CustomerId, PersonId, Plan, Timestamp};
use serde::{Deserialize, Serialize};

use self::approvals::Approvals;
pub use self::approvals::{Answer, ApprovalReport, PeopleReport, VoteReport};
pub use self::customers::{CustomerReport, ServiceVersion, Standing};
use self::customers::{Customers, Versions, joined_late};
pub use self::deploys::{DeployDirection, DeployLog, DeployOutcome, DeployRecord};
use self::incidents::Troubles;
pub use self::incidents::{Incident, Override};
use self::phases::Phases;
pub use self::phases::{Figure, ObservedFigures, PhaseReport};
use self::spent::Ledger;
pub use self::spent::Spent;
pub use self::statistics::{Figures, PhaseFigures, Rate, Statistics, Verdict};
pub use self::usual::{Usual, usual};
pub use self::weights::{BatchWeights, PhaseWeights};
use crate::model::event::{Event, Kind};
use crate::model::fact::{EngineFact, Fact, PersonFact, RolloutFact};
use crate::model::ids::RolloutId;
use crate::model::state::Outcome;
use crate::product::Product;

/// Everything there is to say about one rollout or operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which.
    pub rollout: RolloutId,
    /// What is released.
    pub product: String,
    /// The version.
    pub version: String,
    /// Its commit.
    pub commit: String,
    /// The digest of the plan, the one that counts now.
    pub digest: String,
    /// Who asked for it.
    pub starter: Option<PersonId>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it began; absent: it waits for another.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended, or that it rests halted (then without `ended_at`); absent: neither.
    pub outcome: Option<Outcome>,
    /// The instant up to which this report tells.
    pub until: Timestamp,
    /// Where the time went.
    pub spent: Spent,
    /// Deploys, rollbacks and verdicts in numbers.
    pub figures: Figures,
    /// The phases in the plan's order.
    pub phases: Vec<PhaseReport>,
    /// The customers in the plan's order, then those left out.
    pub customers: Vec<CustomerReport>,
    /// Requests for approval in order.
    pub approvals: Vec<ApprovalReport>,
    /// What went wrong, in order.
    pub incidents: Vec<Incident>,
    /// What people set aside, in order (P6).
    pub overrides: Vec<Override>,
    /// How people, groups and roles changed meanwhile, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PeopleReport>,
}

impl Report {
    /// Adds to everybody who waits what they wait for now.
    pub fn explain(&mut self, product: &Product, at: Timestamp) {
        let rollout = self.rollout;
        let open = self
            .customers
            .iter_mut()
            .filter(|one| one.standing.is_open());
        for one in open {
            let holds = product.holds(rollout, &one.customer, at);
            one.waits_for = holds.into_iter().map(|hold| hold.text).collect();
        }
    }

    /// The requests that are still open.
    pub fn open_approvals(&self) -> impl Iterator<Item = &ApprovalReport> {
        self.approvals
            .iter()
            .filter(|one| one.answer == Answer::Open)
    }
}

/// Folds the journal of a product into the report of one of its rollouts.
#[derive(Clone, Debug)]
pub struct Reporter {
    run: RolloutId,
    head: Option<Head>,
    ledger: Ledger,
    deploys: DeployLog,
    verdicts: Vec<Verdict>,
    versions: Versions,
    customers: Customers,
    approvals: Approvals,
    troubles: Troubles,
    phases: Phases,
    joined: BTreeSet<CustomerId>,
    people: Vec<PeopleReport>,
}

/// What concerns the rollout as a whole.
#[derive(Clone, Debug)]
struct Head {
    plan: Option<Box<Plan>>,
    version: String,
    commit: String,
    starter: Option<PersonId>,
    requested_at: Timestamp,
    started_at: Option<Timestamp>,
    ended: Option<(Timestamp, Outcome)>,
    halted: bool,
}

impl Reporter {
    /// Begins the report of one rollout or operation.
    pub fn new(run: RolloutId) -> Self {
        Self {
            run,
            head: None,
            ledger: Ledger::default(),
            deploys: DeployLog::default(),
            verdicts: Vec::new(),
            versions: Versions::default(),
            customers: Customers::default(),
            approvals: Approvals::default(),
            troubles: Troubles::default(),
            phases: Phases::default(),
            joined: BTreeSet::new(),
            people: Vec::new(),
        }
    }

    /// Folds the next event of the journal; those of other rollouts tell what runs now. One that cannot be read tells nothing.
    pub fn take(&mut self, event: &Event) {
        if !self.concerns(event) {
            return;
        }
        let Ok(fact) = Fact::read(&event.line) else {
            return;
        };
        self.versions.take(event, &fact);
        match event.line.rollout {
            Some(run) if run == self.run => self.take_own(event, &fact),
            None => self.take_shared(event, &fact),
            Some(_) => {}
        }
    }

    /// Whether an event is worth reading: plans are large.
    fn concerns(&self, event: &Event) -> bool {
        let kind = event.line.kind;
        match event.line.rollout {
            Some(run) if run == self.run => true,
            None => self.head.is_some() || kind == Kind::Observed,
            Some(_) => Versions::KINDS.contains(&kind),
        }
    }

    /// The report, told up to `until`; `None`: there is no such rollout.
    pub fn report(&self, until: Timestamp) -> Option<Report> {
        let head = self.head.as_ref()?;
        let until = head.ended.map_or(until, |(at, _)| at);
        let deploys: Vec<_> = self.deploys.records().iter().collect();
        let verdicts: Vec<_> = self.verdicts.iter().collect();
        let customers = self.customers(head, until);
        Some(Report {
            rollout: self.run,
            product: head
                .plan
                .as_ref()
                .map_or_else(String::new, |plan| plan.product.clone()),
            version: head.version.clone(),
            commit: head.commit.clone(),
            digest: head
                .plan
                .as_ref()
                .map_or_else(String::new, |plan| plan.digest.clone()),
            starter: head.starter.clone(),
            requested_at: head.requested_at,
            started_at: head.started_at,
            ended_at: head.ended.map(|(at, _)| at),
            outcome: match head.ended {
                Some((_, outcome)) => Some(outcome),
                None => head.halted.then_some(Outcome::Halted),
            },
            until,
            spent: self.ledger.at(until),
            figures: Figures::of(&deploys, &verdicts),
            phases: match &head.plan {
                Some(plan) => self.phases.reports(
                    plan,
                    &customers,
                    &deploys,
                    &verdicts,
                    (head.started_at, until),
                ),
                None => Vec::new(),
            },
            approvals: self.approvals(&customers),
            customers,
            incidents: self.troubles.incidents.clone(),
            overrides: self.troubles.overrides.clone(),
            people: self.people.clone(),
        })
    }

    fn customers(&self, head: &Head, until: Timestamp) -> Vec<CustomerReport> {
        let Some(plan) = &head.plan else {
            return Vec::new();
        };
        let deploys: Vec<_> = self.deploys.records().iter().collect();
        let mut customers = self
            .customers
            .reports(plan, &self.versions, &deploys, until);
        let late = self
            .joined
            .iter()
            .filter(|id| !plan.customers.contains_key(*id) && !plan.left_out.contains_key(*id));
        customers.extend(late.map(|id| joined_late(id, &self.versions)));
        if head.ended.is_some() {
            let open = customers.iter_mut().filter(|one| one.standing.is_open());
            open.for_each(|one| one.standing = Standing::NotReached);
        }
        customers
    }

    fn approvals(&self, customers: &[CustomerReport]) -> Vec<ApprovalReport> {
        let open: BTreeSet<&CustomerId> = customers
            .iter()
            .filter(|one| one.standing.is_open())
            .map(|one| &one.customer)
            .collect();
        self.approvals
            .reports(|id| !open.contains(id), &self.people)
    }

    /// Whether it has been asked for and has not ended.
    fn is_open(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.ended.is_none())
    }

    fn take_own(&mut self, event: &Event, fact: &Fact) {
        if let Fact::Rollout(fact) = fact {
            self.take_course(event, fact);
        }
        self.ledger.take(event.at, fact);
        self.deploys.take(event, fact);
        if let Fact::Health(fact) = fact {
            self.verdicts.push(Verdict::of(event.at, fact));
        }
        self.customers.take(event, fact);
        if let Fact::Gate(fact) = fact {
            self.approvals.take(event, fact);
        }
        self.troubles.take(event, fact);
        self.phases.take(event, fact);
    }

    /// What happened to the whole product while the rollout was open; figures from outside also count afterwards.
    fn take_shared(&mut self, event: &Event, fact: &Fact) {
        self.phases.take(event, fact);
        if !self.is_open() {
            return;
        }
        self.ledger.take(event.at, fact);
        self.troubles.take(event, fact);
        if let Fact::Person(PersonFact::PeopleChanged(changed)) = fact {
            self.people.extend(PeopleReport::of(event.at, changed));
        }
        if let Fact::Engine(EngineFact::FilesRead(read)) = fact {
            self.joined = read.joined_after_the_start.iter().cloned().collect();
        }
    }

    fn take_course(&mut self, event: &Event, fact: &RolloutFact) {
        match fact {
            RolloutFact::RolloutQueued(queued) => {
                self.head = Some(Head::asked(event, &queued.input.release.version));
            }
            RolloutFact::RolloutStarted(started) => self.begin(event, &started.plan),
            RolloutFact::OperationStarted(started) => self.begin(event, &started.plan),
            RolloutFact::Replanned(replanned) => {
                if let Some(head) = &mut self.head {
                    head.plan = Some(replanned.plan.clone());
                }
            }
            RolloutFact::RolloutHalted(_) => self.rest(true),
            RolloutFact::RolloutDraining(_) | RolloutFact::RolloutResumed(_) => self.rest(false),
            RolloutFact::RolloutSucceeded(end) => self.end(event, end.outcome),
            RolloutFact::RolloutAborted(end) => self.end(event, end.outcome),
            RolloutFact::RolloutSuperseded(end) => self.end(event, end.outcome),
            RolloutFact::OperationEnded(end) => self.end(event, end.outcome),
        }
    }

    fn begin(&mut self, event: &Event, plan: &Plan) {
        let release = &plan.release;
        let asked = || Head::asked(event, &release.version);
        let head = self.head.get_or_insert_with(asked);
        head.started_at = Some(event.at);
        head.version.clone_from(&release.version);
        head.commit.clone_from(&release.commit);
        head.plan = Some(Box::new(plan.clone()));
        self.ledger.open(event.at);
    }

    fn rest(&mut self, halted: bool) {
        if let Some(head) = &mut self.head {
            head.halted = halted;
        }
    }

    fn end(&mut self, event: &Event, outcome: Outcome) {
        self.ledger.close(event.at);
        if let Some(head) = &mut self.head {
            head.ended = Some((event.at, outcome));
        }
    }
}

impl Head {
    fn asked(event: &Event, version: &str) -> Self {
        Self {
            plan: None,
            version: version.to_owned(),
            commit: event.line.commit.clone().unwrap_or_default(),
            starter: event.line.actor.clone(),
            requested_at: event.at,
            started_at: None,
            ended: None,
            halted: false,
        }
    }
}
