//! `watch`: follows a rollout from another process than the one that drives it.

use std::time::{Duration, Instant};

use engine::{Error, Reader, StateDir};
use rollout::RolloutId;
use rollout::view::RunView;
use tokio::time::sleep;

use crate::args::{Global, Until, Watch};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::live::Live;
use crate::show::{status, time};
use crate::state;

/// How often the database is looked at; a look without a change costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often a terminal is brought up to date where nothing happens.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// So many events are read at once.
const PAGE: u32 = 1_000;

/// Follows a rollout until it rests, or until what was asked for has happened.
pub(crate) async fn watch(global: &Global, args: &Watch, out: Output) -> Result<Exit, Failure> {
    let (place, begun) = (state::place(global)?, Instant::now());
    let Some(Followed {
        reader,
        mut run,
        begins_after,
        has_waited,
    }) = followed(&place, args, begun, out).await?
    else {
        return Ok(Exit::Unfinished);
    };
    // Whoever has just started it is about to drive it.
    if !has_waited && status::exit(&run).is_none() {
        state::say_if_undriven(&place, out);
    }
    let mut after = match args.from {
        Some(seq) => seq.saturating_sub(1),
        None => begins_after,
    };
    let mut live = Live::new(out);
    let exit = loop {
        after = events(&reader, run.id, after, &live)?;
        live.stand(&[&run]);
        if let Some(exit) = reached(&run, &args.until) {
            break exit;
        }
        if is_over(begun, args) {
            break Exit::Unfinished;
        }
        if wait((&reader, &place), begun, args, &live).await? {
            run = stand(&reader, &place, Some(run.id))?;
        }
    };
    live.end();
    out.say(format_args!("{}: {}", run.id, status::state(&run)));
    Ok(exit)
}

/// What is followed.
struct Followed {
    reader: Reader,
    run: RunView,
    /// The last event that is not news.
    begins_after: u64,
    /// Whether there was nothing to follow at first.
    has_waited: bool,
}

/// The rollout that is meant. Without any, and where none is named, the first one is waited for; `None`: not long enough.
async fn followed(
    place: &StateDir,
    args: &Watch,
    begun: Instant,
    out: Output,
) -> Result<Option<Followed>, Failure> {
    let mut waits_since = None;
    loop {
        let reader = match Reader::open(place) {
            Ok(reader) => Some(reader),
            Err(Error::Absent { .. }) if args.rollout.is_none() => None,
            Err(error) => return Err(state::failure(error)),
        };
        let head = match &reader {
            Some(reader) => reader.head().map_err(state::failure)?.seq,
            None => 0,
        };
        if let Some(reader) = reader
            && (args.rollout.is_some() || has_any(&reader)?)
        {
            let run = stand(&reader, place, args.rollout)?;
            return Ok(Some(Followed {
                reader,
                run,
                begins_after: waits_since.unwrap_or(head),
                has_waited: waits_since.is_some(),
            }));
        }
        if waits_since.is_none() {
            out.say("nothing has been started yet; waiting for the first rollout");
        }
        // All that happens from now on is news.
        waits_since.get_or_insert(head);
        if is_over(begun, args) {
            return Ok(None);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn has_any(reader: &Reader) -> Result<bool, Failure> {
    Ok(!reader
        .product()
        .map_err(state::failure)?
        .overview()
        .is_empty())
}

fn stand(reader: &Reader, place: &StateDir, run: Option<RolloutId>) -> Result<RunView, Failure> {
    let (product, now) = (reader.product().map_err(state::failure)?, time::now());
    let mut run = state::choose(product.overview_at(now), run)?;
    state::waits(place).mark(&mut run, now);
    Ok(run)
}

/// Shows everything behind an event, and says which was the last.
fn events(reader: &Reader, run: RolloutId, mut after: u64, live: &Live) -> Result<u64, Failure> {
    loop {
        let events = reader
            .events(Some(run), after, PAGE)
            .map_err(state::failure)?;
        let Some(last) = events.last() else {
            return Ok(after);
        };
        after = last.seq;
        events.iter().try_for_each(|event| live.event(event))?;
    }
}

/// Waits until something was committed or waits for Render otherwise than before, until time is over, or until somebody who
/// watches is to see the time go by; says whether there is something new.
async fn wait(
    (reader, place): (&Reader, &StateDir),
    begun: Instant,
    args: &Watch,
    live: &Live,
) -> Result<bool, Failure> {
    let seen = reader.data_version().map_err(state::failure)?;
    let waits = state::waits(place);
    let waiting = Instant::now();
    while !is_over(begun, args) {
        sleep(LOOK_EVERY).await;
        if reader.data_version().map_err(state::failure)? != seen || state::waits(place) != waits {
            return Ok(true);
        }
        let is_shown = live.is_watched() || !waits.is_empty();
        if is_shown && waiting.elapsed() >= REDRAW_EVERY {
            break;
        }
    }
    Ok(false)
}

fn is_over(begun: Instant, args: &Watch) -> bool {
    let limit = args
        .timeout
        .and_then(|timeout| timeout.to_delta().to_std().ok());
    limit.is_some_and(|limit| begun.elapsed() >= limit)
}

/// The exit code, once the wait is over.
fn reached(run: &RunView, until: &Until) -> Option<Exit> {
    let happened = match until {
        Until::Gate => run.gates.iter().any(status::is_open),
        Until::Phase(phase) => run
            .phases
            .iter()
            .any(|one| one.name == *phase && one.settled_at.is_some()),
        Until::Customer(customer) => run
            .customers
            .iter()
            .any(|one| one.customer == *customer && status::is_settled(one)),
        Until::Done => false,
    };
    if happened {
        Some(Exit::Done)
    } else {
        status::exit(run)
    }
}
