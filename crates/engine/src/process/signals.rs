//! When does the operating system want us to stop?
//!
//! A signal that came before anybody waited for it is not lost, and one that was caught counts for whatever waits later: who
//! has pressed Ctrl-C once means the whole command.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// Ctrl-C: exit code 130.
    Interrupted,
    /// SIGTERM: a graceful end, exit code 0.
    Terminated,
}

type Caught = watch::Receiver<Option<StopSignal>>;

/// What the task that listens has caught.
static CAUGHT: Mutex<Option<Caught>> = Mutex::new(None);

/// Catches SIGINT and SIGTERM from now on: neither ends the process by itself any more. Within a tokio runtime.
///
/// # Errors
/// The signals cannot be listened for.
pub fn catch_signals() -> io::Result<()> {
    caught().map(drop)
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn stop_signal() -> io::Result<StopSignal> {
    let mut caught = caught()?;
    let signal = caught.wait_for(Option::is_some).await;
    let signal = signal.ok().and_then(|signal| *signal);
    signal.ok_or_else(|| io::Error::other("nobody listens for signals any more"))
}

fn caught() -> io::Result<Caught> {
    let mut known = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner);
    // The task ends with its runtime.
    if let Some(caught) = known.as_ref().filter(|one| one.has_changed().is_ok()) {
        return Ok(caught.clone());
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (catch, caught) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => StopSignal::Interrupted,
                _ = terminate.recv() => StopSignal::Terminated,
            };
            catch.send_if_modified(|first| first.replace(signal).is_none());
        }
    });
    *known = Some(caught.clone());
    Ok(caught)
}
