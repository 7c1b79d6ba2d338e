//! `events` and `verify`: the journal itself.

use std::time::Duration;

use engine::{Head, Reader};
use serde::Serialize;
use tokio::time::sleep;

use crate::args::{Events, Global, Verify};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::plan::counted;
use crate::state;

/// So many lines are read at once.
const PAGE: u32 = 1_000;

/// How often a followed journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What `verify --anchor` takes.
#[derive(Serialize)]
struct Anchor {
    anchor: String,
}

/// Prints the journal, one JSON object a line, exactly as it is stored.
pub(crate) async fn events(global: &Global, args: &Events, out: Output) -> Result<Exit, Failure> {
    let reader = state::reader(global)?;
    if args.head {
        let head = reader.head().map_err(state::failure)?;
        let anchor = Anchor {
            anchor: head.to_string(),
        };
        out.data(&anchor, || anchor.anchor.clone())?;
        return Ok(Exit::Done);
    }
    if args.rollout.is_some() {
        let runs = reader.product().map_err(state::failure)?.overview();
        state::choose(runs, args.rollout)?;
    }
    let from = args.from.unwrap_or(1).saturating_sub(1);
    let mut after = from;
    loop {
        after = print_from(&reader, args, after, out)?;
        if !args.follow {
            if after == from {
                let first = from + 1;
                out.say(format_args!(
                    "there is no such event from {first} on; see: tranche events --head"
                ));
            }
            return Ok(Exit::Done);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Prints everything behind an event, and says which was the last.
fn print_from(reader: &Reader, args: &Events, mut after: u64, out: Output) -> Result<u64, Failure> {
    loop {
        let lines = reader
            .lines(args.rollout, after, PAGE)
            .map_err(state::failure)?;
        let Some(last) = lines.last() else {
            return Ok(after);
        };
        after = last.seq;
        for line in &lines {
            out.exact(&line.json)?;
        }
    }
}

/// Checks the journal's chain, its fold, and the database.
pub(crate) fn verify(global: &Global, args: &Verify, out: Output) -> Result<Exit, Failure> {
    let anchor = args.anchor.as_deref().map(anchor).transpose()?;
    let found = engine::verify(&state::place(global)?, anchor.as_ref()).map_err(state::failure)?;
    out.data(&found, || {
        let mut lines: Vec<String> = found
            .problems
            .iter()
            .map(|one| format!("problem: {one}"))
            .collect();
        lines.push(format!(
            "{} and {} checked: {}; head {}",
            counted(usize::try_from(found.events).unwrap_or(usize::MAX), "event"),
            counted(usize::try_from(found.rows).unwrap_or(usize::MAX), "row"),
            if found.problems.is_empty() {
                "all is well".to_owned()
            } else {
                counted(found.problems.len(), "problem")
            },
            found.head,
        ));
        lines.join("\n")
    })?;
    Ok(if found.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn anchor(text: &str) -> Result<Head, Failure> {
    text.trim().parse().map_err(|source: engine::BadHead| {
        Failure::usage(format!("`{text}` is no anchor"))
            .caused_by(source)
            .or_type("tranche events --head")
    })
}
