//! Gates that can open: the groups and people exist, and there are enough of them.

use std::collections::BTreeSet;

use super::{CheckedFiles, unknown};
use crate::ids::{GroupId, PersonId};
use crate::parse::check::listed;
use crate::parse::node::{Kind, Node, Pos};
use crate::parse::report::Report;
use crate::quorum::are_filled;
use crate::rules::{Approval, Approvers, Excluded, GroupOrPerson};
use crate::settings::RoleName;

impl CheckedFiles<'_, '_> {
    pub(super) fn check_approval(
        &self,
        approval: &Approval,
        node: &Node<'_>,
        report: &mut Report<'_>,
    ) {
        let named = self.check_from(node, report) & self.check_not(node, report);
        check_sum(approval, node, report);
        // With an unknown name among them, who is entitled is not known either.
        if named {
            self.check_quorum(approval, node, report);
        }
        if let Some(auth_time) = node.get("auth_time").filter(|_| !self.signs_in()) {
            let message = "nobody can sign in, so the gate can never open";
            let help = "write the identity provider under `server: sign_in` in tranche.yaml, or leave `auth_time` out";
            report.never(auth_time.pos, "sign-in", message.to_owned(), help);
        }
    }

    fn check_from(&self, node: &Node<'_>, report: &mut Report<'_>) -> bool {
        let Some(from) = node.get("from") else {
            return true;
        };
        let groups = || self.project.groups.keys().map(AsRef::as_ref);
        let mut known = true;
        for (key, _) in from.entries() {
            if !self.project.groups.contains_key(&GroupId::new(&*key.name)) {
                unknown(
                    report,
                    key.pos,
                    "group",
                    &key.name,
                    groups(),
                    "add it under `groups` in tranche.yaml",
                );
                known = false;
            }
        }
        let names = if from.kind() == Kind::Map {
            &[][..]
        } else {
            from.one_or_many()
        };
        for item in names {
            if let Some(name) = item.scalar().filter(|name| !self.is_group_or_person(name)) {
                let names = groups().chain(self.project.people.keys().map(AsRef::as_ref));
                let help = "add it under `groups` or `people` in tranche.yaml";
                unknown(report, item.pos, "group or person", name, names, help);
                known = false;
            }
        }
        known
    }

    fn check_not(&self, node: &Node<'_>, report: &mut Report<'_>) -> bool {
        let mut known = true;
        for item in node.get("not").map_or(&[][..], Node::one_or_many) {
            let foreign = |name: &&str| {
                *name != "starter" && !self.project.people.contains_key(&PersonId::from(*name))
            };
            if let Some(name) = item.scalar().filter(foreign) {
                let names = self
                    .project
                    .people
                    .keys()
                    .map(AsRef::as_ref)
                    .chain(["starter"]);
                unknown(
                    report,
                    item.pos,
                    "person",
                    name,
                    names,
                    "write `starter`, or a person under `people`",
                );
                known = false;
            }
        }
        known
    }

    fn check_quorum(&self, approval: &Approval, node: &Node<'_>, report: &mut Report<'_>) {
        let pos = if node.get("quorum").is_some() {
            node.pos_of(&["quorum"])
        } else {
            node.key_pos("from")
        };
        if matches!(&approval.from, Approvers::Each(groups) if groups.is_empty()) {
            let message = "`from` names no group, so nobody is asked and the gate can never open";
            let help = "name groups, such as `from: { release-managers: 1 }`; without `from` everybody who may approve is asked";
            report.never(node.pos_of(&["from"]), "quorum", message.to_owned(), help);
            return;
        }
        if self.check_each(approval, pos, report) && self.check_total(approval, pos, report) {
            self.check_starter(approval, pos, report);
        }
    }

    /// Whether each group has as many people as must approve of it.
    fn check_each(&self, approval: &Approval, pos: Pos, report: &mut Report<'_>) -> bool {
        let Approvers::Each(groups) = &approval.from else {
            return true;
        };
        let mut enough = true;
        for (group, wanted) in groups {
            let entitled = self.entitled(self.members(group), approval).len();
            if entitled < *wanted as usize {
                let message =
                    format!("`{group}` has {entitled} of the {wanted} people who must approve");
                let help = "add people to the group or to the role `approver`";
                report.never(pos, "quorum", message, help);
                enough = false;
            }
        }
        enough
    }

    /// Whether there are as many people in all as must approve, and one for each place.
    fn check_total(&self, approval: &Approval, pos: Pos, report: &mut Report<'_>) -> bool {
        let entitled = self.all_entitled(approval);
        let wanted = approval.quorum;
        let said = || listed(entitled.iter().map(|person| person.as_str()), "and");
        let message = if entitled.len() < wanted as usize {
            let who = match entitled.len() {
                0 => "nobody may".to_owned(),
                _ => format!("only {} may", said()),
            };
            format!("{wanted} must approve, but {who}, so the gate can never open")
        } else if !self.is_filled(approval, &entitled) {
            format!(
                "{} cannot fill all {wanted} places, one each, so the gate can never open",
                said()
            )
        } else {
            return true;
        };
        let help = "lower the quorum, or add people to the groups and to `approver`";
        report.never(pos, "quorum", message, help);
        false
    }

    /// Whether enough are left whoever starts the rollout, who may not approve then.
    fn check_starter(&self, approval: &Approval, pos: Pos, report: &mut Report<'_>) {
        let roles = &self.project.roles;
        if !approval.not.contains(&Excluded::Starter) || roles.operator.is_empty() {
            return;
        }
        let entitled = self.all_entitled(approval);
        let suffices = |starter: &&PersonId| {
            let mut left = entitled.clone();
            left.remove(*starter);
            self.is_filled(approval, &left)
        };
        let short: Vec<&PersonId> = roles.operator.iter().filter(|one| !suffices(one)).collect();
        let help = "add one more person, or write `not: []`";
        if short.len() < roles.operator.len() {
            if !short.is_empty() {
                let who = listed(short.iter().map(|person| person.as_str()), "or");
                let message = format!("if {who} starts the rollout, too few are left to approve");
                report.warn(pos, "quorum", message, help);
            }
            return;
        }
        let message = "whoever starts the rollout is one of those who must approve, and may not";
        // A service counts as whoever made its token, and what follows tags as nobody. Where nobody is named who starts,
        // the files do not say yet who will.
        let is_open = !roles.written.contains(&RoleName::Operator) || self.project.follow.is_some();
        if is_open || roles.admin.iter().any(|admin| suffices(&admin)) {
            report.warn(pos, "quorum", message, help);
        } else {
            let message = format!("{message}, so the gate can never open");
            report.never(pos, "quorum", message, help);
        }
    }

    /// All whose votes count, whoever starts.
    fn all_entitled<'w>(&'w self, approval: &'w Approval) -> BTreeSet<&'w PersonId> {
        match &approval.from {
            Approvers::Anybody => self.entitled(self.project.roles.approver.iter(), approval),
            Approvers::Any(names) => {
                self.entitled(names.iter().flat_map(|name| self.people(name)), approval)
            }
            Approvers::Each(groups) => {
                let members = groups.keys().flat_map(|group| self.members(group));
                self.entitled(members, approval)
            }
        }
    }

    /// Whether these people are enough.
    fn is_filled(&self, approval: &Approval, people: &BTreeSet<&PersonId>) -> bool {
        match &approval.from {
            Approvers::Anybody | Approvers::Any(_) => people.len() >= approval.quorum as usize,
            Approvers::Each(groups) => are_filled(groups, people, |group, person| {
                self.members(group).any(|member| member == person)
            }),
        }
    }

    /// Who may ever count in a group: by a claim only who can sign in.
    fn members<'w>(&'w self, group: &GroupId) -> impl Iterator<Item = &'w PersonId> {
        let is_narrowed = self.project.claims.groups.contains_key(group);
        let members = self.project.groups.get(group).into_iter().flatten();
        members.filter(move |person| !is_narrowed || self.can_sign_in(person))
    }

    fn people<'w>(&'w self, name: &'w GroupOrPerson) -> Vec<&'w PersonId> {
        match name {
            GroupOrPerson::Group(group) => self.members(group).collect(),
            GroupOrPerson::Person(person) => vec![person],
        }
    }

    /// Those who hold the role of approver and are not excluded.
    fn entitled<'w>(
        &self,
        people: impl Iterator<Item = &'w PersonId>,
        approval: &Approval,
    ) -> BTreeSet<&'w PersonId> {
        let allowed = |person: &&PersonId| {
            let excluded = approval.not.contains(&Excluded::Person((*person).clone()));
            let is_there = approval.auth_time.is_none() || self.can_sign_in(person);
            !excluded && is_there && self.project.roles.approver.contains(*person)
        };
        people.filter(allowed).collect()
    }
}

/// With a number for each group the quorum is their sum; another number beside it means a misunderstanding.
fn check_sum(approval: &Approval, node: &Node<'_>, report: &mut Report<'_>) {
    let written = node
        .get("quorum")
        .and_then(Node::scalar)
        .and_then(|text| text.parse::<u32>().ok());
    if let (Approvers::Each(_), Some(written)) = (&approval.from, written)
        && written != approval.quorum
    {
        let message = format!(
            "the groups' numbers add up to {}, not {written}",
            approval.quorum
        );
        report.help(
            node.pos_of(&["quorum"]),
            "quorum",
            message,
            "leave `quorum` out",
        );
    }
}
