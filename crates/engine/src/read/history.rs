//! What was deployed, how it went, and what came of each rollout: read from the journal by any process (A12, B13).
//!
//! Everything here is a fold over stored events; the folds themselves are pure and live in [`rollout::report`].

use policy::{CustomerId, Role, Timestamp};
use rollout::report::{DeployLog, DeployRecord, Report, Reporter, Statistics, Verdict};
use rollout::{Event, Fact, RolloutId};

use crate::error::Error;
use crate::process::state_dir::StateDir;
use crate::store::Reader;

/// So many events are read at once.
const CHUNK: u32 = 1000;

/// Whose deploys are asked for; what is absent does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploysOf {
    /// Of this rollout or operation.
    pub rollout: Option<RolloutId>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
    /// Of this service of every customer.
    pub service: Option<Role>,
}

impl DeploysOf {
    fn has(&self, deploy: &DeployRecord) -> bool {
        self.rollout.is_none_or(|run| deploy.rollout == run)
            && self
                .customer
                .as_ref()
                .is_none_or(|id| deploy.customer == *id)
            && self
                .service
                .as_ref()
                .is_none_or(|role| deploy.service == *role)
    }
}

/// The past of a product, as its journal tells it.
#[derive(Debug)]
pub struct History {
    reader: Reader,
}

impl History {
    /// Opens the journal for reading.
    ///
    /// # Errors
    /// [`Error::Absent`] if nothing was ever stored; a foreign or unreadable file.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            reader: Reader::open(state)?,
        })
    }

    /// Up to `limit` deploys and rollbacks, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn deploys(&self, of: &DeploysOf, limit: usize) -> Result<Vec<DeployRecord>, Error> {
        let mut log = DeployLog::default();
        self.each(of.rollout, 0, |event| {
            if let Some(fact) = DeployLog::read(event) {
                log.take(event, &fact);
            }
        })?;
        let newest_first = log.into_records().into_iter().rev();
        Ok(newest_first.filter(|one| of.has(one)).take(limit).collect())
    }

    /// Success, durations, rollbacks and verdicts from `since` on and before `until`.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn statistics(&self, since: Timestamp, until: Timestamp) -> Result<Statistics, Error> {
        let (mut log, mut verdicts) = (DeployLog::default(), Vec::new());
        // A deploy that was decided before is not counted: nothing from before is needed.
        let before = self.reader.last_before(since)?;
        self.each(None, before, |event| {
            let Some(fact) = DeployLog::read(event) else {
                return;
            };
            log.take(event, &fact);
            if let Fact::Health(fact) = &fact {
                verdicts.push(Verdict::of(event.at, fact));
            }
        })?;
        Ok(Statistics::new(log.records(), &verdicts, since, until))
    }

    /// Everything there is to say about one rollout, up to `until`; `None`: there is no such rollout.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn report(&self, run: RolloutId, until: Timestamp) -> Result<Option<Report>, Error> {
        let mut reporter = Reporter::new(run);
        self.each(None, 0, |event| reporter.take(event))?;
        Ok(reporter.report(until))
    }

    /// Passes every event behind `after`, in order.
    fn each(
        &self,
        run: Option<RolloutId>,
        mut after: u64,
        mut take: impl FnMut(&Event),
    ) -> Result<(), Error> {
        loop {
            let events = self.reader.events(run, after, CHUNK)?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            after = last.seq;
            if let Some(damage) = events.iter().find_map(Event::damage) {
                let what = format!("event {} cannot be told: {}", damage.seq, damage.what);
                return Err(Error::Damaged { what });
            }
            events.iter().for_each(&mut take);
        }
    }
}
