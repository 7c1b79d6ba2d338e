//! Where secrets are: in the environment, in the file that `NAME_FILE` names, or in a file of the project folder.

use std::path::Path;
use std::sync::Arc;
use std::{env, fmt};

use machine::files::{NotRead, Roots, read_own};
use policy::settings::SecretSource;
use secrecy::SecretString;

use crate::error::Undelivered;

/// Looks a variable up.
type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Reads secrets when they are needed, and keeps none.
#[derive(Clone)]
pub struct Secrets {
    roots: Roots,
    variable: Lookup,
}

/// The environment of this process.
pub fn environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

impl Secrets {
    /// Files are relative to the folder; variables come from `variable`, usually [`environment`].
    pub fn new(
        folder: &Path,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::within(Roots::new(folder), variable)
    }

    /// The same, with files from wherever these reach.
    pub fn within(
        roots: Roots,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            roots,
            variable: Arc::new(variable),
        }
    }

    /// How far files may be named.
    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The secret that is kept there.
    pub(crate) fn read(&self, source: &SecretSource) -> Result<SecretString, Undelivered> {
        let found = match source {
            SecretSource::Env(name) => self.variable_or_file(name)?,
            SecretSource::File(path) => unread(path, self.roots.read_text(Path::new(path)))?,
        };
        // The newline with which editors end a file is no part of a secret.
        let secret = found.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(Undelivered::transient(format!(
                "{} is empty",
                place(source)
            )));
        }
        Ok(SecretString::from(secret))
    }

    /// A text as it stands, or the secret whose place it names.
    pub(crate) fn read_or_take(&self, text: &str) -> Result<SecretString, Undelivered> {
        match SecretSource::reference(text) {
            Some(source) => self.read(&source),
            None => Ok(SecretString::from(text)),
        }
    }

    fn variable_or_file(&self, name: &str) -> Result<String, Undelivered> {
        let written = |name: &str| (self.variable)(name).filter(|value| !value.trim().is_empty());
        let file_variable = format!("{name}_FILE");
        match (written(name), written(&file_variable)) {
            (Some(value), _) => Ok(value),
            // The environment is the operator's own word.
            (None, Some(path)) => unread(&path, read_own(&self.roots.folder().join(&path))),
            (None, None) => Err(Undelivered::transient(format!(
                "set {name} or {file_variable}"
            ))),
        }
    }
}

fn unread<T>(path: &str, read: Result<T, NotRead>) -> Result<T, Undelivered> {
    read.map_err(|error| Undelivered::transient(format!("failed to read {path}: {error}")))
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

fn place(source: &SecretSource) -> &str {
    match source {
        SecretSource::Env(name) | SecretSource::File(name) => name,
    }
}
