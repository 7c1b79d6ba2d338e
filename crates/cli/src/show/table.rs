//! Tables without lines, as `kubectl` and `gh` print them: a heading in capitals, columns by width.
//!
//! Where the place is narrower than the table, no line is left to the terminal to break. Columns that only remind of what is
//! known are cut; the last column goes on below itself; and where it would have no room for that, it stands below its row with
//! its name before it. Everything else is shown in full.

use super::{escape, wrap};

/// Between two columns.
const GAP: usize = 2;

/// These are cut first, in this order: the files, or another command, say them in full.
const CUT_FIRST: [&str; 4] = ["SERVICES", "ZONE", "VARIABLES", "COMMIT"];

/// They are cut to so many columns at most.
const LEAST: usize = 8;

/// These hold sentences, which may go on below themselves; an instant or an address stays whole.
const WORDS: [&str; 4] = ["", "NEXT", "NEEDS", "FOUND"];

/// With fewer columns left than this, even those stand below their row.
const LEAST_FOR_WORDS: usize = 32;

/// What stands below its row is indented by so much.
const BELOW: usize = 4;

/// A table of texts, each of them one line (P53), as wide as the place allows; nothing without rows.
pub(crate) fn table<R: Into<Vec<String>>>(
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    within(wrap::width(), heading, rows)
}

/// The same for a place of this width; `None`: as wide as need be.
pub(crate) fn within<R: Into<Vec<String>>>(
    width: Option<usize>,
    heading: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let rows = rows.into_iter().map(|row| {
        let cells: Vec<String> = row.into();
        cells.iter().map(|cell| escape::line(cell)).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let layout = Layout::of(heading, &rows, width);
    let head = (!heading.is_empty()).then(|| layout.line(heading));
    let rows = rows.iter().flat_map(|row| layout.row(heading, row));
    let lines: Vec<String> = head.into_iter().chain(rows).collect();
    lines.join("\n")
}

/// Columns without a heading.
pub(crate) fn columns<R: Into<Vec<String>>>(rows: impl IntoIterator<Item = R>) -> String {
    table(&[], rows)
}

/// The same, indented: the place is narrower by that.
pub(crate) fn indented<R: Into<Vec<String>>>(
    indent: usize,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let width = wrap::width().map(|width| width.saturating_sub(indent));
    let text = within(width, &[], rows);
    let lines = text.lines().map(|line| " ".repeat(indent) + line);
    lines.collect::<Vec<_>>().join("\n")
}

/// How wide each column is, and how many of them stand side by side.
struct Layout {
    widths: Vec<usize>,
    beside: usize,
    /// Whether the last of these goes on below itself.
    wraps: bool,
    room: Option<usize>,
}

impl Layout {
    fn of(heading: &[&str], rows: &[Vec<String>], room: Option<usize>) -> Self {
        let count = rows.iter().map(Vec::len).chain([heading.len()]);
        let count = count.max().unwrap_or(0);
        let column = |n: usize| {
            let head = heading.get(n).copied();
            head.into_iter().chain(
                rows.iter()
                    .filter_map(move |row| row.get(n).map(String::as_str)),
            )
        };
        let widest = |n| column(n).map(wrap::columns_of).max().unwrap_or(0);
        let widths: Vec<usize> = (0..count).map(widest).collect();
        let mut layout = Self {
            widths,
            beside: count,
            wraps: false,
            room,
        };
        let Some(room) = room.filter(|room| layout.total() > *room) else {
            return layout;
        };
        if let Some(cut) = layout.cut(heading, room) {
            layout.widths = cut;
            return layout;
        }
        let longest_word = |n| {
            column(n)
                .flat_map(|cell| cell.split(' '))
                .map(wrap::columns_of)
                .max()
        };
        while layout.total() > room {
            let last = layout.beside - 1;
            let left = room.saturating_sub(layout.start_of(last));
            let is_words = heading.get(last).is_none_or(|head| WORDS.contains(head));
            let words_fit = longest_word(last).is_none_or(|word| word <= left);
            if last == 0 || (left >= LEAST_FOR_WORDS && is_words && words_fit) {
                layout.widths[last] = left;
                layout.wraps = last > 0 || heading.is_empty();
                break;
            }
            layout.beside = last;
        }
        layout
    }

    fn total(&self) -> usize {
        self.start_of(self.beside).saturating_sub(GAP)
    }

    /// Where a column begins.
    fn start_of(&self, column: usize) -> usize {
        self.widths[..column].iter().map(|width| width + GAP).sum()
    }

    /// Widths with which everything fits, if it is enough to cut what is cut first.
    fn cut(&self, heading: &[&str], room: usize) -> Option<Vec<usize>> {
        let mut widths = self.widths.clone();
        let mut over = self.total() - room;
        for name in CUT_FIRST {
            let Some(column) = heading.iter().position(|head| *head == name) else {
                continue;
            };
            let least = LEAST.max(wrap::columns_of(name)).min(widths[column]);
            let less = over.min(widths[column] - least);
            widths[column] -= less;
            over -= less;
        }
        (over == 0).then_some(widths)
    }

    /// What stands side by side, in one line.
    fn line<C: AsRef<str>>(&self, cells: &[C]) -> String {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&self.widths).take(self.beside) {
            let cell = wrap::cut(cell.as_ref(), *width);
            let pad = width - wrap::columns_of(&cell) + GAP;
            line.push_str(&cell);
            line.push_str(&" ".repeat(pad));
        }
        line.trim_end().to_owned()
    }

    /// A row in one line, and what of it has to go on below.
    fn row(&self, heading: &[&str], row: &[String]) -> Vec<String> {
        let last = self.beside.saturating_sub(1);
        let mut cells = row.to_vec();
        let mut more = Vec::new();
        if let Some(cell) = cells.get_mut(last).filter(|_| self.wraps) {
            let mut lines = wrap::wrapped(cell, self.widths[last]).into_iter();
            *cell = lines.next().unwrap_or_default();
            more.extend(lines);
        }
        let indent = " ".repeat(self.start_of(last));
        let mut lines = vec![self.line(&cells)];
        lines.extend(more.iter().map(|line| format!("{indent}{line}")));
        lines.extend(self.below(heading, row));
        lines
    }

    /// The columns that have no room beside the others.
    fn below(&self, heading: &[&str], row: &[String]) -> Vec<String> {
        let cells = row.iter().enumerate().skip(self.beside);
        let cells = cells.filter(|(_, cell)| !cell.is_empty() && *cell != "-");
        let room = self.room.unwrap_or(usize::MAX);
        if heading.is_empty() {
            // Below the second column, where that begins within the first half.
            let under = Some(self.start_of(1)).filter(|start| self.beside > 1 && *start < room / 2);
            let indent = under.unwrap_or(BELOW);
            let room = room.saturating_sub(indent);
            let lines = cells.flat_map(|(_, cell)| wrap::wrapped(cell, room));
            return lines.map(|line| " ".repeat(indent) + &line).collect();
        }
        let named = cells.map(|(n, cell)| match heading.get(n) {
            Some(head) if !head.is_empty() => format!("{} {cell}", head.to_lowercase()),
            Some(_) | None => cell.clone(),
        });
        let text = named.collect::<Vec<_>>().join("; ");
        if text.is_empty() {
            return Vec::new();
        }
        let lines = wrap::wrapped(&text, room.saturating_sub(BELOW)).into_iter();
        lines.map(|line| " ".repeat(BELOW) + &line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: [&str; 4] = ["CUSTOMER", "STATE", "SERVICES", ""];

    fn row(cells: [&str; 4]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    fn laid_out(width: usize, rows: &[[&str; 4]]) -> String {
        within(Some(width), &HEADING, rows.iter().map(|cells| row(*cells)))
    }

    #[test]
    fn a_table_that_fits_is_as_wide_as_it_is() {
        let rows = [
            ["acme", "healthy", "backend", ""],
            ["beta", "held", "-", "a reason"],
        ];
        let table = "CUSTOMER  STATE    SERVICES\nacme      healthy  backend\nbeta      held     -         a reason";
        assert_eq!(laid_out(80, &rows), table);
        assert_eq!(within(None, &HEADING, rows.map(row)), table);
    }

    #[test]
    fn what_the_files_say_is_cut_first() {
        let rows = [["acme", "healthy", "backend, database, frontend", "a"]];
        assert_eq!(
            laid_out(45, &rows),
            "CUSTOMER  STATE    SERVICES\nacme      healthy  backend, database, fro…  a"
        );
    }

    #[test]
    fn the_last_column_goes_on_below_itself() {
        let rows = [[
            "acme",
            "held",
            "-",
            "the build failed since the disk was full and nobody had looked",
        ]];
        assert_eq!(
            laid_out(60, &rows),
            "CUSTOMER  STATE  SERVICES\n\
             acme      held   -         the build failed since the disk\n                           was full and nobody had looked"
        );
    }

    #[test]
    fn what_has_no_room_beside_stands_below_with_its_name() {
        let customer = "c".repeat(60);
        let rows = [[
            customer.as_str(),
            "rolled back",
            "backend",
            "the build failed",
        ]];
        let lines = format!(
            "CUSTOMER{}  STATE\n{customer}  rolled back\n    services backend; the build failed",
            " ".repeat(52)
        );
        assert_eq!(laid_out(76, &rows), lines);
    }

    #[test]
    fn nothing_is_wider_than_the_place() {
        let long = "c".repeat(60);
        let reason = "a reason of many words ".repeat(12);
        let rows = [
            [
                long.as_str(),
                "rolled back",
                "backend, database, frontend",
                reason.trim(),
            ],
            ["acme", "healthy", "backend", ""],
        ];
        for width in 40..200 {
            let text = laid_out(width, &rows);
            let widest = text.lines().map(wrap::columns_of).max();
            assert!(widest <= Some(width), "{width}: {text}");
        }
    }
}
