//! A scenario file, typed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::check::{self, Mode, listed};
use super::super::node::{Key, Node};
use super::super::read::Fields;
use super::super::report::Report;
use super::super::shape::{Format, Shape};
use super::super::shapes::scenario::{COMMON_ARGUMENTS, SCENARIO, VERBS};
use super::super::{Diagnostic, File, format, yaml};
use super::{
    Action, Answer, DEFAULT_STARTER, DeployFault, Edit, Expected, FaultFrom, Inject, Overlap,
    Scenario, Step, Verb, World,
};
use crate::ids::{CustomerId, PersonId, Role};
use crate::span::Span;
use crate::suggest::nearest;

static SHAPE: Shape = Shape::Record(&SCENARIO);

/// Keys of a step that are no arguments.
const STEP_KEYS: [&str; 4] = ["at", "do", "by", "refused"];

pub(super) fn parse(file: &File) -> Result<Scenario, Vec<Diagnostic>> {
    let mut report = Report::new();
    let Some(node) = yaml::read(file, &mut report) else {
        return Err(report.finish().unwrap_or_else(|problems| problems));
    };
    check::check(&node, &SHAPE, Mode::Whole, &mut report);
    let steps = node.get("script").map_or(&[][..], Node::items);
    let faults = node.get("inject").map_or(&[][..], Node::items);
    for step in steps {
        check_step(step, &mut report);
    }
    for fault in faults {
        check_fault(fault, &mut report);
    }
    report.finish()?;
    let fields = Fields::new(&node);
    let by = PersonId::from(fields.str("by").unwrap_or(DEFAULT_STARTER));
    Ok(Scenario {
        version: fields.text("version").unwrap_or_default(),
        start: fields.instant("start").unwrap_or_default(),
        world: world(fields.below("world")),
        inject: faults
            .iter()
            .filter_map(|fault| inject(Fields::new(fault)))
            .collect(),
        script: steps
            .iter()
            .enumerate()
            .filter_map(|(row, node)| step(row, node, &by))
            .collect(),
        expect: node
            .get("expect")
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(expected)
            .collect(),
        none: fields.list("none", str::to_owned),
        running: running(&node),
        file: file.clone(),
        by,
    })
}

fn world(fields: Fields<'_, '_>) -> World {
    World {
        deploy: fields.span("deploy").unwrap_or(Span::from_secs(5 * 60)),
        rollback: fields.span("rollback").unwrap_or(Span::from_secs(2 * 60)),
        health_every: fields.span("health_every"),
        overlap: fields.word("overlap").unwrap_or(Overlap::Override),
    }
}

fn running(node: &Node<'_>) -> BTreeMap<CustomerId, String> {
    let steps = node.get("script").map_or(&[][..], Node::items);
    let fleets = steps
        .iter()
        .chain([node])
        .filter_map(|fragment| fragment.get("fleet"));
    let version = |(key, node): &(Key<'_>, Node<'_>)| {
        Some((
            CustomerId::new(&*key.name),
            node.get("running")?.scalar()?.to_owned(),
        ))
    };
    fleets.flat_map(Node::entries).filter_map(version).collect()
}

fn expected(node: &Node<'_>) -> Option<Expected> {
    let fields = Fields::new(node);
    let rest = node
        .entries()
        .iter()
        .filter(|(key, _)| key.name != "at" && key.name != "kind");
    Some(Expected {
        at: fields.instant("at")?,
        kind: fields.text("kind")?,
        fields: rest
            .map(|(key, node)| (key.name.clone().into_owned(), node.to_json()))
            .collect(),
    })
}

fn step(row: usize, node: &Node<'_>, starter: &PersonId) -> Option<Step> {
    let fields = Fields::new(node);
    let action = match fields.str("do")? {
        "crash" => Action::Crash {
            until: fields.instant("until")?,
        },
        "put_back" => Action::PutBack {
            as_of: fields.instant("as_of")?,
            until: fields.instant("until")?,
            noticed: fields.flag("noticed").unwrap_or(false),
        },
        "edit" => Action::Edit(Edit { row }),
        verb => Action::Verb(Verb {
            verb: verb.to_owned(),
            args: arguments(node),
            by: fields
                .str("by")
                .map_or_else(|| starter.clone(), PersonId::from),
            refused: fields.flag("refused").unwrap_or(false),
        }),
    };
    Some(Step {
        at: fields.instant("at")?,
        action,
    })
}

fn arguments(node: &Node<'_>) -> BTreeMap<String, Value> {
    let written = node
        .entries()
        .iter()
        .filter(|(key, _)| !STEP_KEYS.contains(&key.name.as_ref()));
    written
        .map(|(key, node)| (key.name.clone().into_owned(), argument(key, node)))
        .collect()
}

/// What is a name or a version is a text, whatever YAML takes it for.
fn argument(key: &Key<'_>, node: &Node<'_>) -> Value {
    match (&*key.name, node.scalar()) {
        ("value", _) | (_, None) => node.to_json(),
        (_, Some(_)) if super::super::read::has_format(node, Format::Bool) => node.to_json(),
        (_, Some(text)) => Value::String(text.to_owned()),
    }
}

fn check_step(node: &Node<'_>, report: &mut Report<'_>) {
    let Some(verb) = node.get("do").and_then(Node::scalar) else {
        return;
    };
    let known = VERBS.iter().find(|known| known.name == verb);
    let (allowed, required): (Vec<&str>, &[&str]) = match (verb, known) {
        ("crash", _) => (vec!["until"], &["until"]),
        ("put_back", _) => (vec!["as_of", "until", "noticed"], &["as_of", "until"]),
        ("edit", _) => (vec!["fleet", "policies", "project"], &[]),
        (_, Some(known)) => (
            known
                .arguments
                .iter()
                .chain(COMMON_ARGUMENTS)
                .copied()
                .collect(),
            known.required,
        ),
        // `check` has refused the verb.
        (_, None) => return,
    };
    for (key, _) in node.entries() {
        let name = key.name.as_ref();
        // A key that no step knows is refused by `check`.
        let foreign = super::super::shapes::scenario::STEP
            .keys
            .iter()
            .any(|known| known.name == name);
        if foreign && !STEP_KEYS.contains(&name) && !allowed.contains(&name) {
            let help = match nearest(name, allowed.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", listed(allowed.iter().copied(), "and")),
            };
            report.help(
                key.pos,
                "unknown-key",
                format!("`{verb}` takes no `{name}`"),
                help,
            );
        }
    }
    for missing in required.iter().filter(|key| node.get(key).is_none()) {
        report.help(
            node.pos,
            "missing-key",
            format!("`{verb}` needs `{missing}`"),
            format!("add `{missing}: ...`"),
        );
    }
}

/// What belongs to each kind of fault, and what it cannot do without.
const FAULTS: [(&str, &[&str], &[&str]); 7] = [
    (
        "deploy",
        &["customer", "service", "after", "times"],
        &["customer"],
    ),
    (
        "rollback",
        &["customer", "service", "after", "times"],
        &["customer"],
    ),
    (
        "health",
        &["customer", "service", "from", "until", "times"],
        &["customer"],
    ),
    (
        "reply",
        &["customer", "service", "crash_until", "times"],
        &["customer"],
    ),
    (
        "foreign_deploy",
        &["customer", "service"],
        &["customer", "service"],
    ),
    ("suspended", &["customer", "service"], &["customer"]),
    (
        "render",
        &["customer", "service", "from", "until"],
        &["from", "until"],
    ),
];

fn check_fault(node: &Node<'_>, report: &mut Report<'_>) {
    let Some((kind, allowed, required)) = FAULTS.iter().find(|(kind, ..)| node.get(kind).is_some())
    else {
        return;
    };
    for (key, _) in node.entries() {
        let name = key.name.as_ref();
        let faults = FAULTS.iter().map(|(kind, ..)| *kind);
        let known = super::super::shapes::scenario::INJECT
            .keys
            .iter()
            .any(|known| known.name == name);
        if known && !allowed.contains(&name) && !faults.into_iter().any(|fault| fault == name) {
            let help = format!(
                "beside `{kind}` stand {}",
                listed(allowed.iter().copied(), "and")
            );
            report.help(
                key.pos,
                "unknown-key",
                format!("`{name}` means nothing beside `{kind}`"),
                help,
            );
        }
    }
    for missing in required.iter().filter(|key| node.get(key).is_none()) {
        report.help(
            node.pos,
            "missing-key",
            format!("`{kind}` needs `{missing}`"),
            format!("add `{missing}: ...`"),
        );
    }
    if *kind == "render" && node.get("from").and_then(Node::scalar) == Some("live") {
        report.help(
            node.pos_of(&["from"]),
            "instant",
            "`live` means nothing here",
            "write an instant",
        );
    }
}

fn inject(fields: Fields<'_, '_>) -> Option<Inject> {
    if let Some(answer) = fields.word("render") {
        return render_answers(fields, answer);
    }
    let customer = CustomerId::from(fields.str("customer")?);
    let service = fields.str("service").map(Role::from);
    let times = fields.int("times");
    let fault = |outcome| DeployFault {
        customer: customer.clone(),
        service: service.clone(),
        outcome,
        after: fields.span("after"),
        times,
    };
    if let Some(outcome) = fields.word("deploy") {
        return Some(Inject::Deploy(fault(outcome)));
    }
    if let Some(outcome) = fields.word("rollback") {
        return Some(Inject::Rollback(fault(outcome)));
    }
    if let Some(reply) = fields.word("reply") {
        return Some(Inject::Reply {
            customer,
            service,
            reply,
            crash_until: fields.instant("crash_until"),
            times,
        });
    }
    if fields.get("health").is_some() {
        let from = fields
            .str("from")
            .and_then(format::instant)
            .map_or(FaultFrom::Live, FaultFrom::At);
        return Some(Inject::Health {
            customer,
            service,
            from,
            until: fields.instant("until"),
            times,
        });
    }
    let foreign = fields.below("foreign_deploy");
    if let (Some(at), Some(live_after)) = (foreign.instant("at"), foreign.span("live_after")) {
        return Some(Inject::ForeignDeploy {
            customer,
            service: service?,
            at,
            live_after,
            version: foreign.text("version"),
            by_api: foreign.str("trigger") == Some("api"),
        });
    }
    let suspended = fields.below("suspended");
    Some(Inject::Suspended {
        customer,
        service,
        from: suspended.instant("from")?,
        until: suspended.instant("until"),
    })
}

/// What Render answers for a while, or that it cannot be reached.
fn render_answers(fields: Fields<'_, '_>, answer: Answer) -> Option<Inject> {
    let (from, until) = (fields.instant("from")?, fields.instant("until")?);
    Some(match answer {
        Answer::Unreachable => Inject::Unreachable { from, until },
        Answer::Forbidden | Answer::Garbled | Answer::Gone => Inject::Answer {
            customer: fields.str("customer").map(CustomerId::from),
            service: fields.str("service").map(Role::from),
            answer,
            from,
            until,
        },
    })
}
