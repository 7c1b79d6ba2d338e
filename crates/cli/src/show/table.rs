//! Tables without lines, as `kubectl` and `gh` print them: a heading in capitals, columns by width.

use comfy_table::{Table, presets};

use super::foreign;

/// A table of texts, each of them one line (P53), nothing without rows; the last column is never padded.
pub(crate) fn table<R: Into<Vec<String>>>(
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return String::new();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(heading.iter().copied());
    for row in rows {
        let cells: Vec<String> = row.into();
        table.add_row(cells.iter().map(|cell| foreign::line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table.to_string())
}

/// The same without a heading.
pub(crate) fn columns<R: Into<Vec<String>>>(rows: impl IntoIterator<Item = R>) -> String {
    let with_heading = table(&[], rows);
    with_heading.trim_start_matches('\n').to_owned()
}

fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}
