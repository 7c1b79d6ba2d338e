//! `simulate` and `test`: the same core on a virtual clock.

use std::fmt::Write as _;
use std::path::Path;

use policy::parse::scenario::Scenario;
use policy::{File, Sources};
use project::{Folder, SCENARIOS, simulation};
use rollout::Event;
use serde::Serialize;
use sim::world::{self, Approvals, Differences, Setup, World, scenario};

use crate::args::{ApprovalsAssumed, Global, Simulate, Test};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::{time, timeline};
use crate::{named_file, open};

/// Runs one rollout and shows its timeline.
pub(crate) async fn simulate(
    global: &Global,
    args: &Simulate,
    out: Output,
) -> Result<Exit, Failure> {
    let setup = match &args.scenario {
        Some(path) => of_scenario(global, path, args)?,
        None => of_project(global, args, out).await?,
    };
    let assumed = setup.approvals;
    let takes = match args.scenario {
        Some(_) => format!(
            "each deploy takes {}, as the scenario says",
            setup.pace.deploy
        ),
        None => simulation::deploys_take(&setup),
    };
    let mut world = World::new(setup);
    world.run();
    show(&world, out)?;
    if !out.is_text() {
        for moved in world.moved() {
            out.say(moved);
        }
    }
    out.say(takes);
    out.say(assumption(assumed));
    Ok(Exit::Done)
}

fn of_scenario(global: &Global, path: &Path, args: &Simulate) -> Result<Setup, Failure> {
    let folder = folder(global)?;
    let file = named_file::named(path)?;
    let scenario = Scenario::parse(&file).map_err(Failure::diagnostics)?;
    let base = base(folder.as_ref(), &file, &scenario);
    let mut setup = scenario::setup(&scenario, base.as_ref()).map_err(Failure::diagnostics)?;
    // A scenario says itself what people do.
    setup.approvals = args.approve.map_or(Approvals::Never, approvals);
    Ok(setup)
}

async fn of_project(global: &Global, args: &Simulate, out: Output) -> Result<Setup, Failure> {
    let at = args.start.unwrap_or_else(time::now);
    let config = open::folder(global)?.load_at(at, &out)?;
    let backend = open::backend(global, out)?;
    let version = args.version.as_deref().unwrap_or_default();
    let approvals = approvals(args.approve.unwrap_or(ApprovalsAssumed::AtOnce));
    Ok(simulation::setup(&*backend, config, version, at, approvals).await?)
}

fn approvals(assumed: ApprovalsAssumed) -> Approvals {
    match assumed {
        ApprovalsAssumed::AtOnce => Approvals::AtOnce,
        ApprovalsAssumed::Never => Approvals::Never,
        ApprovalsAssumed::After(span) => Approvals::After(span),
    }
}

fn assumption(approvals: Approvals) -> String {
    let assumed = simulation::people_approve(approvals);
    match approvals {
        Approvals::AtOnce | Approvals::Never => assumed + "; see --approve",
        Approvals::After(_) => assumed,
    }
}

fn show(world: &World, out: Output) -> Result<(), Failure> {
    if !out.is_text() {
        return world
            .events()
            .iter()
            .try_for_each(|event: &Event| out.item(event, String::new));
    }
    let mut text = timeline::timeline(&world::timeline(world.events()), &world.config().fleet);
    text.push('\n');
    for summary in world::summaries(world.events()) {
        let _ = write!(text, "\n{}", timeline::summary(&summary));
    }
    for moved in world.moved() {
        let _ = writeln!(text, "\n{moved}");
    }
    text.push_str(&timeline::frozen(world.events()));
    for surprise in world.surprises() {
        let _ = writeln!(text, "\n{surprise}");
    }
    out.text(text)
}

/// What came of one scenario file.
#[derive(Debug, Serialize)]
struct Tested {
    file: String,
    passed: bool,
    surprises: Vec<String>,
    differences: Differences,
    /// What Render's limits have moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<String>,
    #[serde(skip)]
    text: String,
}

/// Runs scenarios and compares them with what they expect.
pub(crate) fn test(global: &Global, args: &Test, out: Output) -> Result<Exit, Failure> {
    let folder = folder(global)?;
    let files: Vec<File> = if args.files.is_empty() {
        all(global)?
    } else {
        let named = args.files.iter().map(|path| named_file::named(path));
        named.collect::<Result<_, _>>()?
    };
    let mut tested = Vec::with_capacity(files.len());
    for file in files {
        tested.push(one(file, folder.as_ref())?);
    }
    let failed = tested.iter().filter(|one| !one.passed).count();
    out.data(&tested, || report(&tested, failed))?;
    Ok(if failed == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn one(file: File, folder: Option<&Folder>) -> Result<Tested, Failure> {
    let scenario = Scenario::parse(&file).map_err(Failure::diagnostics)?;
    let base = base(folder, &file, &scenario);
    let result = scenario::run(&scenario, base.as_ref()).map_err(Failure::diagnostics)?;
    Ok(Tested {
        file: file.path,
        passed: result.passed(),
        surprises: result.surprises.iter().map(ToString::to_string).collect(),
        text: result.to_string(),
        differences: result.differences,
        limits: result.moved.iter().map(ToString::to_string).collect(),
    })
}

fn report(tested: &[Tested], failed: usize) -> String {
    let mut text = String::new();
    for one in tested {
        let word = if one.passed { "ok" } else { "FAILED" };
        let _ = writeln!(text, "{word}  {}", one.file);
        let limits = one.limits.iter().map(String::as_str);
        for line in one.text.lines().chain(limits) {
            let _ = writeln!(text, "    {line}");
        }
    }
    let scenarios = counted(tested.len(), "scenario");
    let _ = match failed {
        0 => writeln!(text, "{scenarios}, all as expected"),
        failed => writeln!(text, "{scenarios}, {failed} otherwise than expected"),
    };
    text
}

/// The scenarios of the project folder.
fn all(global: &Global) -> Result<Vec<File>, Failure> {
    let folder = open::folder(global)?;
    let scenarios = folder.scenarios()?;
    if scenarios.is_empty() {
        let text = format!(
            "there is no scenario in {}",
            folder.dir().join(SCENARIOS).display()
        );
        return Err(Failure::usage(text)
            .or_type("tranche test FILE; `tranche schema scenario` says what stands in one"));
    }
    Ok(scenarios)
}

/// The folder whose files a scenario builds upon; a scenario may also bring all of its own.
fn folder(global: &Global) -> Result<Option<Folder>, Failure> {
    match open::folder(global) {
        Ok(folder) => Ok(Some(folder)),
        Err(failure) if global.dir.is_some() => Err(failure),
        Err(_) => Ok(None),
    }
}

/// The files a scenario builds upon, with the calendars that it names itself.
fn base(folder: Option<&Folder>, file: &File, scenario: &Scenario) -> Option<Sources> {
    let folder = folder?;
    let mut sources = folder.sources_at(scenario.start);
    sources.calendars = folder.calendars(&[&sources.project, file], scenario.start);
    Some(sources)
}
