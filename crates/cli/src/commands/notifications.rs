//! `notifications`: what was told to whom, and what could not be.

use std::fmt::Write as _;

use project::{Backend, DELIVER_WITHIN, NotificationId, NotificationState, StoredNotification};

use crate::args::{Global, Notifications, NotificationsCommand};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;
use crate::show::time;

/// So many are listed.
const LISTED: u32 = 100;

/// Lists notifications, shows one, or delivers one again.
pub(crate) async fn notifications(
    global: &Global,
    args: &Notifications,
    out: Output,
) -> Result<Exit, Failure> {
    match &args.command {
        None => list(global, args.failed, out).await,
        Some(NotificationsCommand::List { failed }) => list(global, *failed, out).await,
        Some(NotificationsCommand::Show { id }) => show(global, id, out).await,
        Some(NotificationsCommand::Resend { id }) => resend(global, id, out).await,
    }
}

async fn list(global: &Global, only_failed: bool, out: Output) -> Result<Exit, Failure> {
    let backend = open::backend(global, out)?;
    let letters = backend.notifications(only_failed, LISTED).await?;
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

async fn show(global: &Global, id: &str, out: Output) -> Result<Exit, Failure> {
    let stored = find(&*open::backend(global, out)?, id).await?;
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
    let session = open::session(global, out).await?;
    let backend = session.backend();
    let id = find(backend, id).await?.notification.id;
    backend.resend(id.clone()).await?;
    session.deliver_due(DELIVER_WITHIN).await;
    let stored = find(backend, &id.0).await?;
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

async fn find(backend: &dyn Backend, id: &str) -> Result<StoredNotification, Failure> {
    let found = backend.notification(NotificationId(id.to_owned())).await?;
    found.ok_or_else(|| {
        Failure::usage(format!("no notification is called `{id}`")).or_type("tranche notifications")
    })
}
