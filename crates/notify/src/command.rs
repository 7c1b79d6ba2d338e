//! A command of the operator's: it gets the JSON of a webhook on its standard input.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::error::Undelivered;
use crate::message::{Message, Words, payload};

const TIMEOUT: Duration = Duration::from_mins(1);

/// So much of what it complains about is kept.
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
    words: &Words,
) -> Result<(), Undelivered> {
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for name in WITHHELD {
        command.env_remove(name);
    }
    let mut child = command
        .spawn()
        .map_err(|error| Undelivered::passing(format!("it could not be run: {error}")))?;
    let input = format!("{}\n", payload(message, words));
    let mut stdin = child.stdin.take();
    let feed = async move {
        if let Some(stdin) = &mut stdin {
            // A command that does not read its input may succeed all the same.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin);
    };
    let run = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = timeout(TIMEOUT, run)
        .await
        .map_err(|_| Undelivered::passing("it ran longer than a minute and was killed"))?
        .map_err(|error| Undelivered::passing(format!("it could not be awaited: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint: String = complaint.trim().chars().take(MAX_COMPLAINT).collect();
    let reason = format!("it ended with {}: {complaint}", output.status);
    Err(Undelivered::passing(
        reason.trim_end_matches([':', ' ']).to_owned(),
    ))
}
