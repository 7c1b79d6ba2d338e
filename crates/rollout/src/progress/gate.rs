//! Gates: who may open them, and whether enough people have (R10, P1-P5).

use std::collections::BTreeSet;

use policy::quorum::are_filled;
use policy::rules::{Approval, Approvers, Excluded, GroupOrPerson, Scope};
use policy::settings::RoleName;
use policy::{CustomerId, PersonId};

use crate::fold::index::Rollout;
use crate::model::actor::{Actor, Directory};
use crate::model::ids::GateId;
use crate::model::state::{GateRow, Vote};
use crate::progress::hands::{Act, one_hand};

/// Why a person may not approve, as a fragment after the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotEntitled {
    ServiceToken,
    NoApprover,
    Starter,
    Excluded,
    NotAmong,
}

impl NotEntitled {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::ServiceToken => "is a service, and services never approve",
            Self::NoApprover => "does not hold the role of approver",
            Self::Starter => "started this rollout, and another person must approve it",
            Self::Excluded => "is excluded from approving by the policy",
            Self::NotAmong => "is in none of the groups this gate asks",
        }
    }
}

/// Whether this person may vote for the gate now.
pub(crate) fn entitled(
    approval: &Approval,
    directory: &Directory,
    starter: &PersonId,
    actor: &Actor,
) -> Result<(), NotEntitled> {
    if actor.service {
        return Err(NotEntitled::ServiceToken);
    }
    let person = &actor.name;
    if !directory.holds(RoleName::Approver, person) {
        return Err(NotEntitled::NoApprover);
    }
    if approval.not.contains(&Excluded::Starter) && directory.is_one(person, starter) {
        return Err(NotEntitled::Starter);
    }
    let is_excluded = |one: &Excluded| match one {
        Excluded::Starter => false,
        Excluded::Person(excluded) => directory.is_one(excluded, person),
    };
    if approval.not.iter().any(is_excluded) {
        return Err(NotEntitled::Excluded);
    }
    match &approval.from {
        Approvers::Anybody => Ok(()),
        Approvers::Any(names)
            if names
                .iter()
                .any(|name| names_person(directory, name, person)) =>
        {
            Ok(())
        }
        Approvers::Each(groups)
            if groups
                .keys()
                .any(|group| directory.is_member(group, person)) =>
        {
            Ok(())
        }
        Approvers::Any(_) | Approvers::Each(_) => Err(NotEntitled::NotAmong),
    }
}

/// Who may vote for the gate now, as far as the files name people.
pub(crate) fn approvers(
    approval: &Approval,
    directory: &Directory,
    starter: &PersonId,
) -> Vec<PersonId> {
    let may = |person: &&PersonId| {
        let actor = Actor::person(person.as_str());
        entitled(approval, directory, starter, &actor).is_ok()
    };
    let named = directory.roles.approver.iter();
    named.filter(may).cloned().collect()
}

/// Whether these people are enough.
pub(crate) fn is_quorum(
    approval: &Approval,
    directory: &Directory,
    people: &BTreeSet<&PersonId>,
) -> bool {
    match &approval.from {
        Approvers::Anybody | Approvers::Any(_) => {
            people.len() >= usize::try_from(approval.quorum).unwrap_or(usize::MAX)
        }
        Approvers::Each(groups) => are_filled(groups, people, |group, person| {
            directory.is_member(group, person)
        }),
    }
}

fn names_person(directory: &Directory, name: &GroupOrPerson, person: &PersonId) -> bool {
    match name {
        GroupOrPerson::Group(group) => directory.is_member(group, person),
        GroupOrPerson::Person(named) => directory.is_one(named, person),
    }
}

/// Votes that count now: for this digest, by people still entitled, each with a hand of their own (P2, P3, P4).
fn counting<'r>(
    rollout: &'r Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &'r GateRow,
) -> Vec<&'r Vote> {
    let mut counting: Vec<&Vote> = Vec::new();
    for vote in &gate.votes {
        let act = Act::of_vote(vote);
        let actor = Actor::person(vote.person.as_str());
        let counts = vote.digest == rollout.plan.digest
            && entitled(approval, directory, &rollout.row.starter, &actor).is_ok()
            && rollout.barred(approval, directory, act).is_none()
            && counting.iter().all(|other| {
                !directory.is_one(&other.person, &vote.person)
                    && one_hand(directory, act, Act::of_vote(other)).is_none()
            });
        if counts {
            counting.push(vote);
        }
    }
    counting
}

/// The people whose votes count now, by their present names.
pub(crate) fn counted<'r>(
    rollout: &'r Rollout,
    approval: &Approval,
    directory: &'r Directory,
    gate: &'r GateRow,
) -> BTreeSet<&'r PersonId> {
    let votes = counting(rollout, approval, directory, gate).into_iter();
    votes
        .map(|vote| directory.called_now(&vote.person))
        .collect()
}

/// Whether this vote counts now.
pub(crate) fn counts(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    vote: &Vote,
) -> bool {
    counting(rollout, approval, directory, gate).contains(&vote)
}

/// Why another vote of this actor would not count, though they are entitled.
pub(crate) fn other_hand(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    by: &Actor,
) -> Option<String> {
    let act = Act::of(by);
    rollout.barred(approval, directory, act).or_else(|| {
        let votes = counting(rollout, approval, directory, gate).into_iter();
        let mut hands = votes.filter_map(|vote| one_hand(directory, act, Act::of_vote(vote)));
        hands.next()
    })
}

/// Who is left to fill the gate, if they are too few; `None`: it can be filled.
pub(crate) fn unfillable(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: Option<&GateRow>,
) -> Option<String> {
    let row = GateRow::default();
    let named = approvers(approval, directory, &rollout.row.starter);
    let everybody = PersonId::new("");
    if directory.holds(RoleName::Approver, &everybody) {
        return None;
    }
    let mut people = counted(rollout, approval, directory, gate.unwrap_or(&row));
    people.extend(named.iter());
    if is_quorum(approval, directory, &people) {
        return None;
    }
    let who: Vec<&str> = people.iter().map(|person| person.as_str()).collect();
    Some(match who.is_empty() {
        true => "nobody can fill it: nobody may approve".to_owned(),
        false => format!("nobody can fill it: only {} may approve", who.join(" and ")),
    })
}

/// Whether the gate lets through now.
pub(crate) fn is_open(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
) -> bool {
    gate.state.is_passed()
        || (gate.granted.is_some()
            && is_quorum(
                approval,
                directory,
                &counted(rollout, approval, directory, gate),
            ))
}

/// What is still missing, as a fragment: `1 of 2 approvals`.
pub(crate) fn missing(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: Option<&GateRow>,
) -> String {
    let given = gate.map_or(0, |gate| counted(rollout, approval, directory, gate).len());
    let from = match &approval.from {
        Approvers::Anybody => String::new(),
        Approvers::Any(names) => {
            let names: Vec<&str> = names.iter().map(name_of).collect();
            format!(" from {}", names.join(" or "))
        }
        Approvers::Each(groups) => {
            let groups: Vec<String> = groups
                .iter()
                .map(|(group, n)| format!("{n} from {group}"))
                .collect();
            format!(" ({})", groups.join(", "))
        }
    };
    format!("{given} of {} approvals{from}", needed(approval))
}

/// How many people it takes.
pub(crate) fn needed(approval: &Approval) -> u32 {
    match &approval.from {
        Approvers::Anybody | Approvers::Any(_) => approval.quorum,
        Approvers::Each(groups) => groups.values().sum(),
    }
}

fn name_of(name: &GroupOrPerson) -> &str {
    match name {
        GroupOrPerson::Group(group) => group.as_str(),
        GroupOrPerson::Person(person) => person.as_str(),
    }
}

impl Rollout {
    /// The gate that covers a customer going in this batch, if its phase has one.
    pub(crate) fn gate_for(
        &self,
        phase: usize,
        batch: u32,
        customer: &CustomerId,
    ) -> Option<GateId> {
        let policy = &self.plan.phases[phase].policy;
        Some(match policy.approval.as_ref()?.per {
            Scope::Phase => GateId::Phase(policy.name.clone()),
            Scope::Batch => GateId::Batch(policy.name.clone(), batch),
            Scope::Customer => GateId::Customer(customer.clone()),
        })
    }

    /// All gates of a phase, in order.
    pub(crate) fn gates_of(&self, phase: usize) -> Vec<GateId> {
        let planned = &self.plan.phases[phase];
        let name = &planned.policy.name;
        match planned
            .policy
            .approval
            .as_ref()
            .map(|approval| approval.per)
        {
            None => Vec::new(),
            Some(Scope::Phase) => vec![GateId::Phase(name.clone())],
            Some(Scope::Batch) => (1..=self.batch_count(phase))
                .map(|n| GateId::Batch(name.clone(), n))
                .collect(),
            Some(Scope::Customer) => planned
                .customers
                .iter()
                .cloned()
                .map(GateId::Customer)
                .collect(),
        }
    }

    /// The gate a person means, and its phase.
    pub(crate) fn find_gate(&self, text: &str) -> Option<(GateId, usize)> {
        let (name, batch) = match text.split_once('/') {
            Some((name, batch)) => (name, Some(batch.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let gate = match batch {
            Some(batch) => GateId::Batch(name.into(), batch),
            None if self.position(&name.into()).is_some() => GateId::Customer(name.into()),
            None => GateId::Phase(name.into()),
        };
        let phase = self.phase_of_gate(&gate)?;
        self.has_gate(&gate).then_some((gate, phase))
    }

    /// Whether the plan has this gate.
    pub(crate) fn has_gate(&self, gate: &GateId) -> bool {
        let Some(phase) = self.phase_of_gate(gate) else {
            return false;
        };
        let approval = self.plan.phases[phase].policy.approval.as_ref();
        match (gate, approval.map(|approval| approval.per)) {
            (GateId::Phase(_), Some(Scope::Phase))
            | (GateId::Customer(_), Some(Scope::Customer)) => true,
            (GateId::Batch(_, batch), Some(Scope::Batch)) => {
                (1..=self.batch_count(phase)).contains(batch)
            }
            (_, _) => false,
        }
    }

    /// The phase a gate belongs to.
    pub(crate) fn phase_of_gate(&self, gate: &GateId) -> Option<usize> {
        match gate {
            GateId::Phase(name) | GateId::Batch(name, _) => self.phase_index(name),
            GateId::Customer(customer) => self.phase_of(customer),
        }
    }

    /// Customers that a gate covers and that still wait for it.
    pub(crate) fn waiting_for(&self, gate: &GateId) -> Vec<CustomerId> {
        let Some(phase) = self.phase_of_gate(gate).filter(|_| !self.is_ending()) else {
            return Vec::new();
        };
        let waits = |place: &usize| self.at_place(phase, *place).clone();
        match gate {
            GateId::Phase(_) => self.waiting(phase).iter().map(waits).collect(),
            GateId::Batch(_, _) if self.is_dynamic(phase) => {
                self.waiting(phase).iter().map(waits).collect()
            }
            GateId::Batch(_, batch) => self
                .waiting_in(phase, *batch)
                .map(|place| waits(&place))
                .collect(),
            GateId::Customer(customer) => {
                let place = self.position(customer).map(|place| place.index);
                place
                    .filter(|place| self.waiting(phase).contains(place))
                    .iter()
                    .map(waits)
                    .collect()
            }
        }
    }
}
