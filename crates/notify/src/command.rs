//! A command of the operator's: it gets the JSON of a webhook on its standard input.

use std::path::Path;
use std::time::Duration;

use machine::command::{self, Abandoned, Ended, Environment, Kept, Script};
use policy::redact::{self, Cut};

use crate::error::Undelivered;
use crate::message::{Message, MessageText, payload};

const TIMEOUT: Duration = Duration::from_mins(1);

/// So much of the end of what it complains about is kept.
const MAX_COMPLAINT: usize = 500;

/// Variables that no command is given: they prove who we are.
const WITHHELD: [&str; 4] = [
    "RENDER_API_KEY",
    "RENDER_API_KEY_FILE",
    "TRANCHE_TOKEN",
    "TRANCHE_TOKEN_FILE",
];

pub(crate) async fn send(
    folder: &Path,
    line: &str,
    message: &Message,
    words: &MessageText,
) -> Result<(), Undelivered> {
    let input = format!("{}\n", payload(message, words));
    let script = Script {
        line,
        dir: folder,
        environment: Environment::AllBut(&WITHHELD),
        input: input.as_bytes(),
        kept: Kept::Errors,
        limit: TIMEOUT,
        // The message is delivered again, so nothing is lost with this attempt.
        abandoned: Abandoned::Killed,
    };
    let ended = command::run(&script)
        .await
        .map_err(|error| Undelivered::transient(format!("it could not be run: {error}")))?;
    match ended {
        Ended::TimedOut => Err(Undelivered::transient(
            "it ran longer than a minute and was killed",
        )),
        Ended::Exited { status, .. } if status.success() => Ok(()),
        Ended::Exited { status, output } => {
            let complaint = redact::line(
                &String::from_utf8_lossy(&output.bytes),
                Cut::default(),
                &[],
                usize::MAX,
            );
            let reason = format!(
                "it ended with {status}: {}",
                last(&complaint.unwrap_or_default())
            );
            Err(Undelivered::transient(reason.trim_end_matches([':', ' '])))
        }
    }
}

/// The end of a complaint: that is where the reason stands.
fn last(text: &str) -> String {
    let surplus = text.chars().count().saturating_sub(MAX_COMPLAINT);
    text.chars().skip(surplus).collect()
}
