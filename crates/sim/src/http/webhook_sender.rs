//! Sends what webhooks are told: signed as Standard Webhooks has it, and again until somebody answers well.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use reqwest::{Client, redirect};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use tokio::task::JoinSet;

use super::App;
use crate::ids::Timestamp;
use crate::platform::{Delivered, Outgoing};

/// So often the platform is asked for messages.
const PERIOD: Duration = Duration::from_millis(20);

/// Render waits no longer for an answer. Real time: the receiver is real.
const TIMEOUT: Duration = Duration::from_secs(15);

/// As much of an answer's body is remembered, in characters.
const LONGEST_BODY: usize = 1_000;

/// Sends messages until the server stops.
pub(super) async fn send_messages(app: App) {
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no webhooks are sent");
            return;
        }
    };
    let mut sending = JoinSet::new();
    let mut on_their_way = BTreeSet::new();
    loop {
        for message in app.with(|platform, now| platform.due_messages(now, &on_their_way)) {
            on_their_way.insert(message.message.clone());
            sending.spawn(send(client.clone(), message));
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            Some(Ok((message, sent_at, answer))) = sending.join_next(), if !sending.is_empty() => {
                on_their_way.remove(&message);
                app.with(|platform, _| platform.delivered(sent_at, &message, answer));
                if let Err(error) = app.save().await {
                    tracing::error!(%error, "the state of the simulated Render was not saved");
                }
            }
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn send(client: Client, message: Outgoing) -> (String, Timestamp, Delivered) {
    let at = message.at;
    let answer = match post(&client, &message).await {
        Ok(answer) => answer,
        Err(error) => Delivered {
            error: Some(error.to_string()),
            ..Delivered::default()
        },
    };
    (message.message, at, answer)
}

async fn post(
    client: &Client,
    message: &Outgoing,
) -> Result<Delivered, Box<dyn Error + Send + Sync>> {
    let (id, seconds) = (message.event.as_str(), message.at.timestamp());
    let key = standardwebhooks::Webhook::new(&message.secret)?;
    let signature = key.sign(id, seconds, message.body.as_bytes())?;
    let request = client
        .post(&message.url)
        .header("Content-Type", "application/json")
        .header(HEADER_WEBHOOK_ID, id)
        .header(HEADER_WEBHOOK_TIMESTAMP, seconds.to_string())
        .header(HEADER_WEBHOOK_SIGNATURE, signature)
        .body(message.body.clone());
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.text().await?;
    Ok(Delivered {
        status: Some(status),
        body: Some(body.chars().take(LONGEST_BODY).collect()),
        error: None,
    })
}
