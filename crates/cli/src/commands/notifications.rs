//! `notifications`: what was told to whom, and what could not be.

use std::fmt::Write as _;

use engine::Error;
use engine::outbox::{NotificationId, NotificationState, Outbox, StoredNotification};

use crate::args::{Global, Notifications, NotificationsCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::table::table;
use crate::show::time;
use crate::{state, telling, who};

/// So many are listed.
const LISTED: u32 = 100;

/// Lists notifications, shows one, or delivers one again.
pub(crate) async fn notifications(
    global: &Global,
    args: &Notifications,
    out: Output,
) -> Result<Exit, Failure> {
    match &args.command {
        None => list(global, args.failed, out),
        Some(NotificationsCommand::List { failed }) => list(global, *failed, out),
        Some(NotificationsCommand::Show { id }) => show(global, id, out),
        Some(NotificationsCommand::Resend { id }) => resend(global, id, out).await,
    }
}

fn list(global: &Global, only_failed: bool, out: Output) -> Result<Exit, Failure> {
    let letters = match Outbox::open(&state::place(global)?) {
        Ok(outbox) => outbox.list(only_failed, LISTED).map_err(state::failure)?,
        Err(Error::Absent { .. }) => Vec::new(),
        Err(error) => return Err(state::failure(error)),
    };
    let none = match only_failed {
        true => "everything was delivered",
        false => "nothing was told; `notify` in tranche.yaml says who is told what",
    };
    out.list(&letters, letters.is_empty(), none, || {
        let heading = ["ID", "AT", "KIND", "ABOUT", "TO", "STATE", ""];
        table(&heading, letters.iter().map(row))
    })?;
    Ok(Exit::Done)
}

fn row(stored: &StoredNotification) -> Vec<String> {
    let letter = &stored.notification;
    let about = match (&letter.rollout, letter.about.as_slice()) {
        (Some(run), _) => run.to_string(),
        (None, [one]) => one["customer"].as_str().unwrap_or("-").to_owned(),
        (None, _) => "-".to_owned(),
    };
    vec![
        letter.id.to_string(),
        time::stamp(letter.at),
        letter.kind.clone(),
        about,
        letter.to.to_string(),
        standing(stored),
        stored.error.clone().unwrap_or_default(),
    ]
}

fn standing(stored: &StoredNotification) -> String {
    match (stored.state, stored.due_at) {
        (NotificationState::Sent, _) => "sent".to_owned(),
        (NotificationState::Failed, _) => format!("given up after {}", attempts(stored.attempts)),
        (NotificationState::Pending, Some(at)) if stored.error.is_some() => {
            format!("tried again {}", time::away(at, time::now()))
        }
        (NotificationState::Pending, _) => "waiting".to_owned(),
    }
}

fn attempts(number: u32) -> String {
    match number {
        1 => "1 attempt".to_owned(),
        _ => format!("{number} attempts"),
    }
}

fn show(global: &Global, id: &str, out: Output) -> Result<Exit, Failure> {
    let stored = find(&outbox(global)?, id)?;
    out.data(&stored, || {
        let letter = &stored.notification;
        let mut text = format!(
            "{}\n{} for {}, {}\n",
            letter.id,
            letter.kind,
            letter.to,
            standing(&stored)
        );
        if let Some(error) = &stored.error {
            let _ = writeln!(text, "last attempt: {error}");
        }
        for one in &letter.about {
            let _ = writeln!(text, "{one:#}");
        }
        text
    })?;
    Ok(Exit::Done)
}

async fn resend(global: &Global, id: &str, out: Output) -> Result<Exit, Failure> {
    let folder = Folder::find(global)?;
    let config = folder.load_running(out)?;
    let place = state::place(global)?;
    who::prove(&place, &config.project)?;
    let outbox = outbox(global)?;
    let id = find(&outbox, id)?.notification.id;
    outbox.resend(&id, time::now()).map_err(state::failure)?;
    telling::last_round(&place, &folder, &config, telling::LAST_ROUND).await;
    let stored = find(&outbox, &id.0)?;
    out.data(&stored, || match stored.state {
        NotificationState::Sent => format!("{id} was delivered to {}", stored.notification.to),
        NotificationState::Pending | NotificationState::Failed => {
            let why = stored.error.as_deref().unwrap_or("nobody has tried yet");
            format!("{id} was not delivered: {why}; {}", standing(&stored))
        }
    })?;
    Ok(match stored.state {
        NotificationState::Failed => Exit::Failed,
        NotificationState::Sent | NotificationState::Pending => Exit::Done,
    })
}

fn outbox(global: &Global) -> Result<Outbox, Failure> {
    Outbox::open(&state::place(global)?).map_err(state::failure)
}

fn find(outbox: &Outbox, id: &str) -> Result<StoredNotification, Failure> {
    let found = outbox
        .find(&NotificationId(id.to_owned()))
        .map_err(state::failure)?;
    found.ok_or_else(|| {
        Failure::usage(format!("no notification is called `{id}`")).or_type("tranche notifications")
    })
}
