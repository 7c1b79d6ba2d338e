//! Promises recomputed from the journal by code of their own: the quorum before each gated start (P1), windows and freezes at
//! each start (P23), and each verdict from the cycles in its event (P34). Nothing of the core is asked.

use std::collections::{BTreeMap, BTreeSet};

use policy::health::Profile;
use policy::rules::{Approval, Excluded, Scope};
use policy::{CustomerId, PersonId, Plan, Timestamp};
use rollout::fact::{CustomerFact, GateFact, HealthFact, PersonFact, Retried, RollbackFact};
use rollout::health::{Cycle, CycleResult};
use rollout::{Event, Fact, Kind, Line, RolloutId};

/// A window of these stories opens every six hours, for two, and asks for half an hour of what is left.
const WINDOW_EVERY_SECS: i64 = 6 * 3600;
const WINDOW_SECS: i64 = 2 * 3600;
const RESERVE_SECS: i64 = 1800;

/// The freeze of these stories begins every three hours, for three quarters of one.
const FREEZE_EVERY_SECS: i64 = 3 * 3600;
const FREEZE_SECS: i64 = 45 * 60;

/// What was seen so far.
#[derive(Default)]
pub(super) struct Recomputed {
    plans: BTreeMap<Option<RolloutId>, (Plan, PersonId)>,
    /// Who has said yes to a gate since it was last asked anew, and when each did.
    votes: BTreeMap<(Option<RolloutId>, String), BTreeMap<PersonId, Timestamp>>,
    /// Gates that something has passed, and that were not asked anew.
    passed: BTreeSet<(Option<RolloutId>, String)>,
    freezes: BTreeMap<String, (Timestamp, Timestamp)>,
    /// Who has asked to lift which occurrence of the freeze that repeats.
    lifts: BTreeMap<(Option<RolloutId>, String), BTreeSet<PersonId>>,
}

impl Recomputed {
    /// Follows one event; says what it breaks.
    pub(super) fn follow(&mut self, event: &Event) -> Result<(), String> {
        let line = &event.line;
        let fact = Fact::read(line).map_err(|why| why.to_string())?;
        if let (Some(plan), Kind::RolloutStarted | Kind::OperationStarted) =
            (fact.plan(), line.kind)
        {
            let starter = line.actor.clone().ok_or("nobody has started it")?;
            self.plans.insert(line.rollout, (plan.clone(), starter));
        }
        self.follow_gate(event, &fact);
        self.follow_freeze(event, &fact);
        match line.kind == Kind::CustomerStarted {
            true => self.start(event),
            false => self.verdict(line, &fact),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other facts break none of these promises"
    )]
    fn follow_gate(&mut self, event: &Event, fact: &Fact) {
        let run = event.line.rollout;
        let gate = match fact {
            Fact::Gate(gate) => gate,
            Fact::Customer(CustomerFact::Retried(Retried {
                gate: Some(gate), ..
            })) => {
                self.passed.remove(&(run, gate.clone()));
                return;
            }
            _ => return,
        };
        let key = (run, gate.place().gate.clone());
        match gate {
            GateFact::Approved(vote) => {
                let votes = self.votes.entry(key).or_default();
                votes.insert(vote.actor.clone(), event.at);
            }
            GateFact::Withdrawn(vote) => {
                self.votes.entry(key).or_default().remove(&vote.actor);
            }
            GateFact::ApprovalLapsed(_) | GateFact::Rejected(_) => {
                self.votes.remove(&key);
            }
            GateFact::ApprovalRequested(_)
            | GateFact::ApprovalEscalated(_)
            | GateFact::GatePassed(_) => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other facts break none of these promises"
    )]
    fn follow_freeze(&mut self, event: &Event, fact: &Fact) {
        match fact {
            Fact::Person(PersonFact::Frozen(frozen)) => {
                let time = (event.at, frozen.until);
                self.freezes.insert(frozen.name.clone(), time);
            }
            Fact::Person(PersonFact::Unfrozen(unfrozen)) => {
                self.freezes.remove(&unfrozen.name);
            }
            Fact::Person(PersonFact::FreezeOverridden(lifted)) => {
                let occurrence = lifted.occurrence.clone().unwrap_or_default();
                let key = (event.line.rollout, occurrence);
                let people = self.lifts.entry(key).or_default();
                people.insert(lifted.actor.clone());
            }
            _ => {}
        }
    }

    /// The occurrence of the freeze that repeats which holds at an instant, unless two people have lifted that one.
    fn repeated(&self, event: &Event, plan: &Plan) -> Option<String> {
        let into = event.at.timestamp().rem_euclid(FREEZE_EVERY_SECS);
        let begins = event.at.timestamp() - into;
        let begins = chrono::DateTime::from_timestamp(begins, 0)?;
        let occurrence = begins.format("%Y-%m-%dT%H:%M").to_string();
        let lifts = self.lifts.get(&(event.line.rollout, occurrence.clone()));
        let is_lifted = lifts.is_some_and(|people| people.len() >= 2);
        (!plan.freezes.is_empty() && into < FREEZE_SECS && !is_lifted).then_some(occurrence)
    }

    fn start(&mut self, event: &Event) -> Result<(), String> {
        let fact = &event.line;
        let customer = fact.customer.clone().ok_or("nobody starts")?;
        let Some((plan, starter)) = self.plans.get(&fact.rollout).cloned() else {
            return Err(format!("{customer} starts without a plan"));
        };
        let planned = plan
            .customers
            .get(&customer)
            .ok_or("it is not in the plan")?;
        let policy = &plan.phases[planned.phase].policy;
        if let Some(approval) = &policy.approval {
            let gate = gate_of(approval.per, policy.name.as_str(), fact, &customer);
            self.quorum(event, approval, &plan, &starter, gate)?;
        }
        if matches!(fact.rollout, Some(RolloutId::Operation(_))) {
            return Ok(());
        }
        if !policy.window.is_empty() {
            let into = event.at.timestamp().rem_euclid(WINDOW_EVERY_SECS);
            holds(into <= WINDOW_SECS - RESERVE_SECS, || {
                format!("P23: {customer} starts outside its window")
            })?;
        }
        let frozen = self
            .freezes
            .iter()
            .find(|(_, (from, until))| *from <= event.at && event.at < *until);
        holds(frozen.is_none(), || {
            format!("P23: {customer} starts during {frozen:?}")
        })?;
        let repeated = self.repeated(event, &plan);
        holds(repeated.is_none(), || {
            format!("P23: {customer} starts during the freeze of {repeated:?}")
        })
    }

    /// P1, P3, P4, P5: enough people, none of them the starter, and not too long ago.
    fn quorum(
        &mut self,
        event: &Event,
        approval: &Approval,
        plan: &Plan,
        starter: &PersonId,
        gate: String,
    ) -> Result<(), String> {
        let key = (event.line.rollout, gate);
        if self.passed.contains(&key) {
            return Ok(());
        }
        let group = &plan.project.groups[&"approvers".into()];
        let counts = |person: &PersonId| {
            let barred = person == starter && approval.not.contains(&Excluded::Starter);
            group.contains(person) && !barred
        };
        let votes = self.votes.get(&key).cloned().unwrap_or_default();
        let mut given: Vec<Timestamp> = votes
            .into_iter()
            .filter(|(person, _)| counts(person))
            .map(|(_, at)| at)
            .collect();
        given.sort_unstable();
        let needed = usize::try_from(approval.quorum).unwrap();
        let complete = given
            .get(needed - 1)
            .ok_or_else(|| format!("P1: {} has {} of {needed} votes", key.1, given.len()))?;
        holds(event.at < *complete + approval.valid_for.to_delta(), || {
            format!("P5: the approval of {} had lapsed", key.1)
        })?;
        self.passed.insert(key);
        Ok(())
    }

    /// P34: what a service's verdict says follows from the cycles in it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other facts break none of these promises"
    )]
    fn verdict(&self, line: &Line, fact: &Fact) -> Result<(), String> {
        let (healthy, cycles) = match fact {
            Fact::Health(HealthFact::HealthPassed(passed)) => (true, Some(&passed.cycles)),
            Fact::Health(HealthFact::HealthFailed(failed)) => (false, failed.cycles.as_ref()),
            Fact::Rollback(RollbackFact::RollbackFailed(failed)) => (false, failed.cycles.as_ref()),
            _ => return Ok(()),
        };
        let Some(cycles) = cycles else {
            // A deploy of another commit, or a rollback that Render failed, is judged without a probe.
            return holds(line.commit.is_some(), || {
                "P34: a verdict without cycles".to_owned()
            });
        };
        let (plan, _) = &self.plans[&line.rollout];
        let name = line.phase.as_ref().ok_or("a verdict of no phase")?;
        let phase = plan.phases.iter().find(|phase| phase.policy.name == *name);
        let profile = &phase.ok_or("a verdict of no phase of the plan")?.health;
        holds(decides(profile, cycles, healthy), || {
            format!("P34: {cycles:?} do not make it healthy={healthy}")
        })
    }
}

/// Whether the last cycles in a row that say anything say this, and are enough.
fn decides(profile: &Profile, cycles: &[Cycle], healthy: bool) -> bool {
    let needed = match healthy {
        true => profile.pass_after,
        false => profile.fail_after,
    };
    let agrees = |cycle: &&Cycle| match &cycle.result {
        CycleResult::Passed => healthy,
        CycleResult::Failed { .. } => !healthy,
        CycleResult::NoData { .. } => true,
    };
    let in_a_row = cycles.iter().rev().take_while(agrees);
    let telling = in_a_row.filter(|cycle| !matches!(cycle.result, CycleResult::NoData { .. }));
    let ascending = cycles.windows(2).all(|pair| pair[0].at < pair[1].at);
    ascending && telling.count() >= usize::try_from(needed).unwrap()
}

/// The gate that covers a customer, as people type it.
fn gate_of(per: Scope, phase: &str, fact: &Line, customer: &CustomerId) -> String {
    match per {
        Scope::Phase => phase.to_owned(),
        Scope::Batch => format!("{phase}/{}", fact.batch.unwrap_or(0)),
        Scope::Customer => customer.to_string(),
    }
}

fn holds(promise: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if promise { Ok(()) } else { Err(broken()) }
}
