//! The one terminal that progress bars and remarks share: a remark goes above the bars, and no bar writes over it.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;

use crate::show::escape;

static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// The bars of this process; there may be none.
pub(crate) fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Says something on standard error, whatever the flags are.
pub(crate) fn print_to_stderr(text: impl Display) {
    // Nobody is left to be told when standard error is closed.
    let text = escape::block(&text.to_string());
    let _ = bars().suspend(|| writeln!(anstream::stderr(), "{text}"));
}

/// Standard error for the log.
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = escape::block(&String::from_utf8_lossy(line));
        bars().suspend(|| io::stderr().write_all(text.as_bytes()))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
