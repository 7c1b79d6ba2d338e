//! Commands about Render itself and about tokens.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::Span;

use super::fault::FaultSwitch;
use super::value;

/// `render`
#[derive(Debug, Args)]
pub(crate) struct Render {
    /// What.
    #[command(subcommand)]
    pub(crate) command: RenderCommand,
}

/// What to do with Render.
#[derive(Debug, Subcommand)]
pub(crate) enum RenderCommand {
    /// Check the key, the workspace and every mapped service.
    #[command(after_help = "Example:\n  RENDER_API_KEY=... tranche render check")]
    Check,
    /// Serve a simulated Render with this project's services on a local address.
    Simulate(Sham),
}

/// `render simulate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render simulate --listen 127.0.0.1:0     # prints its URL as the first line
  RENDER_API_KEY=rnd_simulated RENDER_API_URL=http://127.0.0.1:8081/v1 tranche render check
  tranche render simulate --fault acme-corp/backend=build_failed*1")]
pub(crate) struct Sham {
    /// Where it listens; port 0: a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// From the request of a deploy to live.
    #[arg(long, value_name = "D", default_value = "5s", value_parser = value::span)]
    pub(crate) deploy: Span,
    /// From the request of a rollback to live.
    #[arg(long, value_name = "D", default_value = "2s", value_parser = value::span)]
    pub(crate) rollback: Span,
    /// The version every service runs at first.
    #[arg(long, value_name = "VERSION", default_value = "v1.0.0")]
    pub(crate) running: String,
    /// Something that goes wrong: `CUSTOMER[/ROLE]=WHAT[*TIMES]`.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<FaultSwitch>,
    /// Keep what happens in this file, and go on from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

/// `token`
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// What.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make one and print it, once.
    #[command(after_help = "Examples:
  tranche token create bob
  tranche token create --service ci")]
    Create {
        /// Whom it proves.
        #[arg(value_name = "PERSON", required_unless_present = "service")]
        person: Option<String>,
        /// A service instead of a person; it may never approve.
        #[arg(long, value_name = "NAME", conflicts_with = "person")]
        service: Option<String>,
    },
    /// List them, without what is secret.
    #[command(after_help = "Example:\n  tranche token list")]
    List,
    /// Make one worthless.
    #[command(
        after_help = "Examples:\n  tranche token revoke 3f9a61c20b\n  tranche token revoke bob      # all of bob's"
    )]
    Revoke {
        /// Its id, as `list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
}
