//! Runs a scenario file and compares what happened with what it expects.

use std::fmt;

use policy::parse::Diagnostic;
use policy::parse::scenario::{Action, Scenario, Step};
use policy::{Config, Sources};
use rollout::standing::RolloutStanding;
use rollout::view::RolloutView;
use rollout::{Event, Product, RolloutId};
use serde::Serialize;

use super::{Act, Broken, Differences, Moved, Row, Setup, Surprise, World, compare};

/// What came of a scenario.
#[derive(Debug)]
pub struct RunResult {
    /// Everything that happened.
    pub events: Vec<Event>,
    /// How its rollouts stood at the end.
    pub end: Vec<Ending>,
    /// Rows of the script that went otherwise than they were written.
    pub surprises: Vec<Surprise>,
    /// Where the events are not as expected.
    pub differences: Differences,
    /// What Render's limits have moved by more than a minute.
    pub moved: Vec<Moved>,
}

/// How a rollout stood when nothing could happen by itself any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Which.
    pub rollout: RolloutId,
    /// Its state.
    pub state: RolloutStanding,
}

impl RunResult {
    /// Whether everything went as written.
    pub fn passed(&self) -> bool {
        self.surprises.is_empty() && self.differences.is_empty()
    }
}

/// What did not go as written, for people; empty when all did.
impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for surprise in &self.surprises {
            writeln!(f, "{surprise}")?;
        }
        self.differences.fmt(f)
    }
}

/// Runs a scenario on the files of a project folder, or on its own.
///
/// # Errors
/// Every mistake of the files taken together, before any edit of the script.
pub fn run(scenario: &Scenario, base: Option<&Sources>) -> Result<RunResult, Vec<Diagnostic>> {
    let mut world = World::new(setup(scenario, base)?);
    world.run();
    Ok(result(scenario, &world))
}

/// The world of a scenario, before anything happens in it.
///
/// # Errors
/// As for [`run`].
pub fn setup(scenario: &Scenario, base: Option<&Sources>) -> Result<Setup, Vec<Diagnostic>> {
    let config = scenario.config(base)?;
    let mut setup = Setup::new(
        config,
        &scenario.version,
        scenario.start,
        scenario.by.clone(),
    );
    setup.running.clone_from(&scenario.running);
    setup.pace.clone_from(&scenario.world);
    setup.inject.clone_from(&scenario.inject);
    setup.script = rows(scenario, base);
    Ok(setup)
}

/// What came of a world that was set up for a scenario.
pub fn result(scenario: &Scenario, world: &World) -> RunResult {
    let runs = world.product().map(Product::overview);
    RunResult {
        events: world.events().to_vec(),
        end: runs.iter().flatten().map(ending).collect(),
        surprises: world.surprises().to_vec(),
        differences: compare(&scenario.expect, &scenario.none, world.events()),
        moved: world.moved().cloned().collect(),
    }
}

fn ending(run: &RolloutView) -> Ending {
    Ending {
        rollout: run.id,
        state: run.state,
    }
}

/// The script; each edit becomes the files as they read after it and those before.
fn rows(scenario: &Scenario, base: Option<&Sources>) -> Vec<Row> {
    let mut edits = Vec::new();
    let mut rows: Vec<Row> = scenario
        .script
        .iter()
        .map(|Step { at, action }| {
            let act = match action {
                Action::Verb(verb) => Act::Say(verb.clone()),
                Action::Crash { until } => Act::Crash { until: *until },
                Action::PutBack {
                    as_of,
                    until,
                    noticed,
                } => Act::PutBack {
                    as_of: *as_of,
                    until: *until,
                    noticed: *noticed,
                },
                Action::Edit(edit) => {
                    edits.push(edit);
                    Act::Edit(Box::new(edited(scenario, base, &edits)))
                }
            };
            Row { at: *at, act }
        })
        .collect();
    rows.sort_by_key(|row| row.at);
    rows
}

fn edited(
    scenario: &Scenario,
    base: Option<&Sources>,
    edits: &[&policy::parse::scenario::Edit],
) -> Result<Config, Broken> {
    scenario.edited(base, edits).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Broken {
            reason: mistakes.join("\n"),
            alone: scenario.edited_alone(base, edits).map(Box::new),
        }
    })
}
