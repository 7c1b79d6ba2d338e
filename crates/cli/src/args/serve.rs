//! The command that serves a project over HTTP.

use std::net::SocketAddr;

use clap::Args;

/// `serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche serve                            # on this machine alone; prints a link that signs in once
  tranche serve --listen 127.0.0.1:8080
  tranche serve --listen 0.0.0.0:443       # `server:` in tranche.yaml says how people sign in, and the certificate")]
pub(crate) struct Serve {
    /// Where to listen; port 0 is one that is free. Without it: 127.0.0.1:7080, or all addresses at the port in PORT.
    /// Others than this machine are let in only over TLS or a declared proxy, and if they can sign in.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Have Render send a message when a deploy has ended, as `render.webhooks: true` does; it needs a public address.
    #[arg(long)]
    pub(crate) render_webhooks: bool,
}
