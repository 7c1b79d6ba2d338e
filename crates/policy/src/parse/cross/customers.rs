//! The fleet: services that belong to one customer only, one phase for each customer.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::templates::check_needs;
use crate::ids::{CustomerId, PolicyId, ServiceId};
use crate::parse::node::{Node, Pos};
use crate::parse::report::Report;
use crate::plan::{DATABASE, HOTFIX};
use crate::rules::Policy;
use crate::settings::Customer;

impl World<'_, '_> {
    pub(super) fn check_customers(&self, report: &mut Report<'_>) {
        let Some(node) = self.fleet_node.and_then(|node| node.get("customers")) else {
            return;
        };
        let needs = self.needs();
        let mut owners: BTreeMap<&ServiceId, &str> = BTreeMap::new();
        let mut uncovered: BTreeMap<&str, (Pos, usize)> = BTreeMap::new();
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
            if !self.check_phase(id, customer, key.pos, report) {
                uncovered
                    .entry(&customer.tier)
                    .or_insert((node.pos_of(&["tier"]), 0))
                    .1 += 1;
            }
        }
        if !self.policies.is_empty() {
            self.warn_uncovered(&uncovered, report);
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
        first.is_some()
            || regular.clone().any(excepted)
            || self.unread.contains(&PolicyId::new(&customer.tier))
    }

    fn warn_uncovered(&self, uncovered: &BTreeMap<&str, (Pos, usize)>, report: &mut Report<'_>) {
        for (tier, (pos, count)) in uncovered.iter().filter(|(tier, _)| !tier.is_empty()) {
            let customers = if *count == 1 {
                "1 customer".to_owned()
            } else {
                format!("{count} customers")
            };
            let message = format!("no policy covers the tier `{tier}` ({customers})");
            let help = match crate::suggest::nearest(tier, self.policy_names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("write a policy named `{tier}`, or select its customers in another")
                }
            };
            report.warn(*pos, "uncovered", message, help);
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
pub(super) fn tiers<'w>(world: &World<'w, '_>) -> BTreeSet<&'w str> {
    world
        .fleet
        .customers
        .values()
        .map(|customer| customer.tier.as_str())
        .collect()
}
