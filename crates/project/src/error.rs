//! What can go wrong between whoever opens a project and its answer: what it means, and what to do about it.

use std::error;
use std::fmt;
use std::io;

pub use engine::error::with_causes;
use policy::parse::Severity;
use policy::plan::Named;
use policy::{CustomerId, Diagnostic, PersonId, PlanError};
use render::WebhookId;
use render::git::GitError;
use rollout::{Rejected, RejectedCode, RolloutId};

/// The cause of an error, whatever it is.
pub(crate) type Cause = Box<dyn error::Error + Send + Sync>;

/// So many mistakes are named where there is one line for all.
const IN_SHORT: usize = 3;

/// What a failure means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It is so already: nothing had to be done.
    AlreadySo,
    /// What was asked for, or what the files say, makes no sense.
    Usage,
    /// Nothing has ever been stored.
    Absent,
    /// Another process is the engine.
    Held,
    /// Another process is the monitor.
    Watched,
    /// Not as things stand.
    Refused,
    /// Not for this person, or not with this key.
    NotPermitted,
    /// Render could not be reached.
    Unreachable,
    /// Nobody answered in time.
    Unfinished,
    /// Whoever asked has given up.
    Interrupted,
    /// Anything else.
    Failed,
}

/// Why a project does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mistakes in the project's files, possibly among warnings.
    #[error("{}", mistakes(.0))]
    Files(Vec<Diagnostic>),
    /// No folder is one of a project.
    #[error("there is no {} {place}", crate::names::PROJECT_FILE)]
    NoProject {
        /// Where it was looked for.
        place: String,
    },
    /// The working directory is gone.
    #[error("failed to find the working directory")]
    WorkingDirectory(#[source] io::Error),
    /// A variable of the environment makes no sense.
    #[error("failed to read {name}")]
    Variable {
        /// Which one; where it names a file, with that.
        name: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A file that is named cannot be used.
    #[error("failed to use {name}")]
    NamedFile {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// `network.allow` makes no sense.
    #[error("failed to read network.allow")]
    Network(#[source] Cause),
    /// Probes cannot be set up.
    #[error("failed to set up probes")]
    Probes(#[source] Cause),
    /// Notifications cannot be set up.
    #[error("failed to set up notifications")]
    Notifications(#[source] Cause),
    /// No repository is named.
    #[error("tranche.yaml names no `repository` in which tags are resolved")]
    NoRepository,
    /// The repository cannot be read.
    #[error("failed to read the repository's tags")]
    Tags(#[source] Box<GitError>),
    /// What lies between two commits cannot be read.
    #[error("failed to read the repository's commits")]
    Commits(#[source] Box<GitError>),
    /// A version names no commit.
    #[error("failed to resolve `{version}`")]
    Version {
        /// As given.
        version: String,
        /// Why.
        #[source]
        source: Box<GitError>,
    },
    /// No customer has that key.
    #[error("no customer is called `{id}`{}", did_you_mean(near.as_deref()))]
    UnknownCustomer {
        /// As given.
        id: CustomerId,
        /// The key that is most like it.
        near: Option<String>,
    },
    /// Nobody has that name.
    #[error("nobody is called `{0}`")]
    UnknownPerson(PersonId),
    /// The files make no plan.
    #[error(transparent)]
    Plan(#[from] Box<PlanError>),
    /// What was asked for names what is not there, or cannot be made.
    #[error("{}", mistakes.join("\n       "))]
    Wish {
        /// Every mistake.
        mistakes: Vec<String>,
        /// What to do about the first.
        way_out: String,
    },
    /// What would be started is not what was looked at.
    #[error(
        "the plan is no longer the one that was looked at ({}): it is {}",
        short(seen),
        short(digest)
    )]
    OtherPlan {
        /// The digest of then.
        seen: String,
        /// The digest of now.
        digest: String,
    },
    /// Secrets of the plan do not resolve.
    #[error("secrets are missing: {}", .0.join("; "))]
    Secrets(Vec<String>),
    /// The key to Render is missing, or cannot be read.
    #[error(transparent)]
    Key(Box<render::Error>),
    /// A call to Render failed.
    #[error(transparent)]
    Render(#[from] Box<render::Error>),
    /// Render cannot send messages there.
    #[error("Render cannot send to {0}: it sends over TLS, to public addresses")]
    NotPublic(String),
    /// The files name no workspace, and the key does not reach exactly one.
    #[error("tranche.yaml names no workspace, and the key does not reach exactly one")]
    NoWorkspace,
    /// Render has a webhook, and does not show what it signs with.
    #[error("Render does not show the signing secret of the webhook {0}")]
    NoSigningSecret(WebhookId),
    /// There is no such rollout.
    #[error("there is no rollout {0}")]
    UnknownRollout(RolloutId),
    /// There is no rollout at all.
    #[error("nothing has been started yet")]
    NothingStarted,
    /// No rollout has a customer.
    #[error("no rollout has a customer `{0}`")]
    NeverPlanned(CustomerId),
    /// More than one rollout could be meant.
    #[error("several rollouts are unfinished")]
    SeveralUnfinished,
    /// No rollout could be meant.
    #[error("no rollout is unfinished")]
    NoneUnfinished,
    /// The core says no.
    #[error("{}", .0.message)]
    Rejected(Box<Rejected>),
    /// What is stored cannot be used, or does not answer.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A failure of whatever keeps the state. Each backend says itself what it means.
#[derive(Debug)]
pub struct StateError {
    /// What it means.
    pub kind: ErrorKind,
    /// What to do about it.
    pub way_out: Option<String>,
    /// What happened.
    pub source: Cause,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl error::Error for StateError {
    /// What happened is told by this error itself.
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.source()
    }
}

impl Error {
    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Files(_)
            | Self::NoProject { .. }
            | Self::Variable { .. }
            | Self::NamedFile { .. }
            | Self::Network(_)
            | Self::NoRepository
            | Self::Version { .. }
            | Self::UnknownCustomer { .. }
            | Self::Wish { .. }
            | Self::UnknownPerson(_)
            | Self::Secrets(_)
            | Self::NotPublic(_)
            | Self::NoWorkspace
            | Self::UnknownRollout(_)
            | Self::NeverPlanned(_)
            | Self::SeveralUnfinished => ErrorKind::Usage,
            Self::WorkingDirectory(_)
            | Self::Probes(_)
            | Self::Notifications(_)
            | Self::NoSigningSecret(_)
            | Self::Tags(_)
            | Self::Commits(_) => ErrorKind::Failed,
            Self::NothingStarted | Self::NoneUnfinished | Self::OtherPlan { .. } => {
                ErrorKind::Refused
            }
            Self::Plan(error) => of_plan(error),
            Self::Key(error) | Self::Render(error) => of_render(error),
            Self::Rejected(rejected) => of_rejection(rejected),
            Self::State(error) => error.kind,
        }
    }

    /// What a person can do about it.
    pub fn way_out(&self) -> Option<String> {
        let way_out = match self {
            Self::Files(_) => "tranche validate, once that is mended",
            Self::NoProject { .. } => "tranche init, or name the folder with -C DIR",
            Self::NoRepository => "add `repository: URL` to tranche.yaml",
            Self::Version { source, .. } if matches!(**source, GitError::Unreadable { .. }) => {
                "git ls-remote --tags, with the `repository` of tranche.yaml"
            }
            Self::Version { .. } => "a tag of the repository, or `latest`",
            Self::UnknownCustomer { .. } | Self::NeverPlanned(_) => "tranche customers",
            Self::UnknownPerson(_) => "a name under `people` in tranche.yaml",
            Self::Plan(error) => way_out_of_plan(error),
            Self::Wish { way_out, .. } => way_out,
            Self::OtherPlan { .. } => "look at the plan once more, and start that",
            Self::Secrets(_) => "the same command with these set",
            Self::Key(_) => "export RENDER_API_KEY=...",
            Self::Render(error) => return way_out_at_render(error).map(str::to_owned),
            Self::NotPublic(_) => {
                "a server with a public https address, or leave out `render.webhooks`"
            }
            Self::NoWorkspace => {
                "add `render: {owner: tea-...}` to tranche.yaml; `tranche render services` shows it"
            }
            Self::NoSigningSecret(_) => {
                "tranche render webhooks --remove; a server that runs with webhooks makes a new one"
            }
            Self::UnknownRollout(_) | Self::NoneUnfinished => "tranche list",
            Self::NothingStarted => "tranche start VERSION",
            Self::SeveralUnfinished => {
                "the same command with --rollout ROLLOUT; `tranche list` shows them"
            }
            Self::Rejected(rejected) => return rejected.way_out.clone(),
            Self::State(error) => return error.way_out.clone(),
            Self::WorkingDirectory(_)
            | Self::Variable { .. }
            | Self::NamedFile { .. }
            | Self::Network(_)
            | Self::Probes(_)
            | Self::Notifications(_)
            | Self::Tags(_)
            | Self::Commits(_) => return None,
        };
        Some(way_out.to_owned())
    }

    /// Whether what was asked for may have been done all the same: nobody could find out, nor take it back.
    pub fn is_undecided(&self) -> bool {
        let Self::State(error) = self else {
            return false;
        };
        let source = error.source.downcast_ref::<engine::Error>();
        matches!(
            source,
            Some(engine::Error::Undecided { .. } | engine::Error::Unread(_))
        )
    }

    /// What failed and all that caused it, on one line.
    pub fn message(&self) -> String {
        if let Self::Key(error) | Self::Render(error) = self {
            return format!("failed to {}", with_causes(error));
        }
        with_causes(self)
    }

    /// The same with the first mistakes of files: for what is stored, and told by others.
    pub fn in_short(&self) -> String {
        if let Self::Files(mistakes) = self {
            return in_short(mistakes);
        }
        self.message()
    }
}

impl From<render::Error> for Error {
    fn from(error: render::Error) -> Self {
        Self::Render(Box::new(error))
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self::Plan(Box::new(error))
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        Self::State(error.into())
    }
}

impl From<engine::Error> for StateError {
    fn from(error: engine::Error) -> Self {
        Self {
            kind: of_engine(&error),
            way_out: error.way_out(),
            source: Box::new(error),
        }
    }
}

/// What a failure of whatever keeps the state means.
pub(crate) fn of_engine(error: &engine::Error) -> ErrorKind {
    use engine::Error as Engine;
    match error {
        Engine::Absent { .. } => ErrorKind::Absent,
        Engine::Held { .. } => ErrorKind::Held,
        Engine::Watched => ErrorKind::Watched,
        Engine::Stale { .. } | Engine::Replaced | Engine::HalfRestored { .. } => ErrorKind::Refused,
        Engine::NotPermitted { .. } => ErrorKind::NotPermitted,
        Engine::Newer { .. } | Engine::Foreign { .. } => ErrorKind::Usage,
        Engine::NoAnswer | Engine::Stopped | Engine::Undecided { .. } => ErrorKind::Unfinished,
        Engine::Interrupted => ErrorKind::Interrupted,
        // A request found no way in, which does not say that anybody goes on with it.
        Engine::NotDone(source) if matches!(**source, Engine::Held { .. }) => ErrorKind::Refused,
        Engine::NotDone(source) => of_engine(source),
        Engine::Damaged { .. }
        | Engine::Spoiled { .. }
        | Engine::Full(_)
        | Engine::Busy(_)
        | Engine::Storage(_)
        | Engine::ReadOnly
        | Engine::File { .. }
        | Engine::Degraded { .. }
        | Engine::Unread(_)
        | Engine::Sealed { .. }
        | Engine::Random(_)
        | Engine::Bug { .. } => ErrorKind::Failed,
    }
}

fn of_plan(error: &PlanError) -> ErrorKind {
    match error {
        PlanError::Downgrade { .. } => ErrorKind::Refused,
        PlanError::Unknown { .. }
        | PlanError::NoHotfixPolicy
        | PlanError::Cycle(_)
        | PlanError::TwoPhases { .. } => ErrorKind::Usage,
    }
}

fn way_out_of_plan(error: &PlanError) -> &'static str {
    match error {
        PlanError::Unknown {
            kind: Named::Customer,
            ..
        } => "tranche customers",
        PlanError::Downgrade { .. } => "the same command with --allow-downgrade",
        PlanError::NoHotfixPolicy => "tranche schema policy, for a policies/hotfix.yaml",
        PlanError::Unknown { .. } | PlanError::Cycle(_) | PlanError::TwoPhases { .. } => {
            "tranche validate"
        }
    }
}

fn of_render(error: &render::Error) -> ErrorKind {
    match error.status() {
        Some(401 | 403) => ErrorKind::NotPermitted,
        Some(404) => ErrorKind::Usage,
        Some(_) | None if error.is_transient() => ErrorKind::Unreachable,
        None if matches!(
            error,
            render::Error::Settings(_) | render::Error::Argument { .. }
        ) =>
        {
            ErrorKind::Usage
        }
        Some(_) | None => ErrorKind::Failed,
    }
}

fn way_out_at_render(error: &render::Error) -> Option<&'static str> {
    if error.status() == Some(404) {
        return Some("tranche render services");
    }
    match of_render(error) {
        ErrorKind::NotPermitted => Some("tranche render check, with another RENDER_API_KEY"),
        ErrorKind::Unreachable => Some("the same command again; nothing was changed"),
        ErrorKind::AlreadySo
        | ErrorKind::Usage
        | ErrorKind::Absent
        | ErrorKind::Held
        | ErrorKind::Watched
        | ErrorKind::Refused
        | ErrorKind::Unfinished
        | ErrorKind::Interrupted
        | ErrorKind::Failed => None,
    }
}

fn of_rejection(rejected: &Rejected) -> ErrorKind {
    match rejected.code {
        RejectedCode::State => ErrorKind::Refused,
        RejectedCode::NotPermitted => ErrorKind::NotPermitted,
        RejectedCode::Usage => ErrorKind::Usage,
        RejectedCode::AlreadySo => ErrorKind::AlreadySo,
    }
}

/// The beginning of a digest, enough to tell it from another.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn mistakes(found: &[Diagnostic]) -> String {
    let mistakes = found.iter();
    let mistakes = mistakes.filter(|one| one.severity == Severity::Error);
    match mistakes.count() {
        1 => "the files have 1 mistake".to_owned(),
        many => format!("the files have {many} mistakes"),
    }
}

/// The first mistakes as one line, each with its place; `tranche validate` shows them all.
pub fn in_short(diagnostics: &[Diagnostic]) -> String {
    let mistakes = diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let more = mistakes.clone().count().saturating_sub(IN_SHORT);
    let shown = mistakes.take(IN_SHORT).map(|one| {
        let Diagnostic {
            file,
            line,
            column,
            message,
            ..
        } = one;
        format!("{file}:{line}:{column}: {message}")
    });
    let more = (more > 0).then(|| format!("and {more} more"));
    let shown: Vec<String> = shown.chain(more).collect();
    shown.join("; ")
}

#[cfg(test)]
mod tests;
