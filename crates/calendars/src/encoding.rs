//! Is a calendar file UTF-8, as it must be? Where it is not, letters would be guessed at, and a zone's name could be another.

use crate::Mistake;

/// The text of a file.
///
/// Some programs fold lines within a character, so bytes are judged by the content line and not by the line of the file.
pub(crate) fn text(path: &str, bytes: &[u8]) -> Result<String, Mistake> {
    if let Some(encoding) = wide(bytes) {
        let message = format!("the file is {encoding}, and only UTF-8 is read");
        return Err(Mistake::new(1, message, way_out(path, encoding)));
    }
    match wrong(bytes) {
        Some((line, byte)) => {
            let message =
                format!("the byte 0x{byte:02X} is no UTF-8 text: probably Windows-1252 or Latin-1");
            Err(Mistake::new(line, message, way_out(path, "WINDOWS-1252")))
        }
        None => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn way_out(path: &str, encoding: &str) -> String {
    format!("export it as UTF-8, or convert it: iconv -f {encoding} -t UTF-8")
        + &format!(" {path} > {path}.new && mv {path}.new {path}")
}

/// The encoding in units of two bytes: by its mark, or by the NUL beside the first letter, which is that of `BEGIN`.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [b'B' | b'b', 0, ..] => Some("UTF-16LE"),
        [0, b'B' | b'b', ..] => Some("UTF-16BE"),
        _ => None,
    }
}

/// The first content line that is no UTF-8 text, by the number of the line on which it begins, and the first such byte.
fn wrong(bytes: &[u8]) -> Option<(usize, u8)> {
    let mut content: Vec<u8> = Vec::new();
    let mut begun = 1;
    for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(more) = line.strip_prefix(b" ").or(line.strip_prefix(b"\t")) {
            content.extend(more);
            continue;
        }
        if let Some(byte) = wrong_byte(&content) {
            return Some((begun, byte));
        }
        content.clear();
        content.extend(line);
        begun = n + 1;
    }
    wrong_byte(&content).map(|byte| (begun, byte))
}

fn wrong_byte(content: &[u8]) -> Option<u8> {
    let error = std::str::from_utf8(content).err()?;
    content.get(error.valid_up_to()).copied()
}
