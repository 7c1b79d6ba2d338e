//! How is Render reached from here, and what does it mean when it is not?

use std::time::Duration;

use policy::{Config, Span};
use render::probe::{Network, ProbeSettings, Prober};
use render::{Client, Error, Settings, key_from_env};

use crate::exit::{Exit, Failure, chain};

/// A client by the project's settings and the key of the environment.
pub(crate) fn client(config: &Config) -> Result<Client, Failure> {
    let render = &config.project.render;
    let key =
        key_from_env().map_err(|error| failure(error).or_type("export RENDER_API_KEY=..."))?;
    let settings = Settings {
        base_url: render.url.clone(),
        timeout: duration(render.timeout),
        max_retries: usize::try_from(render.max_retries).unwrap_or(usize::MAX),
        ..Settings::new(key)
    };
    Client::new(&settings).map_err(failure)
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
