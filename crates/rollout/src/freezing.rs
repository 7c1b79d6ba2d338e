//! Freezes, which of them an override lifts, and blocked versions (R9).

use std::collections::BTreeSet;

use policy::calendar::{Boundary, Freeze, FreezeScope, ZoneSpec};
use policy::{CustomerId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Fact, Kind};
use crate::hands::{self, Act};
use crate::index::Run;
use crate::offer::Offer;
use crate::product::{Product, State};
use crate::request::{Actor, Rejected, RejectedCode, Request};
use crate::state::ManualFreeze;
use crate::verbs::already;

/// So many people lift a freeze together.
const VOICES: usize = 2;

/// Which freeze is meant: not whatever bears its name later. Of one that repeats, an occurrence has its own local `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FreezeId {
    name: String,
    /// As written: a local date-time is one freeze for customers of all zones.
    from: Boundary,
    until: Boundary,
    zone: ZoneSpec,
    /// Who is added to a freeze later was not in what people lifted.
    customers: FreezeScope,
}

/// What people have said about one freeze in a rollout: lifted with two voices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lift {
    freeze: FreezeId,
    voices: BTreeSet<PersonId>,
}

impl From<&Freeze> for FreezeId {
    fn from(freeze: &Freeze) -> Self {
        Self {
            name: freeze.name.clone(),
            from: freeze.from,
            until: freeze.until,
            zone: freeze.zone,
            customers: freeze.customers.clone(),
        }
    }
}

impl FreezeId {
    /// A freeze that a person made.
    pub(crate) fn made(name: &str, freeze: &ManualFreeze) -> Self {
        let customers = match freeze.customers.is_empty() {
            true => FreezeScope::All,
            false => FreezeScope::Only {
                customers: freeze.customers.clone(),
                tags: BTreeSet::new(),
                tiers: BTreeSet::new(),
            },
        };
        Self {
            name: name.to_owned(),
            from: Boundary::Instant(freeze.from),
            until: Boundary::Instant(freeze.until),
            zone: ZoneSpec::UTC,
            customers,
        }
    }

    /// Whether it is over for everybody, wherever they live.
    fn is_over(&self, at: Timestamp) -> bool {
        self.until.everywhere(self.zone) <= at
    }
}

impl Run {
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

/// Whether so many have asked that the freeze holds nobody any more.
pub(crate) fn is_lifted(voices: &BTreeSet<&PersonId>) -> bool {
    voices.len() >= VOICES
}

/// Folds a voice for some freezes.
pub(crate) fn fold_voice(lifts: &mut Vec<Lift>, freezes: Vec<FreezeId>, by: &PersonId) {
    for freeze in freezes {
        match lifts.iter_mut().find(|lift| lift.freeze == freeze) {
            Some(lift) => {
                lift.voices.insert(by.clone());
            }
            None => lifts.push(Lift {
                freeze,
                voices: BTreeSet::from([by.clone()]),
            }),
        }
    }
}

impl State {
    /// Every freeze that bears a name now, as far as a rollout is concerned: as frozen, as now written, and made by a person.
    pub(crate) fn named_freezes(&self, run: &Run, name: &str) -> Vec<FreezeId> {
        let files = self.product.read_files().into_iter();
        let written = files.flat_map(|files| &files.freezes);
        let planned = run.plan.freezes.iter().chain(written);
        let mut named: Vec<FreezeId> = Vec::new();
        for freeze in planned.filter(|freeze| freeze.name == name) {
            let id = FreezeId::from(freeze);
            if !named.contains(&id) {
                named.push(id);
            }
        }
        let made = self.product.freezes.get(name);
        named.extend(made.map(|freeze| FreezeId::made(name, freeze)));
        named
    }
}

impl Product {
    /// Whether an unfinished rollout has voices of a release that stored no more than a freeze's name with them. Rows do not
    /// say which freeze bore it then; the journal does ([`recall`](Self::recall)).
    pub fn has_old_overrides(&self) -> bool {
        let mut runs = self.state.runs.values();
        runs.any(|run| !run.is_ended() && !run.row.overrides.is_empty())
    }

    /// Takes from a product that was folded from the whole journal which freezes such voices were for.
    pub fn recall(&mut self, folded: &Self) {
        for (id, run) in &mut self.state.runs {
            if let Some(folded) = folded.state.runs.get(id) {
                run.recalled.clone_from(&folded.recalled);
            }
        }
    }
}

impl Product {
    pub(crate) fn block(
        &mut self,
        by: &Actor,
        version: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        if self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is blocked already"),
                Offer::Unblock(version.to_owned()),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::Blocked)
        };
        self.emit(fact.with("version", version));
        Ok(())
    }

    pub(crate) fn unblock(&mut self, by: &Actor, version: &str) -> Result<(), Rejected> {
        if !self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is not blocked"),
                Offer::Status(None),
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unblocked)
            }
            .with("version", version),
        );
        Ok(())
    }

    pub(crate) fn freeze(
        &mut self,
        by: &Actor,
        name: &str,
        until: Timestamp,
        reason: &str,
        customers: &BTreeSet<CustomerId>,
    ) -> Result<(), Rejected> {
        if until <= self.at {
            return Err(Rejected::usage(
                format!("{} has passed", crate::show_instant(until)),
                "tranche freeze NAME --until INSTANT --reason ...",
            ));
        }
        let written = self.is_written_freeze(name);
        let planned = self.state.runs.values().any(|run| {
            !run.is_ended() && run.plan.freezes.iter().any(|freeze| freeze.name == name)
        });
        if written || planned {
            return Err(Rejected::state(
                format!("tranche.yaml has a freeze {name}"),
                "choose another name",
            ));
        }
        if self
            .state
            .product
            .freezes
            .get(name)
            .is_some_and(|freeze| freeze.until > self.at)
        {
            return Err(already(
                format!("the freeze {name} is on already"),
                Offer::Unfreeze(name.to_owned()),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            until: Some(until),
            ..Fact::new(Kind::Frozen)
        };
        self.emit(fact.with("name", name).with_value("customers", customers));
        Ok(())
    }

    /// Whether tranche.yaml, as last read, has such a freeze.
    fn is_written_freeze(&self, name: &str) -> bool {
        let mut read = self.state.product.read_files().into_iter();
        read.any(|files| files.freezes.iter().any(|freeze| freeze.name == name))
    }

    pub(crate) fn unfreeze(&mut self, by: &Actor, name: &str) -> Result<(), Rejected> {
        if !self.state.product.freezes.contains_key(name) {
            let text = format!("no freeze {name} was made by `tranche freeze`");
            return Err(Rejected::state(
                text,
                Offer::Override(name.to_owned()).noted("for one of tranche.yaml"),
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unfrozen)
            }
            .with("name", name),
        );
        Ok(())
    }

    pub(crate) fn override_freeze(
        &mut self,
        request: &Request,
        name: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        let named = self.state.named_freezes(run, name);
        if named.is_empty() {
            return Err(Rejected::usage(
                format!("there is no freeze {name}"),
                Offer::Status(None),
            ));
        }
        let mut freezes = named;
        freezes.retain(|freeze| !freeze.is_over(self.at));
        if freezes.is_empty() {
            let text = format!("the freeze {name} is over");
            return Err(Rejected::state(text, Offer::Status(None)));
        }
        if request.by.service {
            let text = format!(
                "{} is a service, and an override takes two people",
                request.by.name
            );
            return Err(Rejected::new(RejectedCode::NotPermitted, text, ""));
        }
        self.may_override(run, &request.by, &freezes)?;
        let by = &request.by.name;
        let directory = self.state.directory(run);
        // Whoever has another name now has said so under the old one.
        freezes.retain(|freeze| {
            let voices = run.voices(|| freeze.clone());
            let mut before = voices.iter().filter(|voice| **voice != by);
            !before.any(|voice| directory.is_one(voice, by))
        });
        let voices = |freeze: &FreezeId| run.voices(|| freeze.clone());
        let is_said = |freeze: &FreezeId| {
            let voices = voices(freeze);
            voices.len() >= VOICES || voices.contains(by)
        };
        if freezes.iter().all(is_said) {
            let text = format!("{by} has said so already; an override takes a second person");
            return Err(Rejected::state(
                text,
                Offer::Override(name.to_owned())
                    .noted("by somebody else")
                    .within(id),
            ));
        }
        let lifts = |freeze: &FreezeId| {
            let voices = voices(freeze);
            voices.len() + usize::from(!voices.contains(by)) >= VOICES
        };
        let complete = freezes.iter().all(lifts);
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::FreezeOverridden)
        };
        let fact = fact.with("name", name).with("complete", complete);
        self.emit_in(id, fact.with_value("freezes", &freezes));
        Ok(())
    }

    /// An override takes two people with a hand of their own, and needs to know who they are.
    fn may_override(&self, run: &Run, by: &Actor, freezes: &[FreezeId]) -> Result<(), Rejected> {
        if self.state.product.gates_shut() {
            let text = "tranche.yaml cannot be parsed, so it is not known who may lift a freeze";
            return Err(Rejected::state(text, Offer::Validate));
        }
        let directory = self.state.directory(run);
        hands::own_hand(run, &directory, by)?;
        let voices = freezes
            .iter()
            .flat_map(|freeze| run.voices(|| freeze.clone()));
        for voice in voices.filter(|voice| **voice != by.name) {
            let proofs = run.row.hands.get(voice).into_iter().flatten();
            let mut hands = proofs.filter_map(|proof| {
                let other = Actor::person(voice.as_str()).proved_by(proof.clone());
                hands::one_hand(&directory, Act::of(by), Act::of(&other))
            });
            if let Some(why) = hands.next() {
                return Err(hands::refused(by, &why));
            }
        }
        Ok(())
    }
}
