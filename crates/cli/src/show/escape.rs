//! Text that others wrote, where people read it: it moves no cursor, turns no direction and ends no line (P53).
//!
//! [`block()`] stands before every write for people, whatever was laid out; [`line()`] where a piece of foreign text is put into
//! a line of ours. What programs read keeps the text exactly: [`json()`] only writes such characters as escapes.

use std::fmt::Write as _;

use policy::Diagnostic;

/// The text as part of one line: control characters written out, a tabulator as a space.
pub(crate) fn line(text: &str) -> String {
    written_out(text, |c| c == '\t' || is_unseen(c))
}

/// Lines that were laid out, without anything a terminal would act upon.
pub(crate) fn block(text: &str) -> String {
    written_out(text, |c| c != '\n' && c != '\t' && is_unseen(c))
}

/// What goes on after the first line is indented, so that a line end in foreign text begins no line of ours.
pub(crate) fn message(text: &str) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |message, next| {
        let indent = if next.starts_with(' ') { "" } else { "  " };
        format!("{message}\n{indent}{next}")
    })
}

/// A mistake in a file, which quotes what stands there.
pub(crate) fn mistake(diagnostic: &Diagnostic) -> String {
    Diagnostic {
        message: line(&diagnostic.message),
        help: diagnostic.help.as_deref().map(line),
        ..diagnostic.clone()
    }
    .to_string()
}

/// JSON with the same meaning. Outside of strings there are none of these characters, and inside they may be escaped.
pub(crate) fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c != '\n' && is_unseen(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

fn written_out(text: &str, is_to_be: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' if is_to_be(c) => shown.push(' '),
            c if is_to_be(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character is not shown itself, but acts: controls of both sets, ends of lines and paragraphs, and what turns
/// the direction of what follows. Letters written from right to left are letters.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(line("a\tb\u{1b}[2Jc\n"), "a b\\u{1b}[2Jc\\u{a}");
        assert_eq!(line("x\u{202e}y\u{9b}"), "x\\u{202e}y\\u{9b}");
        assert_eq!(line("Gr\u{fc}\u{df}e \u{5d0}"), "Gr\u{fc}\u{df}e \u{5d0}");
    }

    #[test]
    fn laid_out_lines_stay_lines() {
        assert_eq!(block("a\n\tb\r\u{7}"), "a\n\tb\\u{d}\\u{7}");
    }

    #[test]
    fn a_message_begins_one_line() {
        assert_eq!(
            message("no such\nerror: x\n  y"),
            "no such\n  error: x\n  y"
        );
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a": "x\u{9b}\u{202e}\u{7f}\n"});
        let text = json(&serde_json::to_string_pretty(&value).expect("it serialises"));
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).ok(),
            Some(value)
        );
    }
}
