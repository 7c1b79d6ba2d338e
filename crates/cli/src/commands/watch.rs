//! `watch`: follows a rollout from another process than the one that drives it.

use std::time::{Duration, Instant};

use project::view::gates;
use project::{Backend, Changes, ErrorKind, runs};
use rollout::view::RolloutView;
use rollout::{Product, RolloutId};
use tokio::time::{sleep, timeout};

use crate::args::{Global, Until, Watch};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::live::Live;
use crate::show::{status, time};
use crate::{open, request};

/// How often the database is looked at; a look without a change costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often a terminal is brought up to date where nothing happens.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// So many events are read at once.
const PAGE: u32 = 1_000;

/// Follows a rollout until it rests, or until what was asked for has happened.
pub(crate) async fn watch(global: &Global, args: &Watch, out: Output) -> Result<Exit, Failure> {
    let (backend, begun) = (open::backend(global, out)?, Instant::now());
    let backend = &*backend;
    let Some(Followed {
        mut run,
        mut changes,
        begins_after,
        has_waited,
    }) = followed(backend, args, begun, out).await?
    else {
        return Ok(Exit::Unfinished);
    };
    // Whoever has just started it is about to drive it.
    if !has_waited && status::exit(&run).is_none() {
        request::say_if_undriven(backend, out).await?;
    }
    let mut after = match args.from {
        Some(seq) => seq.saturating_sub(1),
        None => begins_after,
    };
    let mut live = Live::new(out);
    let exit = loop {
        after = events(&mut *changes, run.id, after, &live).await?;
        live.stand(&[&run]);
        if let Some(exit) = reached(&run, &args.until) {
            break exit;
        }
        if is_over(begun, args) {
            break Exit::Unfinished;
        }
        if wait(backend, &mut *changes, begun, args, &live).await? {
            run = stand(backend, changes.product().await?, Some(run.id)).await?;
        }
    };
    live.end();
    out.say(format_args!("{}: {}", run.id, status::state(&run)));
    Ok(exit)
}

/// What is followed.
struct Followed {
    run: RolloutView,
    /// Tells when there is something new, and reads it.
    changes: Box<dyn Changes>,
    /// The last event that is not news.
    begins_after: u64,
    /// Whether there was nothing to follow at first.
    has_waited: bool,
}

/// The rollout that is meant. Without any, and where none is named, the first one is waited for; `None`: not long enough.
async fn followed(
    backend: &dyn Backend,
    args: &Watch,
    begun: Instant,
    out: Output,
) -> Result<Option<Followed>, Failure> {
    let mut waits_since = None;
    loop {
        let changes = match backend.changes().await {
            Ok(changes) => Some(changes),
            Err(error) if error.kind() == ErrorKind::Absent && args.rollout.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let head = match &changes {
            Some(_) => backend.head().await?.seq,
            None => 0,
        };
        if let Some(mut changes) = changes
            && (args.rollout.is_some() || has_any(&mut *changes).await?)
        {
            // Examined once, which is costly; from then on it is only read.
            let product = backend.product().await?;
            return Ok(Some(Followed {
                run: stand(backend, product, args.rollout).await?,
                changes,
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

async fn has_any(changes: &mut dyn Changes) -> Result<bool, Failure> {
    Ok(!changes.product().await?.overview().is_empty())
}

async fn stand(
    backend: &dyn Backend,
    product: Product,
    run: Option<RolloutId>,
) -> Result<RolloutView, Failure> {
    let now = time::now();
    let mut run = runs::choose(product.overview_at(now), run)?;
    backend.waits().await?.mark(&mut run, now);
    Ok(run)
}

/// Shows everything behind an event, and says which was the last.
async fn events(
    changes: &mut dyn Changes,
    run: RolloutId,
    mut after: u64,
    live: &Live,
) -> Result<u64, Failure> {
    loop {
        let events = changes.events(Some(run), after, PAGE).await?;
        let Some(last) = events.last() else {
            return Ok(after);
        };
        after = last.seq;
        events.iter().try_for_each(|event| live.event(event))?;
    }
}

/// Waits until there is something new, until time is over, or until somebody who watches is to see the time go by; says
/// whether there is something new.
async fn wait(
    backend: &dyn Backend,
    changes: &mut dyn Changes,
    begun: Instant,
    args: &Watch,
    live: &Live,
) -> Result<bool, Failure> {
    let is_shown = live.is_watched() || !backend.waits().await?.is_empty();
    let redraw = is_shown.then_some(REDRAW_EVERY);
    let left = limit(args).map(|limit| limit.saturating_sub(begun.elapsed()));
    let longest = redraw.into_iter().chain(left).min();
    match timeout(longest.unwrap_or(Duration::MAX), changes.next()).await {
        Ok(news) => Ok(news.map(|()| true)?),
        Err(_) => Ok(false),
    }
}

fn limit(args: &Watch) -> Option<Duration> {
    let limit = args.timeout?;
    limit.to_delta().to_std().ok()
}

fn is_over(begun: Instant, args: &Watch) -> bool {
    limit(args).is_some_and(|limit| begun.elapsed() >= limit)
}

/// The exit code, once the wait is over.
fn reached(run: &RolloutView, until: &Until) -> Option<Exit> {
    let happened = match until {
        Until::Gate => run.gates.iter().any(gates::is_open),
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
