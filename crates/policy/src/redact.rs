//! Text from outside, made harmless in one order: normalised, masked, then cut (P47).
//!
//! Whoever prints a secret does not print it as it was given: a terminal's line ends, a wrapped line, a colour or an escape
//! of JSON stands in the middle of it, or the text was cut there. So secrets are looked for in what is left of a text
//! without white space, control characters and escape sequences, in each form that a secret commonly takes, and a piece of
//! one at an edge where the text was cut counts as well. Everybody who keeps or shows text of others asks [`mask`] or [`tail`].

use std::ops::RangeInclusive;

use serde_json::Value;

/// What stands for a secret.
pub const MASK: &str = "[redacted]";

/// From this length on, a piece of a secret is masked at an edge where nobody is known to have cut.
const PIECE: usize = 4;

/// Where a text was cut inside an escape sequence, its rest is no longer than this.
const SEQUENCE: usize = 16;

/// Which ends of a text are not its own: somebody stopped reading there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Something came before.
    pub before: bool,
    /// Something came after.
    pub after: bool,
}

/// The text with every secret masked, in whatever form it stands there. Nothing else is changed.
pub fn mask(text: &str, cut: Cut, secrets: &[&str]) -> String {
    // An escape sequence that was never ended would swallow the beginning of what follows it.
    let readings = [
        Letters::of(Printed::new(text)),
        Letters::of(text.char_indices()),
    ];
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let mut hidden: Vec<RangeInclusive<usize>> = readings
        .iter()
        .flat_map(|letters| forms.iter().flat_map(|form| letters.places(form, cut)))
        .collect();
    hidden.sort_by_key(|place| *place.start());
    let mut masked = String::with_capacity(text.len());
    let mut shown_to = 0;
    for place in joined(hidden) {
        masked.push_str(&text[shown_to..*place.start()]);
        masked.push_str(MASK);
        shown_to = place.end() + 1;
    }
    masked.push_str(&text[shown_to..]);
    masked
}

/// The end of what a program printed: secrets masked, without what would move a cursor, at most `max` bytes of it.
pub fn tail(printed: &[u8], cut: Cut, secrets: &[&str], max: usize) -> String {
    let masked = plain(&mask(&String::from_utf8_lossy(printed), cut, secrets));
    let text = masked.trim();
    text[text.ceil_char_boundary(text.len().saturating_sub(max))..].to_owned()
}

/// One line of a text: secrets masked, white space and control characters as single spaces, at most `max` characters.
/// `None` if nothing is left.
pub fn line(text: &str, cut: Cut, secrets: &[&str], max: usize) -> Option<String> {
    let masked = plain(&mask(text, cut, secrets));
    let words: Vec<&str> = masked.split_whitespace().collect();
    let line = words.join(" ");
    (!line.is_empty()).then(|| line.chars().take(max).collect())
}

/// Without escape sequences and control characters; lines end as they do here.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let kept = |(_, c): (usize, char)| match c {
        '\n' | '\t' => Some(c),
        '\r' => Some('\n'),
        _ => (!c.is_control()).then_some(c),
    };
    Printed::new(&text).filter_map(kept).collect()
}

/// The characters of a text with their places, escape sequences passed over.
#[derive(Debug)]
struct Printed<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
}

impl<'a> Printed<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.char_indices().peekable(),
        }
    }

    /// Passes over what follows an escape character: `[`, parameters and a final letter; `]` up to a bell or a string's end;
    /// or one character.
    fn pass_sequence(&mut self) {
        match self.rest.peek().map(|(_, c)| *c) {
            Some('[') => {
                self.rest.next();
                while self.rest.next_if(|(_, c)| matches!(c, ' '..='?')).is_some() {}
                self.rest.next_if(|(_, c)| matches!(c, '@'..='~'));
            }
            Some(']') => {
                self.rest.next();
                let inside = |c: char| !matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}' | '\n' | '\r');
                while self.rest.next_if(|(_, c)| inside(*c)).is_some() {}
            }
            Some('(' | ')') => {
                self.rest.next();
                self.rest.next_if(|(_, c)| c.is_ascii_alphanumeric());
            }
            _ => {}
        }
    }
}

impl Iterator for Printed<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, c) = self.rest.next()?;
            if c != '\u{1b}' {
                return Some((at, c));
            }
            self.pass_sequence();
        }
    }
}

/// What is left of a text to look for secrets in, and where each byte of it stands in the text.
#[derive(Debug)]
struct Letters {
    text: String,
    /// For each byte of `text`: the first and the last byte of its character in the original.
    places: Vec<(usize, usize)>,
}

impl Letters {
    fn of(printed: impl Iterator<Item = (usize, char)>) -> Self {
        let mut letters = Self {
            text: String::new(),
            places: Vec::new(),
        };
        for (at, c) in printed.filter(|(_, c)| !is_noise(*c)) {
            letters.text.push(c);
            let place = (at, at + c.len_utf8() - 1);
            let bytes = std::iter::repeat_n(place, c.len_utf8());
            letters.places.extend(bytes);
        }
        letters
    }

    /// Where a form of a secret stands in the original, or a piece of it at a cut edge.
    fn places(&self, form: &str, cut: Cut) -> Vec<RangeInclusive<usize>> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = self.text[from..].find(form) {
            found.push(self.original(from + at, form.len()));
            // Repeated secrets may overlap.
            let first = form.chars().next().map_or(1, char::len_utf8);
            from += at + first;
        }
        found.extend(self.piece_before(form, cut));
        found.extend(self.piece_after(form, cut.after));
        found
    }

    /// The end of a secret whose beginning was cut off, or the middle of one. What was cut may be an escape sequence inside
    /// it, whose rest then stands in front.
    fn piece_before(&self, form: &str, cut: Cut) -> Option<RangeInclusive<usize>> {
        let starts = self.text.char_indices().map(|(at, _)| at);
        let mut starts = starts.take_while(|at| cut.before && *at <= SEQUENCE || *at == 0);
        starts.find_map(|at| {
            let rest = &self.text[at..];
            let counts = |piece: &&str| counts(piece, cut.before && at == 0);
            let ends = form.char_indices().skip(1).map(|(at, _)| &form[at..]);
            let middle = cut.before && cut.after && form.contains(rest);
            let mut pieces = middle.then_some(rest).into_iter().chain(ends);
            let piece = pieces.find(|piece| counts(piece) && rest.starts_with(*piece))?;
            Some(self.original(at, piece.len()))
        })
    }

    /// The beginning of a secret whose end was cut off.
    fn piece_after(&self, form: &str, cut: bool) -> Option<RangeInclusive<usize>> {
        let beginnings = form.char_indices().rev().map(|(at, _)| &form[..at]);
        let mut pieces = beginnings.take_while(|piece| counts(piece, cut));
        let piece = pieces.find(|piece| self.text.ends_with(piece))?;
        Some(self.original(self.text.len() - piece.len(), piece.len()))
    }

    fn original(&self, at: usize, length: usize) -> RangeInclusive<usize> {
        self.places[at].0..=self.places[at + length - 1].1
    }
}

/// Whether a piece at an edge is long enough to be one of a secret.
fn counts(piece: &str, cut: bool) -> bool {
    piece.len() >= if cut { 1 } else { PIECE }
}

/// What may stand inside a secret where it is printed, without being part of it.
fn is_noise(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The forms that a secret takes in print: as it is, inside JSON, inside an address.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let escaped = &quoted[1..quoted.len() - 1];
    let mut forms: Vec<String> = [
        secret,
        escaped,
        &in_address(secret, |byte| format!("%{byte:02X}")),
        &in_address(secret, |byte| format!("%{byte:02x}")),
    ]
    .into_iter()
    .map(|form| form.chars().filter(|c| !is_noise(*c)).collect::<String>())
    .filter(|form| !form.is_empty())
    .collect();
    forms.sort();
    forms.dedup();
    forms
}

fn in_address(secret: &str, escape: impl Fn(u8) -> String) -> String {
    let bytes = secret.bytes();
    let piece = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => escape(byte),
    };
    bytes.map(piece).collect()
}

/// Ranges in order of their beginning, with those that overlap or touch as one.
fn joined(sorted: Vec<RangeInclusive<usize>>) -> Vec<RangeInclusive<usize>> {
    let mut joined: Vec<RangeInclusive<usize>> = Vec::new();
    for place in sorted {
        match joined.last_mut() {
            Some(last) if *place.start() <= last.end() + 1 => {
                *last = *last.start()..=*last.end().max(place.end());
            }
            Some(_) | None => joined.push(place),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Cut = Cut {
        before: false,
        after: false,
    };

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let secret = "pa\"s s/w\u{f6}rd";
        for text in [
            secret,
            "pa\\\"s s/w\u{f6}rd",
            "pa%22s%20s%2Fw%C3%B6rd",
            "pa%22s%20s%2fw%c3%b6rd",
            "pa\"s\r\n  s/w\u{f6}rd",
            "pa\"\u{1b}[1;31ms s\u{1b}[0m/w\u{f6}rd",
            "p\u{200b}a\"s\u{8}s/w\u{f6}\u{9b}rd",
        ] {
            assert_eq!(
                mask(&format!("<{text}>"), WHOLE, &[secret]),
                "<[redacted]>",
                "{text:?}"
            );
        }
    }

    #[test]
    fn overlapping_secrets_become_one_mask() {
        assert_eq!(mask("xabababx", WHOLE, &["abab"]), "x[redacted]x");
        assert_eq!(
            mask("xabcdefx", WHOLE, &["abcd", "cdef", "", " \n"]),
            "x[redacted]x"
        );
    }

    #[test]
    fn pieces_at_cut_edges_are_masked() {
        let cut = Cut {
            before: true,
            after: true,
        };
        assert_eq!(
            mask("ter2 said hun", cut, &["hunter2"]),
            "[redacted] said [redacted]"
        );
        assert_eq!(mask("unte", cut, &["hunter2"]), MASK);
        assert_eq!(mask("2 said h", WHOLE, &["hunter2"]), "2 said h");
        assert_eq!(mask("said hunte", WHOLE, &["hunter2"]), "said [redacted]");
    }

    #[test]
    fn a_tail_keeps_lines_and_nothing_that_moves_a_cursor() {
        let printed = b"one\r\n\x1b[2Jtwo\rthree\x07\n\n";
        assert_eq!(tail(printed, WHOLE, &[], 100), "one\ntwo\nthree");
        assert_eq!(tail("\u{f6}\u{f6}".as_bytes(), WHOLE, &[], 3), "\u{f6}");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(
            line(" bad\u{1b}[1m gate\nway\t", WHOLE, &[], 8).as_deref(),
            Some("bad gate")
        );
        assert_eq!(line("\r\n", WHOLE, &[], 8), None);
    }
}
