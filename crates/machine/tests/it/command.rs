//! Commands end, with all that they have begun, and keep little of what they say.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use machine::command::{Abandoned, Ended, Environment, Kept, Script, run};
use tokio::task::yield_now;

/// Nothing here takes so long unless it fails.
const LONG: Duration = Duration::from_mins(1);

fn script<'a>(dir: &'a Path, line: &'a str) -> Script<'a> {
    Script {
        line,
        dir,
        environment: Environment::AllBut(&[]),
        input: b"",
        kept: Kept::All,
        limit: LONG,
        abandoned: Abandoned::Killed,
    }
}

async fn output(script: Script<'_>) -> String {
    match run(&script).await.unwrap() {
        Ended::Exited { output, .. } => String::from_utf8(output.bytes).unwrap(),
        Ended::TimedOut => unreachable!("it ran too long"),
    }
}

/// A pipe that a command holds open for writing, and all that it has begun.
fn held_open(dir: &Path) -> File {
    let path = dir.join("alive");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Nobody writes to it yet, which only a reader that does not wait may begin with.
    let mut options = File::options();
    options.read(true);
    options
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .unwrap()
}

/// Reads until one byte has come: the command is under way.
async fn until_begun(pipe: &mut File) {
    let end = Instant::now() + LONG;
    while pipe.read(&mut [0]).map_or(true, |length| length == 0) {
        assert!(Instant::now() < end, "it never began");
        yield_now().await;
    }
}

/// Reads until nobody holds the other end any more.
fn until_gone(pipe: &mut File) {
    let end = Instant::now() + LONG;
    loop {
        match pipe.read(&mut [0; 64]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < end, "something outlived its command");
        std::thread::yield_now();
    }
}

/// It begins something that would outlive it, and says when both are there.
const WITH_CHILD: &str = "exec 9>alive; sleep 1000 & echo >&9; sleep 1000";

#[tokio::test]
async fn of_much_output_the_end_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let much = "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo the end";
    let output = output(script(dir.path(), much)).await;
    assert!(output.len() <= 16 << 10, "{} bytes", output.len());
    assert!(output.ends_with("x\nthe end\n"));
}

#[tokio::test]
async fn errors_alone_are_kept_where_only_they_are_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script {
        kept: Kept::Errors,
        ..script(dir.path(), "echo said; echo wrong >&2")
    };
    assert_eq!(output(script).await, "wrong\n");
}

#[tokio::test]
async fn it_may_leave_its_input_unread() {
    let dir = tempfile::tempdir().unwrap();
    let input = vec![b'x'; 10 << 20];
    for (line, said) in [("true", ""), ("head -c 3", "xxx"), ("wc -c", "10485760\n")] {
        let script = Script {
            input: &input,
            ..script(dir.path(), line)
        };
        assert_eq!(output(script).await.trim_start(), said);
    }
}

#[tokio::test]
async fn what_it_has_begun_ends_with_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut alive = held_open(dir.path());
    let script = Script {
        limit: Duration::from_millis(300),
        ..script(dir.path(), WITH_CHILD)
    };
    assert!(matches!(run(&script).await.unwrap(), Ended::TimedOut));
    until_gone(&mut alive);
}

#[tokio::test]
async fn what_it_has_begun_ends_when_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut alive = held_open(dir.path());
    let script = script(dir.path(), WITH_CHILD);
    tokio::select! {
        ended = run(&script) => unreachable!("{ended:?}"),
        () = until_begun(&mut alive) => {}
    }
    until_gone(&mut alive);
}
