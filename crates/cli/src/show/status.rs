//! Where a rollout stands, as a person reads it.

use std::fmt::Write as _;

use policy::Timestamp;
use project::artifact::{artifact, short};
use project::view::{Tracked, gates as open_gates};
use rollout::standing::{BatchStanding, CustomerStanding, PhaseStanding};
use rollout::view::{
    BatchView, CustomerView, EndState, GateView, PhaseView, ProductView, RolloutView, VoteView,
};
use rollout::{Hold, HoldKind};

use super::count::counted;
use super::table::table;
use super::{escape, limits, time};
use crate::exit::Exit;

/// One rollout: its phases, whoever is being worked on or failed, and the gates that wait. `way_out` is what a person can type
/// about where it stands.
pub(crate) fn status(run: &RolloutView, way_out: Option<&str>, now: Timestamp) -> String {
    let mut text = heading(run, now);
    if let Some(way_out) = way_out {
        let _ = writeln!(text, "try: {way_out}");
    }
    if !run.phases.is_empty() {
        let phases = run.phases.iter().map(|phase| phase_row(phase, run, now));
        let heading = ["PHASE", "STATE", "SETTLED", "NEXT"];
        let _ = writeln!(text, "\n{}", table(&heading, phases));
    }
    let batches = batch_rows(run);
    if !batches.is_empty() {
        let heading = ["BATCH", "STATE", "CUSTOMERS", "WEIGHT"];
        let _ = writeln!(text, "\n{}", table(&heading, batches));
    }
    let notable: Vec<&CustomerView> = run.customers.iter().filter(|one| is_notable(one)).collect();
    if !notable.is_empty() {
        let rows = notable.iter().map(|one| customer_row(one, now));
        let heading = ["CUSTOMER", "BATCH", "STATE", "SERVICE", "SINCE", ""];
        let _ = writeln!(text, "\n{}", table(&heading, rows));
    }
    let open: Vec<&GateView> = run
        .gates
        .iter()
        .filter(|gate| open_gates::is_open(gate))
        .collect();
    if !open.is_empty() {
        let _ = writeln!(text, "\n{}", gates(&open, now));
    }
    text
}

/// The other rollouts that have not ended, in one line.
pub(crate) fn others(others: &[RolloutView]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let other = |run: &RolloutView| format!("{} {} ({})", run.id, run.version, standing(run));
    let others: Vec<String> = others.iter().map(other).collect();
    format!("\nalso unfinished: {}\n", escape::line(&others.join(", ")))
}

/// What concerns all rollouts; nothing where nothing is out of the ordinary.
pub(crate) fn product(view: &ProductView) -> String {
    let mut lines = Vec::new();
    if let Some(reason) = &view.workspace_held {
        lines.push(format!(
            "the workspace is held: {reason}; try: tranche render check"
        ));
    }
    if let Some(reason) = &view.moved {
        lines.push(format!(
            "everything open is held: {reason}; try: tranche resume --moved"
        ));
    }
    if let Some(reason) = &view.clock_suspected {
        lines.push(format!(
            "the clock is not trusted: {reason}; try: tranche resume --clock"
        ));
    }
    for (name, until) in &view.freezes {
        lines.push(format!(
            "the freeze {name} is on until {}; try: tranche unfreeze {name}",
            time::coming(*until, time::now())
        ));
    }
    for (version, reason) in &view.blocks {
        lines.push(format!(
            "{version} is blocked: {reason}; try: tranche unblock {version}"
        ));
    }
    for hidden in &view.hidden {
        lines.push(format!(
            "{} has set {} of {}/{}, and the next deploy ships it; try: tranche env apply {} --undo --reason ...",
            hidden.by,
            hidden.keys.join(", "),
            hidden.customer,
            hidden.service,
            hidden.customer,
        ));
    }
    if let Some(reason) = &view.unreadable {
        lines.push(format!(
            "the files cannot be read and count as unchanged: {reason}"
        ));
        lines.push(match view.gates_shut {
            true => "tranche.yaml cannot be parsed: votes are recorded, and no gate opens until it can; try: tranche validate".to_owned(),
            false => "until then people, groups and roles are only taken away, never given".to_owned(),
        });
    }
    for outside in &view.outside {
        lines.push(format!(
            "alarm: {outside}; it is read while the rollout that was begun with it goes on, and refused afterwards"
        ));
    }
    if !view.unapplied.is_empty() {
        lines.push(format!(
            "edited, but not applied: {}; try: tranche replan",
            view.unapplied.join(", ")
        ));
    }
    if lines.is_empty() {
        String::new()
    } else {
        let lines: Vec<String> = lines.iter().map(|line| escape::line(line)).collect();
        format!("\n{}\n", lines.join("\n"))
    }
}

/// All rollouts, one a row.
pub(crate) fn list(runs: &[RolloutView], now: Timestamp) -> String {
    let rows = runs.iter().map(|run| {
        let settled = run.customers.iter().filter(|one| is_settled(one)).count();
        vec![
            run.id.to_string(),
            run.version.clone(),
            standing(run),
            format!("{settled}/{}", run.customers.len()),
            run.starter.to_string(),
            time::instant_and_away(run.started_at.unwrap_or(run.requested_at), now),
        ]
    });
    table(
        &["ROLLOUT", "VERSION", "STATE", "SETTLED", "BY", "STARTED"],
        rows,
    )
}

/// What runs where, one service a row.
pub(crate) fn versions(tracked: &[Tracked], now: Timestamp) -> String {
    let rows = tracked.iter().map(|Tracked { running, drift }| {
        vec![
            running.customer.to_string(),
            running.service.to_string(),
            running
                .version
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
            running
                .commit
                .as_deref()
                .map_or_else(|| "-".to_owned(), artifact),
            match running.since == Timestamp::UNIX_EPOCH {
                true => "before the first rollout".to_owned(),
                false => time::instant_and_away(running.since, now),
            },
            drift
                .as_ref()
                .map_or_else(String::new, |drift| format!("drift: {drift}")),
        ]
    });
    table(
        &["CUSTOMER", "SERVICE", "VERSION", "COMMIT", "SINCE", ""],
        rows,
    )
}

/// A vote, with what has to be known about it.
fn vote(vote: &VoteView) -> String {
    let not = if vote.counts { "" } else { " (does not count)" };
    format!("{}{not}", vote.person)
}

/// What has to be known about a gate and the votes for it, a line each.
fn notes(gate: &GateView) -> Vec<String> {
    let filled = gate.cannot_be_filled.iter();
    let mut lines: Vec<String> = filled.map(|why| format!("{}: {why}", gate.gate)).collect();
    for vote in &gate.votes {
        if let Some(changed) = &vote.entry_changed {
            lines.push(format!(
                "{}: the entry of {} changed after the start ({}): {}",
                gate.gate,
                vote.person,
                time::instant(changed.at),
                changed.what
            ));
        }
        let maker = vote.proof.as_ref().and_then(|proof| proof.maker.as_ref());
        if let Some(maker) = maker {
            lines.push(format!(
                "{}: {} voted with a token that {maker} made",
                gate.gate, vote.person
            ));
        }
    }
    lines
}

/// Gates, one a row.
pub(crate) fn gates(gates: &[&GateView], now: Timestamp) -> String {
    let when = |at: Option<Timestamp>| match at {
        Some(at) => time::coming(at, now),
        None => "-".to_owned(),
    };
    let turn = |at: Option<Timestamp>| match at {
        Some(at) if at <= now => "now".to_owned(),
        later => when(later),
    };
    let rows = gates.iter().map(|gate| {
        let votes: Vec<String> = gate.votes.iter().map(vote).collect();
        vec![
            gate.gate.clone(),
            gate.phase.to_string(),
            gate.state.to_string(),
            if votes.is_empty() {
                "-".to_owned()
            } else {
                votes.join(", ")
            },
            gate.missing.clone(),
            turn(gate.begins),
            when(gate.until.or(gate.expires_at)),
        ]
    });
    let table = table(
        &["GATE", "PHASE", "STATE", "VOTES", "NEEDS", "TURN", "UNTIL"],
        rows,
    );
    let notes: Vec<String> = gates.iter().flat_map(|gate| notes(gate)).collect();
    match notes.is_empty() {
        true => table,
        false => format!("{table}\n{}", notes.join("\n")),
    }
}

/// Whether nothing more happens to a customer by itself.
pub(crate) fn is_settled(customer: &CustomerView) -> bool {
    customer.state.is_settled()
}

/// The end state where there is one, otherwise what it does now.
pub(crate) fn state(run: &RolloutView) -> String {
    run.state.for_people()
}

/// The same, with the rollouts that a queued one waits for.
fn standing(run: &RolloutView) -> String {
    let behind: Vec<String> = run.behind.iter().map(ToString::to_string).collect();
    match behind.is_empty() {
        true => state(run),
        false => format!("{} behind {}", state(run), behind.join(" and ")),
    }
}

/// What a phase waits for now, and until when.
pub(crate) fn phase_next(phase: &PhaseView, now: Timestamp) -> String {
    let until = |what: &str, at: Timestamp| format!("{what} {}", time::instant_and_away(at, now));
    match (phase.soak_until, phase.delay_until, phase.not_before) {
        _ if matches!(phase.state, PhaseStanding::Settled | PhaseStanding::Ended) => String::new(),
        (Some(at), _, _) if at > now => until("watched until", at),
        (None, Some(at), _) if at > now => until("next batch", at),
        (None, None, Some(at)) if at > now => until("not before", at),
        (_, _, _) => {
            let hold = phase.waits_for.as_ref();
            hold.map_or_else(String::new, |hold| held(hold, now))
        }
    }
}

/// What holds a phase, in a few words; open gates are shown by themselves.
fn held(hold: &Hold, now: Timestamp) -> String {
    match hold.until {
        _ if hold.kind == HoldKind::Approval => String::new(),
        Some(at) => limits::until_when(&hold.text, at, now),
        None => hold.text.clone(),
    }
}

/// What a phase does now, in a few words: who is at work and for how long, who is awaited, or what comes next.
pub(crate) fn phase_now(phase: &PhaseView, run: &RolloutView, now: Timestamp) -> String {
    let mut parts = Vec::new();
    let at_work: Vec<&CustomerView> = run
        .customers
        .iter()
        .filter(|one| one.phase == phase.name && is_at_work(one))
        .collect();
    if let Some(batch) = at_work.iter().find_map(|one| one.batch) {
        let known = phase.batches.iter().find(|one| one.number == batch);
        let weight = known.and_then(|one| one.weight);
        let weight = weight.map_or_else(String::new, |weight| format!(" (weight {weight})"));
        parts.push(format!("batch {batch}/{}{weight}", phase.batches.len()));
    }
    parts.extend(at_work.iter().map(|one| at_work_now(one, now)));
    let open = run
        .gates
        .iter()
        .filter(|gate| gate.phase == phase.name && open_gates::is_open(gate));
    parts.extend(open.filter_map(|gate| gate.way_out.clone()));
    parts.push(phase_next(phase, now));
    parts.retain(|part| !part.is_empty());
    match parts.is_empty() {
        true => phase.state.to_string(),
        false => parts.join(", "),
    }
}

/// Whether something is being done for it, or waits only for Render to take more.
fn is_at_work(one: &CustomerView) -> bool {
    !is_settled(one) && (one.service.is_some() || one.waits_for.is_some())
}

/// `acme-corp/backend 2m`, and how it stands unless it is simply under way.
fn at_work_now(one: &CustomerView, now: Timestamp) -> String {
    let service = one.service.as_ref();
    let service = service.map_or_else(String::new, |service| format!("/{service}"));
    let since = one
        .since
        .map_or_else(String::new, |at| format!(" {}", time::length(now - at)));
    let state = if one.state == CustomerStanding::UnderWay {
        String::new()
    } else {
        format!(" {}", one.state)
    };
    let waits = one
        .waits_for
        .as_ref()
        .map_or_else(String::new, |hold| format!(" ({})", held(hold, now)));
    format!("{}{service}{state}{since}{waits}", one.customer)
}

fn heading(run: &RolloutView, now: Timestamp) -> String {
    let paused = run
        .paused_by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let reason = run
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    // Before it begins it has no plan, and nobody is planned.
    let (plan, begun, customers) = match run.started_at {
        Some(at) => (
            format!(", plan {}", short(&run.digest)),
            format!("started {}", time::instant_and_away(at, now)),
            format!(", {}", counted(run.customers.len(), "customer")),
        ),
        None => (
            String::new(),
            format!(
                "asked for {}",
                time::instant_and_away(run.requested_at, now)
            ),
            String::new(),
        ),
    };
    let stands = format!(
        "{} {} ({}){plan}: {}{paused}{reason}",
        run.id,
        run.version,
        artifact(&run.commit),
        standing(run),
    );
    let begun = format!("{begun} by {}{customers}", run.starter);
    format!("{}\n{}\n", escape::line(&stands), escape::line(&begun))
}

fn phase_row(phase: &PhaseView, run: &RolloutView, now: Timestamp) -> Vec<String> {
    let of_phase = || run.customers.iter().filter(|one| one.phase == phase.name);
    let settled = of_phase().filter(|one| is_settled(one)).count();
    let failures = match phase.failures {
        0 => String::new(),
        n => failures(phase, n),
    };
    let weight = phase.weights.map_or_else(String::new, |weights| {
        format!(" (weight {}/{})", weights.settled_weight, weights.weight)
    });
    vec![
        phase.name.to_string(),
        phase.state.to_string(),
        format!("{settled}/{}{weight}{failures}", of_phase().count()),
        phase_next(phase, now),
    ]
}

/// What has failed of what is tolerated, by weight where that counts.
fn failures(phase: &PhaseView, number: u32) -> String {
    let number = counted(number as usize, "failure");
    let failed = phase.weights.map(|weights| weights.failed_weight);
    let tolerated = phase.weights.and_then(|weights| weights.tolerated_weight);
    match (failed, tolerated, phase.tolerated) {
        (Some(failed), Some(tolerated), _) => {
            format!(", {number} of weight {failed}, {tolerated} tolerated")
        }
        (Some(failed), None, Some(tolerated)) => {
            format!(", {number} (weight {failed}) of {tolerated} tolerated")
        }
        (_, _, tolerated) => format!(", {number} of {} tolerated", tolerated.unwrap_or(0)),
    }
}

/// Batches of phases that weigh something, which have begun and not settled, or come next.
fn batch_rows(run: &RolloutView) -> Vec<Vec<String>> {
    let phases = run
        .phases
        .iter()
        .filter(|phase| phase.state == PhaseStanding::Running);
    let rows = phases.flat_map(|phase| {
        let batches = phase.batches.iter();
        let open = batches
            .clone()
            .filter(|batch| batch.state == BatchStanding::Running);
        let next = batches
            .clone()
            .find(|batch| batch.state == BatchStanding::Waiting);
        let row = |batch: &BatchView| {
            let whole = phase.weights?.weight;
            Some(vec![
                format!("{}/{}", phase.name, batch.number),
                batch.state.to_string(),
                batch.customers.len().to_string(),
                format!("{} of {whole}", batch.weight?),
            ])
        };
        open.chain(next).filter_map(row).collect::<Vec<_>>()
    });
    rows.collect()
}

fn customer_row(one: &CustomerView, now: Timestamp) -> Vec<String> {
    vec![
        one.customer.to_string(),
        one.batch.map_or_else(
            || one.phase.to_string(),
            |batch| format!("{}/{batch}", one.phase),
        ),
        one.state.to_string(),
        one.service
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string),
        one.since
            .map_or_else(|| "-".to_owned(), |at| time::away(at, now)),
        match &one.waits_for {
            Some(hold) => held(hold, now),
            None => one.note.clone().unwrap_or_default(),
        },
    ]
}

/// Neither waiting for its turn nor well: somebody is at work, or a person should know.
fn is_notable(one: &CustomerView) -> bool {
    !matches!(
        one.state,
        CustomerStanding::Waiting | CustomerStanding::Healthy
    ) || one.waits_for.is_some()
}

/// How a command ends that waited for this rollout; `None`: it goes on.
pub(crate) fn exit(run: &RolloutView) -> Option<Exit> {
    match run.outcome {
        Some(EndState::Succeeded | EndState::SucceededWithExclusions | EndState::Done) => {
            Some(Exit::Done)
        }
        Some(
            EndState::SucceededWithFailures
            | EndState::Aborted
            | EndState::Superseded
            | EndState::Halted
            | EndState::Failed,
        ) => Some(Exit::Failed),
        None => None,
    }
}
