//! The one request that becomes a websocket: the same origin, key and budget as every other.

use futures::TryFutureExt as _;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Client;
use super::answer::{Body, refusal};
use crate::call::Call;
use crate::error::{Error, Result};

/// An open websocket.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Client {
    /// Opens a websocket.
    pub(crate) async fn subscribe(&self, call: Call) -> Result<Socket> {
        let name = call.name();
        let key = self.key();
        let mut request = address(&call.url(&self.shared.base)?)
            .as_str()
            .into_client_request()
            .map_err(|error| not_connected(name.clone(), error))?;
        request.headers_mut().insert(AUTHORIZATION, key.header);
        let mut permit = self.permit(&call).await?;
        let refused = |response: http::Response<Option<Vec<u8>>>| {
            permit.learn(response.status(), response.headers());
            let body = Body {
                bytes: response.body().clone().unwrap_or_default(),
                cut: false,
            };
            refusal(
                &call,
                response.status(),
                response.headers(),
                &body,
                key.secret,
            )
        };
        let connecting = connect_async(request).map_err(|error| {
            if let tungstenite::Error::Http(response) = error {
                refused(*response)
            } else {
                not_connected(name.clone(), error)
            }
        });
        let connected = timeout(self.shared.timeout, connecting).await;
        let (socket, response): (_, http::Response<_>) =
            connected.map_err(|_| not_connected(name, timed_out()))??;
        self.note_time(response.headers());
        Ok(socket)
    }
}

/// What a connection that does not come about means.
fn not_connected(call: String, error: tungstenite::Error) -> Error {
    Error::Socket {
        call,
        source: Box::new(error),
    }
}

/// The address with the scheme of a websocket, encrypted exactly where the API is.
fn address(url: &Url) -> String {
    let rest = url.as_str().trim_start_matches(url.scheme());
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    format!("{scheme}{rest}")
}

fn timed_out() -> tungstenite::Error {
    tungstenite::Error::Io(std::io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_websocket_is_encrypted_where_the_api_is() {
        let shown = |url: &str| address(&url.parse().unwrap());
        assert_eq!(
            shown("https://api.render.com/v1/logs"),
            "wss://api.render.com/v1/logs"
        );
        assert_eq!(shown("http://127.0.0.1:8/v1"), "ws://127.0.0.1:8/v1");
    }
}
