//! A report for a ticket or a wiki.

use std::fmt::Write as _;

use super::page::{Page, Section};

/// Lays a report out as Markdown.
pub(crate) fn markdown(page: &Page) -> String {
    let mut text = format!("# {}\n\n{}\n", escaped(&page.title), escaped(&page.lead));
    if !page.overrides.is_empty() {
        text.push_str("\n## Overrides\n\n");
        for one in &page.overrides {
            let _ = writeln!(text, "- **{}**", escaped(one));
        }
    }
    text.push_str("\n| | |\n|---|---|\n");
    for (name, value) in &page.facts {
        let _ = writeln!(text, "| {} | {} |", escaped(name), escaped(value));
    }
    for section in &page.sections {
        text.push_str(&laid_out(section));
    }
    text
}

fn laid_out(section: &Section) -> String {
    let mut text = format!("\n## {}\n\n", section.title);
    if !section.note.is_empty() {
        let _ = writeln!(text, "{}\n", section.note);
    }
    let _ = writeln!(text, "| {} |", section.heading.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(section.heading.len()));
    for row in &section.rows {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Foreign text stays text: nothing in it becomes markup, and a cell stays one line (P53).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '&' | '!' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_in_its_cell() {
        assert_eq!(
            escaped("a|b\n<img src=x> [x](javascript:1)"),
            "a\\|b \\<img src=x\\> \\[x\\](javascript:1)"
        );
    }
}
