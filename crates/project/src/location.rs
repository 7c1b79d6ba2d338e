//! What is stored about this project, and what its failures mean for the person who typed the command.

use std::path;
use std::sync::Once;

use engine::state_dir::{Identity, Marks};
use engine::{EngineLock, Error, Reader, StateDir};
use etcetera::base_strategy::{BaseStrategy as _, Xdg};
use policy::network::is_on_this_machine;
use policy::plan::RunningVersions;
use rollout::view::RunView;
use rollout::{LimitWaits, Observed, Product, RolloutId};

use crate::args::Global;
use crate::exit::{Exit, Failure, chain};
use crate::output::Output;
use crate::project::{self, Folder, variable};
use crate::screen::complain;
use crate::show::time;

/// A folder for the second mark of each database, such as a volume that is mounted for it.
const MARKS: &str = "TRANCHE_MARK";

/// What looks on says so once.
static DAMAGE_SAID: Once = Once::new();

/// Where the state of the project lies; `--db` needs no project folder.
pub(crate) fn place(global: &Global) -> Result<StateDir, Failure> {
    let (state, folder) = if let Some(db) = &global.db {
        (StateDir::of_database(db), Folder::find(global).ok())
    } else {
        let folder = Folder::find(global)?;
        (StateDir::of_project(folder.dir()), Some(folder))
    };
    let identity = match folder.as_ref().map(Folder::identity) {
        Some(project::Identity::Journal) => Identity::Journal,
        Some(project::Identity::File) | None => Identity::File,
    };
    Ok(state
        .with_identity(identity)
        .with_marks(marks(folder.as_ref())))
}

/// Where the second mark of a database lies: not beside it, unless it is a try-out.
fn marks(folder: Option<&Folder>) -> Marks {
    if let Some(folder) = variable(MARKS) {
        return Marks::In(path::absolute(&folder).unwrap_or_else(|_| folder.into()));
    }
    let url = folder.and_then(Folder::render_url);
    if url.is_some_and(|url| is_on_this_machine(&url)) {
        return Marks::Beside;
    }
    // The folder of an account that nobody has named, as that of a service, is not where people would look for it.
    if variable("HOME").or(variable("XDG_STATE_HOME")).is_none() {
        return Marks::Nowhere;
    }
    let home = Xdg::new().ok().and_then(|places| places.state_dir());
    home.map_or(Marks::Nowhere, |home| {
        Marks::In(home.join("tranche").join("marks"))
    })
}

/// A read-only view of the state.
pub(crate) fn reader(global: &Global) -> Result<Reader, Failure> {
    Reader::open(&place(global)?).map_err(failure)
}

/// The state as committed last; a project in which nothing has happened has an empty one. What somebody has changed by
/// hand can be looked at, and that is said.
pub(crate) fn product(state: &StateDir) -> Result<Product, Failure> {
    let examined = match Reader::open(state) {
        Ok(reader) => reader.examined(),
        Err(Error::Absent { .. }) => return Ok(Product::new()),
        Err(error) => Err(error),
    };
    let (product, damage) = examined.map_err(failure)?;
    if let Some(damage) = damage {
        DAMAGE_SAID.call_once(|| {
            let damage = chain(&damage);
            complain(format_args!(
                "warning: {damage}; what is shown may be wrong, and no engine goes on with it"
            ));
        });
    }
    Ok(product)
}

/// Why everything open is held, or would be by an engine that opened this database: it is a copy, or an older state.
pub(crate) fn objection(state: &StateDir) -> Option<String> {
    let reader = Reader::open(state).ok()?;
    reader.objection(state).ok().flatten()
}

/// The rollout that is looked at: the named one, or the newest that goes on, or else the newest.
pub(crate) fn choose(runs: Vec<RunView>, named: Option<RolloutId>) -> Result<RunView, Failure> {
    let goes_on = |run: &RunView| run.started_at.is_some() && !run.has_ended();
    chosen(runs, named, |run| (goes_on(run), !run.has_ended()))
}

/// The rollout that is told about: the named one, or the newest.
pub(crate) fn newest(runs: Vec<RunView>, named: Option<RolloutId>) -> Result<RunView, Failure> {
    chosen(runs, named, |run| run.started_at.is_some())
}

/// The named rollout, or of those that `rank` puts first the newest.
fn chosen<K: Ord>(
    runs: Vec<RunView>,
    named: Option<RolloutId>,
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

/// For which of Render's limits the rollouts wait now, as far as whoever drives them has told.
pub(crate) fn waits(place: &StateDir) -> LimitWaits {
    engine::waits(place, time::now())
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
        Error::Absent { .. }
        | Error::Held { .. }
        | Error::Watched
        | Error::Stale { .. }
        | Error::Replaced => Exit::Refused,
        Error::NotPermitted { .. } => Exit::NotPermitted,
        Error::Newer { .. } | Error::Foreign { .. } => Exit::Usage,
        Error::NoAnswer | Error::Stopped | Error::Undecided { .. } => Exit::Unfinished,
        Error::Interrupted => Exit::Interrupted,
        Error::NotDone(source) => exit_of(source),
        Error::Damaged { .. }
        | Error::Spoiled { .. }
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
