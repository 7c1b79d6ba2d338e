//! Who approves in a simulation that has no script for it.

use std::collections::{BTreeMap, BTreeSet};

use policy::rules::{Approval, Approvers, Excluded, GroupOrPerson};
use policy::{Config, PersonId, Span, Timestamp};
use rollout::fact::{ApprovalRequested, Payload as _};
use rollout::{Event, Kind, RolloutId};

/// When gates are approved, as `simulate --approve` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approvals {
    /// By nobody.
    #[default]
    Never,
    /// At the instant of the request.
    AtOnce,
    /// So long after the request.
    After(Span),
}

/// Votes for one gate, to be given in order until its quorum is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ballot {
    pub(super) run: Option<RolloutId>,
    pub(super) gate: String,
    pub(super) people: Vec<PersonId>,
}

/// The ballots that will be held.
#[derive(Debug, Default)]
pub(super) struct Ballots {
    when: Approvals,
    starters: BTreeMap<Option<RolloutId>, PersonId>,
    due: BTreeMap<Timestamp, Vec<Ballot>>,
}

impl Ballots {
    pub(super) fn new(when: Approvals) -> Self {
        Self {
            when,
            ..Self::default()
        }
    }

    /// Takes note of a request for approval.
    pub(super) fn notice(&mut self, event: &Event, config: &Config) {
        let fact = &event.line;
        if fact.kind == Kind::RolloutStarted
            && let Some(starter) = &fact.actor
        {
            self.starters.insert(fact.rollout, starter.clone());
        }
        if fact.kind != Kind::ApprovalRequested {
            return;
        }
        let Some(at) = self.held_at(event.at) else {
            return;
        };
        let Ok(ApprovalRequested { place, .. }) = ApprovalRequested::read(fact) else {
            return;
        };
        let policy = config.policies.get(&place.phase);
        if let Some(approval) = policy.and_then(|policy| policy.approval.as_ref()) {
            let starter = self.starters.get(&fact.rollout);
            let people = entitled(approval, config, starter);
            let (run, gate) = (fact.rollout, place.gate);
            self.due
                .entry(at)
                .or_default()
                .push(Ballot { run, gate, people });
        }
    }

    fn held_at(&self, requested_at: Timestamp) -> Option<Timestamp> {
        match self.when {
            Approvals::Never => None,
            Approvals::AtOnce => Some(requested_at),
            Approvals::After(span) => Some(requested_at + span.to_delta()),
        }
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.due.keys().next().copied()
    }

    /// Takes the ballots whose instant has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Ballot> {
        let mut due = Vec::new();
        while let Some(entry) = self.due.first_entry()
            && *entry.key() <= now
        {
            due.extend(entry.remove());
        }
        due
    }
}

/// Whether this event completed a quorum.
pub(super) fn completes(event: &Event) -> bool {
    event.line.kind == Kind::Approved && event.line.until.is_some()
}

/// Whether this event is more than a request for approval that comes, is answered and lapses.
pub(super) fn moves_on(event: &Event) -> bool {
    !matches!(
        event.line.kind,
        Kind::ApprovalRequested
            | Kind::Approved
            | Kind::ApprovalLapsed
            | Kind::ApprovalEscalated
            | Kind::PhaseOverdue
    )
}

/// Everybody who may vote, those first who are needed for a group's own number.
fn entitled(approval: &Approval, config: &Config, starter: Option<&PersonId>) -> Vec<PersonId> {
    let holders = &config.project.roles.approver;
    let may_vote = |person: &PersonId| {
        let starts = starter == Some(person) && approval.not.contains(&Excluded::Starter);
        holders.contains(person)
            && !starts
            && !approval.not.contains(&Excluded::Person(person.clone()))
    };
    let mut people: Vec<PersonId> = Vec::new();
    for (candidates, wanted) in places(approval, config) {
        let free = candidates
            .into_iter()
            .filter(|person| may_vote(person) && !people.contains(person));
        let chosen: Vec<PersonId> = free.take(wanted).collect();
        people.extend(chosen);
    }
    people
}

/// Who may fill the places, and how many there are.
fn places(approval: &Approval, config: &Config) -> Vec<(BTreeSet<PersonId>, usize)> {
    let group = |id| config.project.groups.get(id).cloned().unwrap_or_default();
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    match &approval.from {
        Approvers::Anybody => {
            vec![(
                config.project.roles.approver.clone(),
                number(approval.quorum),
            )]
        }
        Approvers::Any(names) => {
            let people = names.iter().flat_map(|name| match name {
                GroupOrPerson::Group(id) => group(id),
                GroupOrPerson::Person(person) => BTreeSet::from([person.clone()]),
            });
            vec![(people.collect(), number(approval.quorum))]
        }
        Approvers::Each(groups) => {
            let mut places: Vec<_> = groups
                .iter()
                .map(|(id, n)| (group(id), number(*n)))
                .collect();
            // A small group fills its places before a larger one takes its members.
            places.sort_by_key(|(people, wanted)| people.len().saturating_sub(*wanted));
            places
        }
    }
}
