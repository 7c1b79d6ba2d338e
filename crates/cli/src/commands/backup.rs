//! `backup` and `restore`: the state as one file.

use policy::Timestamp;
use project::backup::{self, BackedUp, KeyOnRestore, Restored};
use rollout::RolloutId;

use crate::args::{Backup, Global, Restore};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::time;
use crate::{open, output_file};

/// Copies the state into a new file.
pub(crate) fn back_up(global: &Global, args: &Backup, out: Output) -> Result<Exit, Failure> {
    output_file::refuse(global, &args.file)?;
    let made = backup::back_up(&open::location(global), &args.file, args.with_key)?;
    out.data(&made, || made_text(&made))?;
    for note in &made.notes {
        out.say(note);
    }
    if made.with_key {
        out.say(
            "the key of sealed values is in it: it is as secret as the folder of the state itself",
        );
    } else if made.sealed > 0 {
        out.say(format_args!(
            "the key of {} of variables is not in it: keep `backup.key`, which lies beside the database, in another place",
            sealed(made.sealed)
        ));
    }
    Ok(Exit::Done)
}

/// Puts a backup where no state is.
pub(crate) fn restore(global: &Global, args: &Restore, out: Output) -> Result<Exit, Failure> {
    let key = match (&args.key, args.without_key) {
        (Some(file), _) => KeyOnRestore::File(file.clone()),
        (None, true) => KeyOnRestore::MayBeMissing,
        (None, false) => KeyOnRestore::Found,
    };
    let restored = backup::restore(&open::location(global), &args.file, &key)?;
    out.data(&restored, || restored_text(&restored))?;
    if restored.sealed.lost > 0 {
        out.say(format_args!(
            "warning: {} of {} of variables stay sealed: a rollback does not put those values back",
            restored.sealed.lost,
            sealed(restored.sealed.all)
        ));
    }
    if restored.until.is_some() {
        out.say("what happened since is not known here: votes and tokens count as they did then, and what was deployed since is looked up at Render");
        out.say("everything rests: see to it that no other engine drives this product, then: tranche resume --moved");
    }
    Ok(Exit::Done)
}

fn made_text(made: &BackedUp) -> String {
    format!(
        "backed up into {}: {}",
        made.file.display(),
        holds(made.until, &made.head, &made.unfinished)
    )
}

fn restored_text(restored: &Restored) -> String {
    format!(
        "put back to {}: {}",
        restored.database.display(),
        holds(restored.until, &restored.head, &restored.unfinished)
    )
}

fn holds(until: Option<Timestamp>, head: &str, unfinished: &[RolloutId]) -> String {
    let Some(until) = until else {
        return "nothing has happened yet".to_owned();
    };
    let unfinished: Vec<String> = unfinished.iter().map(ToString::to_string).collect();
    let open = match unfinished.is_empty() {
        true => "nothing is unfinished".to_owned(),
        false => format!("unfinished: {}", unfinished.join(", ")),
    };
    format!("all until {}, {open}; head {head}", time::instant(until))
}

fn sealed(count: u64) -> String {
    counted(
        usize::try_from(count).unwrap_or(usize::MAX),
        "sealed backup",
    )
}
