//! Keeps the webhook at Render for as long as an engine runs: made if it is not there, switched on again if Render gave it up.

use std::sync::Arc;
use std::time::Duration;

use policy::Config;
use render::Client;
use tokio::time::sleep;

use super::{Receiver, registration};
use crate::caller::Caller;
use crate::error::Error;

/// Render switches a webhook off that is not answered well for a day and a half, and somebody may remove it: once in so long it
/// is looked whether it still stands.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// The first pause after a failure; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// Never ends. What fails is said once, and tried again: deploys are followed without it.
pub(crate) async fn keep(
    receiver: Receiver,
    client: Client,
    config: Config,
    caller: Arc<dyn Caller>,
) {
    let mut pause = FIRST_PAUSE;
    let mut said = None;
    loop {
        match stand(&receiver, &client, &config).await {
            Ok(()) => {
                tracing::debug!(url = receiver.url(), "the webhook stands");
                (pause, said) = (FIRST_PAUSE, None);
                sleep(LOOK_EVERY).await;
            }
            Err(error) => {
                let text = told(&error);
                if said.as_ref() != Some(&text) {
                    caller.warn(&text);
                    said = Some(text);
                }
                sleep(pause).await;
                pause = (pause * 2).min(LOOK_EVERY);
            }
        }
    }
}

async fn stand(receiver: &Receiver, client: &Client, config: &Config) -> Result<(), Error> {
    let secret = registration::ensure(client, config, receiver.url()).await?;
    receiver.trust(secret)
}

fn told(error: &Error) -> String {
    let help = error.way_out();
    let help = help.map_or_else(String::new, |help| format!("; {help}"));
    format!(
        "Render tells nothing by itself, so deploys are read at the usual pace: {}{help}",
        error.message()
    )
}
