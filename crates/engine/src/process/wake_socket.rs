//! Waking the engine at once: a connection to its socket means "look into the inbox". Nothing is ever sent over it.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::process::state_dir::{self, StateDir};

/// The engine's side; dropping it takes the socket away.
#[derive(Debug)]
pub(crate) struct WakeSocket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl WakeSocket {
    /// Listens. Without a socket (its path may be too long) the engine looks once a second instead.
    pub(crate) fn listen(state: &StateDir, on_wake: impl Fn() + Send + 'static) -> Option<Self> {
        let path = state.socket();
        match bind(&path) {
            Ok(listener) => Some(Self {
                path,
                task: tokio::spawn(answer(listener, on_wake)),
            }),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no socket: requests are seen within a second");
                None
            }
        }
    }
}

impl Drop for WakeSocket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// Wakes the engine, if it listens.
pub(crate) fn wake(state: &StateDir) {
    if let Err(error) = UnixStream::connect(state.socket()) {
        tracing::debug!(%error, "the engine will see the request within a second");
    }
}

/// Whoever holds the engine's lock may replace the socket of an engine that died.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    state_dir::restrict(path, 0o600).map_err(io::Error::other)?;
    Ok(listener)
}

async fn answer(listener: UnixListener, on_wake: impl Fn() + Send) {
    loop {
        match listener.accept().await {
            Ok(_) => on_wake(),
            Err(error) => {
                tracing::warn!(%error, "the engine's socket has failed");
                return;
            }
        }
    }
}
