//! Whose hand is it? One account or token acts for one person in a rollout, and a token also speaks for whoever made it (P3).
//!
//! Only `approve` and `override` ask here: nobody is kept from stopping anything.

use policy::PersonId;
use policy::rules::{Approval, Excluded};
use policy::settings::Person;

use crate::fold::index::Rollout;
use crate::model::actor::{Actor, Directory, Proof, ProofKind};
use crate::model::request::{Rejected, RejectedCode};
use crate::model::state::Vote;

/// Somebody who acts, and what proved it.
#[derive(Clone, Copy)]
pub(crate) struct Act<'a> {
    pub(crate) person: &'a PersonId,
    pub(crate) proof: Option<&'a Proof>,
}

impl<'a> Act<'a> {
    /// Somebody, whatever they could prove.
    pub(crate) fn unproved(person: &'a PersonId) -> Self {
        Self {
            person,
            proof: None,
        }
    }

    pub(crate) fn of(actor: &'a Actor) -> Self {
        Self {
            person: &actor.name,
            proof: actor.proof.as_ref(),
        }
    }

    pub(crate) fn of_vote(vote: &'a Vote) -> Self {
        Self {
            person: &vote.person,
            proof: vote.proof.as_ref(),
        }
    }

    /// Whether the token with which this was done was made by that person, under whatever name.
    fn is_made_by(self, directory: &Directory, other: Self) -> bool {
        let Some(proof) = self.proof.filter(|proof| proof.kind == ProofKind::Token) else {
            return false;
        };
        let maker = proof
            .maker
            .iter()
            .chain(proof.made_by.iter().map(|hand| &hand.person));
        let mut makers = maker.filter(|maker| directory.is_one(maker, other.person));
        let by_name = makers.next().is_some();
        let by_hand = other.proof.is_some_and(|theirs| {
            let mut hands = proof.made_by.iter();
            hands.any(|hand| (hand.kind, &hand.id) == theirs.key())
        });
        by_name || by_hand
    }
}

impl Rollout {
    /// Under which other name this account or token has acted in this rollout, in whatever order.
    fn other_name(&self, directory: &Directory, act: Act<'_>) -> Option<&PersonId> {
        let key = act.proof?.key();
        let mut names = self.row.hands.iter().filter(|(name, proofs)| {
            !directory.is_one(name, act.person) && proofs.iter().any(|proof| proof.key() == key)
        });
        names.next().map(|(name, _)| name)
    }

    /// Whether the account or identity was the starter's when the rollout began, though another stands beside it now.
    fn was_the_starters(&self, directory: &Directory, act: Act<'_>) -> bool {
        let entry = self.plan.project.people.get(&self.row.starter);
        let is_its = act
            .proof
            .zip(entry)
            .is_some_and(|(proof, entry)| written(entry, proof.kind) == Some(proof.id.as_str()));
        is_its && !directory.is_one(&self.row.starter, act.person)
    }

    /// The starter, by each proof under which they have acted here; by the name alone, if there is none.
    fn starter_acts(&self) -> Vec<Act<'_>> {
        let person = &self.row.starter;
        let proofs = self.row.hands.get(person).into_iter().flatten();
        let mut acts = vec![Act::unproved(person)];
        acts.extend(proofs.map(|proof| Act {
            person,
            proof: Some(proof),
        }));
        acts
    }

    /// Why this hand is another person's, as a fragment after the name; what it says then counts for nobody (P3).
    pub(crate) fn not_own_hand(&self, directory: &Directory, act: Act<'_>) -> Option<String> {
        let proof = act.proof?;
        if let Some(other) = self.other_name(directory, act) {
            return Some(format!(
                "uses {proof}, which has acted here as {other}, and {} acts for one person",
                one_of_its_kind(proof.kind)
            ));
        }
        self.was_the_starters(directory, act).then(|| {
            format!(
                "uses {proof}, which was {}'s when this rollout began",
                self.row.starter
            )
        })
    }

    /// Why the starter's hand is in this vote, as a fragment after the name.
    pub(crate) fn starters_hand(&self, directory: &Directory, act: Act<'_>) -> Option<String> {
        act.proof?;
        for starter in self.starter_acts() {
            if act.is_made_by(directory, starter) {
                return Some(format!(
                    "uses a token that {} made, who started this rollout",
                    self.row.starter
                ));
            }
            // A service has no hands of its own.
            if is_service(starter.person) && starter.is_made_by(directory, act) {
                return Some(format!(
                    "made the token of {}, which started this rollout",
                    self.row.starter
                ));
            }
        }
        None
    }

    /// Why this vote does not count, whoever else votes.
    pub(crate) fn barred(
        &self,
        approval: &Approval,
        directory: &Directory,
        act: Act<'_>,
    ) -> Option<String> {
        let excludes_starter = approval.not.contains(&Excluded::Starter);
        self.not_own_hand(directory, act).or_else(|| {
            excludes_starter
                .then(|| self.starters_hand(directory, act))
                .flatten()
        })
    }
}

/// Why two voices are one hand, as a fragment after the name of the first.
pub(crate) fn one_hand(directory: &Directory, one: Act<'_>, other: Act<'_>) -> Option<String> {
    if one.is_made_by(directory, other) {
        return Some(format!(
            "uses a token that {} made, and the two do not count beside each other",
            other.person
        ));
    }
    if other.is_made_by(directory, one) {
        return Some(format!(
            "made the token with which {} has said so, and the two do not count beside each other",
            other.person
        ));
    }
    let same = one.proof.zip(other.proof);
    let same = same.filter(|(one, other)| one.key() == other.key());
    same.filter(|_| !directory.is_one(one.person, other.person))
        .map(|(proof, _)| format!("uses {proof}, with which {} has said so", other.person))
}

/// Refuses a voice that the directory knows to be proved by something else, or that is another person's hand.
pub(crate) fn own_hand(
    rollout: &Rollout,
    directory: &Directory,
    by: &Actor,
) -> Result<(), Rejected> {
    if let Some(why) = not_theirs(directory, by) {
        return Err(refused(by, &why));
    }
    match rollout.not_own_hand(directory, Act::of(by)) {
        Some(why) => Err(refused(by, &why)),
        None => Ok(()),
    }
}

/// The account stands beside another name, or beside nobody's, in the file as this engine has read it.
fn not_theirs(directory: &Directory, by: &Actor) -> Option<String> {
    let proof = by.proof.as_ref()?;
    let entry = directory.people.get(directory.called_now(&by.name))?;
    let is_theirs = match proof.kind {
        ProofKind::Account | ProofKind::Oidc => {
            written(entry, proof.kind) == Some(proof.id.as_str())
        }
        ProofKind::Token => true,
    };
    (!is_theirs).then(|| format!("does not have {proof} in tranche.yaml"))
}

/// What of that kind stands beside a person in the files.
fn written(entry: &Person, kind: ProofKind) -> Option<&str> {
    match kind {
        ProofKind::Account => entry.os.as_deref(),
        ProofKind::Oidc => entry.oidc.as_deref(),
        ProofKind::Token => None,
    }
}

fn one_of_its_kind(kind: ProofKind) -> &'static str {
    match kind {
        ProofKind::Account | ProofKind::Token => "one account or token",
        ProofKind::Oidc => "one identity",
    }
}

/// A refusal on account of whose hand it is.
pub(crate) fn refused(by: &Actor, why: &str) -> Rejected {
    Rejected::new(
        RejectedCode::NotPermitted,
        format!("{} {why}", by.name),
        "somebody else, or a token that a third person made; after a new name, `formerly: OLD` beside the person in tranche.yaml",
    )
}

fn is_service(name: &PersonId) -> bool {
    name.as_str().starts_with("service:")
}
