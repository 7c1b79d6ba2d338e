//! Tells other processes for which of Render's limits this engine waits.

use std::time::Duration;

use engine::{StateDir, WaitsNote};
use render::{Client, Waits};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The note is written no more often.
const PAUSE: Duration = Duration::from_millis(250);

/// Keeps the note until the client is gone. Without one less is shown, and nothing else is different.
pub(super) fn tell(state: &StateDir, client: &Client) {
    match WaitsNote::begin(state) {
        Ok(note) => drop(tokio::spawn(keep(client.waits(), note))),
        Err(error) => tracing::warn!(%error, "what is waited for cannot be told"),
    }
}

async fn keep(mut waits: watch::Receiver<Waits>, mut note: WaitsNote) {
    loop {
        let now = waits.borrow_and_update().of_rollouts().collect();
        let written = spawn_blocking(move || {
            if let Err(error) = note.write(now) {
                tracing::warn!(%error, "what is waited for cannot be told");
            }
            note
        });
        note = match written.await {
            Ok(note) => note,
            Err(_) => return,
        };
        sleep(PAUSE).await;
        if waits.changed().await.is_err() {
            return;
        }
    }
}
