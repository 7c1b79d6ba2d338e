//! When does the operating system want us to stop?

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// Ctrl-C: exit code 130.
    Interrupted,
    /// SIGTERM: a graceful end, exit code 0.
    Terminated,
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn stop_signal() -> io::Result<StopSignal> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => StopSignal::Interrupted,
        _ = terminate.recv() => StopSignal::Terminated,
    })
}
