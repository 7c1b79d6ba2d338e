//! A rollout phase by phase: how many customers got where, how long it took, and the figures beside it.

use std::collections::BTreeMap;

use policy::{CustomerId, Plan, PolicyId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::customers::CustomerReport;
use super::deploys::DeployRecord;
use super::spent::{Ledger, Spent};
use super::statistics::{Figures, Verdict};
use super::weights::PhaseWeights;
use crate::model::event::Event;
use crate::model::fact::{Fact, Observed, PersonFact, PhaseFact};

/// One phase in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Its policy's name.
    pub name: PolicyId,
    /// Customers that are planned in it.
    pub planned: u32,
    /// Customers on the release.
    pub updated: u32,
    /// Customers for whom the release was tried and did not stay.
    pub failed: u32,
    /// Customers left out, before the start or on the way.
    pub left_out: u32,
    /// Customers that are not done yet.
    pub open: u32,
    /// What they weigh, where weights say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PhaseWeights>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub settled_at: Option<Timestamp>,
    /// From its begin until it settled, or until the end of the report.
    pub took: Option<Span>,
    /// When it should have settled.
    pub due_at: Option<Timestamp>,
    /// Where its time went.
    pub spent: Spent,
    /// Deploys, rollbacks and verdicts in numbers.
    pub figures: Figures,
    /// What people observed of its customers, by name.
    pub observed: BTreeMap<String, ObservedFigures>,
}

/// A figure that people observed, over the customers of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservedFigures {
    /// Mean of the newest figure of each customer.
    pub mean: f64,
    /// Every figure, in the order in which they were noted.
    pub figures: Vec<Figure>,
}

/// One figure from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Of whom.
    pub customer: CustomerId,
    /// Of which instant.
    pub at: Timestamp,
    /// How much.
    pub value: f64,
    /// What was noted with it.
    pub note: Option<String>,
}

/// The fold of a journal into phases.
#[derive(Clone, Debug, Default)]
pub(super) struct Phases {
    accounts: BTreeMap<PolicyId, Account>,
    observed: Vec<(String, Figure)>,
}

#[derive(Clone, Debug, Default)]
struct Account {
    ledger: Ledger,
    started_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
}

impl Phases {
    pub(super) fn take(&mut self, event: &Event, fact: &Fact) {
        if let Fact::Person(PersonFact::Observed(observed)) = fact {
            self.observed.push(figure(observed));
        }
        let Some(name) = &event.line.phase else {
            // A pause or a halt concerns every phase that runs.
            let running = self.accounts.values_mut();
            running.for_each(|account| account.ledger.take(event.at, fact));
            return;
        };
        let account = self.accounts.entry(name.clone()).or_default();
        if let Fact::Phase(PhaseFact::PhaseStarted(_)) = fact {
            account.started_at = Some(event.at);
            account.ledger.open(event.at);
        }
        account.ledger.take(event.at, fact);
        if let Fact::Phase(PhaseFact::PhaseSettled(_)) = fact {
            account.started_at.get_or_insert(event.at);
            account.settled_at = Some(event.at);
            account.ledger.close(event.at);
        }
    }

    pub(super) fn reports(
        &self,
        plan: &Plan,
        customers: &[CustomerReport],
        deploys: &[&DeployRecord],
        verdicts: &[&Verdict],
        (started_at, until): (Option<Timestamp>, Timestamp),
    ) -> Vec<PhaseReport> {
        let phases = plan.phases.iter();
        phases
            .map(|phase| {
                let name = &phase.policy.name;
                let members: Vec<&CustomerReport> = customers
                    .iter()
                    .filter(|one| one.phase.as_ref() == Some(name))
                    .collect();
                let deploys: Vec<_> = of(deploys, |one| one.phase.as_ref() == Some(name));
                let verdicts: Vec<_> = of(verdicts, |one| one.phase.as_ref() == Some(name));
                PhaseReport {
                    planned: counted(phase.customers.iter()),
                    due_at: phase
                        .policy
                        .due
                        .and_then(|due| started_at?.checked_add_signed(due.to_delta())),
                    figures: Figures::of(&deploys, &verdicts),
                    observed: self.observed(&members),
                    weights: PhaseWeights::of(plan, phase, &members),
                    ..self.account(name, &members, until)
                }
            })
            .collect()
    }

    fn account(
        &self,
        name: &PolicyId,
        members: &[&CustomerReport],
        until: Timestamp,
    ) -> PhaseReport {
        let account = self.accounts.get(name).cloned().unwrap_or_default();
        let count = |is: fn(&CustomerReport) -> bool| counted(members.iter().filter(|one| is(one)));
        let end = account.settled_at.unwrap_or(until);
        let took = account.started_at.map(|from| end - from);
        PhaseReport {
            name: name.clone(),
            planned: 0,
            updated: count(|one| one.standing.is_updated()),
            failed: count(|one| one.standing.is_failed()),
            open: count(|one| one.standing.is_open()),
            left_out: count(|one| {
                let standing = &one.standing;
                !(standing.is_updated() || standing.is_failed() || standing.is_open())
            }),
            weights: None,
            started_at: account.started_at,
            settled_at: account.settled_at,
            took: took.map(|took| Span::from_millis(took.num_milliseconds())),
            due_at: None,
            spent: account.ledger.at(end),
            figures: Figures::default(),
            observed: BTreeMap::new(),
        }
    }

    fn observed(&self, members: &[&CustomerReport]) -> BTreeMap<String, ObservedFigures> {
        let mut by_name: BTreeMap<String, Vec<Figure>> = BTreeMap::new();
        for (name, figure) in &self.observed {
            if members.iter().any(|one| one.customer == figure.customer) {
                by_name
                    .entry(name.clone())
                    .or_default()
                    .push(figure.clone());
            }
        }
        let summed = by_name.into_iter().map(|(name, figures)| {
            let mean = mean_of_newest(&figures);
            (name, ObservedFigures { mean, figures })
        });
        summed.collect()
    }
}

/// A customer that was asked twice counts with its newest figure.
fn mean_of_newest(figures: &[Figure]) -> f64 {
    let newest: BTreeMap<&CustomerId, f64> = figures
        .iter()
        .map(|figure| (&figure.customer, figure.value))
        .collect();
    let count = u32::try_from(newest.len()).unwrap_or(u32::MAX).max(1);
    newest.values().sum::<f64>() / f64::from(count)
}

fn figure(observed: &Observed) -> (String, Figure) {
    let figure = Figure {
        customer: observed.customer.clone(),
        at: observed.at.0,
        value: observed.value,
        note: observed.reason.clone(),
    };
    (observed.name.clone(), figure)
}

fn of<'r, T>(all: &[&'r T], is: impl Fn(&T) -> bool) -> Vec<&'r T> {
    all.iter().copied().filter(|one| is(one)).collect()
}

fn counted(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
