//! Folds what the engine finds out by itself: clock, Render, files, copies of the database.

use policy::Timestamp;

use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::fact::{ClockTrusted, EngineFact, FilesRead};
use crate::model::state::{FilesRow, Mark};

impl State {
    pub(super) fn apply_engine(&mut self, fact: &EngineFact, at: Timestamp) {
        let product = &mut self.product;
        match fact {
            EngineFact::EngineStarted(fact) => {
                product.clock_suspected = Some("the engine was started".to_owned());
                product.is_unsure(fact.unsure_since);
            }
            EngineFact::ClockSuspected(fact) => {
                product.clock_suspected = Some(fact.reason.clone());
                product.is_unsure(fact.unsure_since);
            }
            EngineFact::ClockTrusted(fact) => self.apply_trusted(fact, at),
            EngineFact::WorkspaceHeld(fact) => product.workspace_held = Some(fact.reason.clone()),
            EngineFact::WorkspaceReleased(_) => product.workspace_held = None,
            EngineFact::FilesRead(fact) => self.apply_files(fact),
            EngineFact::Restored(fact) => self.hold_all(fact.moved, fact.reason.as_ref(), at),
            EngineFact::RolloutsHeld(fact) => self.hold_all(fact.moved, fact.reason.as_ref(), at),
        }
    }

    fn apply_trusted(&mut self, fact: &ClockTrusted, at: Timestamp) {
        self.product.clock_suspected = None;
        // Engine time would be there if it had not followed the wall clock.
        if let Some(from) = fact.from
            && let Some(since) = self.product.unsure_since.take()
        {
            self.move_along(since, at - from);
        }
    }

    /// Whatever is open rests. Older releases held rollouts alone and kept no reason.
    fn hold_all(&mut self, moved: bool, reason: Option<&String>, at: Timestamp) {
        if moved {
            self.product.elsewhere = Some(Mark {
                by: None,
                at,
                reason: reason.cloned(),
            });
        }
        let open = self
            .rollouts
            .iter_mut()
            .filter(|(_, rollout)| !rollout.is_ended());
        for (id, rollout) in open {
            rollout.row.held_as_moved = true;
            self.touched.insert(RowKey::rollout(*id));
        }
    }

    fn apply_files(&mut self, fact: &FilesRead) {
        self.touch(RowKey::files());
        let row = self.product.files.get_or_insert_with(|| FilesRow {
            never_read: true,
            ..FilesRow::default()
        });
        let read = &fact.files;
        row.unreadable.clone_from(&read.unreadable);
        row.in_force.clone_from(&fact.in_force);
        row.gates_shut = fact.gates_shut;
        if read.unreadable.is_none() {
            row.never_read = false;
            row.directory.clone_from(&read.directory);
            row.freezes.clone_from(&read.freezes);
            row.pins.clone_from(&read.pins);
            row.customers.clone_from(&read.customers);
            row.unapplied.clone_from(&read.unapplied);
            row.outside.clone_from(&read.outside);
        }
    }
}

impl Notes<'_> {
    /// It is about everybody.
    pub(in crate::fold) fn note_engine(&mut self, fact: &EngineFact) {
        self.wake_everybody();
        match fact {
            EngineFact::ClockTrusted(_) => self.wake_gates(),
            EngineFact::EngineStarted(_)
            | EngineFact::ClockSuspected(_)
            | EngineFact::Restored(_)
            | EngineFact::RolloutsHeld(_)
            | EngineFact::WorkspaceHeld(_)
            | EngineFact::WorkspaceReleased(_)
            | EngineFact::FilesRead(_) => {}
        }
    }
}
