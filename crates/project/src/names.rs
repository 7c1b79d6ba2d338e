//! What of `tranche.yaml` is needed before it is checked, and also if it holds mistakes?

use std::path::PathBuf;

use policy::{File, parse};
use serde::Deserialize;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "tranche.yaml";

/// What it names, or what it would name if it said nothing.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Names {
    pub(crate) policies: PathBuf,
    pub(crate) customers: PathBuf,
    pub(crate) files: Files,
    pub(crate) render: Address,
    pub(crate) state: State,
}

/// `render:`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    pub(crate) url: Option<String>,
}

/// `state:`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) identity: Identity,
}

/// `state.identity`: what tells a database from a copy of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Identity {
    /// Its file as well as its journal.
    #[default]
    File,
    /// Its journal alone.
    Journal,
}

/// What may be named outside the folder.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    pub(crate) allow: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            policies: PathBuf::from("policies"),
            customers: PathBuf::from("customers.yaml"),
            render: Address::default(),
            state: State::default(),
            files: Files::default(),
        }
    }
}

impl Names {
    /// A file that cannot be read as YAML has the usual names: checking it will report why.
    pub(crate) fn of(project: &File) -> Self {
        let value = parse::value(project);
        let names = value.and_then(|value| serde_json::from_value(value).ok());
        names.unwrap_or_default()
    }
}
