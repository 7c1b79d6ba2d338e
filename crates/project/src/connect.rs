//! How is Render reached from here?

use std::time::Duration;

use policy::{Config, Span};
use render::probe::{Network, ProbeSettings, Prober};
use render::{Client, Settings, key_from_env};

use crate::caller::Caller;
use crate::error::Error;

/// A client by the project's settings and the key of the environment.
pub fn client(config: &Config, caller: &dyn Caller) -> Result<Client, Error> {
    let render = &config.project.render;
    let key = key_from_env().map_err(|error| Error::Key(Box::new(error)))?;
    let settings = Settings {
        base_url: render.url.clone(),
        timeout: duration(render.timeout),
        max_retries: usize::try_from(render.max_retries).unwrap_or(usize::MAX),
        ..Settings::new(key)
    };
    by_settings(&settings, caller)
}

/// A client where there is no project: by the environment alone.
pub fn without_project(caller: &dyn Caller) -> Result<Client, Error> {
    by_settings(&Settings::from_env()?, caller)
}

fn by_settings(settings: &Settings, caller: &dyn Caller) -> Result<Client, Error> {
    let client = Client::new(settings)?;
    caller.connected(&client);
    Ok(client)
}

/// A prober that reaches what the project allows.
pub fn prober(config: &Config) -> Result<Prober, Error> {
    let network = Network::new(config.project.allow.iter().map(String::as_str))
        .map_err(|source| Error::Network(Box::new(source)))?;
    Prober::new(&ProbeSettings {
        network,
        ..ProbeSettings::default()
    })
    .map_err(|source| Error::Probes(Box::new(source)))
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or_default())
}
