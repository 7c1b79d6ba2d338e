//! The promises that can be checked from the journal and from Render's side, after every instant and at the end.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, PolicyId, Role, ServiceId, Timestamp};
use rollout::event::GENESIS;
use rollout::fact::{DrainTo, RolloutFact};
use rollout::{DeployId, Event, Fact, Kind, Line, RolloutId};
use sim::api::Op;
use sim::platform::{Deploy, Status, Trigger};
use sim::world::World;

use super::recomputed::Recomputed;

/// The versions that stories roll out.
const RELEASES: [&str; 2] = ["v1.1.0", "v1.2.0"];

/// A customer of a rollout.
type Unit = (Option<RolloutId>, CustomerId);

/// What was seen so far.
#[derive(Default)]
pub(super) struct Promises {
    seen: usize,
    last: Option<(u64, String, Timestamp)>,
    /// Customers that are being worked on, with their phase and batch.
    busy: BTreeMap<Unit, (PolicyId, Option<u32>)>,
    /// Rollouts in which nobody may start, and why.
    shut: BTreeMap<Option<RolloutId>, BTreeSet<&'static str>>,
    delays: BTreeMap<(Option<RolloutId>, PolicyId), Timestamp>,
    /// Customers that are tried again, with their batch: they wait for no delay (R13).
    again: BTreeMap<Unit, Option<u32>>,
    /// Services that passed since their customer was started.
    healthy: BTreeSet<(Unit, Role)>,
    /// Services with a deploy or a rollback in flight or in doubt.
    deploying: BTreeSet<(Unit, Role)>,
    limits: BTreeMap<PolicyId, usize>,
    phases: BTreeMap<CustomerId, PolicyId>,
    deploys_at_once: usize,
    /// How often each deploy is named as one that a rollout caused.
    caused: BTreeMap<DeployId, usize>,
    /// Customers in whose services somebody else had a hand.
    meddled: BTreeSet<CustomerId>,
    /// How the last work on each customer ended.
    ends: BTreeMap<CustomerId, Kind>,
    recomputed: Recomputed,
}

impl Promises {
    /// What must hold at every instant.
    pub(super) fn check(&mut self, world: &World) -> Result<(), String> {
        let events = world.events();
        for event in &events[self.seen..] {
            self.follow(event)
                .map_err(|broken| format!("{broken}, at {}", shown(event)))?;
        }
        self.seen = events.len();
        check_deploys(world)?;
        self.check_cancelled(world)
    }

    /// What must hold when nothing can happen any more. Only if faults stop must everything have come to an end.
    pub(super) fn check_end(&self, world: &World, endless: bool) -> Result<(), String> {
        let product = world.product().ok_or("the process is down at the end")?;
        holds(
            endless || product.is_finished() || product.is_idle(),
            || "P39: neither ended nor waiting for a person".to_owned(),
        )?;
        self.check_caused(world)?;
        self.check_variables(world)
    }

    fn follow(&mut self, event: &Event) -> Result<(), String> {
        self.follow_chain(event)?;
        self.recomputed.follow(event)?;
        let fact = &event.line;
        let told = Fact::read(fact).map_err(|why| why.to_string())?;
        if let Some(plan) = told.plan() {
            self.deploys_at_once = usize::try_from(plan.project.render.max_parallel).unwrap();
            let phases = plan.phases.iter();
            self.limits.extend(phases.map(|phase| {
                (
                    phase.policy.name.clone(),
                    usize::try_from(phase.policy.max_parallel).unwrap(),
                )
            }));
        }
        if let Some(deploy) = told.caused() {
            *self.caused.entry(deploy.clone()).or_insert(0) += 1;
        }
        self.follow_holds(fact, &told);
        if let (Some(customer), Some(phase)) = (&fact.customer, &fact.phase) {
            self.phases.insert(customer.clone(), phase.clone());
            let unit = (fact.rollout, customer.clone());
            self.follow_customer(event, unit, phase)?;
        }
        self.follow_delay(event);
        self.follow_batch(fact)
    }

    /// P24, P37.
    fn follow_chain(&mut self, event: &Event) -> Result<(), String> {
        let genesis = || (0, GENESIS.to_owned(), event.at);
        let (seq, hash, at) = self.last.take().unwrap_or_else(genesis);
        holds(event.seq == seq + 1 && event.prev == hash, || {
            "P37: a gap in the chain".to_owned()
        })?;
        holds(event.digest() == event.hash, || {
            "P37: another hash".to_owned()
        })?;
        holds(event.at >= at, || "P24: time runs backwards".to_owned())?;
        self.last = Some((event.seq, event.hash.clone(), event.at));
        Ok(())
    }

    /// P18, P19, P20: since when nobody may start.
    fn follow_holds(&mut self, fact: &Line, told: &Fact) {
        let shut = self.shut.entry(fact.rollout).or_default();
        if fact.kind == Kind::Paused {
            shut.insert("P20: paused");
        } else if fact.kind == Kind::Resumed {
            shut.remove("P20: paused");
        } else if let Fact::Rollout(RolloutFact::RolloutDraining(draining)) = told {
            let halts = draining.to == DrainTo::Halted;
            shut.insert(if halts { "P18: halted" } else { "P19: ending" });
        } else if matches!(
            fact.kind,
            Kind::RolloutResumed | Kind::Retried | Kind::CustomerSkipped
        ) {
            shut.remove("P18: halted");
        }
    }

    fn follow_customer(
        &mut self,
        event: &Event,
        unit: Unit,
        phase: &PolicyId,
    ) -> Result<(), String> {
        let fact = &event.line;
        if fact.kind == Kind::Retried {
            self.again.insert(unit, fact.batch);
        } else if fact.kind == Kind::CustomerStarted {
            self.start(event, &unit, phase)?;
            self.healthy.retain(|(whose, _)| *whose != unit);
            self.ends.remove(&unit.1);
            self.busy.insert(unit, (phase.clone(), fact.batch));
        } else if is_rest(fact.kind) {
            self.busy.remove(&unit);
            self.again.remove(&unit);
            if fact.kind == Kind::CustomerHeld {
                self.meddled.insert(unit.1.clone());
            }
            self.ends.insert(unit.1, fact.kind);
        } else if let Some(service) = &fact.service {
            self.follow_service(fact, unit, service)?;
        }
        Ok(())
    }

    /// P15, P16, P22 and whatever keeps everybody from starting.
    fn start(&self, event: &Event, unit: &Unit, phase: &PolicyId) -> Result<(), String> {
        let shut = self.shut.get(&unit.0).into_iter().flatten().next();
        holds(shut.is_none(), || {
            format!("{}, and yet {} starts", shut.unwrap_or(&""), unit.1)
        })?;
        let delay = self.delays.get(&(unit.0, phase.clone()));
        let early = delay.is_some_and(|until| event.at < *until) && !self.again.contains_key(unit);
        holds(!early, || {
            format!("P22: {} starts before its delay is over", unit.1)
        })?;
        let batch = (phase.clone(), event.line.batch);
        let same_batch = |((run, _), busy): &(&Unit, &_)| *run == unit.0 && **busy == batch;
        let busy = self.busy.iter().filter(same_batch).count();
        let limit = self.limits.get(phase).copied().unwrap_or(usize::MAX);
        holds(busy < limit, || {
            format!("P16: {} is one too many in {phase}", unit.1)
        })
    }

    /// P16 and P17: not too many deploys at once, and each service healthy before the next.
    fn follow_service(&mut self, fact: &Line, unit: Unit, service: &Role) -> Result<(), String> {
        let customer = unit.1.clone();
        let backend = (unit.clone(), Role::new("backend"));
        let this = (unit, service.clone());
        if fact.kind == Kind::DeployIntended {
            let first = service.as_str() == "backend" || self.healthy.contains(&backend);
            holds(first, || {
                format!("P17: {customer} deploys its frontend first")
            })?;
        }
        if matches!(fact.kind, Kind::DeployIntended | Kind::RollbackIntended) {
            self.deploying.insert(this);
            let deploys = self.deploying.len();
            return holds(deploys <= self.deploys_at_once, || {
                format!("P16: {deploys} deploys at once")
            });
        }
        if fact.kind == Kind::HealthPassed {
            self.healthy.insert(this.clone());
        }
        if is_over(fact.kind) {
            self.deploying.remove(&this);
        }
        Ok(())
    }

    fn follow_delay(&mut self, event: &Event) {
        let Some(phase) = &event.line.phase else {
            return;
        };
        let key = (event.line.rollout, phase.clone());
        if event.line.kind == Kind::DelayStarted
            && let Some(until) = event.line.until
        {
            self.delays.insert(key, until);
        } else if matches!(event.line.kind, Kind::Promoted | Kind::Retried) {
            self.delays.remove(&key);
        }
    }

    /// R13: a batch settles anew when those who are tried again have.
    fn follow_batch(&self, fact: &Line) -> Result<(), String> {
        let again = self.again.iter().find(|((run, customer), batch)| {
            let phase = self.phases.get(customer);
            *run == fact.rollout && phase == fact.phase.as_ref() && **batch == fact.batch
        });
        let open = again.filter(|_| fact.kind == Kind::BatchSettled);
        holds(open.is_none(), || {
            format!("R13: the batch settles before {open:?} has")
        })
    }

    /// P14: nobody else's deploy is cancelled.
    fn check_cancelled(&self, world: &World) -> Result<(), String> {
        let changes = world.platform().requests().changes();
        for request in changes.iter().filter(|r| r.op == Op::CancelDeploy) {
            let mut ours = self.caused.keys();
            holds(ours.any(|id| request.path.contains(&id.0)), || {
                format!("P14: {} is not ours", request.path)
            })?;
        }
        Ok(())
    }

    /// P10: every deploy we caused is named exactly once.
    fn check_caused(&self, world: &World) -> Result<(), String> {
        for service in world.platform().services() {
            for deploy in service.deploys.iter().filter(|deploy| is_ours(deploy)) {
                let id = DeployId(deploy.id.to_string());
                let times = self.caused.get(&id).copied().unwrap_or(0);
                let forgotten = deploy.status == Status::Canceled && times == 0;
                holds(times == 1 || forgotten, || {
                    format!("P10: {id} is named {times} times")
                })?;
            }
        }
        Ok(())
    }

    /// P28, P29: what is live has its own variables; whoever went back has those of before.
    fn check_variables(&self, world: &World) -> Result<(), String> {
        let platform = world.platform();
        let ends = self.ends.iter();
        for (customer, end) in ends.filter(|(customer, _)| !self.meddled.contains(*customer)) {
            let id = ServiceId::new(format!("srv-{customer}-backend"));
            let service = platform.service(&id).ok();
            let live = service.and_then(|service| service.live_deploy());
            let version = live.and_then(|live| platform.version_of(&live.source));
            // Somebody else's commit has no version, and nobody promises anything about its variables.
            let (Some(version), true) = (version, is_done(*end)) else {
                continue;
            };
            let wanted = RELEASES.contains(&version).then_some(version);
            let stored = service.and_then(|service| service.variables.0.get("VERSION"));
            holds(stored.map(String::as_str) == wanted, || {
                format!("P29: {customer} runs {version} with VERSION {stored:?}")
            })?;
        }
        Ok(())
    }
}

/// Whether a deploy is no longer in flight after this.
fn is_over(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DeployAbsent
            | Kind::DeployLive
            | Kind::DeployFailed
            | Kind::DeployCancelled
            | Kind::RollbackAbsent
            | Kind::RollbackLive
            | Kind::RollbackFailed
    )
}

/// Whether a customer is as it should be after this.
fn is_done(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CustomerHealthy | Kind::CustomerUnchanged | Kind::CustomerRolledBack
    )
}

fn is_rest(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CustomerHealthy
            | Kind::CustomerUnchanged
            | Kind::CustomerRolledBack
            | Kind::CustomerRollbackFailed
            | Kind::CustomerHeld
            | Kind::CustomerSkipped
            | Kind::CustomerExcluded
    )
}

/// P8 and P11 from Render's side.
fn check_deploys(world: &World) -> Result<(), String> {
    let platform = world.platform();
    for service in platform.services() {
        let asked = requests(world.events(), &service.id);
        let created = platform.requests().deploys_of(&service.id).count();
        holds(created <= asked, || {
            format!(
                "P8: {created} deploys of {} for {asked} intents",
                service.id
            )
        })?;
        let ours: Vec<&Deploy> = service
            .deploys
            .iter()
            .filter(|deploy| is_ours(deploy))
            .collect();
        for pair in ours.windows(2) {
            let over_at = pair[0].finished_at.unwrap_or(Timestamp::MAX_UTC);
            holds(over_at <= pair[1].created_at, || {
                format!("P11: {} is deployed twice at once", service.id)
            })?;
        }
    }
    Ok(())
}

fn is_ours(deploy: &Deploy) -> bool {
    matches!(deploy.trigger, Trigger::Api | Trigger::Rollback)
}

/// Intents to deploy a service or to roll it back.
fn requests(events: &[Event], service: &ServiceId) -> usize {
    let intents = events.iter().filter(|event| {
        let fact = &event.line;
        let kinds = [Kind::DeployIntended, Kind::RollbackIntended];
        let name = fact.customer.as_ref().zip(fact.service.as_ref());
        let name = name.map(|(customer, role)| format!("srv-{customer}-{role}"));
        kinds.contains(&fact.kind) && name.as_deref() == Some(service.as_str())
    });
    intents.count()
}

fn holds(promise: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if promise { Ok(()) } else { Err(broken()) }
}

fn shown(event: &Event) -> String {
    sim::world::Seen::from(event).to_string()
}
