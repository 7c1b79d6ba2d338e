//! Whom does a gate ask, and is what they have proved enough for it (R10, P2)?

use policy::rules::{Approval, Approvers, Excluded, GroupOrPerson};
use policy::settings::RoleName;
use policy::{GroupId, PersonId, Timestamp};

use crate::model::actor::{Actor, Directory, Proof};
use crate::model::directory::Counts;
use crate::progress::hands::Act;

/// Why a person may not approve, as a fragment after the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotEntitled {
    ServiceToken,
    NoApprover,
    Starter,
    Excluded,
    NotAmong,
    SignIn,
}

impl NotEntitled {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::ServiceToken => "is a service, and services never approve",
            Self::NoApprover => "does not hold the role of approver",
            Self::Starter => "started this rollout, and another person must approve it",
            Self::Excluded => "is excluded from approving by the policy",
            Self::NotAmong => "is in none of the groups this gate asks",
            Self::SignIn => {
                "belongs to a group this gate asks only after a sign-in that says so, and has none that still counts"
            }
        }
    }
}

/// Whether this person may vote for the gate at an instant, by what they have proved.
pub(crate) fn entitled(
    approval: &Approval,
    directory: &Directory,
    starter: &PersonId,
    actor: &Actor,
    at: Timestamp,
) -> Result<(), NotEntitled> {
    if actor.service {
        return Err(NotEntitled::ServiceToken);
    }
    let act = Act::of(actor);
    has_a_vote(approval, directory, starter, act)?;
    is_asked(approval, directory, act, at)
}

/// Whether the files give this person a vote, apart from the groups that are asked.
pub(crate) fn has_a_vote(
    approval: &Approval,
    directory: &Directory,
    starter: &PersonId,
    Act { person, .. }: Act<'_>,
) -> Result<(), NotEntitled> {
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
    Ok(())
}

/// Whether the gate asks somebody who has proved this, and counts it at an instant.
pub(crate) fn is_asked(
    approval: &Approval,
    directory: &Directory,
    act: Act<'_>,
    at: Timestamp,
) -> Result<(), NotEntitled> {
    let places = places(approval, directory, act.person);
    if places.is_empty() {
        return Err(NotEntitled::NotAmong);
    }
    match places
        .iter()
        .any(|place| place.counts(directory, act.proof, at))
    {
        true => Ok(()),
        false => Err(NotEntitled::SignIn),
    }
}

/// A place among those who are asked.
pub(crate) enum Place<'a> {
    /// For whoever may approve, or for this person by name.
    Own,
    /// Of a group to which they belong.
    In(&'a GroupId),
}

impl Place<'_> {
    /// Until when what somebody proved fills it.
    pub(crate) fn until(&self, directory: &Directory, proof: Option<&Proof>) -> Option<Counts> {
        match self {
            Self::Own => Some(Counts::Always),
            Self::In(group) => directory.claimed_until(group, proof),
        }
    }

    /// Whether what somebody proved fills it at an instant.
    pub(crate) fn counts(
        &self,
        directory: &Directory,
        proof: Option<&Proof>,
        at: Timestamp,
    ) -> bool {
        self.until(directory, proof)
            .is_some_and(|counts| counts.at(at))
    }
}

/// The places that somebody may ever fill.
pub(crate) fn places<'a>(
    approval: &'a Approval,
    directory: &Directory,
    person: &PersonId,
) -> Vec<Place<'a>> {
    let belongs = |group: &&'a GroupId| directory.is_member(group, person);
    match &approval.from {
        Approvers::Anybody => vec![Place::Own],
        Approvers::Any(names) => names
            .iter()
            .filter_map(|name| match name {
                GroupOrPerson::Group(group) => Some(group).filter(belongs).map(Place::In),
                GroupOrPerson::Person(one) => directory.is_one(one, person).then_some(Place::Own),
            })
            .collect(),
        Approvers::Each(groups) => groups.keys().filter(belongs).map(Place::In).collect(),
    }
}

/// Who may vote for the gate now, as far as the files name people.
pub(crate) fn approvers(
    approval: &Approval,
    directory: &Directory,
    starter: &PersonId,
) -> Vec<PersonId> {
    let may = |person: &&PersonId| {
        let act = Act::unproved(person);
        has_a_vote(approval, directory, starter, act).is_ok()
            && !places(approval, directory, person).is_empty()
    };
    let named = directory.roles.approver.iter();
    named.filter(may).cloned().collect()
}
