//! One shell command: in its own process group, bounded in time and in what is kept of its output.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::io::{self, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};

/// What of the engine's environment a command needs to find its way. Keys and tokens are not among them (P47).
const PASSED_ON: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR",
];

/// No more of the end of the output is kept, and at least half of it.
const TAIL: usize = 16 << 10;

/// What is still on its way when a command has ended is waited for so long.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// However long this process stands still, no more than this of it counts.
const SLICE: Duration = Duration::from_millis(500);

/// What is to be run, and within which bounds.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// For `sh -c`.
    pub line: &'a str,
    /// Where it runs.
    pub dir: &'a Path,
    /// Which variables it sees.
    pub environment: Environment<'a>,
    /// What it may read.
    pub input: &'a [u8],
    /// What of its output is kept.
    pub kept: Kept,
    /// How long it may take; then it is killed with everything that it has begun.
    pub limit: Duration,
    /// What becomes of it when nobody waits for its end any more, as when the engine stops.
    pub abandoned: Abandoned,
}

/// Which variables a command sees.
#[derive(Clone, Copy, Debug)]
pub enum Environment<'a> {
    /// What it needs to find its way, and these.
    Only(&'a BTreeMap<String, String>),
    /// All of this process but these.
    AllBut(&'a [&'a str]),
}

/// What of a command's output is kept: the end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Output and errors, as they came.
    All,
    /// Its errors alone.
    Errors,
}

/// What becomes of a command that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// It runs to its end.
    GoesOn,
    /// It is killed with everything that it has begun.
    Killed,
}

/// How a command ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself, or by a signal of somebody else.
    Exited {
        /// How.
        status: ExitStatus,
        /// The end of what was kept of its output.
        output: Printed,
    },
    /// By us: it took too long.
    TimedOut,
}

/// Runs a command through the shell.
///
/// # Errors
/// When it could not be begun.
pub async fn run(script: &Script<'_>) -> io::Result<Ended> {
    let (mut running, mut output) = begin(script)?;
    let stdin = running.child.stdin.take();
    let mut tail = Printed::default();
    let in_time = tokio::select! {
        // What has ended is read before the limit is judged.
        biased;
        status = running.child.wait() => Some(status?),
        // Before the output, of which there may always be more.
        () = awake(script.limit) => None,
        never = tail.keep_all(&mut output) => match never {},
        never = feed(stdin, script.input) => match never {},
    };
    // The limit may have passed while this process stood still: what has ended by then has ended by itself.
    let Some(status) =
        in_time.map_or_else(|| running.child.try_wait(), |status| Ok(Some(status)))?
    else {
        running.kill().await;
        return Ok(Ended::TimedOut);
    };
    // A command may leave something behind that holds its output open.
    let _ = timeout(LAST_WORDS, tail.keep(&mut output)).await;
    Ok(Ended::Exited {
        status,
        output: tail,
    })
}

fn begin(script: &Script<'_>) -> io::Result<(Running, Receiver)> {
    let (reader, writer) = pipe()?;
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(script.line)
        .current_dir(script.dir)
        .stdin(if script.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .process_group(0);
    match script.environment {
        Environment::Only(variables) => {
            let passed_on = PASSED_ON
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?)));
            command.env_clear().envs(passed_on).envs(variables);
        }
        Environment::AllBut(names) => {
            for name in names {
                command.env_remove(name);
            }
        }
    }
    match script.kept {
        Kept::All => command.stdout(writer.try_clone()?),
        Kept::Errors => command.stdout(Stdio::null()),
    };
    let child = command.stderr(writer).spawn()?;
    let abandoned = script.abandoned;
    let running = Running { child, abandoned };
    Ok((running, Receiver::from_owned_fd(OwnedFd::from(reader))?))
}

/// Lets so much time pass in which this process ran. While it stood still (it was stopped, or its machine slept), it could
/// neither see what ended nor take what was printed: such time counts against nobody.
async fn awake(time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let slice = left.min(SLICE);
        sleep(slice).await;
        left -= slice;
    }
}

/// A command that reads nothing of it may end well all the same.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> Infallible {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
    std::future::pending().await
}

/// A command under way.
#[derive(Debug)]
struct Running {
    child: Child,
    abandoned: Abandoned,
}

impl Running {
    /// Ends the command with everything it has begun.
    async fn kill(&mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
    }

    fn kill_group(&self) {
        // Without an id it has been waited for; until then its number is still its own.
        let group = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            // Whoever is gone already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        match self.abandoned {
            Abandoned::GoesOn => {}
            Abandoned::Killed => self.kill_group(),
        }
    }
}

/// The end of what was printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// As it came, secrets still in it.
    pub bytes: Vec<u8>,
    /// There was more before.
    pub is_cut: bool,
}

impl Printed {
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
            self.bytes.extend(&chunk[..length]);
            if self.bytes.len() > TAIL {
                self.bytes.drain(..self.bytes.len() - TAIL / 2);
                self.is_cut = true;
            }
        }
    }
}
