//! Secret files of a service: read by its processes under `/etc/secrets`, from the next deploy on.

use std::collections::BTreeMap;

use policy::ServiceId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::limit::Class;
use crate::page::listed;

/// Secret files by their names.
pub type SecretFiles = BTreeMap<String, SecretString>;

#[derive(Deserialize)]
pub(crate) struct SecretFile {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) content: Option<SecretString>,
}

listed!(SecretFile: name);

/// The files as a map; those that say nothing are empty.
pub(crate) fn by_name(files: impl IntoIterator<Item = SecretFile>) -> SecretFiles {
    let files = files.into_iter();
    files
        .map(|file| (file.name, file.content.unwrap_or_default()))
        .collect()
}

/// Secret files.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// if client.secret_file(&backend, "tls.key").await?.is_none() {
///     println!("{} files, none of them the key", client.secret_files(&backend).await?.len());
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Reads every secret file, all pages.
    pub async fn secret_files(&self, service: &ServiceId) -> Result<SecretFiles> {
        let files: Vec<SecretFile> = self
            .all(Call::get(&["services", service.as_str(), "secret-files"]))
            .await?;
        Ok(by_name(files))
    }

    /// Reads one secret file; `None` if it (or the service) does not exist.
    pub async fn secret_file(
        &self,
        service: &ServiceId,
        name: &str,
    ) -> Result<Option<SecretString>> {
        let call = Call::get(&["services", service.as_str(), "secret-files", name]);
        let found: Option<SecretFile> = self.json_if_any(call).await?;
        Ok(found.map(|file| file.content.unwrap_or_default()))
    }
}

/// Changing secret files.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// client.admin().set_secret_file(&backend, "tls.key", &"-----BEGIN...".into()).await?;
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Adds or changes one secret file. It takes effect with the next deploy.
    pub async fn set_secret_file(
        &self,
        service: &ServiceId,
        name: &str,
        content: &SecretString,
    ) -> Result<()> {
        let path = ["services", service.as_str(), "secret-files", name];
        let body = json!({ "content": content.expose_secret() });
        let call = Self::change(Method::PUT, &path, &body).hide(content);
        self.0.done(call).await
    }

    /// Removes one secret file; one that is already absent counts as removed.
    pub async fn delete_secret_file(&self, service: &ServiceId, name: &str) -> Result<()> {
        self.delete(&["services", service.as_str(), "secret-files", name])
            .await
    }

    /// Replaces the whole set: what is not named is deleted.
    pub async fn replace_secret_files(
        &self,
        service: &ServiceId,
        files: &SecretFiles,
    ) -> Result<()> {
        let body = files
            .iter()
            .map(|(name, content)| json!({ "name": name, "content": content.expose_secret() }));
        let path = ["services", service.as_str(), "secret-files"];
        let call = Call::change(Method::PUT, &path, Class::Write).body(&body.collect());
        self.0.done(files.values().fold(call, Call::hide)).await
    }
}
