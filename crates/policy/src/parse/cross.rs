//! What concerns several values or files: names that refer to others, orders, sums.

mod approvals;
mod customers;
mod due;
mod freezes;
mod never_starts;
mod notify;
mod policies;
mod project;
mod server;
mod templates;

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::Calendar;
use super::node::{Node, Pos};
use super::report::Report;
use crate::ids::{PolicyId, Role};
use crate::rules::Policy;
use crate::settings::server::Server;
use crate::settings::{Fleet, Project};
use crate::span::Timestamp;
use crate::suggest::nearest;

/// Everything that was read, with the trees it was read from.
pub(super) struct CheckedFiles<'w, 's> {
    pub(super) project: &'w Project,
    /// `None` when the file cannot be read: then nothing that refers to it is judged.
    pub(super) project_node: Option<&'w Node<'s>>,
    pub(super) server: &'w Server,
    pub(super) fleet: &'w Fleet,
    pub(super) fleet_node: Option<&'w Node<'s>>,
    pub(super) policies: &'w [(Policy, &'w Node<'s>)],
    /// Policies that may exist in files which cannot be read.
    pub(super) unread: &'w BTreeSet<PolicyId>,
    /// From when on somebody would start; `None`: nobody says, and what goes by dates is not judged.
    pub(super) at: Option<Timestamp>,
    /// The calendar files that freezes name.
    pub(super) calendars: &'w [Calendar],
}

impl<'w> CheckedFiles<'w, '_> {
    /// Reports whatever does not fit together.
    pub(super) fn check(&self, report: &mut Report<'_>) {
        self.check_project(report);
        self.check_policies(report);
        self.check_dues(report);
        self.check_customers(report);
    }

    /// The policies by name, the first of each name.
    fn by_name(&self) -> BTreeMap<&'w PolicyId, &'w Policy> {
        self.policies
            .iter()
            .rev()
            .map(|(policy, _)| (&policy.name, policy))
            .collect()
    }

    /// Whether a policy exists, or may.
    fn knows_policy(&self, name: &PolicyId) -> bool {
        self.unread.contains(name) || self.policies.iter().any(|(policy, _)| policy.name == *name)
    }

    fn policy_names(&self) -> impl Iterator<Item = &'w str> {
        self.policies.iter().map(|(policy, _)| policy.name.as_str())
    }

    /// All roles of services: the usual ones, and those that customers have.
    fn roles(&self) -> BTreeSet<Role> {
        let usual = ["backend", "frontend", crate::phases::DATABASE].map(Role::from);
        let mut roles = BTreeSet::from(usual);
        for role in self
            .fleet
            .customers
            .values()
            .flat_map(|customer| customer.services.keys())
        {
            if !roles.contains(role) {
                roles.insert(role.clone());
            }
        }
        roles
    }
}

/// Reports a name that refers to nothing.
fn unknown<'n>(
    report: &mut Report<'_>,
    pos: Pos,
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
    otherwise: &str,
) {
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    };
    report.help(
        pos,
        "unknown-name",
        format!("there is no {kind} `{name}`"),
        help,
    );
}
