//! Every scenario of the examples, one test a file: what the core does is what was worked out by hand.
#![allow(missing_docs, reason = "a test binary")]

use std::fs;
use std::path::{Path, PathBuf};

use policy::Sources;
use policy::parse::scenario::Scenario;
use policy::parse::{Calendar, Diagnostic, File, calendars_named};
use sim::world::{World, scenario};

datatest_stable::harness! {
    { test = rule, root = "../../examples/rules", pattern = r"\.yaml$" },
    { test = story, root = "../../examples", pattern = r"/scenarios/[^/]+\.yaml$" },
}

type Outcome = datatest_stable::Result<()>;

/// A scenario that brings its own fleet and policies.
fn rule(path: &Path) -> Outcome {
    check(path, None)
}

/// A scenario on the files of a project folder.
fn story(path: &Path) -> Outcome {
    let folder = path
        .parent()
        .and_then(Path::parent)
        .ok_or("a story lies in a project folder")?;
    let project = read(&folder.join("tranche.yaml"))?;
    let sources = Sources {
        calendars: calendars(folder, [&project, &read(path)?], path)?,
        project,
        customers: read(&folder.join("customers.yaml"))?,
        policies: policies(&folder.join("policies"))?,
        unread: Vec::new(),
    };
    check(path, Some(&sources))
}

/// The calendars that the files name, around the start of a scenario.
fn calendars(
    folder: &Path,
    files: [&File; 2],
    scenario: &Path,
) -> datatest_stable::Result<Vec<Calendar>> {
    let named = files.into_iter().flat_map(calendars_named);
    let scenario = Scenario::parse(&read(scenario)?).map_err(|mistakes| text(&mistakes))?;
    let read = named.map(|name| {
        let bytes = fs::read(folder.join(&name))?;
        Ok(calendars::read(&name, &bytes, scenario.start))
    });
    read.collect()
}

fn check(path: &Path, base: Option<&Sources>) -> Outcome {
    let scenario = Scenario::parse(&read(path)?).map_err(|mistakes| text(&mistakes))?;
    let mut setup = scenario::setup(&scenario, base).map_err(|mistakes| text(&mistakes))?;
    setup.paranoid = true;
    let mut world = World::new(setup);
    world.run();
    let result = scenario::result(&scenario, &world);
    if result.passed() {
        return Ok(());
    }
    Err(format!("\n{result}").into())
}

fn policies(folder: &Path) -> datatest_stable::Result<Vec<File>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> datatest_stable::Result<File> {
    Ok(File {
        path: path.display().to_string(),
        text: fs::read_to_string(path)?,
    })
}

fn text(mistakes: &[Diagnostic]) -> String {
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    format!("\n{}", mistakes.join("\n"))
}
