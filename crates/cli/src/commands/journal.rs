//! `events` and `verify`: the journal itself.

use project::{BadHead, Changes, Head, runs};
use serde::Serialize;

use crate::args::{Events, Global, Verify};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::count::counted;

/// So many lines are read at once.
const PAGE: u32 = 1_000;

/// What `verify --anchor` takes.
#[derive(Serialize)]
struct Anchor {
    anchor: String,
}

/// Prints the journal, one JSON object a line, exactly as it is stored.
pub(crate) async fn events(global: &Global, args: &Events, out: Output) -> Result<Exit, Failure> {
    let backend = open::backend(global, out)?;
    if args.head {
        let head = backend.head().await?;
        let anchor = Anchor {
            anchor: head.to_string(),
        };
        out.data(&anchor, || anchor.anchor.clone())?;
        return Ok(Exit::Done);
    }
    let mut changes = backend.changes().await?;
    if args.rollout.is_some() {
        let product = changes.product().await?;
        runs::choose(product.overview(), args.rollout)?;
    }
    let from = args.from.unwrap_or(1).saturating_sub(1);
    let mut after = from;
    loop {
        after = print_from(&mut *changes, args, after, out).await?;
        if !args.follow {
            if after == from {
                let first = from + 1;
                out.say(format_args!(
                    "there is no such event from {first} on; see: tranche events --head"
                ));
            }
            return Ok(Exit::Done);
        }
        changes.next().await?;
    }
}

/// Prints everything behind an event, and says which was the last.
async fn print_from(
    changes: &mut dyn Changes,
    args: &Events,
    mut after: u64,
    out: Output,
) -> Result<u64, Failure> {
    loop {
        let lines = changes.lines(args.rollout, after, PAGE).await?;
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
pub(crate) async fn verify(global: &Global, args: &Verify, out: Output) -> Result<Exit, Failure> {
    let anchor = args.anchor.as_deref().map(anchor).transpose()?;
    let found = open::backend(global, out)?.verify(anchor).await?;
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
    text.trim().parse().map_err(|source: BadHead| {
        Failure::usage(format!("`{text}` is no anchor"))
            .caused_by(source)
            .or_type("tranche events --head")
    })
}
