//! Environment variables of a service, one by one (A4).
//!
//! Replacing the whole set is deliberately missing: with one page forgotten it deletes what it did not read (T7, P28).

use std::collections::BTreeMap;

use policy::ServiceId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::limit::Class;

/// A service's own variables. Those of linked groups are not among them.
pub type Variables = BTreeMap<String, SecretString>;

#[derive(Deserialize)]
struct Variable {
    key: String,
    #[serde(default)]
    value: Option<SecretString>,
}

/// Variables.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// let before = client.variables(&backend).await?; // all pages
/// client.set_variable(&backend, "VERSION_TAG", &"v1.1.0".into()).await?;
/// println!("{} variables; the change waits for the next deploy", before.len());
/// # Ok(()) }
/// ```
impl Client {
    /// Reads every variable, all pages; an incomplete set is an error (P27).
    pub async fn variables(&self, service: &ServiceId) -> Result<Variables> {
        let variables: Vec<Variable> = self
            .all(|| Call::get(&["services", service.as_str(), "env-vars"]))
            .await?;
        Ok(variables
            .into_iter()
            .map(|variable| (variable.key, variable.value.unwrap_or_default()))
            .collect())
    }

    /// Reads one variable; `None` if it (or the service) does not exist.
    pub async fn variable(&self, service: &ServiceId, key: &str) -> Result<Option<SecretString>> {
        let call = Call::get(&["services", service.as_str(), "env-vars", key]);
        match self.json::<Variable>(call).await {
            Ok(variable) => Ok(Some(variable.value.unwrap_or_default())),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds or changes one variable. It takes effect with the next deploy (T9).
    pub async fn set_variable(
        &self,
        service: &ServiceId,
        key: &str,
        value: &SecretString,
    ) -> Result<()> {
        let path = ["services", service.as_str(), "env-vars", key];
        let call = Call::idempotent(Method::PUT, &path, Class::Write)
            .body(&json!({ "value": value.expose_secret() }))
            .hide(value);
        self.done(call).await
    }

    /// Removes one variable; one that is already absent counts as removed.
    pub async fn delete_variable(&self, service: &ServiceId, key: &str) -> Result<()> {
        let path = ["services", service.as_str(), "env-vars", key];
        let call = Call::idempotent(Method::DELETE, &path, Class::Write);
        self.done(call).await.or_else(absent_is_removed)
    }
}

fn absent_is_removed(error: Error) -> Result<()> {
    if error.is_gone() { Ok(()) } else { Err(error) }
}
