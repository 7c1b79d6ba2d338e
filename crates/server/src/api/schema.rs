//! What do answers look like? Only for those who read about them: what is sent are the views of `project` and `rollout`, which know
//! nothing of HTTP. A test holds these descriptions against real answers, field by field.

#![expect(dead_code, reason = "descriptions are never made, only described")]

mod asked;
mod people;

use std::collections::BTreeMap;

use rollout::standing::{CustomerStanding, GateStanding, PhaseStanding, RolloutStanding};
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub(super) use self::asked::{Conflict, Deploy, Planned, Variables};
pub(super) use self::people::{Actor, Session, Token};

/// Declares a text of which only some are written.
macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident of $words:ty;)*) => {$(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = <$words>::ALL.iter().map(|word| word.as_str());
                text(concat!($($doc),*)).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

/// Declares a text of a form of its own.
macro_rules! texts {
    ($($(#[doc = $doc:literal])* $name:ident like $pattern:literal;)*) => {$(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text(concat!($($doc),*)).pattern(Some($pattern)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

/// Declares what is described in words: its fields are those of the command's `-o json`.
macro_rules! objects {
    ($($(#[doc = $doc:literal])* $name:ident with $($field:literal)*;)*) => {$(
        $(#[doc = $doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object = ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::Object))
                    .description(Some(concat!($($doc),*).trim()));
                let object: Object = object.build();
                let object = [$($field),*].into_iter().fold(object, |mut object: Object, field| {
                    object.required.push(field.to_owned());
                    object
                });
                object.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description.trim()))
}

words! {
    /// For what a token was made.
    Scope of rollout::request::Scope;
    /// How a rollout or operation stands.
    RolloutState of RolloutStanding;
    /// How a phase stands.
    PhaseState of PhaseStanding;
    /// How a customer stands in a rollout.
    CustomerState of CustomerStanding;
    /// How a gate stands.
    GateState of GateStanding;
}

texts! {
    /// A rollout (`r1`, `r2`, ...) or an operation outside any (`o1`, ...).
    RolloutName like r"^[ro][0-9]{1,9}$";
    /// SHA-256, in hexadecimal digits.
    Hash like r"^[0-9a-f]{64}$";
}

objects! {
    /// A plan as it was frozen: release, policies, customers with their services, phases and batches.
    FrozenPlan with "digest" "product" "release" "phases" "customers";
    /// What came of a rollout: figures, phases, customers, approvals, incidents.
    Report with "rollout" "version" "phases" "customers";
    /// Deploys in numbers, in all and by phase.
    Statistics with "since" "total" "phases";
    /// A customer as the files have it, with what its services run in `running`.
    Customer with "name" "tier" "services" "running";
}

/// An instant in RFC 3339.
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(super) struct Instant(String);

/// What happened. One kind has some of these fields, and what else it says in `data`; `docs/reference/events.md` lists them.
#[derive(ToSchema)]
pub(super) struct Event {
    /// 1, 2, ... without gaps.
    seq: u64,
    at: Instant,
    kind: String,
    rollout: Option<RolloutName>,
    phase: Option<String>,
    batch: Option<u32>,
    customer: Option<String>,
    service: Option<String>,
    attempt: Option<u32>,
    actor: Option<String>,
    reason: Option<String>,
    until: Option<Instant>,
    deploy: Option<String>,
    commit: Option<String>,
    data: Option<BTreeMap<String, Value>>,
    /// The hash of the event before.
    prev: Hash,
    hash: Hash,
}

/// A rollout or operation with its phases, customers and gates.
#[derive(ToSchema)]
pub(super) struct Rollout {
    id: RolloutName,
    version: String,
    commit: String,
    /// The digest of its plan, to which approvals are bound.
    digest: String,
    starter: String,
    requested_at: Instant,
    started_at: Option<Instant>,
    ended_at: Option<Instant>,
    state: RolloutState,
    /// How it ended, or that it rests halted; `ended_at` says which.
    outcome: Option<String>,
    reason: Option<String>,
    /// The rollouts that a queued one waits for.
    behind: Vec<RolloutName>,
    paused_by: Option<String>,
    phases: Vec<Phase>,
    customers: Vec<RolloutCustomer>,
    gates: Vec<Gate>,
}

/// A phase of a rollout.
#[derive(ToSchema)]
pub(super) struct Phase {
    name: String,
    state: PhaseState,
    not_before: Option<Instant>,
    started_at: Option<Instant>,
    settled_at: Option<Instant>,
    soak_until: Option<Instant>,
    delay_until: Option<Instant>,
    /// Why nobody starts just now.
    waits_for: Option<Hold>,
    failures: u32,
    /// Failures that are tolerated; `null` where their weight decides.
    tolerated: Option<u32>,
    weight: Option<u64>,
    settled_weight: Option<u64>,
    failed_weight: Option<u64>,
    tolerated_weight: Option<u64>,
    batches: Vec<Batch>,
}

/// A batch of a phase.
#[derive(ToSchema)]
pub(super) struct Batch {
    /// From 1.
    number: u32,
    customers: Vec<String>,
    state: String,
    weight: Option<u64>,
}

/// A customer in a rollout.
#[derive(ToSchema)]
pub(super) struct RolloutCustomer {
    customer: String,
    phase: String,
    batch: Option<u32>,
    state: CustomerState,
    /// The service that is being worked on.
    service: Option<String>,
    deploy: Option<String>,
    attempt: Option<u32>,
    since: Option<Instant>,
    note: Option<String>,
    waits_for: Option<Hold>,
}

/// A gate, and who has voted.
#[derive(ToSchema)]
#[expect(clippy::struct_field_names, reason = "so it is called in JSON")]
pub(super) struct Gate {
    /// What is named in a vote: `PHASE`, `PHASE/BATCH` or a customer's key.
    gate: String,
    phase: String,
    state: GateState,
    covers: Vec<String>,
    requested_at: Option<Instant>,
    expires_at: Option<Instant>,
    votes: Vec<Vote>,
    /// In words.
    missing: String,
    cannot_be_filled: Option<String>,
    /// When a complete approval lapses.
    until: Option<Instant>,
    /// When what it covers begins, as far as is known.
    begins: Option<Instant>,
    lapses_before_turn: bool,
    approvers: Vec<String>,
    way_out: Option<String>,
}

/// A vote for a gate.
#[derive(ToSchema)]
pub(super) struct Vote {
    person: String,
    at: Instant,
    /// Whether it counts now.
    counts: bool,
    /// What proved who voted.
    #[schema(value_type = Option<Object>)]
    proof: Option<Value>,
    /// What the files have changed about the voter since.
    #[schema(value_type = Option<Object>)]
    entry_changed: Option<Value>,
}

/// Why something does not happen now.
#[derive(ToSchema)]
pub(super) struct Hold {
    kind: String,
    /// For people.
    text: String,
    /// When it may change by itself.
    until: Option<Instant>,
    since: Option<Instant>,
    /// Who or what it waits for.
    owner: String,
    /// What can be typed to change it.
    way_out: Option<String>,
}

/// What concerns the product, whichever rollout is looked at.
#[derive(ToSchema)]
pub(super) struct Product {
    clock_suspected: Option<String>,
    workspace_held: Option<String>,
    moved: Option<String>,
    /// Edits that wait for `replan`.
    unapplied: Vec<String>,
    outside: Option<Vec<String>>,
    /// Why the files cannot be read.
    unreadable: Option<String>,
    gates_shut: bool,
    /// Name and end of each freeze.
    freezes: Vec<(String, Instant)>,
    /// Version and reason of each block.
    blocks: Vec<(String, String)>,
    #[schema(value_type = Vec<Object>)]
    hidden: Vec<Value>,
}

/// Where a rollout stands.
#[derive(ToSchema)]
pub(super) struct Standing {
    #[schema(inline)]
    #[serde(flatten)]
    run: Rollout,
    product: Product,
    /// What goes on with it, where it rests.
    way_out: Option<String>,
    /// Windows that it has frozen in another zone than the files mean now.
    #[schema(value_type = Option<Vec<Object>>)]
    moved_windows: Option<Vec<Value>>,
}

/// Why a customer waits.
#[derive(ToSchema)]
pub(super) struct Reasons {
    rollout: RolloutName,
    version: String,
    customer: String,
    /// How it stands, or `left out`.
    state: String,
    note: Option<String>,
    /// All that keeps it from starting.
    holds: Vec<Hold>,
    #[schema(value_type = Option<Vec<Object>>)]
    unhealthy_targets: Option<Vec<Value>>,
    product: Product,
}

/// A customer of the fleet, in short.
#[derive(ToSchema)]
pub(super) struct FleetCustomer {
    customer: String,
    name: String,
    tier: String,
    timezone: String,
    services: Vec<String>,
    /// The versions that run there.
    runs: Vec<String>,
    pinned: Option<String>,
    weight: u64,
}

/// What a service runs.
#[derive(ToSchema)]
pub(super) struct Tracked {
    customer: String,
    service: String,
    version: Option<String>,
    commit: Option<String>,
    since: Instant,
    /// Why that is no longer what runs.
    drift: Option<String>,
}

/// The newest deploys of a customer by service, as Render tells of them.
#[derive(ToSchema)]
#[schema(value_type = BTreeMap<String, Vec<SeenDeploy>>)]
pub(super) struct DeploysAtRender(BTreeMap<String, Vec<SeenDeploy>>);

/// A deploy at Render.
#[derive(ToSchema)]
pub(super) struct SeenDeploy {
    id: String,
    status: String,
    trigger: String,
    /// The commit, or the image.
    source: Option<String>,
    digest: Option<String>,
    created_at: Option<Instant>,
    finished_at: Option<Instant>,
    /// Which rollout made it; absent: somebody else did.
    rollout: Option<RolloutName>,
}

/// A deploy or rollback by the journal.
#[derive(ToSchema)]
pub(super) struct DeployRecord {
    rollout: RolloutName,
    customer: String,
    service: String,
}

/// How one service was.
#[derive(ToSchema)]
pub(super) struct ServiceHealth {
    customer: String,
    service: String,
    from: Instant,
    until: Instant,
    total: Figures,
    /// Parts of equal length.
    parts: Vec<Figures>,
}

/// What probes add up to. No data is no figure, never zero.
#[derive(ToSchema)]
pub(super) struct Figures {
    probes: u64,
    failed: u64,
    no_data: u64,
    uptime: Option<f64>,
    error_rate: Option<f64>,
    p50_ms: Option<u32>,
    p95_ms: Option<u32>,
    p99_ms: Option<u32>,
}

/// What somebody was told.
#[derive(ToSchema)]
pub(super) struct Notification {
    id: String,
    at: Instant,
    kind: String,
    product: String,
    rollout: Option<RolloutName>,
    version: Option<String>,
    /// Whom it goes to: places of secrets, never secrets.
    #[schema(value_type = Object)]
    to: Value,
    #[schema(value_type = Vec<Object>)]
    about: Vec<Value>,
    text: Option<String>,
    secret: Option<Value>,
    remind: Option<Value>,
    reminder: u32,
    state: NotificationState,
    attempts: u32,
    due_at: Option<Instant>,
    sent_at: Option<Instant>,
    error: Option<String>,
}

/// How far a notification has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum NotificationState {
    Pending,
    Sent,
    Failed,
}

/// What the monitor has raised.
#[derive(ToSchema)]
pub(super) struct Alert {
    id: u64,
    customer: String,
    service: String,
    condition: String,
    severity: String,
    reason: String,
    raised_at: Instant,
    recovered_at: Option<Instant>,
    acknowledged_by: Option<String>,
    acknowledged_at: Option<Instant>,
    acknowledged_because: Option<String>,
}

/// What was found in the journal and the state.
#[derive(ToSchema)]
pub(super) struct Verification {
    /// How many were read.
    events: u64,
    /// How many were compared.
    rows: u64,
    /// `SEQ:HASH`
    head: String,
    /// What does not hold; empty: all is well.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Value>,
}

/// Work that waits for one of Render's limits.
#[derive(ToSchema)]
pub(super) struct LimitWait {
    run: RolloutName,
    customer: String,
    #[schema(value_type = Object)]
    limit: Value,
    since: Instant,
    until: Instant,
}

/// A failure (RFC 9457), with the way out.
#[derive(ToSchema)]
pub(super) struct Problem {
    status: u16,
    title: String,
    /// What happened; it ends with the way out.
    detail: String,
    /// What it means, one word.
    kind: String,
    /// What to do about it.
    way_out: Option<String>,
    /// What is wrong in the project's files, each with its place.
    #[schema(value_type = Option<Vec<Object>>)]
    mistakes: Option<Vec<Value>>,
}
