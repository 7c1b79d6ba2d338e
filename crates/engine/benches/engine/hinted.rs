//! Hints as they come from the simulated Render. Their signatures are not checked: its clock is a fast one, and so are they
//! of another time.

use render::executor::Hints;
use render::{Client, EventKind, Hint, WebhookTarget};
use serde_json::Value;
use sim::platform::DEFAULT_OWNER;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Has the ends of deploys sent to a listener.
pub(crate) async fn register(client: &Client) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it listens");
    let target = WebhookTarget {
        name: "bench".to_owned(),
        url: format!("http://{address}/"),
        enabled: true,
        events: vec![EventKind::DeployEnded],
    };
    let (admin, owner) = (client.admin(), DEFAULT_OWNER.into());
    let made = admin.create_webhook(&owner, &target).await;
    made.expect("the simulated Render takes it");
    listener
}

/// Hands on what arrives.
pub(crate) async fn hand_on(listener: TcpListener, hints: Hints) {
    while let Ok((stream, _)) = listener.accept().await {
        let hints = hints.clone();
        tokio::spawn(async move {
            if let Ok(body) = body(stream).await {
                hints.tell(&hint(&body));
            }
        });
    }
}

async fn body(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line).await? > 2 {
        let header = line.trim_end().to_lowercase();
        if let Some(written) = header.strip_prefix("content-length: ") {
            length = written.parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let reply = b"HTTP/1.1 204 so\r\nconnection: close\r\n\r\n";
    stream.write_all(reply).await?;
    Ok(body)
}

fn hint(body: &[u8]) -> Hint {
    let message: Value = serde_json::from_slice(body).expect("it sends JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    Hint {
        kind: EventKind::DeployEnded,
        event: text(&message["data"]["id"]).as_str().into(),
        service: text(&message["data"]["serviceId"]).as_str().into(),
    }
}
