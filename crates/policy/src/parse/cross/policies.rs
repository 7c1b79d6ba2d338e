//! The policies: their DAG, their batches, and the names they use.

use std::collections::BTreeMap;

use super::project::check_role;
use super::{CheckedFiles, customers, unknown};
use crate::ids::PolicyId;
use crate::parse::node::{Kind, Node, Pos};
use crate::parse::report::Report;
use crate::phases::{Cycle, DATABASE, HOTFIX, order};
use crate::rules::{BatchRule, Order, Policy, Share};
use crate::span::Span;

impl CheckedFiles<'_, '_> {
    pub(super) fn check_policies(&self, report: &mut Report<'_>) {
        let mut first: BTreeMap<&PolicyId, Pos> = BTreeMap::new();
        for (policy, node) in self.policies {
            let pos = node.pos_of(&["policy"]);
            if let Some(first) = first.insert(&policy.name, pos) {
                let help = format!(
                    "the other stands in line {} of its file; rename one of them",
                    first.line
                );
                report.help(
                    pos,
                    "doubled-name",
                    format!("two policies are called `{}`", policy.name),
                    help,
                );
            }
            self.check_after(policy, node, report);
            self.check_names(policy, node, report);
            check_batch(policy, node, report);
            check_times(policy, node, report);
            check_deferral(policy, node, report);
            if let (Some(approval), Some(node)) = (&policy.approval, node.get("approval"))
                && self.project_node.is_some()
                && node.kind() == Kind::Map
            {
                self.check_approval(approval, node, report);
            }
        }
        self.check_cycles(report);
    }

    fn check_after(&self, policy: &Policy, node: &Node<'_>, report: &mut Report<'_>) {
        if policy.name.as_str() == HOTFIX && !policy.after.is_empty() {
            let help = "remove `after`; it is used by `start --hotfix` alone";
            report.help(
                node.key_pos("after"),
                "hotfix",
                "the policy `hotfix` is no part of the DAG",
                help,
            );
            return;
        }
        for item in node.get("after").map_or(&[][..], Node::one_or_many) {
            let Some(name) = item.scalar() else { continue };
            if name == HOTFIX {
                let help = "it is used by `start --hotfix` alone";
                report.help(
                    item.pos,
                    "hotfix",
                    "no phase comes after the policy `hotfix`",
                    help,
                );
            } else if !self.knows_policy(&PolicyId::from(name)) {
                unknown(
                    report,
                    item.pos,
                    "policy",
                    name,
                    self.policy_names(),
                    "name another policy",
                );
            }
        }
    }

    fn check_cycles(&self, report: &mut Report<'_>) {
        let by_name = self.by_name();
        let Err(Cycle(names)) = order(by_name.values().copied()) else {
            return;
        };
        let first = names.first().and_then(|name| {
            self.policies
                .iter()
                .find(|(policy, _)| policy.name.as_str() == *name)
        });
        let pos = first
            .map(|(_, node)| node.pos_of(&["after"]))
            .unwrap_or_default();
        let message = format!("the phases form a cycle: {}", names.join(" -> "));
        report.help(pos, "cycle", message, "remove one `after` of the cycle");
    }

    fn check_names(&self, policy: &Policy, node: &Node<'_>, report: &mut Report<'_>) {
        if self.project_node.is_some() && !self.project.health.contains_key(&policy.health) {
            let known = self.project.health.keys().map(String::as_str);
            let help = "write it under `health` in tranche.yaml";
            unknown(
                report,
                node.pos_of(&["health"]),
                "health profile",
                &policy.health,
                known,
                help,
            );
        }
        let selection = node.get("customers");
        for key in ["only", "except"] {
            let names = selection
                .and_then(|node| node.get(key))
                .map_or(&[][..], Node::items);
            for name in names {
                self.check_customer_name(name, report);
            }
        }
        if let Some(tier) = selection.and_then(|node| node.get("tier"))
            && let Some(name) = tier.scalar()
            && self.fleet_node.is_some()
            && !customers::tiers(self).contains(name)
        {
            report.warn(
                tier.pos,
                "empty",
                format!("no customer is of the tier `{name}`"),
                "check its spelling",
            );
        }
        if self.fleet_node.is_some() {
            self.check_services(node, report);
        }
    }

    fn check_services(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let written = node.get("services").map_or(&[][..], Node::items);
        let hooks = node
            .get("hooks")
            .map_or(&[][..], Node::entries)
            .iter()
            .flat_map(|(_, hooks)| hooks.items());
        let jobs: Vec<&Node<'_>> = hooks
            .filter_map(|hook| hook.find(&["job", "service"]))
            .collect();
        if written.is_empty() && jobs.is_empty() {
            return;
        }
        let known = self.roles();
        written
            .iter()
            .chain(jobs)
            .for_each(|role| check_role(role, &known, report));
        for (index, item) in written.iter().enumerate() {
            let Some(role) = item.scalar() else { continue };
            if role == DATABASE {
                let help = "a database is mapped for its health and its backups; remove it here";
                report.help(item.pos, "database", "a database is never deployed", help);
            }
            if written[..index]
                .iter()
                .any(|earlier| earlier.scalar() == Some(role))
            {
                report.help(
                    item.pos,
                    "doubled-name",
                    format!("`{role}` is written twice"),
                    "name each role once",
                );
            }
        }
    }
}

/// A list is cumulative: each share larger than the one before, the last everybody.
fn check_batch(policy: &Policy, node: &Node<'_>, report: &mut Report<'_>) {
    let (BatchRule::Shares(shares), Some(list)) = (&policy.batch, node.get("batch")) else {
        return;
    };
    for ((one, other), item) in shares
        .iter()
        .zip(shares.iter().skip(1))
        .zip(list.items().iter().skip(1))
    {
        if !ascends(*one, *other) {
            let help = "the shares are cumulative, such as `[1, 10%, 50%, 100%]`";
            report.help(
                item.pos,
                "batch",
                "each share must be larger than the one before",
                help,
            );
        }
    }
    let end = list.items().last().map_or(list.pos, |item| item.pos);
    if !matches!(shares.last(), Some(Share::All | Share::Percent(100))) {
        report.help(
            end,
            "batch",
            "the last share must be everybody",
            "end the list with `100%`",
        );
    }
}

/// Whether one share may follow another; a number and a percentage can only be compared in a fleet.
fn ascends(one: Share, other: Share) -> bool {
    match (one, other) {
        (Share::All | Share::Percent(100), _) => false,
        (Share::Count(one), Share::Count(other)) | (Share::Percent(one), Share::Percent(other)) => {
            one < other
        }
        (Share::Count(_), Share::Percent(_) | Share::All)
        | (Share::Percent(_), Share::Count(_) | Share::All) => true,
    }
}

/// Whoever puts their own date off must not put off that of others.
fn check_deferral(policy: &Policy, node: &Node<'_>, report: &mut Report<'_>) {
    let batch = node.get("batch").and_then(Node::scalar);
    // What could not be read is a mistake of its own.
    let misread = policy.batch == BatchRule::All && batch.is_some_and(|batch| batch != "all");
    if node.get("deferral").is_none() || policy.goes_one_by_one() || misread {
        return;
    }
    let (message, help) = match policy.order {
        Order::Strict => (
            "with `order: strict` everybody behind a customer who puts the date off waits too",
            "write `order: ready`, or leave `deferral` out",
        ),
        Order::Ready => (
            "a customer who puts the date off would stop the others of its batch",
            "write `batch: 1`, or leave `deferral` out",
        ),
    };
    report.help(node.key_pos("deferral"), "deferral", message, help);
}

fn check_times(policy: &Policy, node: &Node<'_>, report: &mut Report<'_>) {
    if policy.due.is_some_and(|due| due <= policy.not_before) {
        let help = "`due` counts from the rollout's start, as `not_before` does";
        report.warn(
            node.pos_of(&["due"]),
            "range",
            "the phase is due before it may start",
            help,
        );
    }
    if policy.not_before > Span::from_secs(366 * 24 * 60 * 60) {
        let pos = node.pos_of(&["not_before"]);
        report.warn(
            pos,
            "range",
            "the phase waits for more than a year",
            "check the unit",
        );
    }
}
