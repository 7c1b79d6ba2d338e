//! The HTTP server of a project: an API for programs, pages for people, sign-in for both.
//!
//! It decides nothing about rollouts: who asks is proved here, what they ask for goes through
//! [`project::Backend`] to the same core as the command line, and what is shown are the views of
//! [`project::view`]. It keeps its own things (who is signed in) in a file of its own.
//!
//! | module | question it answers |
//! |---|---|
//! | [`settings`] | Where does it listen, what is it called from outside, and is that safe? |
//! | `app` | What does every handler work with? |
//! | `commits` | What lies between two versions? |
//! | `store` | What does the server itself keep? |
//! | `who` | Who asks? |
//! | `sign_in` | How does somebody get a session? |
//! | `problem` | How does a failure read, for programs and for people? |
//! | `api` | What can programs read and ask for? |
//! | `live` | What has just been written? |
//! | `pages` | What do people see? |
//! | `listener` | How do connections come in? |
//! | `peer` | Who is at the other end, and by which name did they call? |
//! | `limits` | How often may somebody try? |
//! | `render_hints` | What does Render say by itself? |
//! | `layers` | What holds for every request and every reply? |
//!
//! Start reading at [`Server`].

mod api;
mod app;
mod commits;
mod error;
mod layers;
mod limits;
mod listener;
mod live;
mod pages;
mod peer;
mod problem;
mod render_hints;
mod router;
pub mod settings;
mod sign_in;
mod store;
mod who;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use project::{Caller, Location};
use tokio_util::sync::CancellationToken;

pub use crate::app::App;
pub use crate::error::Error;
use crate::listener::{Listener, Origin};
pub use crate::router::router;
pub use crate::settings::{Platform, Settings};

/// So long replies under way are waited for when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: Listener,
    address: SocketAddr,
}

impl Server {
    /// Opens the project and the socket.
    ///
    /// # Errors
    /// The project cannot be opened, or the address is taken or is not to be had.
    pub async fn bind(
        location: &Location,
        settings: Settings,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        let listener = Listener::bind(settings.listen, settings.tls.as_ref()).await?;
        let address = listener.address();
        let app = App::open(location, settings.listening_on(address), caller)?;
        Ok(Self {
            app,
            listener,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its handlers work with.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers until it is told to stop; then nothing new is taken, and what is under way has a while to end.
    ///
    /// # Errors
    /// The socket fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let router = router(&self.app);
        let service = router.into_make_service_with_connect_info::<Origin>();
        let app = self.app;
        let told = stop.clone();
        let serving = axum::serve(self.listener, service).with_graceful_shutdown(async move {
            told.cancelled().await;
            app.stop();
        });
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended.map_err(Error::Serve),
            () = late => Ok(()),
        }
    }
}
