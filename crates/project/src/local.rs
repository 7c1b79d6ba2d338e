//! The state in a database on this machine, driven by whichever process is the engine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::identity::{self, NewToken, TokenInfo, TokenOwner, Tokens};
use engine::outbox::{Audience, NotificationId, Outbox, StoredNotification};
use engine::store::Line;
use engine::{
    Answer, Attachments, DeploysOf, Error as EngineError, Head, ReadFiles, Reader, StateDir,
    Verification,
};
use monitor::{Acknowledged, Alert, AlertId, MonitorStore};
use policy::{CustomerId, PersonId, Project, Timestamp};
use rollout::command::Sealed;
use rollout::report::{DeployRecord, Report, Statistics};
use rollout::{Actor, AttachmentId, Event, LimitWaits, Product, RolloutId};
use secrecy::SecretString;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::backend::{Asking, Backend, Changes, FilesNow, Reply};
use crate::caller::Caller;
use crate::error::{Error, ErrorKind, StateError};
use crate::files_read::{told, unreadable};
use crate::{now, stored};

/// How often the database is looked at; a look without a change costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The state of a project in its folder, or where `--db` names it.
#[derive(Clone, Debug)]
pub struct LocalBackend {
    state: StateDir,
    caller: Arc<dyn Caller>,
    kept: Option<Arc<Mutex<Option<Kept>>>>,
}

/// The product as it was read last, for a process that reads it again and again.
#[derive(Debug)]
struct Kept {
    reader: Reader,
    seen: i64,
    product: Product,
}

impl LocalBackend {
    /// The state that lies there, whether or not anything has been stored yet.
    pub fn new(state: StateDir, caller: Arc<dyn Caller>) -> Self {
        Self {
            state,
            caller,
            kept: None,
        }
    }

    /// The same, which keeps what it has read for as long as nothing was written.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self {
            kept: Some(Arc::default()),
            ..self
        }
    }

    fn product_now(&self) -> Result<Product, EngineError> {
        let Some(kept) = &self.kept else {
            return stored::product(&self.state, &*self.caller);
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = &*kept
            && one.reader.data_version()? == one.seen
        {
            return Ok(one.product.clone());
        }
        // Before it is read: what is written meanwhile is found by the next look.
        let reader = match Reader::open(&self.state) {
            Ok(reader) => reader,
            Err(EngineError::Absent { .. }) => return Ok(Product::new()),
            Err(error) => return Err(error),
        };
        let seen = reader.data_version()?;
        let product = stored::read(&reader, &*self.caller)?;
        *kept = Some(Kept {
            reader,
            seen,
            product: product.clone(),
        });
        Ok(product)
    }

    fn reader(&self) -> Result<Reader, EngineError> {
        Reader::open(&self.state)
    }

    fn history(&self) -> Result<engine::History, EngineError> {
        engine::History::open(&self.state)
    }

    fn outbox(&self) -> Result<Outbox, EngineError> {
        Outbox::open(&self.state)
    }

    fn measured(&self) -> Result<Option<MonitorStore>, EngineError> {
        MonitorStore::look(&self.state)
    }
}

/// What is read of the disk is there at once.
fn at_once<'a, T: Send + 'a>(
    read: impl FnOnce() -> Result<T, EngineError> + Send + 'a,
) -> Reply<'a, T> {
    Box::pin(async move { Ok(read()?) })
}

/// Nothing, where nothing was ever stored.
fn or_nothing<T: Default>(read: Result<T, EngineError>) -> Result<T, EngineError> {
    match read {
        Err(EngineError::Absent { .. }) => Ok(T::default()),
        read => read,
    }
}

impl Backend for LocalBackend {
    fn prove<'a>(
        &'a self,
        token: Option<&'a SecretString>,
        project: &'a Project,
    ) -> Reply<'a, Actor> {
        at_once(move || identity::prove(&self.state, token, project))
    }

    fn ask(&self, asking: Asking) -> Reply<'_, Answer> {
        Box::pin(ask(self.state.clone(), asking))
    }

    fn product(&self) -> Reply<'_, Product> {
        at_once(|| self.product_now())
    }

    fn is_driven(&self) -> Reply<'_, bool> {
        at_once(|| Ok(stored::is_driven(&self.state)))
    }

    fn waits(&self) -> Reply<'_, LimitWaits> {
        at_once(|| Ok(engine::waits(&self.state, now())))
    }

    fn objection(&self) -> Reply<'_, Option<String>> {
        at_once(|| Ok(stored::objection(&self.state)))
    }

    fn head(&self) -> Reply<'_, Head> {
        at_once(|| self.reader()?.head())
    }

    fn events(&self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        at_once(move || self.reader()?.events(run, after, limit))
    }

    fn lines(&self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Line>> {
        at_once(move || self.reader()?.lines(run, after, limit))
    }

    fn changes(&self) -> Reply<'_, Box<dyn Changes>> {
        at_once(|| {
            let reader = self.reader()?;
            let changes: Box<dyn Changes> = Box::new(LocalChanges {
                seen: reader.data_version()?,
                waits: engine::waits(&self.state, now()),
                reader,
                state: self.state.clone(),
            });
            Ok(changes)
        })
    }

    fn verify(&self, anchor: Option<Head>) -> Reply<'_, Verification> {
        at_once(move || engine::verify(&self.state, anchor.as_ref()))
    }

    fn attachment(&self, id: AttachmentId) -> Reply<'_, Sealed> {
        at_once(move || Attachments::open(&self.state)?.get(&id))
    }

    fn report(&self, run: RolloutId, until: Timestamp) -> Reply<'_, Option<Report>> {
        at_once(move || self.history()?.report(run, until))
    }

    fn statistics(&self, since: Timestamp, until: Timestamp) -> Reply<'_, Statistics> {
        at_once(move || self.history()?.statistics(since, until))
    }

    fn deploys(&self, of: DeploysOf, limit: usize) -> Reply<'_, Vec<DeployRecord>> {
        at_once(move || {
            let history = self.history();
            or_nothing(history.and_then(|history| history.deploys(&of, limit)))
        })
    }

    fn notifications(&self, only_failed: bool, limit: u32) -> Reply<'_, Vec<StoredNotification>> {
        at_once(move || {
            let outbox = self.outbox();
            or_nothing(outbox.and_then(|outbox| outbox.list(only_failed, limit)))
        })
    }

    fn notification(&self, id: NotificationId) -> Reply<'_, Option<StoredNotification>> {
        at_once(move || self.outbox()?.find(&id))
    }

    fn resend(&self, id: NotificationId) -> Reply<'_, bool> {
        at_once(move || self.outbox()?.resend(&id, now()))
    }

    fn tokens(&self) -> Reply<'_, Vec<TokenInfo>> {
        at_once(|| Tokens::open(&self.state)?.list())
    }

    fn check_room_for_token(&self) -> Reply<'_, ()> {
        at_once(|| Tokens::open(&self.state)?.check_room())
    }

    fn keep_token<'a>(
        &'a self,
        token: &'a NewToken,
        owner: &'a TokenOwner,
        by: &'a Actor,
    ) -> Reply<'a, ()> {
        at_once(move || Tokens::open(&self.state)?.keep(token, owner, by))
    }

    fn revoke_tokens<'a>(&'a self, id_or_owner: &'a str, by: &'a PersonId) -> Reply<'a, usize> {
        at_once(move || Tokens::open(&self.state)?.revoke(id_or_owner, by))
    }

    fn alerts(&self, also_over: bool) -> Reply<'_, Option<Vec<Alert>>> {
        at_once(move || {
            let measured = self.measured()?;
            measured.map(|store| store.alerts(also_over)).transpose()
        })
    }

    fn acknowledge<'a>(
        &'a self,
        id: AlertId,
        by: &'a PersonId,
        reason: &'a str,
    ) -> Reply<'a, Option<Acknowledged>> {
        at_once(move || {
            let measured = self.measured()?;
            let done = measured.map(|mut store| store.acknowledge(id, by, reason, now()));
            done.transpose()
        })
    }

    fn health<'a>(
        &'a self,
        customer: Option<&'a CustomerId>,
        from: Timestamp,
        until: Timestamp,
        parts: usize,
    ) -> Reply<'a, Option<Vec<monitor::History>>> {
        at_once(move || {
            let measured = self.measured()?;
            let history = measured.map(|store| store.history(customer, from, until, parts));
            history.transpose()
        })
    }
}

/// From the engine if one runs, otherwise by filing it here and now; on a thread for work that blocks.
async fn ask(state: StateDir, asking: Asking) -> Result<Answer, Error> {
    let Asking {
        request,
        files,
        patience,
    } = asking;
    let audience = match &files {
        FilesNow::Valid(config) => Audience::of(config),
        FilesNow::Broken { .. } => Audience::default(),
    };
    let read: ReadFiles = Box::new(move |product: &Product| match &files {
        FilesNow::Valid(config) => told(config, product),
        FilesNow::Broken { reason, alone } => unreadable(reason.clone(), alone.as_deref()),
    });
    let file = move || engine::ask_and_notify(&state, &request, &patience, read, &audience);
    let asked = spawn_blocking(file).await.map_err(|source| StateError {
        kind: ErrorKind::Failed,
        way_out: None,
        source: format!("failed to file the request: {source}").into(),
    })?;
    Ok(asked?)
}

/// Looks at the database again and again, through one connection.
#[derive(Debug)]
struct LocalChanges {
    reader: Reader,
    state: StateDir,
    /// What the database was like when it was looked at last.
    seen: i64,
    waits: LimitWaits,
}

impl LocalChanges {
    fn look(&mut self) -> Result<bool, EngineError> {
        let seen = self.reader.data_version()?;
        let waits = engine::waits(&self.state, now());
        let is_new = seen != self.seen || waits != self.waits;
        (self.seen, self.waits) = (seen, waits);
        Ok(is_new)
    }
}

impl Changes for LocalChanges {
    fn next(&mut self) -> Reply<'_, ()> {
        Box::pin(async {
            while !self.look()? {
                sleep(LOOK_EVERY).await;
            }
            Ok(())
        })
    }

    fn product(&mut self) -> Reply<'_, Product> {
        let reader = &mut self.reader;
        at_once(move || reader.product())
    }

    fn events(&mut self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Event>> {
        let reader = &mut self.reader;
        at_once(move || reader.events(run, after, limit))
    }

    fn lines(&mut self, run: Option<RolloutId>, after: u64, limit: u32) -> Reply<'_, Vec<Line>> {
        let reader = &mut self.reader;
        at_once(move || reader.lines(run, after, limit))
    }
}
