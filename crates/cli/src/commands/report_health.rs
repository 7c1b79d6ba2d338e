//! `monitor report`: how all services were, in a form to pass on.

use chrono::TimeDelta;
use policy::Timestamp;
use project::{Alert, Figures};
use serde::Serialize;

use super::health_history::{Past, past};
use super::monitor::measured;
use crate::args::{Format, Global, HealthFormat, HealthReport};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::figures::{latency, percent};
use crate::show::report::{self, Page, Section, Shade, strips};
use crate::show::{time, wrap};
use crate::{open, output_file};

/// Everything that a report says.
#[derive(Debug, Serialize)]
struct Report {
    product: String,
    from: Timestamp,
    until: Timestamp,
    services: Vec<Past>,
    /// Alerts that were open at some time of it.
    alerts: Vec<Alert>,
}

/// Shows how all services were.
pub(crate) async fn report(
    global: &Global,
    args: &HealthReport,
    out: Output,
) -> Result<Exit, Failure> {
    let report = gather(global, args.hours, out).await?;
    let form = form(global, args);
    let Some(path) = &args.to else {
        match args.format {
            None if global.output != Format::Text => out.data(&report, String::new)?,
            Some(_) | None => out.exact(laid_out(&report, form, wrap::width())?)?,
        }
        return Ok(Exit::Done);
    };
    output_file::write(global, path, &laid_out(&report, form, None)?)?;
    out.say(format_args!("wrote the report to {}", path.display()));
    Ok(Exit::Done)
}

async fn gather(global: &Global, hours: u32, out: Output) -> Result<Report, Failure> {
    let config = open::config(global, out)?;
    let until = time::now();
    let from = until - TimeDelta::hours(i64::from(hours));
    let backend = open::backend(global, out)?;
    let mut alerts = measured(backend.alerts(true).await?)?;
    alerts.retain(|alert| alert.recovered_at.is_none_or(|over| over >= from));
    Ok(Report {
        product: config.project.product,
        services: past(&*backend, None, from, until).await?,
        from,
        until,
        alerts,
    })
}

/// What was asked for, or what the name of the file says.
fn form(global: &Global, args: &HealthReport) -> HealthFormat {
    let end = args.to.as_ref().and_then(|path| path.extension());
    let by_name = match end.and_then(|end| end.to_str()) {
        Some("html" | "htm") => HealthFormat::Html,
        Some("md") => HealthFormat::Markdown,
        Some("json") => HealthFormat::Json,
        Some(_) | None if global.output == Format::Json => HealthFormat::Json,
        Some(_) | None => HealthFormat::Text,
    };
    args.format.unwrap_or(by_name)
}

fn laid_out(report: &Report, form: HealthFormat, width: Option<usize>) -> Result<String, Failure> {
    match form {
        HealthFormat::Text => Ok(report::text(&page(report), width)),
        HealthFormat::Markdown => Ok(report::markdown(&page(report))),
        HealthFormat::Html => report::html(&page(report)),
        HealthFormat::Json => serde_json::to_string_pretty(report)
            .map(|json| json + "\n")
            .map_err(|source| Failure::failed("failed to write JSON").caused_by(source)),
    }
}

fn page(report: &Report) -> Page {
    let open = report
        .alerts
        .iter()
        .filter(|alert| alert.recovered_at.is_none());
    let facts = vec![
        ("from".to_owned(), time::instant(report.from)),
        ("until".to_owned(), time::instant(report.until)),
        ("services".to_owned(), report.services.len().to_string()),
        ("alerts".to_owned(), report.alerts.len().to_string()),
        ("still open".to_owned(), open.count().to_string()),
    ];
    let rows = report.services.iter().map(|one| {
        let name = format!("{}/{}", one.customer, one.service);
        (name, one.parts.iter().map(shade).collect())
    });
    Page::of(
        format!("{}: health of the services", report.product),
        lead(report),
        facts,
        vec![services(report), alerts(report)],
        vec![strips("Answers over time", rows.collect())],
    )
}

fn shade(part: &Figures) -> (Shade, String) {
    let text = format!(
        "uptime {}, p95 {}",
        percent(part.uptime()),
        latency(part.quantile(950))
    );
    match (part.asked(), part.down) {
        (0, _) => (Shade::None, "nothing was measured".to_owned()),
        (_, 0) => (Shade::Good, text),
        (_, _) => (Shade::Bad, text),
    }
}

fn lead(report: &Report) -> String {
    let measured = report.services.iter().filter(|one| one.total.asked() > 0);
    let failing = measured.clone().filter(|one| one.total.down > 0).count();
    match (measured.count(), failing) {
        (0, _) => "Nothing was measured in that time.".to_owned(),
        (all, 0) => {
            format!(
                "All probes of {} were answered well.",
                counted(all, "service")
            )
        }
        (all, some) => format!("{some} of {all} services did not answer every probe well."),
    }
}

fn services(report: &Report) -> Section {
    let rows = report.services.iter().map(|one| {
        let total = &one.total;
        vec![
            format!("{}/{}", one.customer, one.service),
            percent(total.uptime()),
            percent(total.error_rate()),
            latency(total.quantile(500)),
            latency(total.quantile(950)),
            latency(total.quantile(990)),
            latency(one.baseline.quantile(950)),
            total.asked().to_string(),
        ]
    });
    Section::new(
        "Services",
        "Uptime is the share of probes that were answered well; a dash means that nothing was measured.",
        &[
            "service",
            "uptime",
            "errors",
            "p50",
            "p95",
            "p99",
            "usual p95",
            "probes",
        ],
        rows.collect(),
    )
}

fn alerts(report: &Report) -> Section {
    let rows = report.alerts.iter().map(|alert| {
        let until = alert
            .recovered_at
            .map_or_else(|| "open".to_owned(), time::instant);
        vec![
            alert.id.to_string(),
            alert.severity.to_string(),
            alert.key.to_string(),
            alert.condition.to_string(),
            time::instant(alert.raised_at),
            until,
            seen_by(alert),
            alert.reason.clone(),
        ]
    });
    Section::new(
        "Alerts",
        "",
        &[
            "id", "severity", "service", "what", "since", "until", "seen by", "because",
        ],
        rows.collect(),
    )
}

fn seen_by(alert: &Alert) -> String {
    let person = alert.acknowledged_by.as_ref();
    person.map_or_else(|| "-".to_owned(), ToString::to_string)
}
