//! What can go wrong before the server answers.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not come up, or ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The project cannot be opened.
    #[error(transparent)]
    Project(#[from] project::Error),
    /// The address cannot be listened on.
    #[error("failed to listen on {listen}")]
    Listen {
        /// Which address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It may not be set up like that.
    #[error("{message}")]
    Setup {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        way_out: String,
    },
    /// The certificate or its key cannot be used.
    #[error("failed to use the certificate {}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Identity providers cannot be asked.
    #[error("failed to set up TLS")]
    Client(#[source] reqwest::Error),
    /// The socket failed.
    #[error("failed to serve")]
    Serve(#[source] io::Error),
    /// The file in which the server keeps its own things cannot be used.
    #[error("failed to use the server's own file")]
    OwnFile(#[from] rusqlite::Error),
    /// That file was written by a newer release.
    #[error("the server's own file was written by a newer release")]
    NewerOwnFile,
    /// The system has no random numbers.
    #[error("failed to draw random numbers")]
    Random(#[source] getrandom::Error),
}

impl Error {
    /// What a person can do about it.
    pub fn way_out(&self) -> Option<String> {
        match self {
            Self::Project(error) => error.way_out(),
            Self::Setup { way_out, .. } => Some(way_out.clone()),
            Self::Certificate { .. } => Some(
                "PEM files: the chain of certificates, the server's own first, and its private key".to_owned(),
            ),
            Self::Listen { listen, .. } => Some(format!(
                "another port than {}, such as --listen 127.0.0.1:0 for one that is free",
                listen.port()
            )),
            Self::OwnFile(_) | Self::NewerOwnFile => Some(
                "the release that wrote it, or move `.tranche/server.db` away: everybody signs in again".to_owned(),
            ),
            Self::Client(_) | Self::Serve(_) | Self::Random(_) => None,
        }
    }
}
