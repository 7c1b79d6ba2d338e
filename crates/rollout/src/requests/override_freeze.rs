//! `override`: which freeze is meant, and when two people have lifted it (R9).

use std::collections::BTreeMap;

use chrono_tz::Tz;
use policy::calendar::{Boundary, Freeze, ZoneSpec};
use policy::{CustomerId, Timestamp};

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::actor::Actor;
use crate::model::fact::FreezeOverridden;
use crate::model::freeze::{FreezeId, VOICES, distinct, is_lifted};
use crate::model::offer::Offer;
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::product::Product;
use crate::progress::hands::{self, Act};

impl State {
    /// What an override of that name is for at an instant, and the beginning of the occurrence if it is for one.
    fn meant(
        &self,
        rollout: &Rollout,
        name: &str,
        wanted: Option<Boundary>,
        at: Timestamp,
    ) -> Result<(Vec<FreezeId>, Option<Boundary>), Rejected> {
        let repeating: Vec<&Freeze> = self
            .written_freezes(rollout, name)
            .filter(|freeze| freeze.once().is_none())
            .collect();
        let mut once = self.named_freezes(rollout, name);
        if once.is_empty() && repeating.is_empty() {
            return Err(Rejected::usage(
                format!("there is no freeze {name}"),
                Offer::Status(None),
            ));
        }
        once.retain(|freeze| {
            !freeze.is_over(at) && wanted.is_none_or(|wanted| freeze.is_at(wanted))
        });
        let next = |then| match rollout.next_occurrence(name, &repeating, then) {
            // One that comes but once is meant by its name alone.
            Err(_) if !once.is_empty() => Ok(None),
            found => found,
        };
        let occurrence = match (wanted, repeating.is_empty()) {
            (_, true) => None,
            (Some(begins @ Boundary::Local(_)), false) => Some(begins),
            (Some(Boundary::Instant(then)), false) => next(then)?,
            (None, false) => next(at)?,
        };
        let begin = |begins| {
            let begin = repeating
                .iter()
                .filter_map(move |freeze| freeze.occurrence(begins));
            begin.filter(|occurrence| !occurrence.is_over(at))
        };
        let meant = occurrence.into_iter().flat_map(begin);
        let meant = meant.map(|occurrence| FreezeId::from(&occurrence));
        let meant = distinct(once.into_iter().chain(meant));
        if !meant.is_empty() {
            return Ok((meant, occurrence));
        }
        let text = match wanted {
            Some(wanted) => format!("the freeze {name} does not hold at {wanted}, or is over"),
            None => format!("the freeze {name} is over"),
        };
        let next = rollout.next_occurrence(name, &repeating, at).ok().flatten();
        Err(Rejected::state(
            text,
            next.map_or(Offer::Status(None), |next| {
                Offer::Override(name.to_owned(), Some(next))
            }),
        ))
    }
}

/// An occurrence that can be meant.
struct Candidate {
    /// The first instant from the asked one on at which it holds somebody.
    holds_at: Timestamp,
    from: Boundary,
    is_lifted: bool,
}

impl Rollout {
    /// The beginning of the occurrence that holds somebody at an instant, else of the next.
    fn next_occurrence(
        &self,
        name: &str,
        freezes: &[&Freeze],
        at: Timestamp,
    ) -> Result<Option<Boundary>, Rejected> {
        let mut candidates: Vec<Candidate> = freezes
            .iter()
            .flat_map(|freeze| self.candidates(freeze, at))
            .collect();
        candidates.sort_by_key(|one| (one.holds_at, one.from));
        let holding = |one: &&Candidate| one.holds_at == at && !one.is_lifted;
        let meant = candidates.iter().find(holding).or(candidates.first());
        let Some(meant) = meant else {
            return Ok(None);
        };
        if !meant.is_lifted {
            return Ok(Some(meant.from));
        }
        let next = candidates.iter().find(|one| !one.is_lifted);
        Err(Rejected::state(
            format!("the freeze {name} of {} is lifted already", meant.from),
            next.map_or(Offer::Status(None), |next| {
                Offer::Override(name.to_owned(), Some(next.from)).noted("for the next")
            }),
        ))
    }

    /// For each zone all occurrences that hold at an instant, and those that follow, up to the first that is not lifted.
    fn candidates(&self, freeze: &Freeze, at: Timestamp) -> Vec<Candidate> {
        let mut found = Vec::new();
        for zone in self.zones_under(freeze) {
            for (occurrence, interval) in freeze.occurrences(at, zone) {
                let is_lifted = is_lifted(&self.voices(|| FreezeId::from(&occurrence)));
                found.push(Candidate {
                    holds_at: interval.from.max(at),
                    from: occurrence.period.from,
                    is_lifted,
                });
                if interval.from > at && !is_lifted {
                    break;
                }
            }
        }
        found
    }

    /// The zones of those whom a freeze covers, as far as it matters: of those who wait, or of all if nobody does.
    fn zones_under(&self, freeze: &Freeze) -> Vec<Tz> {
        let ZoneSpec::Customer = freeze.zone else {
            return vec![Tz::UTC];
        };
        let phases = 0..self.phases.len();
        let waiting = phases.flat_map(|phase| {
            let places = self.waiting(phase).iter();
            places.map(move |place| self.at_place(phase, *place))
        });
        let mut zones = self.zones_of(freeze, waiting);
        if zones.is_empty() {
            zones = self.zones_of(freeze, self.plan.customers.keys());
        }
        if zones.is_empty() {
            zones.push(self.plan.project.timezone);
        }
        zones
    }

    /// The zones of those of some customers whom a freeze covers, in the order of their names.
    fn zones_of<'c>(
        &self,
        freeze: &Freeze,
        customers: impl Iterator<Item = &'c CustomerId>,
    ) -> Vec<Tz> {
        let covered = customers.filter(|id| {
            let planned = &self.plan.customers[*id];
            freeze.covers(id, &planned.customer)
        });
        let zones = covered.map(|id| self.zone_of(id));
        let by_name: BTreeMap<&str, Tz> = zones.map(|zone| (zone.name(), zone)).collect();
        by_name.into_values().collect()
    }
}

impl Product {
    /// Whether an unfinished rollout has voices of a release that stored no more than a freeze's name with them. Rows do not
    /// say which freeze bore it then; the journal does ([`recall`](Self::recall)).
    pub fn has_old_overrides(&self) -> bool {
        let mut rollouts = self.state.rollouts.values();
        rollouts.any(|rollout| !rollout.is_ended() && !rollout.row.overrides.is_empty())
    }

    /// Takes from a product that was folded from the whole journal which freezes such voices were for.
    pub fn recall(&mut self, folded: &Self) {
        for (id, rollout) in &mut self.state.rollouts {
            if let Some(folded) = folded.state.find(*id) {
                rollout.recalled.clone_from(&folded.recalled);
            }
        }
    }
}

impl Product {
    pub(crate) fn override_freeze(
        &mut self,
        request: &Request,
        name: &str,
        occurrence: Option<Boundary>,
        reason: &str,
    ) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        let rollout = &self.state.rollouts[&id];
        let meant = self.state.meant(rollout, name, occurrence, self.at);
        let (mut freezes, occurrence) = meant.map_err(|refused| Rejected {
            offers: refused.offers.within(id),
            ..refused
        })?;
        if request.by.service {
            let text = format!(
                "{} is a service, and an override takes two people",
                request.by.name
            );
            return Err(Rejected::new(RejectedCode::NotPermitted, text, ""));
        }
        self.may_override(rollout, &request.by, &freezes)?;
        let by = &request.by.name;
        let directory = self.state.directory(rollout);
        // Whoever has another name now has said so under the old one.
        freezes.retain(|freeze| {
            let voices = rollout.voices(|| freeze.clone());
            let mut before = voices.iter().filter(|voice| **voice != by);
            !before.any(|voice| directory.is_one(voice, by))
        });
        let voices = |freeze: &FreezeId| rollout.voices(|| freeze.clone());
        let is_said = |freeze: &FreezeId| {
            let voices = voices(freeze);
            voices.len() >= VOICES || voices.contains(by)
        };
        if freezes.iter().all(is_said) {
            let text = format!("{by} has said so already; an override takes a second person");
            return Err(Rejected::state(
                text,
                Offer::Override(name.to_owned(), occurrence)
                    .noted("by somebody else")
                    .within(id),
            ));
        }
        let lifts = |freeze: &FreezeId| {
            let voices = voices(freeze);
            voices.len() + usize::from(!voices.contains(by)) >= VOICES
        };
        let complete = freezes.iter().all(lifts);
        let fact = FreezeOverridden {
            actor: by.clone(),
            reason: reason.to_owned(),
            name: name.to_owned(),
            complete,
            occurrence: occurrence.map(|begins| begins.to_string()),
            freezes: Some(freezes),
        };
        self.emit_in(id, fact);
        Ok(())
    }

    /// An override takes two people with a hand of their own, and needs to know who they are.
    fn may_override(
        &self,
        rollout: &Rollout,
        by: &Actor,
        freezes: &[FreezeId],
    ) -> Result<(), Rejected> {
        if self.state.product.gates_shut() {
            let text = "tranche.yaml cannot be parsed, so it is not known who may lift a freeze";
            return Err(Rejected::state(text, Offer::Validate));
        }
        let directory = self.state.directory(rollout);
        hands::own_hand(rollout, &directory, by)?;
        let voices = freezes
            .iter()
            .flat_map(|freeze| rollout.voices(|| freeze.clone()));
        for voice in voices.filter(|voice| **voice != by.name) {
            let proofs = rollout.row.hands.get(voice).into_iter().flatten();
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
