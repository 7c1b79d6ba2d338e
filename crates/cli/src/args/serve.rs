//! The command that serves a project over HTTP.

use std::net::SocketAddr;

use clap::Args;

/// `serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche serve                            # on this machine alone; prints a link that signs in once
  tranche serve --listen 127.0.0.1:8080")]
pub(crate) struct Serve {
    /// Where to listen; port 0 is one that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7080")]
    pub(crate) listen: SocketAddr,
}
