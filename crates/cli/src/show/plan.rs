//! A plan as a person reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use policy::plan::LeftOutReason;
use policy::rules::{Approval, Approvers, Excluded, GroupOrPerson, Scope};
use policy::{CustomerId, Timestamp};
use project::artifact::{artifact, short};
use project::prepare::Source;
use project::view::{BatchTimes, PhaseView, PlanView};
use rollout::Exposed;

use super::count::{counted, named};
use super::table::indented;
use super::{escape, frozen, time, zones};

/// What belongs to a phase is indented by so much.
const INDENT: usize = 2;

/// So many customers of a batch that start at different times get a row each.
const LISTED: usize = 20;

/// The text for people.
pub(crate) fn text(view: &PlanView<'_>) -> String {
    let mut text = heading(view);
    if let Some(exposed) = &view.notes.exposed {
        text.push_str(&escape::line(&exposed_first(exposed)));
        text.push('\n');
    }
    for phase in &view.phases {
        text.push('\n');
        text.push_str(&one_phase(view, phase));
    }
    if !view.left_out.is_empty() {
        let _ = write!(
            text,
            "\nleft out\n{}\n",
            indented(INDENT, left_out_rows(view))
        );
    }
    if !view.frozen.is_empty() {
        let rows = frozen::rows(&view.frozen);
        let _ = write!(text, "\nfrozen\n{}\n", indented(INDENT, rows));
    }
    let _ = write!(
        text,
        "\nTimes are the earliest possible: deploys, checks and approvals come on top. \
         `tranche simulate {}` shows the exact timeline.\n",
        view.version
    );
    text.push_str(&zones::taken(&view.notes.zones));
    text.push_str(&zones::moved(&view.notes.moved, zones::SHOWN));
    for warning in view.notes.warnings() {
        let _ = writeln!(text, "warning: {}", escape::line(&warning));
    }
    if let Source::Journal { reason } = view.running {
        let _ = writeln!(
            text,
            "What runs is taken from the journal ({}).\n\
             A start asks Render: where something else runs, its plan and digest differ from these.",
            escape::line(reason)
        );
    }
    text
}

fn heading(view: &PlanView<'_>) -> String {
    let PlanView {
        product,
        version,
        customers,
        digest,
        ..
    } = view;
    let commit = view
        .commit
        .map_or_else(|| "commit unknown".to_owned(), artifact);
    let heading = format!(
        "{product} {version} ({commit}): {} in {}, plan {}",
        counted(*customers, "customer"),
        counted(view.phases.len(), "phase"),
        short(digest)
    );
    escape::line(&heading) + "\n"
}

fn one_phase(view: &PlanView<'_>, phase: &PhaseView<'_>) -> String {
    let after: Vec<&str> = phase.after.iter().map(|name| name.as_str()).collect();
    let after = match after.as_slice() {
        [] => String::new(),
        names => format!(" (after {})", names.join(", ")),
    };
    if phase.customers == 0 {
        return format!(
            "{}{after}: nobody is left to start, it settles at once\n",
            phase.name
        );
    }
    let mut text = format!("{}{after}: {}\n", phase.name, phase.summary);
    if let Some(approval) = phase.approval {
        let _ = writeln!(text, "  gate: {}", escape::line(&gate(approval)));
    }
    if let Some(weight) = phase.weight {
        let tolerated = phase
            .tolerated_weight
            .map_or_else(String::new, |tolerated| {
                format!(", of which {tolerated} may fail")
            });
        let _ = writeln!(text, "  weight: {weight}{tolerated}");
    }
    let batches = phase.times.batches.iter();
    let rows = batches.flat_map(|batch| batch_rows(view, batch, phase.weight));
    let _ = writeln!(text, "{}", indented(INDENT, rows.collect::<Vec<_>>()));
    if let (Some(due), Some(settles)) = (phase.due_at, phase.times.settles_at)
        && due < settles
    {
        let (due, settles) = (time::instant(due), time::instant(settles));
        let _ = writeln!(
            text,
            "  late: due by {due}, and settled {settles} at the earliest"
        );
    }
    text
}

/// One row a batch, or one a customer where a few customers can start at different times.
fn batch_rows(view: &PlanView<'_>, batch: &BatchTimes, whole: Option<u64>) -> Vec<Vec<String>> {
    let mut rows = bare_batch_rows(view, batch);
    if let (Some(weight), Some(whole), Some(first)) = (batch.weight, whole, rows.first_mut()) {
        first.push(format!("weight {weight} of {whole}"));
    }
    rows
}

fn bare_batch_rows(view: &PlanView<'_>, batch: &BatchTimes) -> Vec<Vec<String>> {
    let number = format!("batch {}", batch.number);
    let same = batch
        .customers
        .iter()
        .all(|one| one.starts_at == batch.starts_at);
    let is_one_row = batch.customers.len() > 1 && (same || batch.customers.len() > LISTED);
    if is_one_row {
        let names = batch.customers.iter().map(|one| one.customer.as_str());
        let from = if same { "" } else { "from " };
        return vec![vec![
            number,
            named(names),
            format!("{from}{}", when(view, batch.starts_at, None)),
        ]];
    }
    let rows = batch.customers.iter().enumerate().map(|(n, one)| {
        let zone = view
            .plan
            .customers
            .get(&one.customer)
            .and_then(|c| c.customer.timezone);
        let label = if n == 0 {
            number.clone()
        } else {
            String::new()
        };
        vec![
            label,
            one.customer.to_string(),
            when(view, one.starts_at, zone),
        ]
    });
    rows.collect()
}

fn when(view: &PlanView<'_>, at: Option<Timestamp>, zone: Option<chrono_tz::Tz>) -> String {
    at.map_or_else(
        || "never within five years".to_owned(),
        |at| time::coming_there(at, zone, view.starts_at),
    )
}

/// One row for all customers that one phase leaves out for the same reason.
fn left_out_rows(view: &PlanView<'_>) -> Vec<Vec<String>> {
    let place = |name| view.phases.iter().position(|phase| phase.name == name);
    let mut groups: BTreeMap<(Option<usize>, String), Vec<&CustomerId>> = BTreeMap::new();
    for (customer, left_out) in view.left_out {
        let group = (place(&left_out.phase), reason(&left_out.why));
        groups.entry(group).or_default().push(customer);
    }
    let row = |((phase, why), customers): ((Option<usize>, String), Vec<&CustomerId>)| {
        let phase = phase.map_or("", |index| view.phases[index].name.as_str());
        let names = customers.iter().map(|customer| customer.as_str());
        vec![named(names), phase.to_owned(), why]
    };
    groups.into_iter().map(row).collect()
}

/// Whom a hotfix reaches first, and what for.
fn exposed_first(exposed: &Exposed) -> String {
    let versions = match exposed.replaces.as_slice() {
        [] => "the faulty release".to_owned(),
        versions => versions.join(" or "),
    };
    if exposed.customers.is_empty() {
        return format!("nobody is known to run {versions}");
    }
    let names = exposed.customers.iter().map(CustomerId::as_str);
    let they = match names.len() {
        1 => "it runs",
        _ => "they run",
    };
    format!("first, since {they} {versions}: {}", named(names))
}

/// Why a customer is not part of the plan, as a sentence fragment.
pub(crate) fn reason(why: &LeftOutReason) -> String {
    match why {
        LeftOutReason::OnRelease => "runs this release already".to_owned(),
        LeftOutReason::Pinned {
            version,
            until: Some(until),
        } => {
            format!("pinned to {version} until {}", time::instant(*until))
        }
        LeftOutReason::Pinned {
            version,
            until: None,
        } => format!("pinned to {version}"),
        LeftOutReason::Excluded => "excluded".to_owned(),
        LeftOutReason::Newer { version } => format!("runs {version}, which is newer"),
    }
}

/// Who opens a gate, as a sentence fragment.
pub(crate) fn gate(approval: &Approval) -> String {
    let per = match approval.per {
        Scope::Phase => "for the phase",
        Scope::Batch => "for each batch",
        Scope::Customer => "for each customer",
    };
    let who = match &approval.from {
        Approvers::Anybody => format!(
            "{} who may approve",
            counted(approval.quorum as usize, "person")
        ),
        Approvers::Any(names) => {
            let names: Vec<&str> = names.iter().map(group_or_person).collect();
            let people = if approval.quorum == 1 {
                "person"
            } else {
                "people"
            };
            format!("{} {people} of {}", approval.quorum, names.join(", "))
        }
        Approvers::Each(groups) => {
            let parts: Vec<String> = groups
                .iter()
                .map(|(group, n)| format!("{n} of {group}"))
                .collect();
            parts.join(" and ")
        }
    };
    let not: Vec<&str> = approval.not.iter().map(excluded).collect();
    let not = if not.is_empty() {
        String::new()
    } else {
        format!(", not {}", not.join(", "))
    };
    format!("{who} {per}{not}; valid for {}", approval.valid_for)
}

fn group_or_person(name: &GroupOrPerson) -> &str {
    match name {
        GroupOrPerson::Group(group) => group.as_str(),
        GroupOrPerson::Person(person) => person.as_str(),
    }
}

fn excluded(who: &Excluded) -> &str {
    match who {
        Excluded::Starter => "the starter",
        Excluded::Person(person) => person.as_str(),
    }
}
