//! A report as one page that needs nothing else: no scripts, no fonts, no pictures from elsewhere.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::page::Page;
use crate::exit::Failure;

/// Everything that varies is escaped by the template engine (P53).
const TEMPLATE: &str = include_str!("../../../templates/report.html");

/// Lays a report out as a page.
pub(crate) fn html(page: &Page) -> Result<String, Failure> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .render_str(TEMPLATE, context! { page => Value::from(Serde(page)) })
        .map_err(|source| Failure::failed("failed to lay the report out").caused_by(source))
}
