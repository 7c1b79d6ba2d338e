//! Would it be taken? The verb runs as always and its facts are dropped; what only shows something needs something to show.

use std::iter;

use policy::plan::bare;
use policy::{CustomerId, Timestamp};

use crate::fold::index::Rollout;
use crate::model::actor::Actor;
use crate::model::event::Event;
use crate::model::fact::{Fact, GateFact, PersonFact, RolloutFact};
use crate::model::hold::Hold;
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::{Begin, Offer, Offers, QUEUE, REASON, skip};
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::model::state::{CustomerStatus, RolloutState};
use crate::model::verb::Verb;
use crate::product::{Product, cut};

/// What comes of a trial.
enum Trial {
    /// It is taken, and its facts are about these rollouts.
    Taken(Vec<Option<RolloutId>>),
    Refused,
}

impl Product {
    /// The first of these offers that would be taken at this instant, as it is to be typed, with what it is.
    pub fn offer(&mut self, at: Timestamp, offers: &Offers) -> Option<(String, Offer)> {
        self.at = cut(at).max(self.state.product.at).max(self.at);
        offers.iter().find_map(|offer| self.typed(None, offer))
    }

    /// Whether a request would be taken at this instant, of whoever asks: what [`step`](Self::step) would answer, and nothing
    /// is done.
    ///
    /// # Errors
    /// What would be refused, with the way out.
    pub fn would_take_of(&mut self, at: Timestamp, request: &Request) -> Result<(), Rejected> {
        self.at = cut(at).max(self.state.product.at).max(self.at);
        let taken = self.permit(request).and_then(|()| self.try_on(request).0);
        taken.map_err(|rejected| self.settle_refusal(at, request.rollout, rejected))
    }

    /// Puts in the way out of a refusal what would be taken now.
    pub(crate) fn settle_refusal(
        &mut self,
        at: Timestamp,
        named: Option<RolloutId>,
        rejected: Rejected,
    ) -> Rejected {
        if rejected.offers.0.is_empty() {
            return rejected;
        }
        let named = named.filter(|rollout| self.state.rollouts.contains_key(rollout));
        let Offers(mut offers) = match named {
            Some(rollout) => rejected.offers.within(rollout),
            None => rejected.offers,
        };
        // Something always helps: to look, or to begin.
        offers.push(Offer::Status(None));
        offers.push(Offer::ResumeMoved);
        offers.push(Offer::start());
        offers.push(Offer::start_later());
        let (way_out, offer) = self.offer(at, &Offers(offers)).unzip();
        Rejected {
            code: rejected.code,
            message: rejected.message,
            way_out,
            offers: offer.map(Offers::from).unwrap_or_default(),
        }
    }

    /// Why this customer waits, as [`holds`](Self::holds), with ways out that would be taken now.
    pub fn why(&mut self, id: RolloutId, customer: &CustomerId, at: Timestamp) -> Vec<Hold> {
        let mut holds = self.holds(id, customer, at);
        for hold in &mut holds {
            self.settle_hold(id, at, hold);
        }
        holds
    }

    /// Puts in the way out of a hold what would be taken now.
    pub fn settle_hold(&mut self, id: RolloutId, at: Timestamp, hold: &mut Hold) {
        let offers = std::mem::take(&mut hold.offers).within(id);
        let (way_out, offer) = self.offer(at, &offers).unzip();
        hold.way_out = way_out;
        hold.offers = offer.map(Offers::from).unwrap_or_default();
    }

    /// What can be typed after an event, as far as the present state takes it.
    pub fn next(&mut self, at: Timestamp, event: &Event) -> Option<(String, Offer)> {
        let offers = self.offers_after(event);
        self.offer(at, &offers)
    }

    /// What a person can type where a rollout stands.
    pub fn goes_on_by(&mut self, id: RolloutId, at: Timestamp) -> Option<(String, Offer)> {
        let rollout = self.state.find(id)?;
        let offers = match (&rollout.row.state, &rollout.row.paused) {
            (RolloutState::Halted { .. }, _) => rollout.lifts_halt(),
            (RolloutState::Running, Some(_)) => Offers::from(Offer::Resume),
            (RolloutState::Running, None)
            | (
                RolloutState::Queued(_)
                | RolloutState::Draining { .. }
                | RolloutState::Ended { .. },
                Some(_) | None,
            ) => return None,
        };
        self.offer(at, &offers.within(id))
    }

    /// How somebody votes for a gate of a rollout.
    pub(crate) fn approved_by(&self, id: RolloutId, gate: &GateId) -> Option<String> {
        let name = |again| {
            let mut names = [None, Some(id)].into_iter();
            names.find(|name| self.would_count(*name, Some(id), &gate.to_string(), again))
        };
        let [approve, withdraw] = Offer::votes(gate);
        let first = name(false).map(|name| approve.text(name));
        first.or_else(|| name(true).map(|name| withdraw.text(name)))
    }

    /// Whether somebody can vote for a gate, or take a vote back.
    fn would_count(
        &self,
        named: Option<RolloutId>,
        meant: Option<RolloutId>,
        gate: &str,
        back: bool,
    ) -> bool {
        let verb = Verb::Withdraw {
            gate: gate.to_owned(),
        };
        let found = self.takes_votes(&asked(named, verb), gate, back);
        found.is_ok_and(|found| meant.is_none_or(|meant| meant == found))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what happens by itself is followed by nothing a person must know"
    )]
    fn offers_after(&self, event: &Event) -> Offers {
        let id = event.line.rollout;
        // What cannot be read is told as damage, and has no way out of its own.
        let Ok(fact) = Fact::read(&event.line) else {
            return Offers::default();
        };
        let offers: Offers = match fact {
            Fact::Gate(GateFact::Rejected(fact)) => self.after_a_rejection(id, &fact.place.gate),
            Fact::Person(PersonFact::Paused(_)) => Offer::Resume.into(),
            Fact::Person(PersonFact::Blocked(fact)) => Offer::Unblock(fact.version).into(),
            Fact::Person(PersonFact::Frozen(fact)) => Offer::Unfreeze(fact.name).into(),
            Fact::Person(PersonFact::FreezeOverridden(fact)) if !fact.complete => {
                let begins = fact.occurrence.and_then(|begins| begins.parse().ok());
                Offer::Override(fact.name, begins).into()
            }
            Fact::Rollout(RolloutFact::RolloutHalted(_)) => {
                let rollout = id.and_then(|id| self.state.find(id));
                rollout.map(Rollout::lifts_halt).unwrap_or_default()
            }
            Fact::Rollout(RolloutFact::RolloutAborted(_)) => {
                [Offer::start(), Offer::start_later()].into()
            }
            Fact::Rollout(RolloutFact::OperationStarted(_)) => {
                id.map(Offer::Watch).map(Offers::from).unwrap_or_default()
            }
            _ => Offers::default(),
        };
        match id {
            Some(id) => offers.within(id),
            None => offers,
        }
    }

    /// A rejected gate is asked anew, as long as its rollout goes on; else those whom it left out need another one.
    fn after_a_rejection(&self, id: Option<RolloutId>, gate: &str) -> Offers {
        let retry = Offer::Retry(gate.to_owned());
        let rollout = id.and_then(|id| self.state.find(id));
        let Some((rollout, (gate, _))) =
            rollout.and_then(|rollout| Some((rollout, rollout.find_gate(gate)?)))
        else {
            return retry.into();
        };
        let version = rollout.plan.release.version.clone();
        let start = Offer::Start(Begin {
            version: Some(version.clone()),
            customers: rollout.left_out_by(&gate),
            flag: None,
        });
        [retry, start, Offer::Unblock(version)].into()
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not put together of others is asked by itself"
    )]
    fn typed(&mut self, rollout: Option<RolloutId>, offer: &Offer) -> Option<(String, Offer)> {
        match offer {
            Offer::In(rollout, offer) => {
                let (text, offer) = self.typed(Some(*rollout), offer)?;
                Some((text, offer.within(*rollout)))
            }
            Offer::Noted(offer, note) => {
                let (text, offer) = self.typed(rollout, offer)?;
                Some((format!("{text}  ({note})"), offer.noted(note)))
            }
            Offer::Either(one, other) => {
                match (self.typed(rollout, one), self.typed(rollout, other)) {
                    (Some((one, first)), Some((other, second))) => {
                        Some((format!("{one}  (or: {other})"), first.or(second)))
                    }
                    (one, other) => one.or(other),
                }
            }
            Offer::SkipFailed => match self.failed_of(rollout).as_slice() {
                [only] => self.typed(rollout, &Offer::skip(only)),
                _ => self.typed_in(rollout, offer),
            },
            _ if offer.is_of_a_rollout() => self.typed_in(rollout, offer),
            _ => {
                let taken = self.would_take(None, None, offer);
                taken.then(|| (offer.text(None), offer.clone()))
            }
        }
    }

    /// What is asked of one rollout; it is named where another could be meant.
    fn typed_in(&mut self, rollout: Option<RolloutId>, offer: &Offer) -> Option<(String, Offer)> {
        let mut names = iter::once(None).chain(rollout.map(Some));
        let name = names.find(|name| self.would_take(*name, rollout, offer))?;
        Some((offer.text(name), offer.clone()))
    }

    /// Whether it would be taken, of the rollout that is meant, if it is typed with or without a name.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are a verb or show something"
    )]
    fn would_take(
        &mut self,
        named: Option<RolloutId>,
        meant: Option<RolloutId>,
        offer: &Offer,
    ) -> bool {
        let of_meant = |found: RolloutId| meant.is_none_or(|meant| meant == found);
        let verbs = match offer {
            Offer::Approve(gate) => return self.would_count(named, meant, gate, false),
            Offer::Withdraw(gate) => return self.would_count(named, meant, gate, true),
            Offer::Replan => return self.meant_to_replan(named).is_ok_and(of_meant),
            Offer::Start(begin) => return self.would_begin(begin),
            Offer::RollbackTo(customer) => self.versions_back(customer),
            Offer::SkipFailed => {
                let failed = self.failed_of(meant).into_iter();
                failed.map(|customer| skip(customer.as_str())).collect()
            }
            _ => match offer.verb() {
                Some(verb) => vec![verb],
                None => return self.can_show(offer),
            },
        };
        verbs.into_iter().any(|verb| {
            let request = asked(named, verb);
            let Trial::Taken(rollouts) = self.attempt(&request) else {
                return false;
            };
            let mut others = rollouts.into_iter().flatten();
            (!offer.is_of_a_rollout() || others.all(of_meant)) && self.somebody_may(&request)
        })
    }

    /// Asks a verb, and drops what would follow. Who may ask is another question than what would be taken.
    fn attempt(&mut self, request: &Request) -> Trial {
        match self.try_on(request) {
            (Ok(()), about) => Trial::Taken(about),
            (Err(refused), _) if refused.code == RejectedCode::NotPermitted => {
                Trial::Taken(Vec::new())
            }
            (Err(_), _) => Trial::Refused,
        }
    }

    /// What a verb answers, and about which rollouts its facts would be; they are dropped.
    fn try_on(&mut self, request: &Request) -> (Result<(), Rejected>, Vec<Option<RolloutId>>) {
        let in_flight = &self.in_flight;
        let (customers, gates) = (
            in_flight.dirty_customers.clone(),
            in_flight.dirty_gates.clone(),
        );
        let queued = in_flight.queued_dirty;
        self.trial = Some(Vec::new());
        let taken = self.take(request);
        let about = self.trial.take().unwrap_or_default();
        // What a verb marks to be looked at is only to be looked at if its facts are there.
        let in_flight = &mut self.in_flight;
        (
            in_flight.dirty_customers,
            in_flight.dirty_gates,
            in_flight.queued_dirty,
        ) = (customers, gates, queued);
        (taken, about)
    }

    fn would_begin(&self, begin: &Begin) -> bool {
        let blocked = |version: &String| self.state.product.blocks.contains_key(version);
        let is_free = match begin.customers.as_slice() {
            _ if begin.flag == Some(QUEUE) => true,
            [] => self.is_finished(),
            some => self.is_free(&some.iter().cloned().collect()),
        };
        self.elsewhere().is_none()
            && !begin.version.as_ref().is_some_and(blocked)
            && is_free
            && self.lacks(&begin.customers, begin.version.as_deref())
    }

    /// Whether somebody of these does not run the version, as far as is known.
    fn lacks(&self, customers: &[CustomerId], version: Option<&str>) -> bool {
        let Some(version) = version else { return true };
        let rollouts = |customer: &CustomerId| {
            let row = self.state.fleet.get(customer);
            let mut services = row.into_iter().flat_map(|row| row.running.values());
            row.is_some_and(|row| !row.running.is_empty())
                && services.all(|service| {
                    let known = service.version.as_deref();
                    known.is_some_and(|known| bare(known) == bare(version))
                })
        };
        customers.is_empty() || !customers.iter().all(rollouts)
    }

    fn versions_back(&self, customer: &CustomerId) -> Vec<Verb> {
        let versions = self.state.rollouts.values().rev();
        let back = versions.map(|rollout| Verb::Rollback {
            customer: customer.clone(),
            to: Some(rollout.plan.release.version.clone()),
            reason: REASON.to_owned(),
            force: false,
        });
        back.collect()
    }

    fn failed_of(&self, rollout: Option<RolloutId>) -> Vec<CustomerId> {
        let rollout = rollout.and_then(|id| self.state.find(id));
        let failed = rollout
            .into_iter()
            .flat_map(|rollout| rollout.failed_customers(None));
        failed.collect()
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what looks at files or at Render does not depend on this state"
    )]
    fn can_show(&self, offer: &Offer) -> bool {
        let rollouts = &self.state.rollouts;
        match offer {
            Offer::Status(None) => !rollouts.is_empty(),
            Offer::Status(Some(id)) | Offer::Watch(id) => rollouts.contains_key(id),
            Offer::Why(customer) => rollouts.values().any(|rollout| {
                rollout.plan.customers.contains_key(customer)
                    || rollout.plan.left_out.contains_key(customer)
            }),
            Offer::EnvDiff(_) => {
                let newest = rollouts.values().next_back();
                newest.is_none_or(|rollout| !rollout.plan.project.variables.is_empty())
            }
            Offer::Customer(customer) => {
                let files = self.state.product.read_files();
                files.is_none_or(|files| files.customers.contains(customer))
            }
            _ => true,
        }
    }
}

impl Rollout {
    /// What lifts a halt: the failed again or left out, the rejected gate asked anew.
    pub(crate) fn lifts_halt(&self) -> Offers {
        let mut offers = vec![Offer::RetryFailed.or(Offer::SkipFailed)];
        offers.extend(self.rejected_phases().map(|gate| Offer::retry(&gate)));
        offers.push(Offer::Abort);
        Offers(offers)
    }

    /// Whom the rejection of a gate has left out.
    fn left_out_by(&self, gate: &GateId) -> Vec<CustomerId> {
        match gate {
            GateId::Customer(customer) => vec![customer.clone()],
            GateId::Batch(phase, batch) => {
                let phase = self.phase_index(phase);
                let covered = phase.map(|phase| self.batch_customers(phase, *batch));
                let mut covered = covered.unwrap_or_default();
                covered
                    .retain(|customer| self.customer(customer).status == CustomerStatus::Excluded);
                covered
            }
            GateId::Phase(_) => Vec::new(),
        }
    }
}

/// Asked by somebody who is nobody of the project: no name of a person begins so.
fn asked(rollout: Option<RolloutId>, verb: Verb) -> Request {
    Request {
        by: Actor::person("-"),
        rollout,
        verb,
    }
}
