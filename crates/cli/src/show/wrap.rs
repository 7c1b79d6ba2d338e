//! How wide is the place where people read, and how does text fit into it?
//!
//! A terminal says how wide it is, and `COLUMNS` beats it. A pipe or a file is as wide as need be: programs that read text
//! find whole lines.

use dialoguer::console::{Term, measure_text_width, truncate_str};
use project::variable;

/// The variable that says how wide a line may be, on a terminal and elsewhere.
const COLUMNS: &str = "COLUMNS";

/// Nothing is fitted into less: what is narrower is no place to read.
const NARROWEST: usize = 40;

/// What goes on in the next line is indented by so much more.
const HANGING: usize = 4;

/// Before this a line is ended, and behind it none: a command is copied as a whole.
const WAY_OUT: &str = "try: ";

/// The same at the end of a sentence, where the command has room in a line.
const COMMAND: &str = " tranche ";

/// The columns of standard output; `None`: as many as are wanted.
pub(crate) fn width() -> Option<usize> {
    #[cfg(test)]
    if let Some(width) = tests::SET.get() {
        return Some(width);
    }
    let named = variable(COLUMNS).and_then(|columns| columns.trim().parse().ok());
    let named = named.filter(|columns| *columns > 0);
    let columns = named.or_else(|| {
        let term = Term::stdout();
        let size = term.is_term().then(|| term.size_checked()).flatten();
        size.map(|(_, columns)| usize::from(columns))
    });
    columns.map(|columns| columns.max(NARROWEST))
}

/// How many columns a text takes.
pub(crate) fn columns_of(text: &str) -> usize {
    measure_text_width(text)
}

/// The text, or as much of its beginning as fits, with `…` for the rest.
pub(crate) fn cut(text: &str, room: usize) -> String {
    truncate_str(text, room, "…").into_owned()
}

/// Lines of words that fit; a longer word stays whole, since it is there to be copied.
pub(crate) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for (n, word) in text.split(' ').enumerate() {
        let wide = columns_of(word);
        if n > 0 && taken + 1 + wide > room {
            lines.push(String::new());
            taken = 0;
        } else if n > 0 {
            taken += 1;
            push(&mut lines, " ");
        }
        push(&mut lines, word);
        taken += wide;
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// Laid-out lines; those that are too long go on below, further to the right.
pub(crate) fn block(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let lines = text.split('\n').map(|line| match columns_of(line) > width {
        true => hanging(line, width),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn hanging(line: &str, width: usize) -> String {
    let words = line.trim_start_matches(' ');
    let indent = line.len() - words.len();
    // The first line has more room than the others, by the columns that hang.
    let room = width.saturating_sub(indent + HANGING).max(1);
    let command = words.find(COMMAND).map(|at| at + 1);
    let command = command.filter(|at| columns_of(&words[*at..]) <= room);
    let (said, way_out) = match words.find(WAY_OUT).or(command) {
        Some(at) => (words[..at].trim_end(), Some(&words[at..])),
        None => (words, None),
    };
    let mut lines = Vec::new();
    if !said.is_empty() {
        let first = wrapped(said, room + HANGING);
        let rest = said[first[0].len()..].trim_start_matches(' ');
        lines.push(first[0].clone());
        if !rest.is_empty() {
            lines.extend(wrapped(rest, room));
        }
    }
    lines.extend(way_out.map(str::to_owned));
    let lines = lines.iter().enumerate().map(|(n, line)| {
        let indent = if n == 0 { indent } else { indent + HANGING };
        format!("{}{line}", " ".repeat(indent))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The width that a test has set.
        pub(super) static SET: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// What is laid out for so many columns.
    pub(crate) fn within<T>(width: usize, lay_out: impl FnOnce() -> T) -> T {
        SET.set(Some(width));
        let laid_out = lay_out();
        SET.set(None);
        laid_out
    }

    #[test]
    fn long_lines_go_on_below_further_to_the_right() {
        assert_eq!(
            block("short\n  one two three four five six", Some(17)),
            "short\n  one two three\n      four five\n      six"
        );
        assert_eq!(
            block("one two three four five", None),
            "one two three four five"
        );
    }

    #[test]
    fn a_command_to_type_is_never_broken() {
        assert_eq!(
            block("it is held; try: tranche resume --moved", Some(20)),
            "it is held;\n    try: tranche resume --moved"
        );
        assert_eq!(
            block("acme waits for approval: tranche approve acme", Some(40)),
            "acme waits for approval:\n    tranche approve acme"
        );
    }

    #[test]
    fn a_long_word_stays_whole() {
        assert_eq!(
            wrapped("a https://example.com/long b", 10),
            ["a", "https://example.com/long", "b"]
        );
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(columns_of("日本"), 4);
        assert_eq!(cut("日本語の名前", 7), "日本語…");
    }
}
