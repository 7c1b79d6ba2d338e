//! Text that others wrote, as one line that cannot move the cursor or end the line (P53).

/// The text with control characters written out.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Characters that turn the direction of what follows.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(line("a\tb\u{1b}[2Jc\n"), "a b\\u{1b}[2Jc\\u{a}");
        assert_eq!(line("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(line("Grüße"), "Grüße");
    }
}
