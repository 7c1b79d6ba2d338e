//! Who was asked, who answered, and how long it took.

use policy::{CustomerId, PersonId, PolicyId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::Proof;
use crate::model::event::Event;
use crate::model::fact::{
    ApprovalRequested, Approved, GateFact, GatePlace, PeopleChanged, Withdrawn,
};

/// One request for approval, from its announcement to its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalReport {
    /// As people type it.
    pub gate: String,
    /// Its phase.
    pub phase: Option<PolicyId>,
    /// Whom it covers.
    pub covers: Vec<CustomerId>,
    /// When it was announced; absent: the first vote came before.
    pub requested_at: Option<Timestamp>,
    /// The votes that were cast, those taken back included.
    pub votes: Vec<VoteReport>,
    /// What came of it.
    pub answer: Answer,
    /// When the answer was complete.
    pub answered_at: Option<Timestamp>,
    /// From the announcement to the answer.
    pub waited: Option<Span>,
    /// Nobody had answered when the request expired.
    pub escalated: bool,
}

/// One vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteReport {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// Why, as far as it was said.
    pub reason: Option<String>,
    /// Taken back later.
    pub withdrawn: bool,
    /// What proved who it was, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// What the files have changed about the voter since the rollout was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_changed: Option<String>,
}

/// A change of people, groups or roles while the rollout was open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleReport {
    /// When it was read.
    pub at: Timestamp,
    /// Whose entry.
    pub person: PersonId,
    /// What, in words that follow the name.
    pub what: String,
}

impl PeopleReport {
    /// Person by person.
    pub(super) fn of(at: Timestamp, changed: &PeopleChanged) -> Vec<Self> {
        let told = changed.whom.iter().map(|(person, what)| Self {
            at,
            person: person.clone(),
            what: what.join(", "),
        });
        told.collect()
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// People are still asked.
    Open,
    /// Enough people approved; what it covers has not begun.
    Approved,
    /// What it covers has begun.
    Passed,
    /// One person rejected it.
    Rejected,
    /// Complete, but not used in time or bound to another plan.
    Lapsed,
    /// Nobody is left behind it, or the rollout has ended.
    Moot,
}

/// The fold of a journal into its requests for approval.
#[derive(Clone, Debug, Default)]
pub(super) struct Approvals {
    reports: Vec<ApprovalReport>,
}

impl Approvals {
    /// The requests in the order of their announcement; those that wait for nobody any more are moot.
    pub(super) fn reports(
        &self,
        is_over: impl Fn(&CustomerId) -> bool,
        people: &[PeopleReport],
    ) -> Vec<ApprovalReport> {
        let mut reports = self.reports.clone();
        for vote in reports.iter_mut().flat_map(|report| &mut report.votes) {
            let of_voter = people.iter().filter(|change| change.person == vote.person);
            let what: Vec<&str> = of_voter.map(|change| change.what.as_str()).collect();
            vote.entry_changed = (!what.is_empty()).then(|| what.join(", "));
        }
        let unused = reports
            .iter_mut()
            .filter(|one| matches!(one.answer, Answer::Open | Answer::Approved));
        for report in unused.filter(|one| one.covers.iter().all(&is_over)) {
            report.answer = Answer::Moot;
        }
        reports
    }

    pub(super) fn take(&mut self, event: &Event, fact: &GateFact) {
        let gate = &fact.place().gate;
        match fact {
            GateFact::ApprovalRequested(requested) => self.request(event.at, requested),
            GateFact::Approved(approved) => self.approve(event, approved),
            GateFact::Rejected(_) => {
                if let Some(report) = self.newest(gate) {
                    report.votes.extend(vote(event));
                    report.end(Answer::Rejected, event.at);
                }
            }
            GateFact::Withdrawn(withdrawn) => {
                if let Some(report) = self.newest(gate) {
                    report.withdraw(withdrawn);
                }
            }
            GateFact::ApprovalLapsed(_) => self.finish(gate, Answer::Lapsed),
            GateFact::GatePassed(_) => self.finish(gate, Answer::Passed),
            GateFact::ApprovalEscalated(_) => {
                if let Some(report) = self.newest(gate) {
                    report.escalated = true;
                }
            }
        }
    }

    fn request(&mut self, at: Timestamp, requested: &ApprovalRequested) {
        let covers = requested.covers.clone();
        // Approved before it was announced: the same request.
        let early = self
            .newest(&requested.place.gate)
            .filter(|report| report.requested_at.is_none() && report.answer != Answer::Lapsed);
        if let Some(report) = early {
            report.requested_at = Some(at);
            report.waited = report.answered_at.map(|_| Span::ZERO);
            report.covers = covers;
        } else {
            self.begin(&requested.place, covers, Some(at));
        }
    }

    fn approve(&mut self, event: &Event, approved: &Approved) {
        let place = &approved.place;
        if self
            .newest(&place.gate)
            .is_none_or(|report| report.is_over())
        {
            let alone = place.customer.iter().cloned().collect();
            self.begin(place, alone, None);
        }
        if let Some(report) = self.newest(&place.gate) {
            report.votes.extend(vote(event));
            if approved.until.is_some() {
                report.end(Answer::Approved, event.at);
            }
        }
    }

    fn begin(
        &mut self,
        place: &GatePlace,
        covers: Vec<CustomerId>,
        requested_at: Option<Timestamp>,
    ) {
        self.reports.push(ApprovalReport {
            gate: place.gate.clone(),
            phase: Some(place.phase.clone()),
            covers,
            requested_at,
            votes: Vec::new(),
            answer: Answer::Open,
            answered_at: None,
            waited: None,
            escalated: false,
        });
    }

    fn finish(&mut self, gate: &str, answer: Answer) {
        if let Some(report) = self.newest(gate) {
            report.answer = answer;
        }
    }

    fn newest(&mut self, gate: &str) -> Option<&mut ApprovalReport> {
        let mut newest_first = self.reports.iter_mut().rev();
        newest_first.find(|report| report.gate == gate)
    }
}

impl ApprovalReport {
    fn is_over(&self) -> bool {
        matches!(
            self.answer,
            Answer::Passed | Answer::Rejected | Answer::Lapsed | Answer::Moot
        )
    }

    fn end(&mut self, answer: Answer, at: Timestamp) {
        self.answer = answer;
        self.answered_at = Some(at);
        let waited = self.requested_at.map(|asked| at - asked);
        self.waited = waited.map(|waited| Span::from_millis(waited.num_milliseconds()));
    }

    fn withdraw(&mut self, withdrawn: &Withdrawn) {
        let mut votes = self.votes.iter_mut().rev();
        let whose = withdrawn.voter.as_ref().unwrap_or(&withdrawn.actor);
        let own = votes.find(|vote| vote.person == *whose && !vote.withdrawn);
        if let Some(vote) = own {
            vote.withdrawn = true;
        }
        self.answer = Answer::Open;
        self.answered_at = None;
        self.waited = None;
    }
}

fn vote(event: &Event) -> Option<VoteReport> {
    Some(VoteReport {
        person: event.line.actor.clone()?,
        at: event.at,
        reason: event.line.reason.clone(),
        withdrawn: false,
        proof: event.line.proof().ok().flatten(),
        entry_changed: None,
    })
}
