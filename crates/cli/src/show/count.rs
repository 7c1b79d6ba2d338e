//! Numbers of things, and the names of some of them.

/// So many are named in text.
const NAMED: usize = 6;

/// `1 customer`, `2 customers`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// The first names, and how many more there are.
pub(crate) fn named<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let count = names.len();
    let shown: Vec<&str> = names.take(NAMED).collect();
    match count.checked_sub(NAMED) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
