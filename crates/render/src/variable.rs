//! Environment variables of a service, one by one (A4).
//!
//! Replacing the whole set deletes whatever it does not name (T7), so it is apart from the rest, with [`Admin`] (P28).

use std::collections::BTreeMap;

use policy::ServiceId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::{Admin, gone_is_deleted};
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::limit::Class;
use crate::page::listed;

/// A service's own variables. Those of linked groups are not among them.
pub type Variables = BTreeMap<String, SecretString>;

#[derive(Deserialize)]
pub(crate) struct Variable {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: Option<SecretString>,
}

listed!(Variable: key);

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
            .all(Call::get(&["services", service.as_str(), "env-vars"]))
            .await?;
        Ok(variables
            .into_iter()
            .map(|variable| (variable.key, variable.value.unwrap_or_default()))
            .collect())
    }

    /// Reads one variable; `None` if it (or the service) does not exist.
    pub async fn variable(&self, service: &ServiceId, key: &str) -> Result<Option<SecretString>> {
        let call = Call::get(&["services", service.as_str(), "env-vars", key]);
        let found: Option<Variable> = self.json_if_any(call).await?;
        Ok(found.map(|variable| variable.value.unwrap_or_default()))
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
        self.done(call).await.or_else(gone_is_deleted)
    }
}

/// What a variable of a whole set is to hold.
#[derive(Clone, Debug)]
pub enum NewVariable {
    /// This text.
    Value(SecretString),
    /// A random secret that Render makes; a new one each time.
    Generated,
}

impl NewVariable {
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Value(value) => json!({ "value": value.expose_secret() }),
            Self::Generated => json!({ "generateValue": true }),
        }
    }

    pub(crate) fn hidden_in(&self, call: Call) -> Call {
        match self {
            Self::Value(value) => call.hide(value),
            Self::Generated => call,
        }
    }
}

/// Whole sets of variables.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::NewVariable;
///
/// let scratch = "srv-cukouhrtq21c73e9scng".into();
/// client.admin().generate_variable(&scratch, "SESSION_SECRET").await?;
/// let only = [("NODE_ENV".to_owned(), NewVariable::Value("test".into()))].into();
/// client.admin().replace_variables(&scratch, &only).await?; // every other variable is gone
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Lets Render make up a variable's value. Each call makes another one.
    pub async fn generate_variable(&self, service: &ServiceId, key: &str) -> Result<SecretString> {
        let path = ["services", service.as_str(), "env-vars", key];
        let call = Call::change(Method::PUT, &path, Class::Write);
        let made: Variable = self
            .0
            .json(call.body(&NewVariable::Generated.body()))
            .await?;
        Ok(made.value.unwrap_or_default())
    }

    /// Replaces the whole set: what is not named is deleted. Never used by a rollout (P28).
    pub async fn replace_variables(
        &self,
        service: &ServiceId,
        variables: &BTreeMap<String, NewVariable>,
    ) -> Result<()> {
        let body = variables.iter().map(|(key, variable)| {
            let mut body = variable.body();
            body["key"] = key.as_str().into();
            body
        });
        let path = ["services", service.as_str(), "env-vars"];
        let call = Call::change(Method::PUT, &path, Class::Write).body(&body.collect());
        let hidden = |call, variable: &NewVariable| variable.hidden_in(call);
        self.0.done(variables.values().fold(call, hidden)).await
    }
}
