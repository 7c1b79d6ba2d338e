//! The fleet: services that belong to one customer only, one phase for each customer.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckedFiles;
use super::never_starts::NeverStarts;
use super::templates::check_needs;
use crate::ids::{CustomerId, ServiceId};
use crate::parse::node::{Node, Pos};
use crate::parse::report::Report;
use crate::phases::{DATABASE, HOTFIX};
use crate::rules::Policy;
use crate::settings::Customer;

/// So many customers of a tier are named.
const SHOWN: usize = 3;

impl CheckedFiles<'_, '_> {
    pub(in crate::parse) fn check_customers(&self, report: &mut Report<'_>) {
        let mut never = NeverStarts::new(self, report);
        let Some(node) = self.fleet_node.and_then(|node| node.get("customers")) else {
            return;
        };
        let needs = self.needs();
        let mut owners: BTreeMap<&ServiceId, &str> = BTreeMap::new();
        let mut tiers: BTreeMap<&str, Tier> = BTreeMap::new();
        for (key, node) in node.entries() {
            let Some((id, customer)) = self
                .fleet
                .customers
                .get_key_value(&CustomerId::new(&*key.name))
            else {
                continue;
            };
            self.check_name(id, key.pos, report);
            check_owners(id, customer, node, &mut owners, report);
            check_services(customer, node, report);
            check_needs(id.as_str(), key.pos, customer, &needs, report);
            never.customer(self, (id, customer), node, report);
            let tier = tiers.entry(&customer.tier).or_default();
            if self.check_phase(id, customer, key.pos, report) {
                tier.is_covered = true;
            } else {
                tier.uncovered.push((id, node.pos_of(&["tier"])));
            }
        }
        never.finish(report);
        // What is in a file that cannot be read may cover anybody.
        if !self.policies.is_empty() && self.unread.is_empty() {
            self.check_covered(&tiers, report);
        }
    }

    /// A gate is named by a phase or a customer, so the two must differ.
    fn check_name(&self, id: &CustomerId, pos: Pos, report: &mut Report<'_>) {
        if self
            .policies
            .iter()
            .any(|(policy, _)| policy.name.as_str() == id.as_str())
        {
            let help = "`approve` could mean either; rename the customer";
            report.help(
                pos,
                "doubled-name",
                format!("the customer `{id}` is named like a policy"),
                help,
            );
        }
    }

    /// Whether some policy covers a customer; reports it if several do.
    fn check_phase(
        &self,
        id: &CustomerId,
        customer: &Customer,
        pos: Pos,
        report: &mut Report<'_>,
    ) -> bool {
        let regular = self
            .policies
            .iter()
            .map(|(policy, _)| policy)
            .filter(|policy| policy.name.as_str() != HOTFIX);
        let mut covering = regular
            .clone()
            .filter(|policy| policy.customers.covers(id, customer));
        let (first, second) = (covering.next(), covering.next());
        if let (Some(first), Some(second)) = (first, second)
            && first.name != second.name
        {
            let message = format!(
                "`{id}` belongs to two phases, `{}` and `{}`",
                first.name, second.name
            );
            report.help(
                pos,
                "two-phases",
                message,
                "narrow one of them with `customers: { except: [...] }`",
            );
        }
        let excepted = |policy: &Policy| policy.customers.excepts(id, customer);
        first.is_some() || regular.clone().any(excepted)
    }

    /// Nobody of a tier without a policy would ever get a release, and no command would say so.
    fn check_covered(&self, tiers: &BTreeMap<&str, Tier<'_>>, report: &mut Report<'_>) {
        for (name, tier) in tiers.iter().filter(|(name, _)| !name.is_empty()) {
            let Some((_, pos)) = tier.uncovered.first() else {
                continue;
            };
            let customers = tier.names();
            if tier.is_covered {
                let message = format!("no policy covers {customers} of the tier `{name}`");
                let help = "select them in a policy, or leave them out by `customers: { except: [...] }` of one";
                report.warn(*pos, "uncovered", message, help);
                continue;
            }
            let message = format!("no policy covers the tier `{name}` ({customers})");
            let help = match crate::suggest::nearest(name, self.policy_names()) {
                Some(near) if near == *name => {
                    format!("the policy `{name}` selects others: look at its `customers`")
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("write a policy named `{name}`, or select its customers in another")
                }
            };
            report.uncovered(*pos, message, help);
        }
    }
}

/// The customers of a tier whom no policy covers.
#[derive(Default)]
struct Tier<'w> {
    is_covered: bool,
    uncovered: Vec<(&'w CustomerId, Pos)>,
}

impl Tier<'_> {
    /// The first of them, and how many more there are.
    fn names(&self) -> String {
        let shown = self.uncovered.iter().take(SHOWN);
        let shown: Vec<String> = shown.map(|(id, _)| format!("`{id}`")).collect();
        match self.uncovered.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// A service belongs to one customer, in one role.
fn check_owners<'w>(
    id: &'w CustomerId,
    customer: &'w Customer,
    node: &Node<'_>,
    owners: &mut BTreeMap<&'w ServiceId, &'w str>,
    report: &mut Report<'_>,
) {
    for (role, service) in customer
        .services
        .iter()
        .filter(|(_, service)| !service.id.as_str().is_empty())
    {
        if let Some(owner) = owners.insert(&service.id, id.as_str()) {
            let pos = node.pos_of(&["services", role.as_str(), "id"]);
            let message = format!("the service `{}` belongs to `{owner}` already", service.id);
            report.help(
                pos,
                "doubled-service",
                message,
                "each service belongs to one customer, in one role",
            );
        }
    }
}

/// Health is asked at an address.
fn check_services(customer: &Customer, node: &Node<'_>, report: &mut Report<'_>) {
    for (role, service) in &customer.services {
        if service.url.is_none() && role.as_str() != DATABASE && !service.id.as_str().is_empty() {
            let pos = node.pos_of(&["services", role.as_str()]);
            let message = format!("the `{role}` has no `url`, so its health cannot be checked");
            report.warn(
                pos,
                "missing-url",
                message,
                "add the address at which it answers",
            );
        }
    }
}

/// The tiers that exist, for hints.
pub(super) fn tiers<'w>(files: &CheckedFiles<'w, '_>) -> BTreeSet<&'w str> {
    files
        .fleet
        .customers
        .values()
        .map(|customer| customer.tier.as_str())
        .collect()
}
