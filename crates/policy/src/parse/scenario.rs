//! Scenario files: what-if runs with expectations.

mod build;
mod read;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shapes::events::EVENTS;
use super::shapes::scenario::VERBS;
use super::{Config, Diagnostic, File, Sources};
use crate::ids::{CustomerId, PersonId, Role};
use crate::settings::Project;
use crate::span::{Span, Timestamp};

/// Who starts the rollout of a scenario that does not say.
const DEFAULT_STARTER: &str = "operator";

/// A checked scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The version that is rolled out.
    pub version: String,
    /// When the rollout starts.
    pub start: Timestamp,
    /// Who starts it.
    pub by: PersonId,
    /// How the simulated world behaves where nothing is injected.
    pub world: World,
    /// What goes wrong.
    pub inject: Vec<Inject>,
    /// What people do, as written.
    pub script: Vec<Step>,
    /// The events that must happen.
    pub expect: Vec<Expected>,
    /// Kinds of events that must not happen at all.
    pub none: Vec<String>,
    /// The version that runs at the start, for customers of `fleet` that name one.
    pub running: BTreeMap<CustomerId, String>,
    /// The text, from which `fleet`, `policies` and `project` are read again when a configuration is asked for.
    file: File,
}

/// How the simulated world behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// From the POST of a deploy to live.
    pub deploy: Span,
    /// From the POST of a rollback to live.
    pub rollback: Span,
    /// Between two health cycles; beats the profile.
    pub health_every: Option<Span>,
    /// What Render does with a deploy while another runs.
    pub overlap: Overlap,
}

/// What Render does with a deploy while another of the same service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The older is cancelled.
    Override,
    /// The newer waits.
    Wait,
}

/// Something that goes wrong in a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inject {
    /// A deploy ends otherwise, or at another time.
    Deploy(DeployFault),
    /// A rollback ends otherwise, or at another time.
    Rollback(DeployFault),
    /// The release answers its probes badly.
    Health {
        /// Whose.
        customer: CustomerId,
        /// Which service; all where none is written.
        service: Option<Role>,
        /// From when on.
        from: FaultFrom,
        /// Until when; for good where none is written.
        until: Option<Timestamp>,
        /// For how many deploys; all where none is written.
        times: Option<u32>,
    },
    /// A reply to a changing request does not arrive.
    Reply {
        /// Whose.
        customer: CustomerId,
        /// Which service; all where none is written.
        service: Option<Role>,
        /// What becomes of it.
        reply: Reply,
        /// The process dies in that call and is back then.
        crash_until: Option<Timestamp>,
        /// How often; always where none is written.
        times: Option<u32>,
    },
    /// Somebody else deploys.
    ForeignDeploy {
        /// Whose.
        customer: CustomerId,
        /// Which service.
        service: Role,
        /// When it is created.
        at: Timestamp,
        /// From there to live.
        live_after: Span,
        /// What is deployed; something of its own where nothing is written.
        version: Option<String>,
        /// Through the API, and not in the dashboard.
        by_api: bool,
    },
    /// A service is suspended.
    Suspended {
        /// Whose.
        customer: CustomerId,
        /// Which service; all where none is written.
        service: Option<Role>,
        /// From when on.
        from: Timestamp,
        /// Until when; for good where none is written.
        until: Option<Timestamp>,
    },
    /// Render's API does not answer.
    Unreachable {
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// Render's API answers, but not what was asked for.
    Answer {
        /// About whom; about all where none is written.
        customer: Option<CustomerId>,
        /// Which service; all where none is written.
        service: Option<Role>,
        /// With what.
        answer: Answer,
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
}

/// What Render's API answers instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing.
    Unreachable,
    /// 403.
    Forbidden,
    /// What cannot be read.
    Garbled,
    /// 404, as for a service that was deleted.
    Gone,
}

/// How a deploy or rollback ends otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployFault {
    /// Whose.
    pub customer: CustomerId,
    /// Which service; all where none is written.
    pub service: Option<Role>,
    /// How it ends.
    pub outcome: DeployEnd,
    /// How long after its POST; as usual where none is written.
    pub after: Option<Span>,
    /// For how many; all where none is written.
    pub times: Option<u32>,
}

/// How an injected deploy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployEnd {
    /// The build fails.
    BuildFailed,
    /// The pre-deploy command fails.
    PreDeployFailed,
    /// The new instances do not come up.
    UpdateFailed,
    /// It never ends.
    Stuck,
    /// It goes live, slower or faster.
    Live,
}

/// When an injected health fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultFrom {
    /// When the release goes live.
    Live,
    /// At an instant.
    At(Timestamp),
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The request was applied and the answer is lost.
    Lost,
    /// The request never arrived.
    NeverSent,
    /// A 202 without a body.
    AcceptedWithoutBody,
}

/// One row of `script:`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// What a row of `script:` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A person says something on the command line.
    Verb(Verb),
    /// The process dies, after everything else of its instant.
    Crash {
        /// When it is back.
        until: Timestamp,
    },
    /// The process dies, after everything else of its instant, and its state is replaced by an older one.
    PutBack {
        /// Of which instant that is.
        as_of: Timestamp,
        /// When a process is there again.
        until: Timestamp,
        /// Whether it finds out by itself that the state was put back.
        noticed: bool,
    },
    /// Somebody edits the files.
    Edit(Edit),
}

/// A verb of the command line with its arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verb {
    /// `approve`, `pause`, `start` and so on.
    pub verb: String,
    /// Placeholders and flags by name.
    pub args: BTreeMap<String, Value>,
    /// Who says it; the starter where nobody is written.
    pub by: PersonId,
    /// Whether it must be refused.
    pub refused: bool,
}

/// An edit of the files, given back to [`Scenario::edited`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Its row in `script:`.
    pub row: usize,
}

/// One row of `expect:`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// When.
    pub at: Timestamp,
    /// The kind of event.
    pub kind: String,
    /// Every other field that is written.
    pub fields: serde_json::Map<String, Value>,
}

/// The kinds of events that `expect`, `none` and `notify` may name.
pub fn event_kinds() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|kind| kind.word)
}

/// The verbs that a script may use, besides `crash` and `edit`.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|verb| verb.name)
}

impl Scenario {
    /// Reads and checks a scenario file.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(file: &File) -> Result<Self, Vec<Diagnostic>> {
        read::parse(file)
    }

    /// The configuration at the start: the project folder's files, if any, under the scenario's fragments.
    ///
    /// # Errors
    /// Every mistake in the files taken together.
    pub fn config(&self, base: Option<&Sources>) -> Result<Config, Vec<Diagnostic>> {
        self.edited(base, &[])
    }

    /// The configuration after some edits, in their order.
    ///
    /// # Errors
    /// Every mistake in the files taken together.
    pub fn edited(
        &self,
        base: Option<&Sources>,
        edits: &[&Edit],
    ) -> Result<Config, Vec<Diagnostic>> {
        self.build(base, edits)
    }

    /// `tranche.yaml` alone after some edits, as [`project_alone`](super::project_alone) reads it.
    pub fn edited_alone(&self, base: Option<&Sources>, edits: &[&Edit]) -> Option<Project> {
        self.build_alone(base, edits)
    }
}
