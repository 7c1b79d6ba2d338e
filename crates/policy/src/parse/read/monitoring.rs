//! `monitor:` and `mail:` of `tranche.yaml`, typed, with the defaults filled in.

use super::Fields;
use crate::mail::{Mail, MailTls};
use crate::monitoring::{Keep, Limits, Monitoring, Severity};
use crate::parse::format;
use crate::parse::node::Node;
use crate::settings::SecretSource;

/// Reads the monitor; `None`: the project names none.
pub(in crate::parse) fn monitoring(project: &Node<'_>) -> Option<Monitoring> {
    let project = Fields::new(project);
    project.get("monitor")?;
    let fields = project.below("monitor");
    let usual = Monitoring::default();
    let drift = fields.below("drift");
    let limits = limits(fields);
    Some(Monitoring {
        every: fields.span("every").unwrap_or(usual.every),
        parallel: fields.int("parallel").unwrap_or(usual.parallel),
        drift_every: limits
            .drift
            .and_then(|_| drift.span("every").or(usual.drift_every)),
        limits,
        keep: keep(fields.below("keep")),
    })
}

fn limits(fields: Fields<'_, '_>) -> Limits {
    let usual = Limits::default();
    let [down, latency, errors, drift] =
        ["down", "latency", "error_rate", "drift"].map(|key| fields.below(key));
    Limits {
        down_after: down.int("after").unwrap_or(usual.down_after),
        down: severity(down, usual.down),
        latency: latency.span("max").unwrap_or(usual.latency),
        latency_after: latency.int("after").unwrap_or(usual.latency_after),
        slow: severity(latency, usual.slow),
        error_rate: errors
            .str("max")
            .and_then(format::percent)
            .unwrap_or(usual.error_rate),
        errors: severity(errors, usual.errors),
        drift: severity(drift, usual.drift),
        recover_after: fields.int("recover_after").unwrap_or(usual.recover_after),
    }
}

/// `none` is a word too: no alert.
fn severity(fields: Fields<'_, '_>, usual: Option<Severity>) -> Option<Severity> {
    match fields.str("severity") {
        None => usual,
        Some(_) => fields.word("severity"),
    }
}

fn keep(fields: Fields<'_, '_>) -> Keep {
    let usual = Keep::default();
    Keep {
        samples: fields.span("samples").unwrap_or(usual.samples),
        hours: fields.span("hours").unwrap_or(usual.hours),
        days: fields.span("days").unwrap_or(usual.days),
    }
}

/// Reads the mail server; `None`: the project names none.
pub(in crate::parse) fn mail(project: &Node<'_>) -> Option<Mail> {
    let fields = Fields::new(project).below("mail");
    let tls = fields.word("tls").unwrap_or(MailTls::Starttls);
    Some(Mail {
        host: fields.text("host")?,
        port: fields.int("port").unwrap_or(tls.usual_port()),
        tls,
        ca_file: fields.text("ca_file"),
        from: fields.text("from")?,
        user: fields.text("user"),
        password: fields.str("password").and_then(SecretSource::reference),
    })
}
