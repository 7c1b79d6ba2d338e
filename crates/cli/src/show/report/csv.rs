//! A report for a spreadsheet: a row for each customer, instants in RFC 3339, lengths of time in seconds.

use policy::Timestamp;
use rollout::report::{CustomerReport, Report, Standing};

use super::words;

const HEADING: [&str; 14] = [
    "rollout",
    "version",
    "customer",
    "phase",
    "batch",
    "standing",
    "since",
    "runs",
    "runs_since",
    "ran_before",
    "worked_s",
    "deploys",
    "rollbacks",
    "words",
];

/// Columns that stand behind the others where weights say something.
const WEIGHTS: [&str; 5] = [
    "weight",
    "batch_weight",
    "phase_weight",
    "phase_failed_weight",
    "phase_tolerated_weight",
];

/// Lays a report out as comma-separated values, by RFC 4180.
pub(crate) fn csv(report: &Report) -> String {
    let weighs = report.phases.iter().any(|phase| phase.weights.is_some());
    let rows = report.customers.iter().map(|one| {
        let mut cells = row(one, report);
        if weighs {
            cells.extend(weights(one, report));
        }
        cells
    });
    let mut heading = HEADING.map(ToOwned::to_owned).to_vec();
    if weighs {
        heading.extend(WEIGHTS.map(ToOwned::to_owned));
    }
    let lines = std::iter::once(heading).chain(rows).map(|cells| {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        format!("{}\r\n", cells.join(","))
    });
    lines.collect()
}

fn row(one: &CustomerReport, report: &Report) -> Vec<String> {
    let instant = |at: Option<Timestamp>| at.map(rollout::show_instant).unwrap_or_default();
    vec![
        report.rollout.to_string(),
        report.version.clone(),
        one.customer.to_string(),
        one.phase
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        one.batch.map(|batch| batch.to_string()).unwrap_or_default(),
        name(&one.standing),
        instant(one.since),
        one.version().unwrap_or_default().to_owned(),
        instant(one.version_since()),
        one.before.clone().unwrap_or_default(),
        (one.worked.as_millis() / 1000).to_string(),
        one.deploys.to_string(),
        one.rollbacks.to_string(),
        words::customer(one, report),
    ]
}

/// What the customer, its batch and its phase weigh; empty where nobody of the phase weighs anything in particular.
fn weights(one: &CustomerReport, report: &Report) -> [String; WEIGHTS.len()] {
    let mut phases = report.phases.iter();
    let phase = phases.find(|phase| Some(&phase.name) == one.phase.as_ref());
    let phase = phase.and_then(|phase| phase.weights.as_ref());
    let batch = phase.and_then(|phase| {
        let mut batches = phase.batches.iter();
        batches.find(|batch| Some(batch.batch) == one.batch)
    });
    let weights = [
        one.weight,
        batch.map(|batch| batch.planned),
        phase.map(|phase| phase.planned),
        phase.map(|phase| phase.failed),
        phase.and_then(|phase| phase.tolerated),
    ];
    weights.map(|weight| weight.map(|weight| weight.to_string()).unwrap_or_default())
}

/// The name of a standing as JSON has it.
fn name(standing: &Standing) -> String {
    let value = serde_json::to_value(standing).unwrap_or_default();
    let name = value.get("is").and_then(|name| name.as_str());
    name.unwrap_or_default().to_owned()
}

/// Quoted where need be. A cell that a spreadsheet would run as a formula begins with an apostrophe (P53).
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = match is_formula {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    };
    match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_never_leaves_its_column_and_never_runs() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
