//! A report for a terminal.

use std::fmt::Write as _;

use super::page::{Page, Section};
use crate::show::table::within;
use crate::show::wrap;

/// Lays a report out as text for a place of this width; `None`: as wide as need be.
pub(crate) fn text(page: &Page, width: Option<usize>) -> String {
    let mut text = format!("{}\n{}\n", page.title, page.lead);
    if !page.overrides.is_empty() {
        text.push_str("\nOVERRIDES\n");
        for one in &page.overrides {
            let _ = writeln!(text, "  ! {one}");
        }
    }
    let facts = page
        .facts
        .iter()
        .map(|(name, value)| vec![name.clone(), value.clone()]);
    let _ = writeln!(text, "\n{}", within(width, &[], facts));
    for section in &page.sections {
        let _ = writeln!(text, "\n{}", laid_out(section, width));
    }
    wrap::block(&text, width)
}

fn laid_out(section: &Section, width: Option<usize>) -> String {
    let heading: Vec<String> = section
        .heading
        .iter()
        .map(|one| one.to_uppercase())
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let rows = section.rows.iter().cloned();
    format!("{}\n{}", section.title, within(width, &heading, rows))
}
