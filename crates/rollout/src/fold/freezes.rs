//! Which freezes bear a name now, and whose voices lift one?

use std::collections::BTreeSet;

use policy::PersonId;
use policy::calendar::{Freeze, Occurrence};

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::freeze::{FreezeId, distinct};

impl Rollout {
    /// Who has asked to lift this freeze here. `id` is made only where somebody has lifted one.
    pub(crate) fn voices(&self, id: impl FnOnce() -> FreezeId) -> BTreeSet<&PersonId> {
        if self.row.lifts.is_empty() && self.recalled.is_empty() {
            return BTreeSet::new();
        }
        let id = id();
        let lifts = self.row.lifts.iter().chain(&self.recalled);
        let lifts = lifts.filter(|lift| lift.freeze == id);
        lifts.flat_map(|lift| &lift.voices).collect()
    }
}

impl State {
    /// The freezes of the files that bear a name now, as far as a rollout is concerned: as frozen, and as now written.
    pub(crate) fn written_freezes<'s>(
        &'s self,
        rollout: &'s Rollout,
        name: &'s str,
    ) -> impl Iterator<Item = &'s Freeze> {
        let files = self.product.read_files().into_iter();
        let written = files.flat_map(|files| &files.freezes);
        let planned = rollout.plan.freezes.iter().chain(written);
        planned.filter(move |freeze| freeze.name == name)
    }

    /// Every freeze that bears a name now and does not come again: of the files, and made by a person.
    pub(crate) fn named_freezes(&self, rollout: &Rollout, name: &str) -> Vec<FreezeId> {
        let written = self.written_freezes(rollout, name);
        let once = written.filter_map(|freeze| {
            let period = freeze.once()?;
            Some(FreezeId::from(&Occurrence { freeze, period }))
        });
        let made = self.product.freezes.get(name);
        let made = made.map(|freeze| FreezeId::made(name, freeze));
        distinct(once.chain(made))
    }
}
