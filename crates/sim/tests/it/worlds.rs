//! Rollouts by chance: random policies, fleets, faults, crashes and people, against the promises.
//!
//! A seed is a scenario. When one fails, the scenario is printed with what was broken; `SIM_SEED=17` runs only that one,
//! `SIM_SEEDS=5000` runs more than usual. A seed that once failed goes into [`KNOWN`] with the fix.

mod forged;
mod promises;
mod recomputed;
mod story;

use std::collections::BTreeMap;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use policy::parse::File;
use policy::parse::scenario::{Inject, Scenario};
use policy::{CustomerId, ServiceId, Span};
use sim::world::{Act, Approvals, Setup, World, scenario, summaries, timeline};

use promises::Promises;
use story::Story;

/// Seeds that once found a bug.
const KNOWN: &[u64] = &[];

/// How many seeds are tried otherwise.
const SEEDS: u64 = 150;

/// No story of a few customers has as many events.
const MANY_EVENTS: usize = 10_000;

/// Nor does one go on at so many instants.
const MANY_INSTANTS: usize = 20_000;

fn seeds() -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("SIM_SEED") {
        Some(seed) => vec![seed],
        None => KNOWN
            .iter()
            .copied()
            .chain(0..number("SIM_SEEDS").unwrap_or(SEEDS))
            .collect(),
    }
}

fn each_seed(make: fn(u64) -> Story, check: fn(&Story) -> Result<(), String>) {
    for seed in seeds() {
        let story = make(seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&story)));
        let broken = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(broken)) => broken,
            Err(panic) => panic_text(&*panic),
        };
        panic!(
            "SIM_SEED={seed} fails:\n{broken}\nThe scenario:\n{}",
            story.text
        );
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

fn setup(story: &Story) -> Setup {
    let path = format!("seed-{}.yaml", story.seed);
    let file = File {
        path,
        text: story.text.clone(),
    };
    let scenario = Scenario::parse(&file).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    let mut setup =
        scenario::setup(&scenario, None).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    setup.approvals = Approvals::After(Span::from_secs(story.approve_after_secs));
    setup.paranoid = true;
    setup
}

/// What a story breaks at any instant, or at its end.
fn check_promises(story: &Story) -> Result<(), String> {
    let mut world = World::new(setup(story));
    let mut promises = Promises::default();
    let mut alive = true;
    let mut instants = 0;
    while alive {
        alive = world.proceed();
        instants += 1;
        if world.events().len() > MANY_EVENTS || instants > MANY_INSTANTS {
            return Err(told("P39: it goes in circles", &world));
        }
        promises
            .check(&world)
            .map_err(|broken| told(&broken, &world))?;
    }
    world.run();
    promises
        .check_end(&world, story.endless)
        .map_err(|broken| told(&broken, &world))
}

#[test]
fn promises_hold_after_every_instant_of_a_random_rollout() {
    each_seed(story::anything, check_promises);
}

/// A story that is written down.
fn written(text: &str) -> Story {
    Story {
        seed: 0,
        text: text.to_owned(),
        approve_after_secs: 0,
        endless: false,
    }
}

#[test]
fn what_the_next_rollout_finds_was_caused_by_the_first_alone() {
    let story = "version: v1.1.0\nstart: 2027-01-11T09:00:00Z\nby: ann\nworld: { deploy: 5m, health_every: 1m }\n\
        fleet: { a: { tier: main, services: { backend: {}, frontend: {} } } }\n\
        policies: [ { policy: main, soak: 1d } ]\n\
        inject:\n  - { customer: a, service: frontend, foreign_deploy: { at: 2027-01-11T10:00:00Z, live_after: 5m } }\n\
        script:\n  - { at: 2027-01-11T11:00:00Z, do: start, version: v1.1.0, supersede: true }\n";
    let mut world = World::new(setup(&written(story)));
    world.run();
    let found = timeline(world.events())
        .into_iter()
        .find(|line| line.kind == rollout::Kind::DeployAdopted)
        .unwrap();
    assert!(found.text.starts_with("deployed already"), "{found}");
    check_promises(&written(story)).unwrap();
}

#[test]
fn crashes_do_not_change_what_render_ends_up_with() {
    each_seed(story::steady, |story| {
        let calm = without_crashes(setup(story));
        let mut calm = World::new(calm);
        calm.run();
        let mut rough = World::new(setup(story));
        rough.run();
        let (calm, rough) = (state(&calm), state(&rough));
        if calm == rough {
            Ok(())
        } else {
            Err(format!(
                "P43: without crashes\n{calm:#?}\nwith them\n{rough:#?}"
            ))
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let story = story::anything(1);
    let run = || {
        let mut world = World::new(setup(&story));
        world.run();
        world.events().to_vec()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_large_fleet_costs_little_while_nothing_happens() {
    let customers = (0..1_000).map(|n| (CustomerId::new(format!("c{n:04}")), n));
    let fleet: BTreeMap<_, _> = customers.collect();
    let story = story::large(&fleet);
    let mut world = World::new(setup(&story));
    world.run();
    let healthy = world
        .events()
        .iter()
        .filter(|event| event.line.kind == rollout::Kind::CustomerHealthy);
    assert_eq!(healthy.count(), 1_000);
}

/// What was broken, and what had happened.
fn told(broken: &str, world: &World) -> String {
    let events = world
        .events()
        .iter()
        .map(|event| sim::world::Seen::from(event).to_string());
    let events: Vec<String> = events.collect();
    let last = &events[events.len().saturating_sub(200)..];
    format!("{}\n{broken}", last.join("\n"))
}

fn without_crashes(mut setup: Setup) -> Setup {
    setup
        .script
        .retain(|row| !matches!(row.act, Act::Crash { .. }));
    for inject in &mut setup.inject {
        if let Inject::Reply { crash_until, .. } = inject {
            *crash_until = None;
        }
    }
    setup
}

/// What is live on each service, and its variables.
fn state(world: &World) -> BTreeMap<ServiceId, (Option<String>, BTreeMap<String, String>)> {
    let services = world.platform().services();
    let state = services.map(|service| {
        let live = service
            .live_deploy()
            .map(|live| live.source.as_str().to_owned());
        (service.id.clone(), (live, service.variables.0.clone()))
    });
    state.collect()
}

#[test]
fn the_timeline_puts_customers_of_one_batch_on_one_line() {
    let text = "version: v1.1.0\nstart: 2027-01-11T09:00:00Z\nby: ann\nworld: { deploy: 5m }\n\
                fleet: { a: { tier: main }, b: { tier: main }, c: { tier: main } }\n\
                policies: [ { policy: main, batch: [2, all], delay: 1d } ]\n";
    let mut world = World::new(setup(&written(text)));
    world.run();
    let lines: Vec<String> = timeline(world.events())
        .iter()
        .map(ToString::to_string)
        .collect();
    let summary = summaries(world.events())[0].to_string();
    assert_eq!(
        lines.join("\n") + "\n" + &summary,
        "day 0   2027-01-11T09:00:00.000Z  the rollout starts by ann\n\
         day 0   2027-01-11T09:00:00.000Z  main: the phase starts\n\
         day 0   2027-01-11T09:00:00.000Z  main, batch 1: a, b: starts\n\
         day 0   2027-01-11T09:05:00.000Z  main, batch 1: a, b: healthy\n\
         day 0   2027-01-11T09:05:00.000Z  main, batch 1: the batch has settled\n\
         day 0   2027-01-11T09:05:00.000Z  main, batch 1: delay until 2027-01-12T09:05:00.000Z\n\
         day 1   2027-01-12T09:05:00.000Z  main, batch 2: c: starts\n\
         day 1   2027-01-12T09:10:00.000Z  main, batch 2: c: healthy\n\
         day 1   2027-01-12T09:10:00.000Z  main, batch 2: the batch has settled\n\
         day 1   2027-01-12T09:10:00.000Z  main: the phase has settled\n\
         day 1   2027-01-12T09:10:00.000Z  the rollout has succeeded\n\
         r1 succeeded after 1d 10m: 3 deploys, 0 rollbacks\n  \
         main: from 2027-01-11T09:00:00.000Z to 2027-01-12T09:10:00.000Z (1d 10m), 3 healthy\n"
    );
}
