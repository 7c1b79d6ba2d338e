//! What is stored about this project, and what its failures mean for the person who typed the command.

use engine::{Error, Reader, StateDir};
use policy::plan::RunningVersions;
use rollout::view::RunView;
use rollout::{Observed, Product, RunId};

use crate::args::Global;
use crate::exit::{Exit, Failure, chain};
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

/// The rollout that is meant: the named one, or the newest.
pub(crate) fn choose(runs: Vec<RunView>, named: Option<RunId>) -> Result<RunView, Failure> {
    let chosen = match named {
        Some(id) => runs.into_iter().find(|run| run.id == id),
        None => runs
            .into_iter()
            .max_by_key(|run| (run.requested_at, run.id)),
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

/// The failure that an error of the engine means.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(failure)`")]
pub(crate) fn failure(error: Error) -> Failure {
    let exit = match &error {
        Error::Absent { .. } | Error::Held { .. } | Error::Watched | Error::Stale { .. } => {
            Exit::Refused
        }
        Error::NotPermitted { .. } => Exit::NotPermitted,
        Error::Newer { .. } | Error::Foreign { .. } => Exit::Usage,
        Error::NoAnswer | Error::Stopped => Exit::Unfinished,
        Error::Damaged { .. }
        | Error::Full(_)
        | Error::Busy(_)
        | Error::Storage(_)
        | Error::ReadOnly
        | Error::File { .. }
        | Error::Degraded { .. }
        | Error::Withdrawn
        | Error::Sealed { .. }
        | Error::Random(_)
        | Error::Bug { .. } => Exit::Failed,
    };
    let failure = Failure::new(exit, chain(&error));
    match error.way_out() {
        Some(way_out) => failure.or_type(way_out),
        None => failure,
    }
}
