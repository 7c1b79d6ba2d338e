//! `tranche.yaml` by itself: people, groups, Render's limits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{CheckedFiles, unknown};
use crate::ids::{CustomerId, GroupId, PersonId, PolicyId, Role};
use crate::network::{self, Network};
use crate::parse::node::Node;
use crate::parse::report::Report;
use crate::span::Span;

/// Below this Render may still carry out a request that was given up.
const SETTLE: Span = Span::from_secs(30);
/// Below this polling alone would use up Render's limits.
const POLL: Span = Span::from_secs(1);

impl CheckedFiles<'_, '_> {
    pub(super) fn check_project(&self, report: &mut Report<'_>) {
        let Some(node) = self.project_node else {
            return;
        };
        self.check_people(node, report);
        self.check_render(node, report);
        self.check_freezes(node, report);
        self.check_templates(node, report);
        self.check_check_roles(node, report);
        self.check_notify(node, report);
        self.check_server(node, report);
        check_network(node, report);
        check_files(node, report);
        for item in node
            .find(&["follow", "policies"])
            .map_or(&[][..], Node::one_or_many)
        {
            if let Some(name) = item
                .scalar()
                .filter(|name| !self.knows_policy(&PolicyId::from(*name)))
            {
                unknown(
                    report,
                    item.pos,
                    "policy",
                    name,
                    self.policy_names(),
                    "name a file of the policies",
                );
            }
        }
    }

    fn check_people(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let people = || self.project.people.keys().map(AsRef::as_ref);
        let groups = node.get("groups").map_or(&[][..], Node::entries);
        for (_, members) in groups {
            let named = members.get("of").unwrap_or(members);
            for item in named.items() {
                let known = |name: &&str| !self.project.people.contains_key(&PersonId::from(*name));
                if let Some(name) = item.scalar().filter(known) {
                    unknown(
                        report,
                        item.pos,
                        "person",
                        name,
                        people(),
                        "add the person under `people`",
                    );
                }
            }
        }
        self.check_former_names(node, report);
        let roles = node.get("roles").map_or(&[][..], Node::entries);
        for item in roles.iter().flat_map(|(_, holders)| holders.one_or_many()) {
            if let Some(name) = item.scalar().filter(|name| !self.is_group_or_person(name)) {
                let known = people().chain(self.project.groups.keys().map(AsRef::as_ref));
                unknown(
                    report,
                    item.pos,
                    "person or group",
                    name,
                    known,
                    "add it under `people` or `groups`",
                );
            }
        }
    }

    /// A former name is one person's, and nobody's present one.
    fn check_former_names(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, person) in node.get("people").map_or(&[][..], Node::entries) {
            let names = person.get("formerly").map_or(&[][..], Node::one_or_many);
            for item in names {
                let Some(name) = item.scalar() else {
                    continue;
                };
                let message = match taken.insert(name, &key.name) {
                    _ if self.project.people.contains_key(&PersonId::from(name)) => {
                        format!(
                            "`{name}` is in `people`, so `{}` was not called so",
                            key.name
                        )
                    }
                    Some(other) => format!("`{name}` is a former name of `{other}` already"),
                    None => continue,
                };
                let help = "a name that somebody had before belongs to nobody else";
                report.help(item.pos, "doubled-name", message, help);
            }
        }
    }

    pub(super) fn is_group_or_person(&self, name: &str) -> bool {
        let Self { project, .. } = self;
        project.people.contains_key(&PersonId::from(name))
            || project.groups.contains_key(&GroupId::from(name))
    }

    fn check_render(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let render = &self.project.render;
        if render.poll_from > render.poll_to {
            let pos = node.pos_of(&["render", "poll", "from"]);
            report.help(
                pos,
                "range",
                "`from` is slower than `to`",
                "write the faster pace under `from`",
            );
        }
        if network::is_on_this_machine(&render.url) {
            return;
        }
        if render.settle < SETTLE {
            let pos = node.pos_of(&["render", "settle"]);
            let help = "a request that was given up may still take effect; write at least 30s";
            report.help(
                pos,
                "range",
                format!("{} is too short for Render", render.settle),
                help,
            );
        }
        if render.poll_from < POLL {
            let pos = node.pos_of(&["render", "poll", "from"]);
            let help = "polling would use up Render's limits; write at least 1s";
            report.help(
                pos,
                "range",
                format!("{} is too fast for Render", render.poll_from),
                help,
            );
        }
    }

    /// Refuses the name of a customer nobody knows.
    pub(super) fn check_customer_name(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let Some(name) = node.scalar().filter(|_| self.fleet_node.is_some()) else {
            return;
        };
        if !self.fleet.customers.contains_key(&CustomerId::from(name)) {
            let known = self.fleet.customers.keys().map(AsRef::as_ref);
            unknown(
                report,
                node.pos,
                "customer",
                name,
                known,
                "add it to the customers",
            );
        }
    }

    fn check_check_roles(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let profiles = node.get("health").map_or(&[][..], Node::entries);
        let checks = profiles
            .iter()
            .filter_map(|(_, profile)| profile.get("checks"))
            .flat_map(Node::items);
        let roles: Vec<&Node<'_>> = checks.filter_map(|check| check.get("on")).collect();
        if !roles.is_empty() {
            let known = self.roles();
            for node in roles {
                check_role(node, &known, report);
            }
        }
    }
}

fn check_network(node: &Node<'_>, report: &mut Report<'_>) {
    for item in node
        .find(&["network", "allow"])
        .map_or(&[][..], Node::items)
    {
        if let Some(range) = item
            .scalar()
            .filter(|range| Network::new([*range]).is_err())
        {
            let help = "write an address or a range such as `10.0.0.0/8` or `::1`";
            report.help(
                item.pos,
                "network",
                format!("`{range}` is no range of addresses"),
                help,
            );
        }
    }
}

/// What is below these is no file of anybody's.
const NEVER: [&str; 3] = ["/proc", "/sys", "/dev"];

fn check_files(node: &Node<'_>, report: &mut Report<'_>) {
    for item in node.find(&["files", "allow"]).map_or(&[][..], Node::items) {
        let Some(path) = item.scalar().map(Path::new) else {
            continue;
        };
        if let Some(never) = NEVER.iter().find(|never| path.starts_with(never)) {
            let help = "name the folder that holds the files, such as `/run/secrets`";
            report.help(
                item.pos,
                "files",
                format!("nothing below {never} is ever read"),
                help,
            );
        }
    }
}

/// Refuses a role of services that no customer has.
pub(super) fn check_role(node: &Node<'_>, known: &BTreeSet<Role>, report: &mut Report<'_>) {
    if let Some(name) = node
        .scalar()
        .filter(|name| !known.contains(&Role::from(*name)))
    {
        let names = known.iter().map(AsRef::as_ref);
        unknown(
            report,
            node.pos,
            "service role",
            name,
            names,
            "use a role that some customer has",
        );
    }
}
