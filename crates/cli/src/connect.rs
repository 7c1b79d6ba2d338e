//! How is Render reached from here, and what does it mean when it is not?

use std::time::Duration;

use policy::{Config, Span, Timestamp};
use render::probe::{Network, ProbeSettings, Prober};
use render::{Client, Error, Settings, Waits, key_from_env};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::exit::{Exit, Failure, chain};
use crate::output::Output;
use crate::show::limits::{Told, until_when};
use crate::show::time;

/// A client by the project's settings and the key of the environment. Whoever sits in front of it is told what it waits for.
pub(crate) fn client(config: &Config, out: Output) -> Result<Client, Failure> {
    let render = &config.project.render;
    let key =
        key_from_env().map_err(|error| failure(error).or_type("export RENDER_API_KEY=..."))?;
    let settings = Settings {
        base_url: render.url.clone(),
        timeout: duration(render.timeout),
        max_retries: usize::try_from(render.max_retries).unwrap_or(usize::MAX),
        ..Settings::new(key)
    };
    telling(&settings, out)
}

/// The same by any settings.
pub(crate) fn telling(settings: &Settings, out: Output) -> Result<Client, Failure> {
    let client = Client::new(settings).map_err(failure)?;
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(tell(client.waits(), out));
    }
    Ok(client)
}

/// Says for which of Render's limits requests wait, and until when, until the client is gone.
async fn tell(mut waits: watch::Receiver<Waits>, out: Output) {
    let mut told = Told::default();
    loop {
        let now = time::now();
        let next = next(&waits.borrow_and_update(), &told, now);
        let pause = match next {
            Some(Wait { due, limit, until }) if due <= now => {
                out.say(until_when(&format!("waiting for {limit}"), until, now));
                told.note(limit, until);
                continue;
            }
            Some(Wait { due, .. }) => (due - now).to_std().unwrap_or_default(),
            None => Duration::MAX,
        };
        tokio::select! {
            changed = waits.changed() => if changed.is_err() { return },
            () = sleep(pause) => {}
        }
    }
}

/// What is to be said, and when.
struct Wait {
    due: Timestamp,
    limit: String,
    until: Timestamp,
}

fn next(waits: &Waits, told: &Told, now: Timestamp) -> Option<Wait> {
    let next = waits.all().filter_map(|wait| {
        let (limit, until) = (wait.limit.to_string(), wait.until);
        let due = told.due_at(&limit, wait.since, until, now)?;
        Some(Wait { due, limit, until })
    });
    next.min_by_key(|wait| wait.due)
}

/// A prober that reaches what the project allows.
pub(crate) fn prober(config: &Config) -> Result<Prober, Failure> {
    let network = Network::new(config.project.allow.iter().map(String::as_str))
        .map_err(|source| Failure::usage("failed to read network.allow").caused_by(source))?;
    Prober::new(&ProbeSettings {
        network,
        ..ProbeSettings::default()
    })
    .map_err(|source| Failure::failed("failed to set up probes").caused_by(source))
}

/// The failure that a failed call means for the person who typed the command.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(failure)`")]
pub(crate) fn failure(error: Error) -> Failure {
    let exit = exit(&error);
    let failure = Failure::new(exit, format!("failed to {}", chain(&error)));
    if error.status() == Some(404) {
        return failure.or_type("tranche render services");
    }
    match exit {
        Exit::NotPermitted => failure.or_type("tranche render check, with another RENDER_API_KEY"),
        Exit::Unreachable => failure.or_type("the same command again; nothing was changed"),
        Exit::Done
        | Exit::Failed
        | Exit::Usage
        | Exit::Refused
        | Exit::Unfinished
        | Exit::ToDo
        | Exit::Interrupted => failure,
    }
}

fn exit(error: &Error) -> Exit {
    match error.status() {
        Some(401 | 403) => Exit::NotPermitted,
        Some(404) => Exit::Usage,
        Some(_) | None if error.is_transient() => Exit::Unreachable,
        None if matches!(error, Error::Settings(_) | Error::Argument { .. }) => Exit::Usage,
        Some(_) | None => Exit::Failed,
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or_default())
}
