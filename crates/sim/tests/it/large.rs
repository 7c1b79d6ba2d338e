//! What Render's limits make of a large fleet, and that they make nothing of a small one.

use std::fmt::Write as _;

use chrono::TimeDelta;
use policy::Timestamp;
use policy::parse::File;
use policy::parse::scenario::Scenario;
use rollout::Kind;
use sim::world::{Moved, World, scenario};

/// All at once, one variable each.
fn fleet(customers: usize) -> World {
    let mut text = "version: v1.1.0\nstart: 2027-01-11T09:00:00Z\nby: ann\n\
                    world: { deploy: 5m, rollback: 2m, health_every: 1m }\n\
                    project: { render: { max_parallel: 500 }, variables: { backend: { VERSION: \"${version}\" } } }\n\
                    policies: [ { policy: main, batch: all, max_parallel: 500 } ]\nfleet:\n"
        .to_owned();
    for n in 0..customers {
        writeln!(text, "  c{n:03}: {{ tier: main }}").unwrap();
    }
    let file = File {
        path: "large.yaml".to_owned(),
        text,
    };
    let scenario = Scenario::parse(&file).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    let setup = scenario::setup(&scenario, None);
    let mut world = World::new(setup.unwrap_or_else(|mistakes| panic!("{}", mistakes[0])));
    world.run();
    world
}

/// When each deploy was asked for.
fn asked(world: &World) -> Vec<TimeDelta> {
    let start: Timestamp = "2027-01-11T09:00:00Z".parse().unwrap();
    let events = world.events().iter();
    let intents = events.filter(|event| event.line.kind == Kind::DeployIntended);
    intents.map(|event| event.at - start).collect()
}

#[test]
fn a_fleet_that_the_limits_let_through_keeps_its_instants() {
    let world = fleet(40);
    assert_eq!(asked(&world), vec![TimeDelta::zero(); 40]);
    assert_eq!(world.moved().next(), None);
}

/// 24 variables a minute.
#[test]
fn a_large_fleet_takes_as_long_as_the_limits_say_and_that_is_told() {
    let world = fleet(240);
    let asked = asked(&world);
    assert_eq!(asked.len(), 240);
    let last = asked.iter().max().unwrap();
    assert!(
        (TimeDelta::minutes(9)..TimeDelta::minutes(13)).contains(last),
        "{last}"
    );
    let moved: Vec<String> = world.moved().map(Moved::to_string).collect();
    assert!(
        moved.iter().any(|moved| moved.starts_with(
            "Render's limit of 30 POST, PATCH, PUT and DELETE requests a minute delays "
        )),
        "{moved:?}"
    );
    let healthy = world
        .events()
        .iter()
        .filter(|event| event.line.kind == Kind::CustomerHealthy);
    assert_eq!(healthy.count(), 240);
}
