//! Gates: who may open them, and whether enough people have (R10, P1-P5).

use std::collections::{BTreeMap, BTreeSet};

use policy::quorum::are_filled;
use policy::rules::{Approval, Approvers, GroupOrPerson, Scope};
use policy::settings::RoleName;
use policy::{CustomerId, PersonId, Timestamp};

use crate::fold::index::Rollout;
use crate::model::actor::{Actor, Directory, Proof};
use crate::model::directory::Counts;
use crate::model::ids::GateId;
use crate::model::state::{GateRow, Vote};
use crate::progress::asked::{Place, approvers, entitled, has_a_vote, is_asked, places};
use crate::progress::hands::{Act, one_hand};

/// Whether a vote of somebody would fill a place that their vote so far does not fill any more.
pub(crate) fn renews(
    approval: &Approval,
    directory: &Directory,
    vote: &Vote,
    by: &Actor,
    at: Timestamp,
) -> bool {
    let places = places(approval, directory, &by.name);
    let mut lost = places
        .iter()
        .filter(|place| !place.counts(directory, vote.proof.as_ref(), at));
    lost.any(|place| place.counts(directory, by.proof.as_ref(), at))
}

/// Until when a vote counts, if something of a sign-in is asked of it: the longest of its places.
pub(crate) fn counts_until(
    approval: &Approval,
    directory: &Directory,
    vote: &Vote,
) -> Option<Timestamp> {
    let places = places(approval, directory, &vote.person);
    let counts = places
        .iter()
        .filter_map(|place| place.until(directory, vote.proof.as_ref()));
    match counts.max()? {
        Counts::Until(until) => Some(until),
        Counts::Always => None,
    }
}

/// Whose votes count, with what they proved.
pub(crate) type Voices<'v> = BTreeMap<&'v PersonId, Option<&'v Proof>>;

/// Whether these people are enough at an instant.
pub(crate) fn is_quorum(
    approval: &Approval,
    directory: &Directory,
    people: &Voices<'_>,
    at: Timestamp,
) -> bool {
    match &approval.from {
        Approvers::Anybody | Approvers::Any(_) => {
            people.len() >= usize::try_from(approval.quorum).unwrap_or(usize::MAX)
        }
        Approvers::Each(groups) => {
            let all: BTreeSet<&PersonId> = people.keys().copied().collect();
            are_filled(groups, &all, |group, person| {
                let proof = people.get(person).copied().flatten();
                directory.is_member(group, person) && Place::In(group).counts(directory, proof, at)
            })
        }
    }
}

/// From when on these votes, with that of somebody who votes now, are not enough any more because a sign-in that they need
/// has run out; `None`: as long as they stand.
pub(crate) fn runs_out(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    by: &Actor,
) -> Option<Timestamp> {
    let of = |person, proof| {
        let places = places(approval, directory, person).into_iter();
        places.filter_map(move |place| place.until(directory, proof))
    };
    let votes = gate.votes.iter();
    let counts = votes.flat_map(|vote| of(&vote.person, vote.proof.as_ref()));
    let counts = counts.chain(of(&by.name, by.proof.as_ref()));
    let ends: BTreeSet<Timestamp> = counts
        .filter_map(|counts| match counts {
            Counts::Until(until) => Some(until),
            Counts::Always => None,
        })
        .collect();
    let mut ends = ends.into_iter();
    ends.find(|end| {
        !is_quorum(
            approval,
            directory,
            &with(rollout, approval, directory, gate, by, *end),
            *end,
        )
    })
}

/// Whose votes count at an instant, with that of somebody who votes now.
pub(crate) fn with<'v>(
    rollout: &'v Rollout,
    approval: &Approval,
    directory: &'v Directory,
    gate: &'v GateRow,
    by: &'v Actor,
    at: Timestamp,
) -> Voices<'v> {
    let mut people = counted(rollout, approval, directory, gate, at);
    if entitled(approval, directory, &rollout.row.starter, by, at).is_ok() {
        people.insert(directory.called_now(&by.name), by.proof.as_ref());
    }
    people
}

/// Votes that count at an instant: for this digest, by people still entitled, each with a hand of their own (P2, P3, P4).
fn counting<'r>(
    rollout: &'r Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &'r GateRow,
    at: Timestamp,
) -> Vec<&'r Vote> {
    let mut counting: Vec<&Vote> = Vec::new();
    for vote in &gate.votes {
        let act = Act::of_vote(vote);
        let counts = vote.digest == rollout.plan.digest
            && has_a_vote(approval, directory, &rollout.row.starter, act).is_ok()
            && is_asked(approval, directory, act, at).is_ok()
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

/// The people whose votes count at an instant, by their present names.
pub(crate) fn counted<'r>(
    rollout: &'r Rollout,
    approval: &Approval,
    directory: &'r Directory,
    gate: &'r GateRow,
    at: Timestamp,
) -> Voices<'r> {
    let votes = counting(rollout, approval, directory, gate, at).into_iter();
    votes
        .map(|vote| (directory.called_now(&vote.person), vote.proof.as_ref()))
        .collect()
}

/// Whether this vote counts at an instant.
pub(crate) fn counts(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    vote: &Vote,
    at: Timestamp,
) -> bool {
    counting(rollout, approval, directory, gate, at).contains(&vote)
}

/// Why another vote of this actor would not count, though they are entitled.
pub(crate) fn other_hand(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    by: &Actor,
    at: Timestamp,
) -> Option<String> {
    let act = Act::of(by);
    rollout.barred(approval, directory, act).or_else(|| {
        let votes = counting(rollout, approval, directory, gate, at).into_iter();
        let votes = votes.filter(|vote| !directory.is_one(&vote.person, &by.name));
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
    at: Timestamp,
) -> Option<String> {
    let row = GateRow::default();
    let named = approvers(approval, directory, &rollout.row.starter);
    let everybody = PersonId::new("");
    if directory.holds(RoleName::Approver, &everybody) {
        return None;
    }
    let mut people = counted(rollout, approval, directory, gate.unwrap_or(&row), at);
    // Whoever has to sign in for it can.
    people.extend(named.iter().map(|person| (person, None)));
    if is_quorum(approval, directory, &people, at) {
        return None;
    }
    let who: Vec<&str> = people.keys().map(|person| person.as_str()).collect();
    Some(match who.is_empty() {
        true => "nobody can fill it: nobody may approve".to_owned(),
        false => format!("nobody can fill it: only {} may approve", who.join(" and ")),
    })
}

/// Whether the gate lets through at an instant.
pub(crate) fn is_open(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    at: Timestamp,
) -> bool {
    let people = || counted(rollout, approval, directory, gate, at);
    gate.state.is_passed()
        || (gate.granted.is_some() && is_quorum(approval, directory, &people(), at))
}

/// What is still missing, as a fragment: `1 of 2 approvals`.
pub(crate) fn missing(
    rollout: &Rollout,
    approval: &Approval,
    directory: &Directory,
    gate: Option<&GateRow>,
    at: Timestamp,
) -> String {
    let given = gate.map_or(0, |gate| {
        counted(rollout, approval, directory, gate, at).len()
    });
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
    let again = gate.map_or_else(String::new, |gate| {
        sign_in_again(approval, directory, gate, at)
    });
    format!("{given} of {} approvals{from}{again}", needed(approval))
}

/// Whose votes fill fewer places than they did because their sign-in has run out, as an addition to what is missing.
fn sign_in_again(
    approval: &Approval,
    directory: &Directory,
    gate: &GateRow,
    at: Timestamp,
) -> String {
    let has_run_out = |vote: &&Vote| {
        let places = places(approval, directory, &vote.person).into_iter();
        let mut until = places.filter_map(|place| place.until(directory, vote.proof.as_ref()));
        until.any(|counts| !counts.at(at))
    };
    let votes = gate.votes.iter().filter(has_run_out);
    let who: Vec<&str> = votes
        .map(|vote| directory.called_now(&vote.person).as_str())
        .collect();
    match who.is_empty() {
        true => String::new(),
        false => format!(", and {} must sign in and approve again", who.join(" and ")),
    }
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
