//! Render could not be asked, or said nothing of use: that is no verdict (R11). Who is asked again, and when?
//!
//! Whoever waits is asked again at a growing distance, for as long as it takes. Only what Render says clearly about a
//! service counts against it ([`Outcome::Gone`]); a person is told once the wait has lasted as long as a deploy may.

use std::mem::discriminant;

use chrono::TimeDelta;
use policy::{CustomerId, Timestamp};

use crate::customer::answer::say;
use crate::customer::ctx::{Ctx, Next};
use crate::fold::in_flight::{InFlight, Slot};
use crate::fold::index::{Position, Rollout};
use crate::fold::scratch::{Scratch, Trouble};
use crate::model::command::{CommandKind, Outcome};
use crate::model::fact::{CustomerStalled, CustomerWaits, Fact};
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::state::Unanswered;
use crate::product::Product;

/// The first distance between two questions; each is twice the one before.
const FIRST: TimeDelta = TimeDelta::seconds(5);

/// The longest.
const LONGEST: TimeDelta = TimeDelta::minutes(5);

impl Trouble {
    /// What it is that a customer waits for.
    pub(crate) fn hold(&self) -> Hold {
        hold(&self.reason, self.since, self.again_at)
    }
}

impl Unanswered {
    /// What it is that a customer waits for, as far as it is stored.
    fn hold(&self, at: Timestamp) -> Hold {
        hold(&self.reason, self.since, self.again_at.max(at))
    }
}

fn hold(reason: &str, since: Timestamp, again_at: Timestamp) -> Hold {
    let text =
        format!("Render gives no usable answer: {reason}; it is asked again, every 5 min at least");
    let hold = Hold::new(HoldKind::Trouble, HoldOwner::Render, text).since(Some(since));
    hold.until(again_at).way_out(Offer::RenderCheck)
}

impl Scratch {
    /// A question met trouble: when it is asked again, and whether a person is to be told now.
    fn met(
        &mut self,
        asked: &CommandKind,
        reason: &str,
        at: Timestamp,
        patience: TimeDelta,
    ) -> bool {
        let asked = discriminant(asked);
        let before = self.trouble.take().filter(|known| known.asked == asked);
        let (since, distance, was_told) = before.map_or((at, FIRST, false), |known| {
            let distance = (known.distance * 2).min(LONGEST);
            (known.since, distance, known.is_told)
        });
        let tells_at = since + patience;
        let tells = !was_told && tells_at <= at;
        let next = at + distance;
        self.trouble = Some(Trouble {
            asked,
            reason: reason.to_owned(),
            since,
            // Who is to be told is told in time.
            again_at: match was_told || tells {
                true => next,
                false => next.min(tells_at),
            },
            distance,
            is_told: was_told || tells,
        });
        tells
    }

    /// A question was answered.
    pub(crate) fn answered(&mut self, asked: &CommandKind) {
        let asked = discriminant(asked);
        self.trouble = self.trouble.take().filter(|known| known.asked != asked);
    }
}

/// Notes that a question met trouble: said at first, and once more when it has lasted for as long as a deploy may.
pub(crate) fn met(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    asked: &CommandKind,
    reason: &str,
) -> Option<Fact> {
    let tells = scratch.met(asked, reason, ctx.at, ctx.timeout());
    let trouble = scratch.trouble.as_ref()?;
    let (place, reason, until) = (ctx.place(), reason.to_owned(), trouble.again_at);
    match (tells, trouble.since == ctx.at) {
        (true, _) => {
            let stalled = CustomerStalled {
                place,
                reason,
                until,
                since: trouble.since,
            };
            Some(stalled.into())
        }
        (false, true) => {
            let waits = CustomerWaits {
                place,
                reason,
                until,
            };
            Some(waits.into())
        }
        (false, false) => None,
    }
}

/// After trouble nothing is asked for the customer before its time has come.
pub(crate) fn patient(ctx: &Ctx<'_>, next: Next) -> Next {
    match (&next, &ctx.scratch.trouble) {
        (Next::Command(_), Some(trouble)) if ctx.at < trouble.again_at => {
            Next::Wait(trouble.again_at)
        }
        (_, _) => next,
    }
}

impl Product {
    /// What Render gives no usable answer to about this customer, as this process knows it or as it is stored.
    pub(crate) fn trouble_hold(
        &self,
        id: RolloutId,
        rollout: &Rollout,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Option<Hold> {
        let position = rollout.position(customer)?;
        let known = self.in_flight.scratch.get(&(id, position));
        match known.and_then(|scratch| scratch.trouble.as_ref()) {
            Some(trouble) => Some(hold(
                &trouble.reason,
                trouble.since,
                trouble.again_at.max(at),
            )),
            None => Some(rollout.customer(customer).unanswered.as_ref()?.hold(at)),
        }
    }

    /// A customer whose turn it is cannot be read: it gives its place up until it is asked again.
    pub(crate) fn wait_for_render(
        &mut self,
        id: RolloutId,
        position: Position,
        asked: &CommandKind,
        outcome: &Outcome,
    ) {
        let reason = say(outcome);
        let mut scratch = self.in_flight.take_scratch(id, position);
        let alarm = self
            .ask(id, position, |ctx| met(ctx, &mut scratch, asked, &reason))
            .flatten();
        self.in_flight.scratch.insert((id, position), scratch);
        self.in_flight.unblock(id, position);
        if let Some(alarm) = alarm {
            self.emit_in(id, alarm);
        }
    }
}

impl InFlight {
    /// Holds that only this process knows: it has read them just now.
    pub(crate) fn reading_holds(
        &self,
        id: RolloutId,
        rollout: &Rollout,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Vec<Hold> {
        let Some(position) = rollout.position(customer) else {
            return Vec::new();
        };
        let Some(scratch) = self.scratch.get(&(id, position)) else {
            return Vec::new();
        };
        let missing = scratch.secret.as_ref().filter(|(_, until)| *until > at);
        let secret = missing.map(|(name, until)| Hold {
            until: Some(*until),
            ..Hold::new(
                HoldKind::Secret,
                HoldOwner::Operators,
                format!("the secret {name} does not resolve"),
            )
        });
        let foreign = scratch
            .foreign
            .as_ref()
            .filter(|_| self.out(id, position, Slot::Main).is_some());
        let foreign = foreign.map(|(since, deploy)| Hold {
            since: Some(*since),
            ..Hold::new(
                HoldKind::Foreign,
                HoldOwner::WhoeverDeployed,
                format!("a deploy of somebody else is under way: {deploy}"),
            )
        });
        let trouble = scratch.trouble.as_ref();
        let trouble = trouble.filter(|trouble| trouble.again_at > at);
        let trouble = trouble.map(Trouble::hold);
        secret.into_iter().chain(foreign).chain(trouble).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    fn asked() -> CommandKind {
        CommandKind::FindDatabases {
            name: String::new(),
        }
    }

    #[test]
    fn the_distance_grows_to_five_minutes_and_a_person_is_told_once_in_time() {
        let mut scratch = Scratch::default();
        let patience = TimeDelta::minutes(10);
        let (mut now, mut asked_at, mut told_at) = (0, Vec::new(), Vec::new());
        for _ in 0..9 {
            asked_at.push(now);
            if scratch.met(&asked(), "garbled", at(now), patience) {
                told_at.push(now);
            }
            let again_at = scratch.trouble.as_ref().expect("noted").again_at;
            now = (again_at - at(0)).num_seconds();
        }
        assert_eq!(asked_at, [0, 5, 15, 35, 75, 155, 315, 600, 900]);
        assert_eq!(told_at, [600]);
    }

    #[test]
    fn an_answer_to_the_same_question_ends_it() {
        let mut scratch = Scratch::default();
        scratch.met(&asked(), "garbled", at(0), TimeDelta::minutes(10));
        let command = crate::model::ids::CommandId(1);
        scratch.answered(&CommandKind::Stop { command });
        assert!(scratch.trouble.is_some());
        scratch.answered(&asked());
        assert!(scratch.trouble.is_none());
    }
}
