//! Is this text that people have written? If not: where does that begin, and what is it instead?
//!
//! Text is UTF-8; the byte order mark that some editors put in front of it is no part of it. Anything else is named with
//! the place of its first byte, since a guess at another encoding could put other letters into names.

use std::fmt;

/// The mark that some editors begin a file with.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What a ZIP archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// So many bytes tell whether every second one is NUL.
const SAMPLE: usize = 256;

/// Bytes that are no text, with the place of the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotText {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The first byte that is none of a text.
    pub byte: u8,
    /// The line, with a stand-in for what is no text.
    pub source_line: String,
    /// What the file probably is.
    pub looks: LikelyFormat,
}

/// What a file probably is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikelyFormat {
    /// Text in another encoding, by the name that `iconv` knows it by.
    Encoded(&'static str),
    /// UTF-8 that ends within a character.
    CutOff,
    /// A ZIP archive, as spreadsheets are.
    Archive,
    /// No text at all.
    Binary,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line, column, byte, ..
        } = self;
        write!(
            f,
            "it is no UTF-8 text from line {line}, column {column} on (byte 0x{byte:02X}): {}",
            self.looks
        )
    }
}

impl fmt::Display for LikelyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoded("WINDOWS-1252") => f.write_str("probably Windows-1252 or Latin-1"),
            Self::Encoded(name) => f.write_str(name),
            Self::CutOff => f.write_str("it ends within a character"),
            Self::Archive => f.write_str("a spreadsheet or another ZIP archive"),
            Self::Binary => f.write_str("a NUL byte stands in no text"),
        }
    }
}

/// The text that these bytes are, without a byte order mark.
///
/// # Errors
/// They are no UTF-8, or hold a NUL byte.
pub fn decode_text(mut bytes: Vec<u8>) -> Result<String, NotText> {
    if let Some(encoding) = marked(&bytes) {
        return Err(not_text(&bytes, 0, LikelyFormat::Encoded(encoding)));
    }
    if bytes.starts_with(ZIP) {
        return Err(not_text(&bytes, 0, LikelyFormat::Archive));
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    let nul = bytes.iter().position(|byte| *byte == 0);
    let failed = match String::from_utf8(bytes) {
        Ok(text) if nul.is_none() => return Ok(text),
        Ok(text) => Failed {
            bytes: text.into_bytes(),
            at: usize::MAX,
            is_cut_off: false,
        },
        Err(error) => {
            let wrong = error.utf8_error();
            Failed {
                at: wrong.valid_up_to(),
                is_cut_off: wrong.error_len().is_none(),
                bytes: error.into_bytes(),
            }
        }
    };
    let looks = failed.looks(nul);
    let at = nul.map_or(failed.at, |nul| nul.min(failed.at));
    Err(not_text(&failed.bytes, at, looks))
}

/// Bytes with the first that is no UTF-8.
struct Failed {
    bytes: Vec<u8>,
    at: usize,
    is_cut_off: bool,
}

impl Failed {
    fn looks(&self, nul: Option<usize>) -> LikelyFormat {
        match nul {
            Some(_) => {
                every_second_is_nul(&self.bytes).map_or(LikelyFormat::Binary, LikelyFormat::Encoded)
            }
            // Without another letter like it, the last byte is more likely one of another encoding.
            None if self.is_cut_off && !self.bytes[..self.at].is_ascii() => LikelyFormat::CutOff,
            None => LikelyFormat::Encoded("WINDOWS-1252"),
        }
    }
}

/// The encoding that a byte order mark names.
fn marked(bytes: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 4] = [
        (&[0xff, 0xfe, 0, 0], "UTF-32"),
        (&[0, 0, 0xfe, 0xff], "UTF-32"),
        (&[0xff, 0xfe], "UTF-16"),
        (&[0xfe, 0xff], "UTF-16"),
    ];
    let found = marks.iter().find(|(mark, _)| bytes.starts_with(mark));
    found.map(|(_, encoding)| *encoding)
}

/// Letters of most languages have a NUL beside them in UTF-16.
fn every_second_is_nul(bytes: &[u8]) -> Option<&'static str> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let nuls_at = |parity: usize| {
        let those = sample.iter().skip(parity).step_by(2);
        those.filter(|byte| **byte == 0).count()
    };
    let most = |count: usize| count * 4 > sample.len();
    match (most(nuls_at(0)), most(nuls_at(1))) {
        (false, true) => Some("UTF-16LE"),
        (true, false) => Some("UTF-16BE"),
        (true, true) | (false, false) => None,
    }
}

fn not_text(bytes: &[u8], at: usize, looks: LikelyFormat) -> NotText {
    let before = &bytes[..at.min(bytes.len())];
    let begin = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let end = bytes[begin..].iter().position(|byte| *byte == b'\n');
    let line = &bytes[begin..end.map_or(bytes.len(), |end| begin + end)];
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // A line of units of two or four bytes is no line to look at.
    let source_line = match looks {
        LikelyFormat::Encoded(name) if name.starts_with("UTF-") => "".into(),
        // Nor is one of an archive.
        LikelyFormat::Archive => "".into(),
        LikelyFormat::Encoded(_) | LikelyFormat::CutOff | LikelyFormat::Binary => {
            String::from_utf8_lossy(line)
        }
    };
    NotText {
        line: number(before.split(|byte| *byte == b'\n').count()),
        column: number(String::from_utf8_lossy(&before[begin..]).chars().count() + 1),
        byte: bytes.get(at).copied().unwrap_or_default(),
        source_line: source_line.trim_end_matches('\r').replace('\0', "\u{fffd}"),
        looks,
    }
}
