//! Commands that look and change nothing.

use std::str::FromStr;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use policy::{Customer, CustomerId, PolicyId, Role, Span};
use rollout::RolloutId;

use super::{candidates, value};

/// `status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche status\n  tranche status r2 -o json")]
pub(crate) struct Status {
    /// Which rollout; without it, the newest.
    #[arg(value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
}

/// `list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche list\n  tranche list --versions -o json")]
pub(crate) struct List {
    /// What every customer runs, and since when.
    #[arg(long)]
    pub(crate) versions: bool,
}

/// `watch`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche watch
  tranche watch r1 --until phase:standard --timeout 2d
  tranche watch -o json --from 42      # JSON lines, from event 42 on")]
pub(crate) struct Watch {
    /// Which rollout; without it, the newest.
    #[arg(value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
    /// End earlier: `gate`, `phase:P`, `customer:C` or `done`.
    #[arg(long, value_name = "WHAT", default_value = "done")]
    pub(crate) until: Until,
    /// Give up after this long, with exit code 6.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) timeout: Option<Span>,
    /// Begin with this event.
    #[arg(long, value_name = "SEQ")]
    pub(crate) from: Option<u64>,
}

/// When `watch` ends; it ends in any case when the rollout rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// A gate waits for people.
    Gate,
    /// A phase has settled.
    Phase(PolicyId),
    /// A customer has settled.
    Customer(CustomerId),
    /// The rollout rests.
    Done,
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "gate" => Ok(Self::Gate),
            None if text == "done" => Ok(Self::Done),
            Some(("phase", name)) if !name.is_empty() => Ok(Self::Phase(PolicyId::new(name))),
            Some(("customer", key)) if !key.is_empty() => Ok(Self::Customer(CustomerId::new(key))),
            None | Some(_) => Err("write gate, phase:NAME, customer:KEY or done".to_owned()),
        }
    }
}

/// `why`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche why acme-corp")]
pub(crate) struct Why {
    /// Who.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: CustomerId,
    /// In which rollout; without it, the newest that has this customer.
    #[arg(short, long, value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
}

/// `approvals`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche approvals\n  tranche approvals --all -o json")]
pub(crate) struct Approvals {
    /// Also those that are granted, rejected or used.
    #[arg(long)]
    pub(crate) all: bool,
}

/// `customers`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche customers
  tranche customers show acme-corp
  tranche customers discover            # what Render has by the naming convention; changes nothing")]
pub(crate) struct Customers {
    /// What of them; without it, `list`.
    #[command(subcommand)]
    pub(crate) command: Option<CustomersCommand>,
}

/// What to do with the customers.
#[derive(Debug, Subcommand)]
pub(crate) enum CustomersCommand {
    /// All, in the order of their phases.
    #[command(after_help = "Example:\n  tranche customers list -o json")]
    List,
    /// One, with its services.
    #[command(after_help = "Example:\n  tranche customers show acme-corp")]
    Show {
        /// Who.
        #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
        customer: CustomerId,
    },
    /// Add one to customers.yaml, finding its services at Render by their names.
    Add(CustomersAdd),
    /// Compare customers.yaml with what Render has by the naming convention.
    Discover(CustomersDiscover),
}

/// How services are called at Render.
#[derive(Debug, Args)]
pub(crate) struct Convention {
    /// How services are called, `{customer}` and `{role}` standing for themselves; without it, the product's name before both.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
}

/// `customers add`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche customers add newcorp --tier startup
  tranche customers add newcorp --tier startup --name \"New Corp\" --timezone Europe/Paris
  tranche customers add newcorp --tier startup --service backend=srv-cukouhrtq21c73e9scng")]
pub(crate) struct CustomersAdd {
    /// Its key.
    #[arg(value_name = "NAME")]
    pub(crate) customer: CustomerId,
    /// Its tier, which decides its policy.
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: String,
    /// The name people know.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Its zone.
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// How much hangs on it, such as its seats; 1 without it.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=Customer::MAX_WEIGHT))]
    pub(crate) weight: Option<u64>,
    /// A service, `ROLE=ID`; without any, they are looked for at Render.
    #[arg(long, value_name = "ROLE=ID", value_parser = pair)]
    pub(crate) service: Vec<(String, String)>,
    /// How services are called at Render.
    #[command(flatten)]
    pub(crate) convention: Convention,
}

/// `customers discover`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche customers discover
  tranche customers discover --pattern securewatch-{customer}-{role}
  tranche customers discover --write --tier startup")]
pub(crate) struct CustomersDiscover {
    /// Write what is new into customers.yaml, which keeps its comments and order.
    #[arg(long)]
    pub(crate) write: bool,
    /// The tier of customers that are new; needed to write any.
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Option<String>,
    /// How services are called at Render.
    #[command(flatten)]
    pub(crate) convention: Convention,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((role, id)) if !role.is_empty() && !id.is_empty() => {
            Ok((role.to_owned(), id.to_owned()))
        }
        Some(_) | None => Err("write ROLE=ID, such as backend=srv-cukouhrtq21c73e9scng".to_owned()),
    }
}

/// `deploys`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche deploys acme-corp\n  tranche deploys acme-corp --limit 20 -o json"
)]
pub(crate) struct Deploys {
    /// Whose.
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: CustomerId,
    /// At most so many of each service.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value::count)]
    pub(crate) limit: usize,
}

/// `health`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche health\n  tranche health acme-corp -o json\n  tranche health acme-corp --history 24h"
)]
pub(crate) struct Health {
    /// Who; without it, everybody.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: Option<CustomerId>,
    /// Only this service of each.
    #[arg(long, value_name = "ROLE")]
    pub(crate) service: Option<Role>,
    /// How they were over this long, as far as the monitor was running.
    #[arg(long, value_name = "D", value_parser = value::span)]
    pub(crate) history: Option<Span>,
}

/// `events`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche events
  tranche events r1 --from 100 --follow
  tranche events --head          # an anchor to keep elsewhere, for `verify --anchor`")]
pub(crate) struct Events {
    /// Of which rollout; without it, all.
    #[arg(value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
    /// Wait for further ones.
    #[arg(short, long, conflicts_with = "head")]
    pub(crate) follow: bool,
    /// Print only number and hash of the last one, `SEQ:HASH`.
    #[arg(long)]
    pub(crate) head: bool,
    /// Begin with this one.
    #[arg(long, value_name = "SEQ", conflicts_with = "head")]
    pub(crate) from: Option<u64>,
}

/// `verify`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche verify\n  tranche verify --anchor \"$(cat anchor.txt)\""
)]
pub(crate) struct Verify {
    /// `SEQ:HASH` as printed by `events --head`: reveals a journal that was rewritten since.
    #[arg(long, value_name = "ANCHOR")]
    pub(crate) anchor: Option<String>,
}
