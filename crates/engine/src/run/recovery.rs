//! What the engine does when an instant could not be stored, or broke an invariant.
//!
//! Memory is discarded and nothing leaves; reads that run are stopped, and how changes end that have left is kept. Then the
//! database is opened and loaded again, and the engine begins as after a restart (P42), but knows what it has sent itself.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use rollout::Product;

use super::EngineState;
use super::driver::{Driver, Mode};
use crate::error::{Error, with_causes};
use crate::limits::{BUGS, RETRY};
use crate::store::{Store, StoredAnswer};

/// A time in which nothing can be stored.
pub(super) struct Outage {
    pub(super) reason: String,
    /// Since boot.
    pub(super) retry_at: Duration,
}

impl Driver {
    /// Runs one turn; a broken invariant becomes an error like others, instead of a silent end of the thread.
    pub(super) fn guard(
        &mut self,
        turn: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let turned = panic::catch_unwind(AssertUnwindSafe(|| turn(self)));
        turned.unwrap_or_else(|panic| {
            Err(Error::Bug {
                message: message_of(&*panic),
            })
        })
    }

    /// Discards memory and waits before trying again, unless trying again cannot help.
    pub(super) fn fall_back(&mut self, error: Error) -> Result<(), Error> {
        self.bugs += u32::from(matches!(error, Error::Bug { .. }));
        let is_bug = matches!(error, Error::Bug { .. });
        if !error.is_passing() || self.bugs >= BUGS {
            return Err(error);
        }
        self.store.let_go();
        let reason = with_causes(&error);
        // Whoever runs the engine learns it from its state.
        tracing::warn!(reason, retry_in = ?self.pause, "nothing can be stored; nothing is done until it can");
        self.guard(|driver| {
            driver.stop_what_runs();
            Ok(())
        })?;
        self.product = Product::new();
        self.keep_answers(is_bug);
        if let Mode::Stopping(stopping) = &mut self.mode {
            if is_bug {
                return Err(error);
            }
            stopping.trouble = Some(error);
            return Ok(());
        }
        let retry_at = self.read_clocks().boot + self.pause;
        self.pause = (self.pause * 2).min(RETRY.1);
        self.outside.state.send_replace(EngineState::Degraded {
            reason: reason.clone(),
        });
        self.mode = Mode::Degraded(Outage { reason, retry_at });
        Ok(())
    }

    /// Answers to changes that could not be stored are given to the state that is read next. Of those of a turn that broke an
    /// invariant one may be to blame: what became of their requests is looked up instead (R16).
    fn keep_answers(&mut self, is_bug: bool) {
        let unstored = mem::take(&mut self.unstored);
        for (report, sent) in unstored.into_iter().rev().filter(|_| !is_bug) {
            self.sent.insert(report.command, sent);
            self.unheard.push_front(report);
        }
    }

    /// Opens and loads everything again, and begins as after a restart.
    pub(super) fn recover(&mut self) -> Result<(), Error> {
        self.store = Store::reopen(&self.place, self.store.epoch())?;
        if let Some(id) = self.stepping.take() {
            let trouble = StoredAnswer::trouble(
                "this request breaks an invariant; nothing was changed".to_owned(),
            );
            self.store.answer_if_wanted(id, &trouble)?;
        }
        self.product = self.store.load()?;
        self.mode = Mode::Driving;
        self.begin()?;
        tracing::info!("what happens is stored again");
        self.outside.state.send_replace(EngineState::Driving);
        Ok(())
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
