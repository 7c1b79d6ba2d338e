//! Where each report of a command and each notice of the shell is answered.

use policy::Timestamp;

use crate::fold::in_flight::Slot;
use crate::model::command::Report;
use crate::model::fact::{ClockSuspected, ClockTrusted, WorkspaceHeld, WorkspaceReleased};
use crate::model::request::Notice;
use crate::product::Product;

impl Product {
    pub(crate) fn record_report(&mut self, report: Report) {
        let Some(issued) = self.in_flight.take(report.command) else {
            return;
        };
        self.in_flight.tick_wanted = true;
        let (id, position) = issued.whose;
        self.about(id, position, |product| match issued.slot {
            Slot::Main => {
                product.record_main(
                    id,
                    position,
                    issued.asked_at,
                    &issued.command,
                    report.outcome,
                );
            }
            Slot::Preflight => {
                product.record_preflight(id, position, &issued.command.kind, report.outcome);
            }
            Slot::Watch => product.record_watch(id, position, &report.outcome),
            Slot::Confirm => product.record_confirm(id, position, &report.outcome),
        });
        self.in_flight.dirty_customers.insert((id, position));
    }

    pub(crate) fn record_notice(&mut self, notice: Notice) {
        let product = &self.state.product;
        match notice {
            Notice::EngineStarted { out, unsure_since } => self.engine_started(out, unsure_since),
            Notice::EngineStopping { out } => self.engine_stopping(out),
            Notice::Restored { reason } => self.found_elsewhere(reason),
            Notice::ClockSuspected { reason, since }
                if product.clock_suspected.as_ref() != Some(&reason) =>
            {
                self.emit(ClockSuspected {
                    reason,
                    unsure_since: since,
                });
            }
            Notice::ClockFollowed { from } => self.clock_followed(from),
            Notice::ClockTrusted if product.clock_suspected.is_some() => {
                self.emit(ClockTrusted {
                    actor: None,
                    from: None,
                });
            }
            Notice::WorkspaceHeld { reason } if product.workspace_held.is_none() => {
                self.emit(WorkspaceHeld { reason });
            }
            Notice::WorkspaceReleased if product.workspace_held.is_some() => {
                self.emit(WorkspaceReleased {});
            }
            Notice::FilesRead(files) => self.files_read(&files),
            Notice::Quarantined {
                rollout,
                customer,
                what,
            } => self.quarantine_named(rollout, &customer, &what),
            Notice::ClockSuspected { .. }
            | Notice::ClockTrusted
            | Notice::WorkspaceHeld { .. }
            | Notice::WorkspaceReleased => {}
        }
    }

    /// Engine time follows the wall clock: what was stamped meanwhile moves along, here and in the state.
    fn clock_followed(&mut self, from: Timestamp) {
        let product = &self.state.product;
        if product.unsure_since.is_some() {
            let by = self.at - from;
            for scratch in self.in_flight.scratch.values_mut() {
                scratch.move_along(by);
            }
            self.emit(ClockTrusted {
                actor: None,
                from: Some(from),
            });
            let open = self.state.open();
            let hands =
                open.flat_map(|(id, rollout)| rollout.in_hand().into_iter().map(|one| (*id, one)));
            self.in_flight.dirty_customers.extend(hands);
        } else if product.clock_suspected.is_some() {
            self.emit(ClockTrusted {
                actor: None,
                from: None,
            });
        }
    }
}
