//! The configuration of a scenario: files, fragments and edits merged as trees, gaps filled, then read like any other.

use std::collections::BTreeSet;

use super::super::merge::merge;
use super::super::node::{Key, Kind, Node, Pos};
use super::super::report::Report;
use super::super::{Config, Diagnostic, Sources, Trees, read, tree, yaml};
use super::{Edit, Scenario};
use crate::phases::DATABASE;
use crate::settings::Project;
use crate::template::{self, Placeholder};

impl Scenario {
    pub(super) fn build(
        &self,
        base: Option<&Sources>,
        edits: &[&Edit],
    ) -> Result<Config, Vec<Diagnostic>> {
        let at = self.start;
        self.merged(base, edits, |trees, report| trees.config(report, Some(at)))?
    }

    /// `tranche.yaml` alone after some edits, whatever is wrong in the files.
    pub(super) fn build_alone(&self, base: Option<&Sources>, edits: &[&Edit]) -> Option<Project> {
        let alone = |trees: Trees<'_>| {
            let project = trees.project.as_ref();
            project.map(|project| read::project::project(project, &[]))
        };
        self.merged(base, edits, |trees, _| alone(trees)).ok()?
    }

    /// All files as trees, merged with what the scenario and its edits say.
    fn merged<T>(
        &self,
        base: Option<&Sources>,
        edits: &[&Edit],
        take: impl for<'s> FnOnce(Trees<'s>, Report<'s>) -> T,
    ) -> Result<T, Vec<Diagnostic>> {
        let mut report = match edits.is_empty() {
            true => Report::new(),
            false => Report::of_what_runs(),
        };
        let Some(scenario) = yaml::read(&self.file, &mut report) else {
            return Err(report.finish().unwrap_or_else(|problems| problems));
        };
        let steps = scenario.get("script").map_or(&[][..], Node::items);
        let edits: Vec<&Node<'_>> = edits
            .iter()
            .filter_map(|edit| steps.get(edit.row))
            .collect();
        let fragments: Vec<&Node<'_>> = std::iter::once(&scenario)
            .chain(edits.iter().copied())
            .collect();
        let mut trees = base_trees(base, &scenario, &mut report);
        trees.project = Some(project(trees.project, &scenario, &fragments));
        trees.customers = customers(
            trees.customers.as_ref(),
            &scenario,
            &edits,
            trees.project.as_ref(),
        );
        edits
            .iter()
            .filter_map(|edit| edit.get("policies"))
            .for_each(|list| edit_policies(&mut trees.policies, list));
        if trees.customers.is_none() && base.is_none() {
            report.help(
                scenario.pos,
                "missing-key",
                "there is no fleet",
                "write `fleet`, or run it within a project folder",
            );
        }
        Ok(take(trees, report))
    }
}

/// The files, except those that the scenario replaces.
fn base_trees<'s>(
    base: Option<&'s Sources>,
    scenario: &Node<'s>,
    report: &mut Report<'s>,
) -> Trees<'s> {
    let policies = scenario.get("policies");
    let own = || policies.map_or(&[][..], Node::items).to_vec();
    let Some(sources) = base else {
        return Trees {
            project: None,
            customers: None,
            policies: own(),
            unread: BTreeSet::new(),
            calendars: &[],
        };
    };
    let project = tree(sources, &sources.project, report);
    let replaced = scenario.get("fleet").is_some();
    let customers = if replaced {
        None
    } else {
        tree(sources, &sources.customers, report)
    };
    let (policies, unread) = match policies {
        Some(_) => (own(), BTreeSet::new()),
        None => Trees::read_policies(sources, report),
    };
    Trees {
        project,
        customers,
        policies,
        unread,
        calendars: &sources.calendars,
    }
}

/// The project with everybody the scenario names, all of whom hold all roles.
fn project<'s>(base: Option<Node<'s>>, scenario: &Node<'s>, fragments: &[&Node<'s>]) -> Node<'s> {
    let mut project = base.unwrap_or_else(|| Node::map(scenario.pos));
    for fragment in fragments
        .iter()
        .filter_map(|fragment| fragment.get("project"))
    {
        merge(&mut project, fragment);
    }
    if let Some(entries) = project.entries_mut() {
        entries.retain(|(key, _)| key.name != "roles");
    }
    if project.get("product").is_none() {
        project.set(
            key("product", scenario.pos),
            Node::text("product", scenario.pos),
        );
    }
    let named = people(&project, scenario);
    let mut people = project
        .get("people")
        .cloned()
        .unwrap_or_else(|| Node::map(scenario.pos));
    for (name, pos) in named {
        if people.get(&name).is_none() {
            people.set(key(name, pos), Node::map(pos));
        }
    }
    project.set(key("people", people.pos), people);
    project
}

/// Everybody whom a scenario names: who starts, who acts, who is in a group.
fn people<'s>(project: &Node<'s>, scenario: &Node<'s>) -> Vec<(String, Pos)> {
    let steps = scenario.get("script").map_or(&[][..], Node::items);
    let actors = steps
        .iter()
        .filter_map(|step| step.get("by"))
        .chain(scenario.get("by"));
    let members = project
        .get("groups")
        .map_or(&[][..], Node::entries)
        .iter()
        .flat_map(|(_, members)| members.items());
    let named = actors
        .chain(members)
        .filter_map(|node| Some((node.scalar()?.to_owned(), node.pos)));
    let starter = (super::DEFAULT_STARTER.to_owned(), scenario.pos);
    let starter = scenario.get("by").is_none().then_some(starter);
    named.chain(starter).collect()
}

/// The fleet as a whole file, with made-up services where the scenario leaves them out.
fn customers<'s>(
    base: Option<&Node<'s>>,
    scenario: &Node<'s>,
    edits: &[&Node<'s>],
    project: Option<&Node<'s>>,
) -> Option<Node<'s>> {
    let own = scenario.get("fleet").cloned();
    let made_up = own.is_some();
    let mut fleet = own.or_else(|| base.and_then(|file| file.get("customers")).cloned());
    for edit in edits.iter().filter_map(|edit| edit.get("fleet")) {
        merge(fleet.get_or_insert_with(|| Node::map(edit.pos)), edit);
    }
    let mut fleet = fleet.or_else(|| base.is_some().then(|| Node::map(scenario.pos)))?;
    let secrets = if made_up {
        project.map(secrets).unwrap_or_default()
    } else {
        BTreeSet::new()
    };
    for (name, customer) in fleet.entries_mut().into_iter().flatten() {
        complete(&name.name, customer, &secrets);
    }
    let mut file = Node::map(fleet.pos);
    file.set(key("customers", fleet.pos), fleet);
    Some(file)
}

/// Makes up what a customer of a scenario lacks, always the same for the same names.
fn complete(name: &str, customer: &mut Node<'_>, secrets: &BTreeSet<String>) {
    let pos = customer.pos;
    let Some(entries) = customer.entries_mut() else {
        return;
    };
    entries.retain(|(key, _)| key.name != "running");
    if customer.get("services").is_none() {
        let mut services = Node::map(pos);
        services.set(key("backend", pos), Node::map(pos));
        customer.set(key("services", pos), services);
    }
    let mut services = customer
        .get("services")
        .cloned()
        .unwrap_or_else(|| Node::map(pos));
    for (role, service) in services.entries_mut().into_iter().flatten() {
        complete_service(name, &role.name, service);
    }
    customer.set(key("services", pos), services);
    if !secrets.is_empty() {
        let mut known = customer
            .get("secrets")
            .cloned()
            .unwrap_or_else(|| Node::map(pos));
        for secret in secrets {
            if known.get(secret).is_none() {
                let mut source = Node::map(pos);
                source.set(key("env", pos), Node::text(secret.clone(), pos));
                known.set(key(secret.clone(), pos), source);
            }
        }
        customer.set(key("secrets", pos), known);
    }
}

fn complete_service(customer: &str, role: &str, service: &mut Node<'_>) {
    let pos = service.pos;
    if service.kind() != Kind::Map {
        return;
    }
    if service.get("id").is_none() {
        service.set(
            key("id", pos),
            Node::text(format!("srv-{customer}-{role}"), pos),
        );
    }
    if service.get("url").is_none() && role != DATABASE {
        service.set(
            key("url", pos),
            Node::text(format!("https://{customer}-{role}.sim"), pos),
        );
    }
}

/// The secrets that the project's variables name.
fn secrets(project: &Node<'_>) -> BTreeSet<String> {
    let roles = project.get("variables").map_or(&[][..], Node::entries);
    let texts = roles
        .iter()
        .flat_map(|(_, variables)| variables.entries())
        .filter_map(|(_, value)| value.scalar());
    let secret = |placeholder| match placeholder {
        Ok(Placeholder::Secret(name)) => Some(name.to_owned()),
        Ok(_) | Err(_) => None,
    };
    texts
        .flat_map(template::placeholders)
        .filter_map(secret)
        .collect()
}

/// Merges edited policies over those of the same name; new names are added.
fn edit_policies<'s>(policies: &mut Vec<Node<'s>>, edited: &Node<'s>) {
    for fragment in edited.items() {
        let name = fragment.get("policy").and_then(Node::scalar);
        let same = |policy: &&mut Node<'s>| {
            name.is_some() && policy.get("policy").and_then(Node::scalar) == name
        };
        match policies.iter_mut().find(same) {
            Some(policy) => merge(policy, fragment),
            None => policies.push(fragment.clone()),
        }
    }
}

fn key<'t>(name: impl Into<std::borrow::Cow<'t, str>>, pos: Pos) -> Key<'t> {
    Key {
        name: name.into(),
        pos,
    }
}
