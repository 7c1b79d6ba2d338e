//! One shell command: in its own process group, without our environment, bounded in time and in what is kept of its output.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::env;
use std::io::{self, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What of the engine's environment a command needs to find its way. Keys and tokens are not among them (P47).
const PASSED_ON: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR",
];

/// How much of the end of the output is kept, secrets still in it.
const TAIL: usize = 16 << 10;

/// What is still on its way when a command has ended is waited for so long.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a command ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself, or by a signal of somebody else.
    Exited { ok: bool, output: Vec<u8> },
    /// By us.
    TimedOut,
}

/// Runs a command through the shell.
///
/// # Errors
/// When it could not be begun.
pub(super) async fn run(
    script: &str,
    dir: &Path,
    environment: &BTreeMap<String, String>,
    limit: Duration,
) -> io::Result<Ended> {
    let (mut child, mut output) = spawn(script, dir, environment)?;
    let mut tail = Tail::default();
    let exit = async {
        tokio::select! {
            status = child.wait() => status,
            never = tail.keep_all(&mut output) => match never {},
        }
    };
    let Ok(status) = timeout(limit, exit).await else {
        kill_all(&mut child).await;
        return Ok(Ended::TimedOut);
    };
    // A command may leave something behind that holds its output open.
    let _ = timeout(LAST_WORDS, tail.keep(&mut output)).await;
    Ok(Ended::Exited {
        ok: status?.success(),
        output: tail.0.into(),
    })
}

fn spawn(
    script: &str,
    dir: &Path,
    environment: &BTreeMap<String, String>,
) -> io::Result<(Child, Receiver)> {
    let (reader, writer) = pipe()?;
    let passed_on = PASSED_ON
        .iter()
        .filter_map(|name| Some((name, env::var_os(name)?)));
    let child = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(dir)
        .env_clear()
        .envs(passed_on)
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    Ok((child, Receiver::from_owned_fd(OwnedFd::from(reader))?))
}

/// Ends the command with everything it has begun.
async fn kill_all(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    // It has not been waited for, so its number is still its own.
    if let Some(group) = group.and_then(Pid::from_raw) {
        // Whoever is gone already needs no signal.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}

/// The end of what was printed.
#[derive(Debug, Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    async fn keep_all(&mut self, output: &mut Receiver) -> Infallible {
        self.keep(output).await;
        std::future::pending().await
    }

    async fn keep(&mut self, output: &mut Receiver) {
        let mut chunk = [0; 4096];
        while let Ok(length) = output.read(&mut chunk).await {
            if length == 0 {
                return;
            }
            self.0.extend(&chunk[..length]);
            let surplus = self.0.len().saturating_sub(TAIL);
            self.0.drain(..surplus);
        }
    }
}
