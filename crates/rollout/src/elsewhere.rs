//! Is another engine, or an older state of this one, at work? Then everything open is held until a person has seen to it
//! and says `resume --moved` (P7, P40).

use crate::event::{Fact, Kind};
use crate::hold::{Hold, HoldKind};
use crate::ids::RunId;
use crate::index::Run;
use crate::product::{Product, State};
use crate::request::{Actor, Rejected};

/// How a person lifts it.
const WAY_OUT: &str = "tranche resume --moved";

/// What is said of a hold that an older release recorded without its reason.
const NO_REASON: &str = "the database is a copy that was put back";

impl Product {
    /// Why everything open is held until `resume --moved`, if it is.
    pub fn elsewhere(&self) -> Option<String> {
        let held = self.state.runs.values().any(|run| run.row.restored);
        match &self.state.product.elsewhere {
            Some(mark) => mark.reason.clone(),
            None => held.then(|| NO_REASON.to_owned()),
        }
    }

    /// Takes what the shell has found out about its database. What is held for that reason already is not held again.
    pub(crate) fn found_elsewhere(&mut self, reason: String) {
        let known = self.state.product.elsewhere.as_ref();
        if known.is_some_and(|mark| mark.reason.as_ref() == Some(&reason)) {
            return;
        }
        let fact = Fact {
            reason: Some(reason),
            ..Fact::new(Kind::Restored)
        };
        self.emit(fact.with("moved", true));
    }

    /// Takes a `resume --moved`: all that is held so goes on at once.
    pub(crate) fn resume_moved(&mut self, by: &Actor) -> Result<(), Rejected> {
        if self.elsewhere().is_none() {
            let text = "nothing is held because of a copy, a move or another engine";
            return Err(Rejected::state(text, "tranche status"));
        }
        let runs = self.state.runs.iter();
        let held: Vec<RunId> = runs
            .filter(|(_, run)| run.row.restored)
            .map(|(id, _)| *id)
            .collect();
        let fact = Fact {
            actor: Some(by.name.clone()),
            ..Fact::new(Kind::Resumed)
        };
        self.emit(fact.with("moved", true).with_value("rollouts", &held));
        for id in held {
            let places = self.state.runs[&id].in_hand();
            let places = places.into_iter().map(|place| (id, place));
            self.work.dirty_units.extend(places);
        }
        self.work.queued_dirty = true;
        Ok(())
    }

    /// A pause is not what holds this rollout.
    pub(crate) fn not_elsewhere(&self, id: RunId) -> Result<(), Rejected> {
        let Some(hold) = self.state.elsewhere_hold(&self.state.runs[&id]) else {
            return Ok(());
        };
        Err(Rejected::state(hold.text, WAY_OUT))
    }

    /// Nothing new is begun beside what is held.
    pub(crate) fn nothing_elsewhere(&self) -> Result<(), Rejected> {
        match self.elsewhere() {
            Some(reason) => Err(Rejected::state(said(&reason), WAY_OUT)),
            None => Ok(()),
        }
    }
}

impl State {
    /// What keeps a rollout that was open when something was found.
    pub(crate) fn elsewhere_hold(&self, run: &Run) -> Option<Hold> {
        if !run.row.restored {
            return None;
        }
        let mark = self.product.elsewhere.as_ref();
        let reason = mark.and_then(|mark| mark.reason.as_deref());
        let hold = Hold::new(
            HoldKind::Paused,
            "operators",
            said(reason.unwrap_or(NO_REASON)),
        );
        let hold = hold.since(mark.map(|mark| mark.at));
        Some(hold.way_out(format!(
            "{WAY_OUT}  (once no other engine drives this product)"
        )))
    }
}

fn said(reason: &str) -> String {
    format!("everything open is held: {reason}; what has happened since is not known here")
}
