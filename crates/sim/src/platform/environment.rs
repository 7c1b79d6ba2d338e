//! A service's stored variables and secret files. The next deploy uses them; what runs keeps its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Platform, Variables};
use crate::ids::{ServiceId, Timestamp};
use crate::requests::ApiError;

/// A value to be stored.
#[derive(Clone, PartialEq, Eq)]
pub enum NewValue {
    /// This text.
    Text(String),
    /// A new secret, made by Render.
    Generated,
}

impl Platform {
    /// The stored variables.
    pub fn env_vars(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
    ) -> Result<&BTreeMap<String, String>, ApiError> {
        self.advance(now);
        Ok(&self.service(service)?.variables.0)
    }

    /// The variables that what is live runs with.
    pub fn live_env_vars(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        self.advance(now);
        let live = self.service(service)?.live_deploy();
        Ok(live.map_or_else(BTreeMap::new, |deploy| deploy.variables.0.clone()))
    }

    /// Stores one variable and returns its value.
    pub fn put_env_var(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        key: &str,
        value: NewValue,
    ) -> Result<String, ApiError> {
        let now = self.advance(now);
        if key.is_empty() {
            return Err(ApiError::bad_request("key is empty"));
        }
        let value = self.made(value);
        let service = self.service_mut(service)?;
        service.updated_at = now;
        Arc::make_mut(&mut service.variables)
            .0
            .insert(key.to_owned(), value.clone());
        Ok(value)
    }

    /// Removes one variable.
    pub fn delete_env_var(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        key: &str,
    ) -> Result<(), ApiError> {
        let now = self.advance(now);
        let service = self.service_mut(service)?;
        if !service.variables.0.contains_key(key) {
            return Err(ApiError::not_found(key));
        }
        service.updated_at = now;
        Arc::make_mut(&mut service.variables).0.remove(key);
        Ok(())
    }

    /// Replaces all variables. Nothing is merged: what is not given is gone.
    pub fn put_env_vars(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        values: Vec<(String, NewValue)>,
    ) -> Result<&BTreeMap<String, String>, ApiError> {
        let now = self.advance(now);
        self.service(service)?;
        let values = values
            .into_iter()
            .map(|(key, value)| (key, self.made(value)))
            .collect();
        let service = self.service_mut(service)?;
        service.updated_at = now;
        service.variables = Arc::new(Variables(values));
        Ok(&service.variables.0)
    }

    /// The stored secret files.
    pub fn secret_files(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
    ) -> Result<&BTreeMap<String, String>, ApiError> {
        self.advance(now);
        Ok(&self.service(service)?.secret_files.0)
    }

    /// Stores one secret file.
    pub fn put_secret_file(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        name: &str,
        content: &str,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let files = &mut self.service_mut(service)?.secret_files.0;
        files.insert(name.to_owned(), content.to_owned());
        Ok(())
    }

    /// Replaces all secret files.
    pub fn put_secret_files(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        files: BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        self.advance(now);
        self.service_mut(service)?.secret_files = Variables(files);
        Ok(())
    }

    /// Removes one secret file.
    pub fn delete_secret_file(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        name: &str,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let files = &mut self.service_mut(service)?.secret_files.0;
        files
            .remove(name)
            .map(drop)
            .ok_or_else(|| ApiError::not_found(name))
    }

    /// The text to be stored for a value.
    pub(crate) fn made(&mut self, value: NewValue) -> String {
        match value {
            NewValue::Text(text) => text,
            NewValue::Generated => self.ids.secret(),
        }
    }
}
