//! Commands by which people change a rollout.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use policy::calendar::Boundary;
use policy::{CustomerId, PolicyId, Timestamp};
use rollout::RolloutId;

use super::{candidates, value};

/// Which rollout is meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// Which rollout; without it, the only unfinished one.
    #[arg(short, long, value_name = "ROLLOUT", add = ArgValueCandidates::new(candidates::rollouts))]
    pub(crate) rollout: Option<RolloutId>,
}

/// `approve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche approve enterprise             # a phase
  tranche approve standard/2             # a batch
  tranche approve acme-corp --reason 'change CHG-1201'")]
pub(crate) struct Approve {
    /// PHASE, PHASE/BATCH or a customer's key, as `approvals` shows it.
    #[arg(value_name = "GATE", add = ArgValueCandidates::new(candidates::gates))]
    pub(crate) gate: String,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The plan digest you have seen; refused when the plan is another.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `reject`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche reject acme-corp --reason 'audit week'")]
pub(crate) struct Reject {
    /// PHASE, PHASE/BATCH or a customer's key, as `approvals` shows it.
    #[arg(value_name = "GATE", add = ArgValueCandidates::new(candidates::gates))]
    pub(crate) gate: String,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `withdraw`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche withdraw acme-corp")]
pub(crate) struct Withdraw {
    /// PHASE, PHASE/BATCH or a customer's key.
    #[arg(value_name = "GATE", add = ArgValueCandidates::new(candidates::gates))]
    pub(crate) gate: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `pause`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche pause --reason 'support is short of people'")]
pub(crate) struct Pause {
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `resume`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tranche resume\n  tranche resume --clock    # the wall clock is right
  tranche resume --moved    # no other engine drives this product any more"
)]
pub(crate) struct Resume {
    /// Confirm the wall clock after it was suspected.
    #[arg(long)]
    pub(crate) clock: bool,
    /// Let go on what is held because the database is a copy or has moved, or because another engine was seen: all of it.
    #[arg(long, conflicts_with_all = ["clock", "rollout"])]
    pub(crate) moved: bool,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `abort`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche abort --reason 'wrong build'
  tranche abort --rollback --confirm r1")]
pub(crate) struct Abort {
    /// Also cancel what is in flight and return everybody to what ran before.
    #[arg(long)]
    pub(crate) rollback: bool,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The rollout's name, instead of typing it when asked.
    #[arg(long, value_name = "NAME", requires = "rollback")]
    pub(crate) confirm: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `retry`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche retry acme-corp
  tranche retry standard
  tranche retry standard/2
  tranche retry --failed")]
pub(crate) struct Retry {
    /// A customer's key, PHASE/BATCH or a phase.
    #[arg(value_name = "CUSTOMER|BATCH|PHASE", required_unless_present = "failed", add = ArgValueCandidates::new(candidates::targets))]
    pub(crate) target: Option<String>,
    /// Everybody who failed.
    #[arg(long, conflicts_with = "target")]
    pub(crate) failed: bool,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `skip`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche skip acme-corp --reason 'moves to another plan'
  tranche skip standard/3 --reason 'next release'")]
pub(crate) struct Skip {
    /// A customer's key, PHASE/BATCH or a phase.
    #[arg(value_name = "CUSTOMER|BATCH|PHASE", add = ArgValueCandidates::new(candidates::targets))]
    pub(crate) target: String,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `defer`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche defer acme-corp --until 2027-02-01T00:00:00Z --reason 'their audit'
  tranche retry acme-corp")]
pub(crate) struct Defer {
    /// The customer.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: CustomerId,
    /// It does not start before.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant)]
    pub(crate) until: Timestamp,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `promote`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche promote\n  tranche promote standard --full")]
pub(crate) struct Promote {
    /// Which phase; without it, the one that waits.
    #[arg(value_name = "PHASE", add = ArgValueCandidates::new(candidates::phases))]
    pub(crate) phase: Option<PolicyId>,
    /// All delays and soaks that remain, and every `not_before`.
    #[arg(long)]
    pub(crate) full: bool,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `replan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tranche replan --diff\n  tranche replan")]
pub(crate) struct Replan {
    /// Only show what would change.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `block`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche block v1.1.0 --reason 'loses sessions'")]
pub(crate) struct Block {
    /// The tag.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `unblock`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche unblock v1.1.0")]
pub(crate) struct Unblock {
    /// The tag.
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
}

/// `freeze`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  tranche freeze incident --until 2027-01-12T09:00:00Z --reason 'Render incident'")]
pub(crate) struct Freeze {
    /// What `unfreeze` and `override` call it.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// When it ends.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant)]
    pub(crate) until: Timestamp,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only these customers; without it, all.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) customers: Vec<CustomerId>,
}

/// `unfreeze`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tranche unfreeze incident")]
pub(crate) struct Unfreeze {
    /// The freeze.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `override`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche override year-end --reason 'security fix'   # two people say it
  tranche override business-hours --at 2027-01-11T09:00 --reason 'security fix'")]
pub(crate) struct Override {
    /// The freeze.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Of one that repeats: the occurrence that begins then in local time, or, for an instant, that holds somebody then,
    /// else the next. Without it, the same for now.
    #[arg(long, value_name = "INSTANT", value_parser = value::boundary)]
    pub(crate) at: Option<Boundary>,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// `observe`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche observe acme-corp tickets 3
  tranche observe acme-corp satisfaction 8.5 --at 2027-01-12T09:00:00Z --note 'survey of week 2'")]
pub(crate) struct Observe {
    /// Whose figure it is.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: CustomerId,
    /// What it says, `tickets`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// How much.
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    pub(crate) value: f64,
    /// The instant it is of; without it, now.
    #[arg(long, value_name = "INSTANT", value_parser = value::instant)]
    pub(crate) at: Option<Timestamp>,
    /// Where it comes from; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// `rollback`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tranche rollback acme-corp --reason 'customer asked'
  tranche rollback acme-corp --to v1.0.2 --reason 'customer asked'
  tranche rollback acme-corp --force --confirm acme-corp --reason 'emergency'
  tranche rollback acme-corp --database --dry-run --reason 'v1.1.0 spoilt the data'")]
pub(crate) struct Rollback {
    /// Who.
    #[arg(value_name = "CUSTOMER", add = ArgValueCandidates::new(candidates::customers))]
    pub(crate) customer: CustomerId,
    /// The version; without it, what was live before.
    #[arg(long, value_name = "VERSION", conflicts_with = "force")]
    pub(crate) to: Option<String>,
    /// Though something stands in the way: it is listed, and the customer's name has to be typed.
    #[arg(long)]
    pub(crate) force: bool,
    /// With its data.
    #[command(flatten)]
    pub(crate) data: RollbackData,
    /// The customer's name, instead of typing it when asked.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Record it and return; whoever runs the engine drives it.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) run: Run,
}

/// How the data goes back with a customer.
#[derive(Debug, Args)]
pub(crate) struct RollbackData {
    /// With its data: its services read a new database with what an earlier instant had; what is shown has to be confirmed.
    #[arg(long, conflicts_with_all = ["force", "to", "rollout"])]
    pub(crate) database: bool,
    /// The instant of the data; without it, when the last rollout began to change the customer.
    #[arg(long, value_name = "INSTANT", requires = "database", value_parser = value::instant)]
    pub(crate) at: Option<Timestamp>,
    /// Show what would happen, in order, and change nothing.
    #[arg(long, requires = "database")]
    pub(crate) dry_run: bool,
}
