//! The commands that sign in and out at a server.

use clap::Args;

/// `login`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche login --server https://ship.example.com
  tranche login --server https://ship.example.com --vote    # votes too, for a quarter of an hour")]
pub(crate) struct Login {
    /// The server, as people type it.
    #[arg(long, value_name = "URL", env = "TRANCHE_SERVER", required = true)]
    pub(crate) server: String,
    /// Ask to be let vote too, for a quarter of an hour; whoever lets it in signs in once more.
    #[arg(long)]
    pub(crate) vote: bool,
}

/// `logout`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  tranche logout --server https://ship.example.com")]
pub(crate) struct Logout {
    /// The server.
    #[arg(long, value_name = "URL", env = "TRANCHE_SERVER", required = true)]
    pub(crate) server: String,
}
