//! `report` and `stats`: what came of rollouts, read from the journal.

use std::path::Path;

use chrono::TimeDelta;
use project::runs;
use rollout::report::{Report, Reporter, Statistics};
use rollout::{Event, Product, RolloutId};

use crate::args::{self, Format, Global, ReportFormat, Stats};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::report::{self, FIGURES, Page, figure_row};
use crate::show::table::table;
use crate::show::{time, wrap};
use crate::{named_file, open, output_file};

/// Shows what came of one rollout.
pub(crate) async fn report(
    global: &Global,
    args: &args::Report,
    out: Output,
) -> Result<Exit, Failure> {
    let report = match &args.journal {
        Some(path) => of_export(path, args.rollout)?,
        None => of_project(global, args.rollout, out).await?,
    };
    let Some(path) = &args.to else {
        show(global, args, &report, out)?;
        return Ok(Exit::Done);
    };
    let text = laid_out(&report, format(global, args), None)?;
    output_file::write(global, path, &text)?;
    out.say(format_args!("wrote the report to {}", path.display()));
    Ok(Exit::Done)
}

fn show(global: &Global, args: &args::Report, report: &Report, out: Output) -> Result<(), Failure> {
    match args.format {
        // Without `--format` it is data like any other.
        None if global.output != Format::Text => out.data(report, String::new),
        Some(_) | None => out.exact(laid_out(report, format(global, args), wrap::width())?),
    }
}

/// What was asked for, or what the name of the file says.
fn format(global: &Global, args: &args::Report) -> ReportFormat {
    let end = args.to.as_ref().and_then(|path| path.extension());
    let by_name = match end.and_then(|end| end.to_str()) {
        Some("html" | "htm") => ReportFormat::Html,
        Some("md") => ReportFormat::Markdown,
        Some("csv") => ReportFormat::Csv,
        Some("json") => ReportFormat::Json,
        Some(_) | None if global.output == Format::Json => ReportFormat::Json,
        Some(_) | None => ReportFormat::Text,
    };
    args.format.unwrap_or(by_name)
}

fn laid_out(
    report: &Report,
    format: ReportFormat,
    width: Option<usize>,
) -> Result<String, Failure> {
    match format {
        ReportFormat::Text => Ok(report::text(&Page::new(report), width)),
        ReportFormat::Markdown => Ok(report::markdown(&Page::new(report))),
        ReportFormat::Html => report::html(&Page::new(report)),
        ReportFormat::Csv => Ok(report::csv(report)),
        ReportFormat::Json => serde_json::to_string_pretty(report)
            .map(|json| json + "\n")
            .map_err(|source| Failure::failed("failed to write JSON").caused_by(source)),
    }
}

async fn of_project(
    global: &Global,
    named: Option<RolloutId>,
    out: Output,
) -> Result<Report, Failure> {
    let backend = open::backend(global, out)?;
    let product = backend.product().await?;
    let run = runs::newest(product.overview(), named)?.id;
    let now = time::now();
    let report = backend.report(run, now).await?;
    let mut report = report.ok_or_else(|| unknown(run))?;
    report.explain(&product, now);
    Ok(report)
}

/// From lines that `tranche events` printed; what somebody waits for is asked at the last of them.
fn of_export(path: &Path, named: Option<RolloutId>) -> Result<Report, Failure> {
    let events = read(path)?;
    let mut product = Product::new();
    for event in &events {
        product.apply(event);
    }
    let run = runs::newest(product.overview(), named)?.id;
    let mut reporter = Reporter::new(run);
    for event in &events {
        reporter.take(event);
    }
    let at = events.last().map_or_else(time::now, |event| event.at);
    let mut report = reporter.report(at).ok_or_else(|| unknown(run))?;
    report.explain(&product, at);
    Ok(report)
}

fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let shown = path.display();
    let text = named_file::exported(path)?.text;
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|source| {
                Failure::usage(format!("{shown}:{} is no event", number + 1))
                    .caused_by(source)
                    .or_type("tranche events > FILE")
            })
        })
        .collect()
}

fn unknown(run: RolloutId) -> Failure {
    Failure::usage(format!("the journal tells nothing of {run}")).or_type("tranche list")
}

/// Shows deploys in numbers.
pub(crate) async fn stats(global: &Global, args: &Stats, out: Output) -> Result<Exit, Failure> {
    let backend = open::backend(global, out)?;
    let until = time::now();
    let since = until - TimeDelta::hours(i64::from(args.hours));
    let statistics = backend.statistics(since, until).await?;
    out.data(&statistics, || numbers(&statistics))?;
    Ok(Exit::Done)
}

fn numbers(statistics: &Statistics) -> String {
    let since = format!("since {}", time::instant(statistics.since));
    if statistics.total.deploys == 0 && statistics.total.rollbacks == 0 {
        return format!("no deploys {since}");
    }
    let phases = statistics.phases.iter().map(|one| {
        let name = one.phase.as_ref().map_or("-", |phase| phase.as_str());
        figure_row(name, &one.figures)
    });
    let rows = phases.chain([figure_row("total", &statistics.total)]);
    let heading = FIGURES.map(str::to_uppercase);
    format!(
        "{since}\n{}",
        table(&heading.each_ref().map(String::as_str), rows)
    )
}
