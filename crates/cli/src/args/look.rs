//! Commands that look and change nothing.

use std::str::FromStr;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use policy::{CustomerId, PolicyId, Span};
use rollout::RunId;

use super::{candidates, value};

/// `status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche status\n  tranche status r2 -o json")]
pub(crate) struct Status {
    /// Which rollout; without it, the newest.
    #[arg(value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RunId>,
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
    pub(crate) rollout: Option<RunId>,
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
    pub(crate) rollout: Option<RunId>,
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
#[command(after_help = "Examples:\n  tranche customers\n  tranche customers show acme-corp")]
pub(crate) struct Customers {
    /// What of them; without it, `list`.
    #[command(subcommand)]
    pub(crate) command: Option<CustomersCommand>,
}

/// What to show of the customers.
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
}

/// `health`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche health\n  tranche health acme-corp -o json")]
pub(crate) struct Health {
    /// Who; without it, everybody.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: Option<CustomerId>,
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
    pub(crate) rollout: Option<RunId>,
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
