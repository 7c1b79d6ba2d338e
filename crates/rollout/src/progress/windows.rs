//! Whom do windows, freezes and pins hold, and until when (R7-R9)?

use chrono_tz::Tz;
use policy::calendar::{Boundary, Freeze, Held, Interval, Occurrence, Windows};
use policy::plan::matches_pin;
use policy::{CustomerId, PersonId, Timestamp};

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::freeze::{FreezeId, is_lifted};
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::Offer;
use crate::product::Product;

/// A freeze as it meets one customer.
struct Frozen {
    name: String,
    interval: Interval,
    /// Of one that comes again: how the occurrence begins.
    occurrence: Option<Boundary>,
    /// Of a freeze that somebody made: who, and why.
    made: Option<String>,
    /// Of the two who must ask for it, the one who has asked to lift it.
    voice: Option<PersonId>,
}

impl Frozen {
    /// A freeze of the files, if it holds a customer of that zone and was not lifted here.
    fn of(rollout: &Rollout, freeze: &Freeze, zone: Tz, at: Timestamp) -> Option<Self> {
        let voices = |occurrence: &Occurrence<'_>| rollout.voices(|| FreezeId::from(occurrence));
        let Held {
            occurrence,
            interval,
        } = freeze.held(at, zone, |occurrence| is_lifted(&voices(occurrence)))?;
        Some(Self {
            name: freeze.name.clone(),
            interval,
            occurrence: match freeze.once() {
                Some(_) => None,
                None => Some(occurrence.period.from),
            },
            made: None,
            voice: voices(&occurrence).first().map(|voice| (*voice).clone()),
        })
    }
}

impl State {
    /// A pin that was added or lengthened after the start (R6).
    pub(crate) fn pin_hold(
        &self,
        rollout: &Rollout,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Option<Hold> {
        let pin = self.product.read_files()?.pins.get(customer)?;
        let matches = matches_pin(&pin.version, &rollout.plan.release.version);
        if matches || pin.until.is_some_and(|until| until <= at) {
            return None;
        }
        let hold = Hold::new(
            HoldKind::Pin,
            HoldOwner::Operators,
            format!("it is pinned to {}", pin.version),
        );
        Some(match pin.until {
            Some(until) => hold.until(until),
            None => hold,
        })
    }

    pub(crate) fn freeze_hold(
        &self,
        rollout: &Rollout,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Option<Hold> {
        let active = self.frozen(rollout, customer, at).into_iter();
        let last = active.max_by_key(|freeze| freeze.interval.until)?;
        let name = &last.name;
        let asked = last.voice.as_ref().map_or_else(String::new, |voice| {
            format!("; {voice} asked to lift it, and a second person must say the same")
        });
        let (made, way_out) = match &last.made {
            Some(made) => (format!(" ({made})"), Offer::Unfreeze(name.clone())),
            None => (
                String::new(),
                Offer::Override(name.clone(), last.occurrence),
            ),
        };
        let of = last
            .occurrence
            .map_or_else(String::new, |begins| format!(" of {begins}"));
        let text = format!("the freeze {name}{of} is on{made}{asked}");
        let hold = Hold::new(HoldKind::Freeze, HoldOwner::Calendar, text);
        Some(
            hold.since(Some(last.interval.from))
                .until(last.interval.until)
                .way_out(way_out),
        )
    }

    /// Every freeze that holds a customer at an instant and was not lifted here: as frozen into the plan, as now written, and
    /// made by people (R9).
    fn frozen(&self, rollout: &Rollout, customer: &CustomerId, at: Timestamp) -> Vec<Frozen> {
        let Some(planned_customer) = rollout.plan.customers.get(customer) else {
            return Vec::new();
        };
        let zone = rollout.zone_of(customer);
        let written = self
            .product
            .read_files()
            .into_iter()
            .flat_map(|files| &files.freezes);
        let planned = rollout.plan.freezes.iter().chain(written);
        let covering = planned.filter(|freeze| freeze.covers(customer, &planned_customer.customer));
        let mut freezes: Vec<Frozen> = covering
            .filter_map(|freeze| Frozen::of(rollout, freeze, zone, at))
            .collect();
        let made = self.product.freezes.iter().filter(|(_, freeze)| {
            freeze.customers.is_empty() || freeze.customers.contains(customer)
        });
        freezes.extend(made.filter_map(|(name, freeze)| {
            let voices = rollout.voices(|| FreezeId::made(name, freeze));
            let interval = Interval {
                from: freeze.from,
                until: freeze.until,
            };
            (interval.contains(at) && !is_lifted(&voices)).then(|| Frozen {
                name: name.clone(),
                interval,
                occurrence: None,
                made: Some(format!("{}: {}", freeze.by, freeze.reason)),
                voice: voices.first().map(|voice| (*voice).clone()),
            })
        }));
        freezes
    }
}

impl Product {
    /// The calendar of a customer in a rollout.
    pub(crate) fn windows_of(rollout: &Rollout, customer: &CustomerId) -> Windows {
        let planned = &rollout.plan.customers[customer];
        let policy = &rollout.plan.phases[planned.phase].policy;
        let zone = rollout.zone_of(customer);
        Windows::new(&policy.window, &planned.customer.window, zone)
            .expect("the parser has checked every window")
    }

    /// When a customer will begin as far as is known, and the holds whose end is not known. `gate` counts as open.
    pub(crate) fn forecast(
        &self,
        id: RolloutId,
        customer: &CustomerId,
        gate: &GateId,
        at: Timestamp,
    ) -> (Timestamp, Vec<Hold>) {
        let mut begins = at;
        let mut holds = self.holds(id, customer, begins);
        let ends = |holds: &[Hold], at| {
            let last = holds.iter().filter_map(|hold| hold.until).max();
            last.filter(|until| *until > at)
        };
        // Each pass moves to the end of a hold; calendars can alternate, so the passes are bounded.
        for _ in 0..PASSES {
            let Some(later) = ends(&holds, begins) else {
                break;
            };
            begins = later;
            holds = self.holds(id, customer, begins);
        }
        // What still holds then comes to no end that is known.
        let is_endless = ends(&holds, begins).is_some();
        let is_gate = |hold: &Hold| hold.gate.as_ref() == Some(gate);
        let open = holds.into_iter();
        (
            begins,
            open.filter(|hold| (is_endless || hold.until.is_none()) && !is_gate(hold))
                .collect(),
        )
    }
}

/// So many windows and freezes that take turns are passed in a forecast: two months of days that all have both.
const PASSES: usize = 128;
