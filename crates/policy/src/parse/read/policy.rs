//! A policy file, typed, with the defaults filled in.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::window::{Crons, windows};
use super::{Fields, has_format};
use crate::ids::{CustomerId, GroupId, PersonId, PolicyId, Role};
use crate::parse::format;
use crate::parse::node::{Kind, Node};
use crate::parse::shape::Format;
use crate::phases::HOTFIX;
use crate::rules::{
    Approval, Approvers, BatchRule, Deferral, Excluded, GroupOrPerson, Hook, HookCommand, Hooks,
    OnFailure, Order, Policy, RollbackMode, Scope, Selection, Share, Tolerance,
};
use crate::span::Span;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
const DEPLOY_TIMEOUT: Span = Span::from_secs(10 * MINUTE);
const HOOK_TIMEOUT: Span = Span::from_secs(5 * MINUTE);
const VALID_FOR: Span = Span::from_secs(7 * DAY);
const EXPIRES: Span = Span::from_secs(14 * DAY);
const MAX_PARALLEL: u32 = 3;

/// What a policy needs to know of the project.
pub(in crate::parse) struct Surroundings<'p> {
    /// Where windows are local when they do not say.
    pub(in crate::parse) zone: Tz,
    /// Names that are groups; others are people.
    pub(in crate::parse) groups: &'p BTreeSet<GroupId>,
}

/// Reads a policy; `None` without a name.
pub(in crate::parse) fn policy(node: &Node<'_>, surroundings: &Surroundings<'_>) -> Option<Policy> {
    let fields = Fields::new(node);
    let name_node = fields
        .get("policy")
        .filter(|node| has_format(node, Format::Name))?;
    let name = PolicyId::from(name_node.scalar()?);
    Some(Policy {
        after: fields.list("after", PolicyId::from),
        customers: selection(fields, &name),
        not_before: fields.span("not_before").unwrap_or_default(),
        due: fields.span("due"),
        batch: fields
            .get("batch")
            .and_then(batch)
            .unwrap_or(BatchRule::All),
        delay: fields.span("delay").unwrap_or_default(),
        order: fields.word("order").unwrap_or(Order::Ready),
        health: fields.text("health").unwrap_or_else(|| "basic".to_owned()),
        soak: fields.span("soak").unwrap_or_default(),
        watch: fields.span("watch").unwrap_or_default(),
        max_failures: fields
            .get("max_failures")
            .and_then(tolerance)
            .unwrap_or(Tolerance::Count(0)),
        on_failure: fields.word("on_failure").unwrap_or(OnFailure::Halt),
        approval: fields
            .get("approval")
            .map(|node| approval(node, surroundings.groups)),
        window: windows(fields, surroundings.zone, &mut Crons::default()),
        max_parallel: fields.int("max_parallel").unwrap_or(MAX_PARALLEL),
        services: services(fields),
        deploy_timeout: fields.span("deploy_timeout").unwrap_or(DEPLOY_TIMEOUT),
        rollback: fields.word("rollback").unwrap_or(RollbackMode::Automatic),
        hooks: hooks(fields.below("hooks")),
        deferral: deferral(fields.below("deferral")),
        name,
    })
}

/// Without a selection a policy covers its own tier, and the hotfix everybody.
fn selection(fields: Fields<'_, '_>, name: &PolicyId) -> Selection {
    let written = fields.below("customers");
    let only = written
        .get("only")
        .map(|_| written.set("only", CustomerId::from));
    let tags = written.set("tags", str::to_owned);
    let selects = only.is_some() || !tags.is_empty() || name.as_str() == HOTFIX;
    let own_tier = || (!selects).then(|| name.to_string());
    Selection {
        tier: written.text("tier").or_else(own_tier),
        tags,
        only,
        except: written.set("except", CustomerId::from),
    }
}

fn batch(node: &Node<'_>) -> Option<BatchRule> {
    if node.kind() == Kind::Map {
        return weight(node).map(BatchRule::Weight);
    }
    if node.kind() == Kind::List {
        let shares = node
            .items()
            .iter()
            .map(|item| format::share(item.scalar()?).ok());
        return shares
            .collect::<Option<Vec<Share>>>()
            .filter(|shares| !shares.is_empty())
            .map(BatchRule::Shares);
    }
    Some(match format::share(node.scalar()?).ok()? {
        Share::All => BatchRule::All,
        Share::Count(count) => BatchRule::Count(count),
        Share::Percent(percent) => BatchRule::Percent(percent),
    })
}

fn tolerance(node: &Node<'_>) -> Option<Tolerance> {
    match node.kind() {
        Kind::Map => weight(node).map(Tolerance::Weight),
        Kind::Null | Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::List => {
            format::tolerance(node.scalar()?)
        }
    }
}

/// The share below `weight`.
fn weight(node: &Node<'_>) -> Option<u32> {
    format::whole_percent(Fields::new(node).str("weight")?)
}

fn services(fields: Fields<'_, '_>) -> Vec<Role> {
    let written = fields.list("services", Role::from);
    if written.is_empty() {
        vec![Role::from("backend"), Role::from("frontend")]
    } else {
        written
    }
}

fn approval(node: &Node<'_>, groups: &BTreeSet<GroupId>) -> Approval {
    let fields = Fields::new(node);
    let from = fields
        .get("from")
        .map_or(Approvers::Anybody, |node| approvers(node, groups));
    let each = match &from {
        Approvers::Each(groups) => Some(
            groups
                .values()
                .fold(0, |sum: u32, count| sum.saturating_add(*count)),
        ),
        Approvers::Anybody | Approvers::Any(_) => None,
    };
    Approval {
        per: fields.word("per").unwrap_or(Scope::Phase),
        quorum: each.or_else(|| fields.int("quorum")).unwrap_or(1),
        from,
        not: excluded(fields),
        valid_for: fields.span("valid_for").unwrap_or(VALID_FOR),
        expires: fields.span("expires").unwrap_or(EXPIRES),
        auth_time: fields.span("auth_time"),
    }
}

fn deferral(fields: Fields<'_, '_>) -> Option<Deferral> {
    Some(Deferral {
        times: fields.int("times")?,
        within: fields.span("within")?,
    })
}

fn approvers(node: &Node<'_>, groups: &BTreeSet<GroupId>) -> Approvers {
    if node.kind() == Kind::Map {
        let count = |node: &Node<'_>| node.scalar()?.parse().ok();
        let each = node
            .entries()
            .iter()
            .filter_map(|(key, node)| Some((GroupId::new(&*key.name), count(node)?)));
        return Approvers::Each(each.collect::<BTreeMap<_, _>>());
    }
    let names = node.one_or_many().iter().filter_map(Node::scalar);
    let group_or_person = |name: &str| match groups.get(&GroupId::from(name)) {
        Some(group) => GroupOrPerson::Group(group.clone()),
        None => GroupOrPerson::Person(PersonId::from(name)),
    };
    Approvers::Any(names.map(group_or_person).collect())
}

fn excluded(fields: Fields<'_, '_>) -> BTreeSet<Excluded> {
    if fields.get("not").is_none() {
        return BTreeSet::from([Excluded::Starter]);
    }
    fields.set("not", |name| match name {
        "starter" => Excluded::Starter,
        person => Excluded::Person(PersonId::from(person)),
    })
}

fn hooks(fields: Fields<'_, '_>) -> Hooks {
    let list = |key| {
        let nodes = fields.get(key).map_or(&[][..], Node::items);
        nodes
            .iter()
            .filter_map(|node| hook(Fields::new(node)))
            .collect()
    };
    Hooks {
        before: list("before"),
        after: list("after"),
        on_rollback: list("on_rollback"),
        restore_database: list("restore_database"),
    }
}

fn hook(fields: Fields<'_, '_>) -> Option<Hook> {
    let job = fields.below("job");
    let run = match (fields.text("run"), job.str("service"), job.text("command")) {
        (Some(run), ..) => HookCommand::Run(run),
        (None, Some(service), Some(command)) => HookCommand::Job {
            service: Role::from(service),
            command,
        },
        (None, ..) => return None,
    };
    Some(Hook {
        run,
        timeout: fields.span("timeout").unwrap_or(HOOK_TIMEOUT),
        repeatable: fields.flag("repeatable").unwrap_or(false),
    })
}
