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
use super::channel::Look;
use super::engine_loop::{Culprit, EngineLoop, Mode, Outage};
use crate::error::{Error, with_causes};
use crate::limits::{BUGS, RETRY};
use crate::store::{Store, StoredAnswer};

impl EngineLoop {
    /// Runs one turn; a broken invariant becomes an error like others, instead of a silent end of the thread.
    pub(super) fn guard<T>(
        &mut self,
        turn: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let turned = panic::catch_unwind(AssertUnwindSafe(|| turn(self)));
        turned.unwrap_or_else(|panic| {
            Err(Error::Bug {
                message: message_of(&*panic),
            })
        })
    }

    /// Discards memory and waits before trying again, unless trying again cannot help.
    pub(super) fn discard(&mut self, error: Error) -> Result<(), Error> {
        let mut pause = self.pause;
        let is_bug = matches!(error, Error::Bug { .. });
        if let Error::Bug { message } = &error {
            match self.sets_aside(message) {
                // What broke it will not come again: nothing is to be waited for.
                true => pause = Duration::ZERO,
                false => self.bugs += 1,
            }
        }
        if !error.is_transient() || self.bugs >= BUGS {
            return Err(error);
        }
        self.store.let_go();
        let reason = with_causes(&error);
        // Whoever runs the engine learns it from its state.
        tracing::warn!(reason, retry_in = ?pause, "what is not stored is discarded; nothing is done until the state is loaded anew");
        self.stop_what_runs();
        self.product = Product::new();
        self.keep_answers(is_bug);
        if let Mode::Stopping(stopping) = &mut self.mode {
            if is_bug {
                return Err(error);
            }
            stopping.trouble = Some(error);
            return Ok(());
        }
        let retry_at = self.read_clocks().boot + pause;
        self.pause = (self.pause * 2).min(RETRY.1);
        self.outside.state.send_replace(EngineState::Degraded {
            reason: reason.clone(),
        });
        self.mode = Mode::Degraded(Outage { reason, retry_at });
        Ok(())
    }

    /// Whether the panic can be laid to one request, or to one customer that was not named before: then it is set aside.
    fn sets_aside(&mut self, message: &str) -> bool {
        let is_asked = self.asking.take().is_some_and(|asked| {
            let message = message.to_owned();
            let _ = asked.send(Err(Error::Bug { message }));
            true
        });
        let is_request = is_asked || self.stepping.is_some();
        let busy_with = || {
            // The panic may have left anything behind.
            let asked = panic::catch_unwind(AssertUnwindSafe(|| self.product.busy_with()));
            asked.ok().flatten()
        };
        let Some((run, customer)) = self.dispatching.clone().or_else(busy_with) else {
            return is_request;
        };
        self.dispatching = None;
        if self.culprits.iter().any(|known| known.is(run, &customer)) {
            return is_request;
        }
        tracing::error!(%run, %customer, message, "an invariant broke for this customer; it is held, the others go on");
        self.culprits.push(Culprit {
            run,
            customer,
            what: message.to_owned(),
        });
        true
    }

    /// Lets somebody see the state. A view that breaks an invariant is lost for whoever asked for it, and for nobody else.
    pub(super) fn show(&mut self, look: Look) {
        let shown = self.guard(|engine| {
            look(&engine.product);
            Ok(())
        });
        if let Err(error) = shown {
            tracing::error!(%error, "the state could not be shown");
        }
    }

    /// Answers to changes that could not be stored are given to the state that is read next. One that may have broken an
    /// invariant is not: what became of its request is looked up instead (R16).
    fn keep_answers(&mut self, is_bug: bool) {
        let unstored = mem::take(&mut self.unstored);
        for (report, sent) in unstored.into_iter().rev() {
            let mut culprits = self.culprits.iter();
            let is_named = culprits.any(|one| one.is(sent.run, &sent.customer));
            if is_bug && (is_named || self.culprits.is_empty()) {
                continue;
            }
            self.sent.insert(report.command, sent);
            self.unheard.push_front(report);
        }
    }

    /// Opens and loads everything again, and begins as after a restart.
    pub(super) fn reload(&mut self) -> Result<(), Error> {
        self.store = Store::reopen(&self.place, self.store.epoch())?;
        if let Some(id) = self.stepping.take() {
            let whom = self.culprits.last().map(|culprit| &culprit.customer);
            let trouble = StoredAnswer::trouble(whom.map_or_else(
                || "this request breaks an invariant; nothing was changed".to_owned(),
                |customer| format!("this request breaks an invariant of {customer}; nothing was changed, see `tranche why {customer}`"),
            ));
            self.store.answer_if_wanted(id, &trouble)?;
        }
        self.product = self.store.load()?;
        self.keep_who_can_be_held()?;
        self.mode = Mode::Driving;
        self.begin()?;
        tracing::info!("what happens is stored again");
        self.outside.state.send_replace(EngineState::Driving);
        Ok(())
    }
}

impl EngineLoop {
    /// Where holding a customer would change nothing, the invariant breaks again and again: that has an end.
    fn keep_who_can_be_held(&mut self) -> Result<(), Error> {
        for culprit in mem::take(&mut self.culprits) {
            if self.product.can_quarantine(culprit.run, &culprit.customer) {
                self.culprits.push(culprit);
                continue;
            }
            self.bugs += 1;
            if self.bugs >= BUGS {
                return Err(Error::Bug {
                    message: culprit.what,
                });
            }
        }
        Ok(())
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
