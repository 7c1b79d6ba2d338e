//! Commands about Render itself and about tokens.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::{Span, Timestamp};
use rollout::request::Scope;

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
    /// List the services that the key reaches.
    Services(RenderServices),
    /// Show the variables of a service, without their values.
    Env(RenderEnv),
    /// List the newest deploys of a service.
    Deploys(RenderDeploys),
    /// Print the logs of a service.
    Logs(Box<RenderLogs>),
    /// List the webhooks by which Render tells a server of this project what happens, or remove them.
    Webhooks(RenderWebhooks),
    /// Serve a simulated Render with this project's services on a local address.
    Simulate(SimulateServer),
}

/// `render services`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render services
  tranche render services --type web_service --type static_site --limit 100
  tranche render services --name securewatch-acme-corp-backend -o json")]
pub(crate) struct RenderServices {
    /// Only of this type; may be repeated.
    #[arg(long = "type", value_name = "TYPE", value_parser = KINDS)]
    pub(crate) kinds: Vec<String>,
    /// Only with exactly this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only in this region; may be repeated.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Vec<String>,
    /// Only suspended ones.
    #[arg(long)]
    pub(crate) suspended: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value::count)]
    pub(crate) limit: usize,
}

/// The types of services, as Render writes them.
const KINDS: [&str; 5] = [
    "web_service",
    "static_site",
    "private_service",
    "background_worker",
    "cron_job",
];

/// `render env`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render env acme-corp/backend
  tranche render env srv-cukouhrtq21c73e9scng -o json
  tranche render env acme-corp/backend --reveal     # on a terminal only, and written into the journal")]
pub(crate) struct RenderEnv {
    /// Which: an id, CUSTOMER/ROLE, or a name at Render.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// Show the values too.
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// `render deploys`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render deploys acme-corp/backend
  tranche render deploys srv-cukouhrtq21c73e9scng --limit 50 --status live")]
pub(crate) struct RenderDeploys {
    /// Which: an id, CUSTOMER/ROLE, or a name at Render.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// Only those that stand so; may be repeated.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Vec<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value::count)]
    pub(crate) limit: usize,
}

/// `render logs`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render logs acme-corp/backend
  tranche render logs acme-corp/backend --level error --text timeout --limit 500
  tranche render logs srv-cukouhrtq21c73e9scng --start 2027-01-11T09:00:00Z --end 2027-01-11T09:30:00Z --type build
  tranche render logs acme-corp/backend --follow -o json")]
pub(crate) struct RenderLogs {
    /// Which: an id, CUSTOMER/ROLE, or a name at Render.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// From when; without it, one hour ago.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant)]
    pub(crate) start: Option<Timestamp>,
    /// Until when; without it, now.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant, conflicts_with = "follow")]
    pub(crate) end: Option<Timestamp>,
    /// The newest so many lines.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value::count, conflicts_with = "follow")]
    pub(crate) limit: usize,
    /// Only of this type: `app`, `request`, `build`; may be repeated.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kinds: Vec<String>,
    /// Only of this level: `error`, `warning`, `info`; may be repeated.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Vec<String>,
    /// Only lines with this text; `*` and `/regular expressions/` are understood by Render.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Go on with what comes in, until interrupted.
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `render webhooks`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render webhooks
  tranche render webhooks --remove")]
pub(crate) struct RenderWebhooks {
    /// Remove them all.
    #[arg(long)]
    pub(crate) remove: bool,
}

/// `render simulate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche render simulate --listen 127.0.0.1:0     # prints its URL as the first line
  RENDER_API_KEY=rnd_simulated RENDER_API_URL=http://127.0.0.1:8081/v1 tranche render check
  tranche render simulate --fault acme-corp/backend=build_failed*1")]
pub(crate) struct SimulateServer {
    /// Where it listens; port 0: a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// From the request of a deploy to live.
    #[arg(long, value_name = "D", default_value = "5s", value_parser = value::span)]
    pub(crate) deploy: Span,
    /// From the request of a rollback to live.
    #[arg(long, value_name = "D", default_value = "2s", value_parser = value::span)]
    pub(crate) rollback: Span,
    /// From the request of a database's recovery to a usable one.
    #[arg(long, value_name = "D", default_value = "10s", value_parser = value::span)]
    pub(crate) recovery: Span,
    /// The version every service runs at first.
    #[arg(long, value_name = "VERSION", default_value = "v1.0.0")]
    pub(crate) running: String,
    /// Something that goes wrong: `CUSTOMER[/ROLE]=WHAT[*TIMES]`.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<FaultSwitch>,
    /// Send webhooks to any address, not to loopback addresses only.
    #[arg(long)]
    pub(crate) public_webhooks: bool,
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
  tranche token create bob --scope read --scope vote --expires 30d
  tranche token create --service ci --scope request")]
    Create {
        /// Whom it proves.
        #[arg(value_name = "PERSON", required_unless_present = "service")]
        person: Option<String>,
        /// A service instead of a person; it may never approve.
        #[arg(long, value_name = "NAME", conflicts_with = "person")]
        service: Option<String>,
        /// For what; may be repeated. Without it: read, request, vote and admin, of a person also push.
        #[arg(long, value_name = "SCOPE", value_parser = value::scopes())]
        scope: Vec<Scope>,
        /// Until when it is good, from now, such as 30d; without it, until it is revoked.
        #[arg(long, value_name = "DURATION", value_parser = value::span)]
        expires: Option<Span>,
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
