//! What can be asked of whatever keeps the state of a product?

use std::fmt::Debug;

use engine::identity::{NewToken, TokenInfo, TokenOwner};
use engine::outbox::{NotificationId, StoredNotification};
use engine::store::Line;
use engine::{Answer, AnswerTimeout, DeploysOf, Head, Verification};
use futures::future::BoxFuture;
use monitor::{Acknowledged, Alert, AlertId, History};
use policy::{Config, CustomerId, PersonId, Project, Timestamp};
use rollout::command::Sealed;
use rollout::report::{DeployRecord, Report, Statistics};
use rollout::{Actor, AttachmentId, Event, LimitWaits, Product, Request, RolloutId};
use secrecy::SecretString;

use crate::error::Error;

/// An answer that may take its time to come.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Whatever keeps the state of one product. Requests and reads of everybody but the engine itself go through here: a
/// command, a page, a test.
///
/// [`LocalBackend`](crate::LocalBackend) is a database in the folder of the project. No type of its store is named here, every
/// answer may have to be waited for, and a failure is the backend's own to explain ([`StateError`](crate::StateError)), so that
/// the next one can be at the other end of a network.
///
/// What belongs to the process that drives or watches is not asked here: the lock, the vault, the outbox and the monitor are
/// put together by [`engine_host`](crate::engine_host) and [`monitor_host`](crate::monitor_host) from what is local.
pub trait Backend: Debug + Send + Sync {
    /// Proves who asks: by the token if there is one, otherwise by who this process runs as.
    fn prove<'a>(
        &'a self,
        token: Option<&'a SecretString>,
        project: &'a Project,
    ) -> Reply<'a, Actor>;

    /// Files a request and waits for its durable answer. An error means that it has no effect, now or later; where that is
    /// not certain, the error says so.
    fn ask(&self, asking: Asking) -> Reply<'_, Answer>;

    /// The product as of now; one in which nothing has happened is empty.
    fn product(&self) -> Reply<'_, Product>;

    /// Whether somebody goes on with the rollouts; where that cannot be found out, somebody may.
    fn is_driven(&self) -> Reply<'_, bool>;

    /// For which of Render's limits the rollouts wait, as far as whoever drives them has told.
    fn waits(&self) -> Reply<'_, LimitWaits>;

    /// Why everything open is held, or would be by an engine that went on with this state.
    fn objection(&self) -> Reply<'_, Option<String>>;

    /// The end of the journal.
    fn head(&self) -> Reply<'_, Head>;

    /// Up to `limit` events behind the one with this number: of one rollout, or all.
    fn events(&self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Event>>;

    /// The same as stored, one JSON object each.
    fn lines(&self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Line>>;

    /// Follows the state from now on.
    fn changes(&self) -> Reply<'_, Box<dyn Changes>>;

    /// Whether the journal is whole, folds to what is stored, and goes on from `anchor`.
    fn verify(&self, anchor: Option<Head>) -> Reply<'_, Verification>;

    /// A sealed backup of variables.
    fn attachment(&self, id: AttachmentId) -> Reply<'_, Sealed>;

    /// What came of a rollout; `None`: the journal tells nothing of it.
    fn report(&self, run: RolloutId, until: Timestamp) -> Reply<'_, Option<Report>>;

    /// Deploys in numbers.
    fn statistics(&self, since: Timestamp, until: Timestamp) -> Reply<'_, Statistics>;

    /// Up to `limit` deploys and rollbacks, newest first; none where nothing was ever stored.
    fn deploys(&self, of: DeploysOf, limit: usize) -> Reply<'_, Vec<DeployRecord>>;

    /// The newest notifications; none where nothing was ever stored.
    fn notifications(&self, only_failed: bool, limit: u32) -> Reply<'_, Vec<StoredNotification>>;

    /// One notification.
    fn notification(&self, id: NotificationId) -> Reply<'_, Option<StoredNotification>>;

    /// Has a notification delivered once more; says whether there is one.
    fn resend(&self, id: NotificationId) -> Reply<'_, bool>;

    /// All tokens, without their secrets.
    fn tokens(&self) -> Reply<'_, Vec<TokenInfo>>;

    /// Whether one more token may be made.
    fn check_room_for_token(&self) -> Reply<'_, ()>;

    /// Keeps what a new token is recognised by.
    fn keep_token<'a>(
        &'a self,
        token: &'a NewToken,
        owner: &'a TokenOwner,
        by: &'a Actor,
    ) -> Reply<'a, ()>;

    /// Revokes a token, or all of an owner; says how many.
    fn revoke_tokens<'a>(&'a self, id_or_owner: &'a str, by: &'a PersonId) -> Reply<'a, usize>;

    /// Alerts, also those that are over if asked for; `None`: nothing was ever measured.
    fn alerts(&self, also_over: bool) -> Reply<'_, Option<Vec<Alert>>>;

    /// Notes that somebody has taken notice of an alert; `None`: nothing was ever measured.
    fn acknowledge<'a>(
        &'a self,
        id: AlertId,
        by: &'a PersonId,
        reason: &'a str,
    ) -> Reply<'a, Option<Acknowledged>>;

    /// How services were, in so many parts of that time; `None`: nothing was ever measured.
    fn health<'a>(
        &'a self,
        customer: Option<&'a CustomerId>,
        from: Timestamp,
        until: Timestamp,
        parts: usize,
    ) -> Reply<'a, Option<Vec<History>>>;
}

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Who asks for what.
    pub request: Request,
    /// What the project's files say, for a backend that is not told otherwise: where no engine runs, nobody else has read
    /// them.
    pub files: FilesNow,
    /// How long the answer is waited for.
    pub patience: AnswerTimeout,
}

/// The project's files as whoever asks has read them.
#[derive(Clone, Debug)]
pub enum FilesNow {
    /// They are valid.
    Valid(Box<Config>),
    /// They cannot be used.
    Broken {
        /// Why.
        reason: String,
        /// What `tranche.yaml` by itself says all the same.
        alone: Option<Box<Project>>,
    },
}

/// The state, kept open: tells when there is something new, and reads it. Whether somebody has changed it by hand is not
/// examined again and again; [`Backend::product`] does that.
pub trait Changes: Debug + Send {
    /// Waits until something was committed, or is waited for otherwise, since this was made or has told last. Dropping the
    /// future loses nothing.
    fn next(&mut self) -> Reply<'_, ()>;

    /// The product as of now.
    fn product(&mut self) -> Reply<'_, Product>;

    /// As [`Backend::events`].
    fn events(&mut self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Event>>;

    /// As [`Backend::lines`].
    fn lines(&mut self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Line>>;
}
