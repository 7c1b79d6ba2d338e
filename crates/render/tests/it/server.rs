//! A server that does exactly what a test tells it, down to breaking connections.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use render::{Client, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    /// In lower case, so that names of headers are found.
    pub(crate) head: String,
    /// As it was sent.
    pub(crate) raw_head: String,
    pub(crate) body: String,
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Status, further header lines, body.
    Answer(u16, &'static str, String),
    /// Reads the request and breaks the connection.
    Break,
    /// Reads the request and never answers.
    Hang,
}

impl Action {
    #[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Self::Answer(status, "", body.to_string())
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::Answer(status, "", String::new())
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers every request as `act` says.
    pub(crate) async fn start(act: impl Fn(&Seen) -> Action + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, act) = (Arc::clone(&seen), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&act)));
            }
        });
        Self { url, seen }
    }

    /// Answers one request after the other; the last answer repeats.
    pub(crate) async fn script(actions: impl IntoIterator<Item = Action>) -> Self {
        let actions: Vec<Action> = actions.into_iter().collect();
        let next = Mutex::new(0);
        Self::start(move |_| {
            let mut next = next.lock().unwrap();
            *next += 1;
            actions[(*next - 1).min(actions.len() - 1)].clone()
        })
        .await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// A client of this server that gives up soon.
    pub(crate) fn client(&self) -> Client {
        client(&self.url)
    }
}

pub(crate) fn client(url: &str) -> Client {
    let settings = Settings::new("rnd_test_key".into());
    Client::new(&Settings {
        base_url: url.to_owned(),
        timeout: Duration::from_millis(900),
        ..settings
    })
    .unwrap()
}

async fn serve<F: Fn(&Seen) -> Action>(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Seen>>>,
    act: Arc<F>,
) {
    let Some(seen) = read(&mut stream).await else {
        return;
    };
    let action = act(&seen);
    log.lock().unwrap().push(seen);
    match action {
        Action::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
            );
            // Whoever stops reading early has had enough.
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
        Action::Break => {}
        Action::Hang => std::future::pending().await,
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let length = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|length| *length > 0)?;
        bytes.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let raw_head = head.to_owned();
        let head = head.to_ascii_lowercase();
        let expected = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= expected.map_or(0, |length| length.parse().unwrap()) {
            let line = text
                .lines()
                .next()?
                .trim_end_matches(" HTTP/1.1")
                .to_owned();
            return Some(Seen {
                line,
                head,
                raw_head,
                body: body.to_owned(),
            });
        }
    }
}
