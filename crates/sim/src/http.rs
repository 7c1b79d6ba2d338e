//! The platform on a socket: the API under `/v1`, customers' sites under `/sites/SERVICE`, control under `/_sim`.
//!
//! Faults are real here: a lost reply is a connection that ends after the effect.

mod clock;
mod control;
mod log_stream;
mod webhook_sender;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{Answer, ApiReply};
use crate::ids::{ServiceId, Timestamp};
use crate::platform::{Platform, write_whole};
use crate::requests::ApiRequest;
use wire::{CuttableListener, Wire};

pub use clock::Clock;

/// A platform that several can reach.
pub type Shared = Arc<Mutex<Platform>>;

/// How long a server that was told to stop waits for replies under way.
const GRACE: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the API.
    pub fn api_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The URL of a service's site.
    pub fn site_url(&self, service: &ServiceId) -> String {
        format!("http://{}/sites/{service}", self.address)
    }

    /// The base URL of the control endpoints.
    pub fn control_url(&self) -> String {
        format!("http://{}/_sim", self.address)
    }

    /// What stops it when cancelled.
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until somebody stops it.
    pub async fn stopped(self) -> io::Result<()> {
        let Self { stop, mut task, .. } = self;
        tokio::select! {
            ended = &mut task => return ended?,
            () = stop.cancelled() => {}
        }
        // Connections that are kept open by their clients would hold it for ever.
        match tokio::time::timeout(GRACE, &mut task).await {
            Ok(ended) => ended?,
            Err(_late) => {
                task.abort();
                Ok(())
            }
        }
    }

    /// Stops it.
    pub async fn shut_down(self) -> io::Result<()> {
        self.stop.cancel();
        self.stopped().await
    }
}

/// Serves a platform on a socket.
pub fn serve(platform: Shared, listener: TcpListener, clock: Clock) -> io::Result<Server> {
    start(platform, listener, clock, None)
}

/// Serves a platform on a socket and saves it to a file with every change, before the reply leaves.
pub fn serve_saved(
    platform: Shared,
    listener: TcpListener,
    clock: Clock,
    file: PathBuf,
) -> io::Result<Server> {
    start(platform, listener, clock, Some(file))
}

fn start(
    platform: Shared,
    listener: TcpListener,
    clock: Clock,
    file: Option<PathBuf>,
) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let app = App {
        platform,
        clock,
        stop: stop.clone(),
        cuts: watch::Sender::new(()),
        file: file.map(|file| Arc::new(tokio::sync::Mutex::new(file))),
    };
    tokio::spawn(webhook_sender::send_messages(app.clone()));
    let service = router(app).into_make_service_with_connect_info::<Wire>();
    let serving = axum::serve(CuttableListener(listener), service)
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let task = tokio::spawn(serving.into_future());
    Ok(Server {
        address,
        stop,
        task,
    })
}

fn router(app: App) -> Router {
    Router::new()
        .route("/v1/logs/subscribe", any(log_stream::subscribe))
        .route("/v1/{*path}", any(api))
        .route("/sites/{service}", get(site_root))
        .route("/sites/{service}/", get(site_root))
        .route("/sites/{service}/{*path}", get(site))
        .nest("/_sim", control::router())
        .with_state(app)
}

/// What every handler needs.
#[derive(Clone)]
struct App {
    platform: Shared,
    clock: Clock,
    stop: CancellationToken,
    /// Tells every websocket to break.
    cuts: watch::Sender<()>,
    /// Where to save; the lock keeps an older content from being written over a newer one.
    file: Option<Arc<tokio::sync::Mutex<PathBuf>>>,
}

impl App {
    /// Does something with the platform at this instant.
    fn with<T>(&self, act: impl FnOnce(&mut Platform, Timestamp) -> T) -> T {
        let mut platform = self.platform.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut platform, self.clock.now())
    }

    /// Saves the platform, if it is to be saved.
    async fn save(&self) -> io::Result<()> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let file = file.lock_owned().await;
        let content = self.with(|platform, _| serde_json::to_vec(platform))?;
        tokio::task::spawn_blocking(move || write_whole(&file, &content)).await?
    }
}

async fn api(
    State(app): State<App>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = ApiRequest {
        path: uri.path().trim_start_matches("/v1").to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        authorization: authorization(&headers),
        body: body.into(),
        method: method.to_string(),
    };
    let answer = app.with(|platform, now| platform.handle(now, &request));
    if method != Method::GET
        && let Err(error) = app.save().await
    {
        tracing::error!(%error, "the state of the simulated Render was not saved");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    deliver(&app, &wire, answer).await
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?;
    value.to_str().ok().map(str::to_owned)
}

async fn deliver(app: &App, wire: &Wire, answer: Answer) -> Response {
    match answer {
        Answer::Reply(reply) => response(reply),
        Answer::Late(reply, by) => {
            tokio::time::sleep(app.clock.real(by)).await;
            response(reply)
        }
        Answer::Dropped => wire.cut(),
        Answer::Reset => wire.reset(),
    }
}

fn response(reply: ApiReply) -> Response {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = reply.body.map_or_else(Body::empty, Body::from);
    let built = response.body(body);
    built.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn site_root(
    app: State<App>,
    wire: ConnectInfo<Wire>,
    Path(service): Path<String>,
) -> Response {
    site(app, wire, Path((service, String::new()))).await
}

async fn site(
    State(app): State<App>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    Path((service, path)): Path<(String, String)>,
) -> Response {
    let path = format!("/{path}");
    let service = ServiceId::new(service);
    let visit = app.with(|platform, now| platform.visit(now, &service, &path));
    let Some(reply) = visit else {
        return wire.cut();
    };
    let latency = policy::Span::from_millis(reply.latency_ms.into());
    tokio::time::sleep(app.clock.real(latency)).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(header::CONTENT_TYPE, reply.content_type)];
    (status, headers, reply.body).into_response()
}
