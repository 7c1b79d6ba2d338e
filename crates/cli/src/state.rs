//! What is stored about this project, and what its failures mean for the person who typed the command.

use engine::{EngineLock, Error, Reader, StateDir};
use policy::plan::RunningVersions;
use rollout::view::RunView;
use rollout::{Observed, Product, RunId};

use crate::args::Global;
use crate::exit::{Exit, Failure, chain};
use crate::output::Output;
use crate::project::Folder;

/// Where the state of the project lies; `--db` needs no project folder.
pub(crate) fn place(global: &Global) -> Result<StateDir, Failure> {
    match &global.db {
        Some(db) => Ok(StateDir::of_database(db)),
        None => Ok(StateDir::of_project(Folder::find(global)?.dir())),
    }
}

/// A read-only view of the state.
pub(crate) fn reader(global: &Global) -> Result<Reader, Failure> {
    Reader::open(&place(global)?).map_err(failure)
}

/// The state as committed last; a project in which nothing has happened has an empty one.
pub(crate) fn product(state: &StateDir) -> Result<Product, Failure> {
    match Reader::open(state) {
        Ok(reader) => reader.product().map_err(failure),
        Err(Error::Absent { .. }) => Ok(Product::new()),
        Err(error) => Err(failure(error)),
    }
}

/// The rollout that is looked at: the named one, or the newest that goes on, or else the newest.
pub(crate) fn choose(runs: Vec<RunView>, named: Option<RunId>) -> Result<RunView, Failure> {
    let goes_on = |run: &RunView| run.started_at.is_some() && run.outcome.is_none();
    chosen(runs, named, |run| (goes_on(run), run.outcome.is_none()))
}

/// The rollout that is told about: the named one, or the newest.
pub(crate) fn newest(runs: Vec<RunView>, named: Option<RunId>) -> Result<RunView, Failure> {
    chosen(runs, named, |run| run.started_at.is_some())
}

/// The named rollout, or of those that `rank` puts first the newest.
fn chosen<K: Ord>(
    runs: Vec<RunView>,
    named: Option<RunId>,
    rank: impl Fn(&RunView) -> K,
) -> Result<RunView, Failure> {
    let mut runs = runs.into_iter();
    let chosen = match named {
        Some(id) => runs.find(|run| run.id == id),
        None => runs.max_by_key(|run| (rank(run), run.requested_at, run.id)),
    };
    chosen.ok_or_else(|| match named {
        Some(id) => Failure::usage(format!("there is no rollout {id}")).or_type("tranche list"),
        None => Failure::new(Exit::Refused, "nothing has been started yet")
            .or_type("tranche start VERSION"),
    })
}

/// What runs where, as far as the rollouts so far tell.
pub(crate) fn running(product: &Product) -> RunningVersions {
    product.running(&Observed::new())
}

/// Whether a process drives the rollouts; where that cannot be found out, one may.
pub(crate) fn is_driven(place: &StateDir) -> bool {
    let holder = EngineLock::holder(place);
    holder.map_or(true, |holder| holder.is_some_and(|holder| holder.is_engine))
}

/// Says so if nobody drives the rollouts.
pub(crate) fn say_if_undriven(place: &StateDir, out: Output) {
    if !is_driven(place) {
        out.say("nobody drives the rollouts at present; `tranche run` does");
    }
}

/// The failure that an error of the engine means.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(failure)`")]
pub(crate) fn failure(error: Error) -> Failure {
    let failure = Failure::new(exit_of(&error), chain(&error));
    match error.way_out() {
        Some(way_out) => failure.or_type(way_out),
        None => failure,
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Absent { .. } | Error::Held { .. } | Error::Watched | Error::Stale { .. } => {
            Exit::Refused
        }
        Error::NotPermitted { .. } => Exit::NotPermitted,
        Error::Newer { .. } | Error::Foreign { .. } => Exit::Usage,
        Error::NoAnswer | Error::Stopped | Error::Undecided { .. } => Exit::Unfinished,
        Error::Interrupted => Exit::Interrupted,
        Error::NotDone(source) => exit_of(source),
        Error::Damaged { .. }
        | Error::Full(_)
        | Error::Busy(_)
        | Error::Storage(_)
        | Error::ReadOnly
        | Error::File { .. }
        | Error::Degraded { .. }
        | Error::Unread(_)
        | Error::Sealed { .. }
        | Error::Random(_)
        | Error::Bug { .. } => Exit::Failed,
    }
}
