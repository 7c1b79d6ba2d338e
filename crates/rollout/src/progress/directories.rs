//! Which people count in a rollout (R6)?

use std::borrow::Cow;

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::actor::Directory;

impl State {
    /// Who may do what in a rollout now: the files as last read, or as frozen.
    pub(crate) fn directory(&self, rollout: &Rollout) -> Cow<'_, Directory> {
        let read = self.product.directory().map(Cow::Borrowed);
        let known = read.unwrap_or_else(|| Cow::Owned(Directory::of(&rollout.plan.project)));
        Directory::bound_by(known, &rollout.plan.project)
    }

    /// Who may do what by the newest unfinished rollout, as its plan has frozen it.
    pub(crate) fn frozen_directory(&self) -> Option<Directory> {
        let mut unfinished = self
            .rollouts
            .values()
            .rev()
            .filter(|rollout| !rollout.is_ended());
        unfinished
            .next()
            .map(|rollout| Directory::of(&rollout.plan.project))
    }

    /// Who may do what, as last known.
    pub(crate) fn last_directory(&self) -> Option<Directory> {
        let read = self.product.directory().cloned();
        read.or_else(|| self.frozen_directory())
    }
}
