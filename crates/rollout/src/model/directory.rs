//! Who exists and who may do what: as read, as far as a broken file leaves it, and as it binds one rollout (P2, R6).
//!
//! Rights only ever shrink by accident. A file that does not validate takes away and gives nothing; where the roles of a
//! rollout's start are gone from the file, nobody holds them, though for a new project that names none everybody does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use policy::settings::{Claim, Claims, Person, Project, RoleName, Roles, called_now};
use policy::{GroupId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::{Directory, Proof};

impl Directory {
    /// As a project's files say. Where somebody is told of things proves nothing, so addresses stay out of the journal.
    pub fn of(project: &Project) -> Self {
        let identity = |person: &Person| Person {
            email: None,
            ..person.clone()
        };
        let people = project.people.iter();
        Self {
            groups: project.groups.clone(),
            roles: project.roles.clone(),
            people: people
                .map(|(name, person)| (name.clone(), identity(person)))
                .collect(),
            claims: project.claims.clone(),
        }
    }

    /// What is left of it by a reading of a file that does not validate: nobody and nothing is added (R6).
    #[must_use]
    pub fn reduced_to(&self, read: &Self) -> Self {
        let groups = self
            .groups
            .iter()
            .map(|(group, members)| (group.clone(), both(members, read.groups.get(group))));
        let mut groups: BTreeMap<GroupId, BTreeSet<PersonId>> = groups.collect();
        let claims = self.claims_left(read, &mut groups);
        let mut roles = Roles::default();
        for role in RoleName::ALL {
            let is_restricted = self.restricts(role) || read.restricts(role);
            let is_named = read.roles.written.contains(&role) || !self.restricts(role);
            let theirs = is_named.then(|| read.roles.holders(role));
            let left: BTreeSet<PersonId> = match self.restricts(role) {
                // Everybody held it, so whoever is named is who is left.
                false => theirs.into_iter().flatten().cloned().collect(),
                // A role that is not written any more would be everybody's.
                true if self.roles.written.contains(&role) => {
                    both(self.roles.holders(role), theirs)
                }
                true => both(self.roles.holders(role), Some(read.roles.holders(role))),
            };
            *roles.holders_mut(role) = left;
            if is_restricted {
                roles.written.insert(role);
            }
        }
        Self {
            groups,
            roles,
            people: self.people_left(read),
            claims,
        }
    }

    /// Both narrow. Nobody belongs to a group of which they ask something else: two claims at once is not what either says.
    fn claims_left(
        &self,
        read: &Self,
        groups: &mut BTreeMap<GroupId, BTreeSet<PersonId>>,
    ) -> Claims {
        let (ours, theirs) = (&self.claims.groups, &read.claims.groups);
        for (group, claim) in theirs {
            if ours.get(group).is_some_and(|known| known != claim) {
                groups.entry(group.clone()).or_default().clear();
            }
        }
        let all = theirs.iter().chain(ours);
        let known = all.filter(|(group, _)| self.groups.contains_key(*group));
        let both = [self, read].map(|one| &one.claims);
        let written = both.into_iter().filter(|claims| !claims.is_none());
        Claims {
            groups: known
                .map(|(group, claim)| (group.clone(), claim.clone()))
                .collect(),
            valid_for: written
                .map(|claims| claims.valid_for)
                .min()
                .unwrap_or_default(),
        }
    }

    /// People that both have, with what proves them in both.
    fn people_left(&self, read: &Self) -> BTreeMap<PersonId, Person> {
        let same = |ours: &Option<String>, theirs: &Option<String>| {
            ours.clone().filter(|_| ours == theirs)
        };
        let left = self.people.iter().filter_map(|(name, person)| {
            let theirs = read.people.get(name)?;
            let left = Person {
                email: None,
                os: same(&person.os, &theirs.os),
                oidc: same(&person.oidc, &theirs.oidc),
                formerly: person.formerly.clone(),
            };
            Some((name.clone(), left))
        });
        left.collect()
    }

    /// Whether not everybody on this machine holds the role.
    fn restricts(&self, role: RoleName) -> bool {
        self.roles.written.contains(&role) || !self.names_nobody()
    }

    /// Whether the file does not name the role: then everybody in it has it.
    fn leaves_out(&self, role: RoleName) -> bool {
        let holders = self.roles.holders(role);
        let are_all = holders.len() == self.people.len()
            && holders.iter().all(|one| self.people.contains_key(one));
        !self.roles.written.contains(&role) && are_all
    }

    fn names_nobody(&self) -> bool {
        let mut all = RoleName::ALL.into_iter();
        all.all(|role| self.roles.holders(role).is_empty())
    }

    /// As it binds a rollout: what its start restricted and nothing names any more is nobody's, never everybody's.
    pub(crate) fn bound_by<'d>(this: Cow<'d, Self>, start: &Project) -> Cow<'d, Self> {
        let frozen = &start.roles;
        let is_gone = |role: &RoleName| {
            let is_left_out = this.leaves_out(*role);
            let named = frozen.written.contains(role) || !names_all(start, *role);
            // Without people in the file, a role that is left out names nobody either.
            is_left_out && (named || (this.names_nobody() && !frozen.holders(*role).is_empty()))
        };
        let gone: Vec<RoleName> = RoleName::ALL.into_iter().filter(is_gone).collect();
        if gone.is_empty() {
            return this;
        }
        let mut bound = this.into_owned();
        for role in gone {
            bound.roles.holders_mut(role).clear();
            bound.roles.written.insert(role);
        }
        Cow::Owned(bound)
    }

    /// Whether the person holds a role. A project that names nobody restricts nobody.
    pub(crate) fn holds(&self, role: RoleName, person: &PersonId) -> bool {
        let everybody = !self.roles.written.contains(&role) && self.names_nobody();
        everybody || self.roles.holders(role).contains(self.called_now(person))
    }

    pub(crate) fn is_member(&self, group: &GroupId, person: &PersonId) -> bool {
        let members = self.groups.get(group);
        members.is_some_and(|members| members.contains(self.called_now(person)))
    }

    /// Until when what somebody proved counts for a group; `None`: it does not. Where nothing is proved, as in a
    /// simulation, nothing is asked.
    pub(crate) fn claimed_until(&self, group: &GroupId, proof: Option<&Proof>) -> Option<Counts> {
        let (Some(claim), Some(proof)) = (self.claims.groups.get(group), proof) else {
            return Some(Counts::Always);
        };
        let signed_in_at = proof
            .signed_in_at
            .filter(|_| proof.claims.contains(claim))?;
        Some(Counts::Until(
            signed_in_at + self.claims.valid_for.0.to_delta(),
        ))
    }

    /// Whether the person may still be taken for who they say they are; a project that names nobody knows everybody.
    pub(crate) fn knows(&self, person: &PersonId) -> bool {
        self.people.is_empty() || called_now(&self.people, person).is_some()
    }

    /// The name that somebody has now.
    pub(crate) fn called_now<'d>(&'d self, person: &'d PersonId) -> &'d PersonId {
        called_now(&self.people, person).unwrap_or(person)
    }

    /// Whether two names are one person's.
    pub(crate) fn is_one(&self, one: &PersonId, other: &PersonId) -> bool {
        one == other || self.called_now(one) == self.called_now(other)
    }

    /// What is another in `now`; `None`: nothing that matters for rights.
    pub(crate) fn change_to(&self, now: &Self) -> Option<PeopleChange> {
        let mut change = PeopleChange::default();
        // A release before this one kept no people, and that is no change.
        let is_known = !self.people.is_empty() || (self.groups.is_empty() && self.names_nobody());
        if is_known {
            change.people(&self.people, &now.people);
        }
        let groups: BTreeSet<&GroupId> = self.groups.keys().chain(now.groups.keys()).collect();
        let nobody = BTreeSet::new();
        for group in groups {
            let [before, after] = [self, now].map(|one| one.groups.get(group).unwrap_or(&nobody));
            let words = (format!("joined {group}"), format!("left {group}"));
            if let Some(members) = change.set(before, after, &words) {
                change.groups.insert(group.clone(), members);
            }
        }
        change.claims(self, now);
        for role in RoleName::ALL {
            let [before, after] = [self, now].map(|one| one.roles.holders(role));
            let name = role.as_str();
            let words = (format!("became {name}"), format!("is no {name} any more"));
            if let Some(holders) = change.set(before, after, &words) {
                change.roles.insert(role, holders);
            }
        }
        (!change.whom.is_empty()).then_some(change)
    }
}

/// Until when something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counts {
    /// Up to but not at that instant.
    Until(Timestamp),
    Always,
}

impl Counts {
    /// Whether it counts at an instant.
    pub(crate) fn at(self, at: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::Until(until) => at < until,
        }
    }
}

fn both(ours: &BTreeSet<PersonId>, theirs: Option<&BTreeSet<PersonId>>) -> BTreeSet<PersonId> {
    let theirs = theirs.into_iter().flatten();
    let left = theirs.filter(|person| ours.contains(*person));
    left.cloned().collect()
}

/// Whether the role was everybody's, though the release that froze the plan did not write down which roles the file named.
fn names_all(project: &Project, role: RoleName) -> bool {
    let holders = project.roles.holders(role);
    holders.is_empty()
        || (holders.len() == project.people.len()
            && holders.iter().all(|one| project.people.contains_key(one)))
}

/// What changed about a person in the files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntryChange {
    pub(crate) at: Timestamp,
    /// In words that follow the name.
    pub(crate) what: Vec<String>,
}

/// Who was added and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    added: BTreeSet<PersonId>,
    removed: BTreeSet<PersonId>,
}

/// What changed among people, groups and roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeopleChange {
    /// In `people`.
    pub(crate) people: Members,
    /// By group.
    pub(crate) groups: BTreeMap<GroupId, Members>,
    /// By role.
    pub(crate) roles: BTreeMap<RoleName, Members>,
    /// Person by person, in words that follow the name.
    pub(crate) whom: BTreeMap<PersonId, Vec<String>>,
}

impl PeopleChange {
    fn note(&mut self, person: &PersonId, words: String) {
        self.whom.entry(person.clone()).or_default().push(words);
    }

    fn people(&mut self, before: &BTreeMap<PersonId, Person>, after: &BTreeMap<PersonId, Person>) {
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.people.removed.insert(name.clone());
            self.note(name, "was removed".to_owned());
        }
        for (name, person) in after {
            match before.get(name) {
                None => {
                    self.people.added.insert(name.clone());
                    let account = person.os.as_ref();
                    let with =
                        account.map_or_else(String::new, |os| format!(" with the account {os}"));
                    self.note(name, format!("was added{with}"));
                }
                Some(known) => {
                    self.proof(name, "account", known.os.as_ref(), person.os.as_ref());
                    self.proof(name, "identity", known.oidc.as_ref(), person.oidc.as_ref());
                }
            }
            let earlier = before.get(name).map(|known| &known.formerly);
            for old in &person.formerly {
                if earlier.is_none_or(|earlier| !earlier.contains(old)) {
                    self.note(name, format!("was called {old} before"));
                }
            }
        }
    }

    /// What a group asks of a sign-in concerns all of its people.
    fn claims(&mut self, before: &Directory, now: &Directory) {
        for (group, members) in &now.groups {
            let [was, is] = [before, now].map(|one| one.claims.groups.get(group));
            let words = match is {
                _ if was == is => continue,
                Some(Claim { claim, equals }) => {
                    format!("counts in {group} after a sign-in with {claim} {equals} only")
                }
                None => format!("counts in {group} after any sign-in"),
            };
            for person in members {
                self.note(person, words.clone());
            }
        }
    }

    fn proof(
        &mut self,
        person: &PersonId,
        what: &str,
        before: Option<&String>,
        after: Option<&String>,
    ) {
        match (before, after) {
            (one, other) if one == other => {}
            (Some(one), Some(other)) => {
                self.note(person, format!("has the {what} {other} instead of {one}"));
            }
            (None, Some(other)) => self.note(person, format!("has the {what} {other}")),
            (one, None) => {
                let one = one.map_or("", String::as_str);
                self.note(person, format!("has the {what} {one} no more"));
            }
        }
    }

    fn set(
        &mut self,
        before: &BTreeSet<PersonId>,
        after: &BTreeSet<PersonId>,
        (added, removed): &(String, String),
    ) -> Option<Members> {
        let members = Members {
            added: after.difference(before).cloned().collect(),
            removed: before.difference(after).cloned().collect(),
        };
        for person in &members.added {
            self.note(person, added.clone());
        }
        for person in &members.removed {
            self.note(person, removed.clone());
        }
        (members != Members::default()).then_some(members)
    }
}

#[cfg(test)]
mod tests;
