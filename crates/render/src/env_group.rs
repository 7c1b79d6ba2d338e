//! Groups of variables and secret files that several services share. A service's own variable beats any group's.
//!
//! A rollout never touches them: Render deploys every linked service that has auto-deploy on when a group changes.

use chrono::{DateTime, Utc};
use futures::Stream;
use policy::ServiceId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::admin::Admin;
use crate::call::Call;
use crate::client::{Client, Reply};
use crate::error::Result;
use crate::ids::{EnvGroupId, OwnerId};
use crate::page::{Entry, listed};
use crate::secret_file::{SecretFile, SecretFiles, by_name};
use crate::service::ServiceKind;
use crate::variable::{NewVariable, Variable, Variables};
use crate::wire::nullable;

/// A group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvGroup {
    /// Its id.
    pub id: EnvGroupId,
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Its workspace.
    #[serde(default, rename = "ownerId")]
    pub owner: Option<OwnerId>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// The services that use it.
    #[serde(default, rename = "serviceLinks", deserialize_with = "nullable")]
    pub services: Vec<LinkedService>,
    /// Its variables; entries of a list have none.
    #[serde(default, rename = "envVars", deserialize_with = "variables")]
    pub variables: Variables,
    /// Its secret files; entries of a list have none.
    #[serde(default, deserialize_with = "files")]
    pub secret_files: SecretFiles,
}

/// A service that uses a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LinkedService {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// What kind it is.
    #[serde(default, rename = "type")]
    pub kind: ServiceKind,
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewEnvGroup {
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// Its variables.
    pub variables: std::collections::BTreeMap<String, NewVariable>,
    /// Its secret files.
    pub secret_files: SecretFiles,
    /// The services that use it from the beginning.
    pub services: Vec<ServiceId>,
}

impl NewEnvGroup {
    fn call(&self) -> Call {
        let variables = self.variables.iter().map(|(key, variable)| {
            let mut body = variable.body();
            body["key"] = key.as_str().into();
            body
        });
        let files = self
            .secret_files
            .iter()
            .map(|(name, content)| json!({ "name": name, "content": content.expose_secret() }));
        let body = json!({
            "name": self.name,
            "ownerId": self.owner,
            "envVars": variables.collect::<Value>(),
            "secretFiles": files.collect::<Value>(),
            "serviceIds": self.services,
        });
        let call = Admin::change(Method::POST, &["env-groups"], &body);
        let call = self.secret_files.values().fold(call, Call::hide);
        let hidden = |call, variable: &NewVariable| variable.hidden_in(call);
        self.variables.values().fold(call, hidden)
    }
}

fn variables<'de, D: Deserializer<'de>>(from: D) -> Result<Variables, D::Error> {
    let list: Vec<Variable> = nullable(from)?;
    let list = list.into_iter();
    Ok(list
        .map(|variable| (variable.key, variable.value.unwrap_or_default()))
        .collect())
}

fn files<'de, D: Deserializer<'de>>(from: D) -> Result<SecretFiles, D::Error> {
    let list: Vec<SecretFile> = nullable(from)?;
    Ok(by_name(list))
}

listed!(EnvGroup: id);

/// Render documents this list without the wrapper that all others have; both are read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Wrapped(Entry<EnvGroup>),
    Bare(EnvGroup),
}

fn entries(reply: &Reply) -> Result<Vec<Entry<EnvGroup>>> {
    let page: Vec<Listed> = reply.json()?;
    let entry = |listed| match listed {
        Listed::Wrapped(entry) => entry,
        Listed::Bare(thing) => Entry {
            thing,
            cursor: None,
        },
    };
    Ok(page.into_iter().map(entry).collect())
}

/// Groups of variables.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
///
/// let groups: Vec<_> = client.env_groups(None).try_collect().await?;
/// for group in groups {
///     let group = client.env_group(&group.id).await?; // entries of the list hold no variables
///     println!("{}: {} variables in {} services", group.name, group.variables.len(), group.services.len());
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// The groups that the key reaches, or those of one workspace.
    pub fn env_groups(
        &self,
        owner: Option<&OwnerId>,
    ) -> impl Stream<Item = Result<EnvGroup>> + Send + use<> {
        let list = Call::get(&["env-groups"]).maybe("ownerId", owner.map(OwnerId::to_string));
        self.stream_of(list, entries)
    }

    /// Reads one group.
    pub async fn env_group(&self, group: &EnvGroupId) -> Result<EnvGroup> {
        self.json(Call::get(&["env-groups", group.as_str()])).await
    }

    /// Reads one variable of a group; `None` if it (or the group) does not exist.
    pub async fn env_group_variable(
        &self,
        group: &EnvGroupId,
        key: &str,
    ) -> Result<Option<SecretString>> {
        let call = Call::get(&["env-groups", group.as_str(), "env-vars", key]);
        let found: Option<Variable> = self.json_if_any(call).await?;
        Ok(found.map(|variable| variable.value.unwrap_or_default()))
    }

    /// Reads one secret file of a group; `None` if it (or the group) does not exist.
    pub async fn env_group_file(
        &self,
        group: &EnvGroupId,
        name: &str,
    ) -> Result<Option<SecretString>> {
        let call = Call::get(&["env-groups", group.as_str(), "secret-files", name]);
        let found: Option<SecretFile> = self.json_if_any(call).await?;
        Ok(found.map(|file| file.content.unwrap_or_default()))
    }
}

/// Changing groups. Linked services that have auto-deploy on are deployed by Render.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let (group, backend) = ("evg-cukouhrtq21c73e9scng".into(), "srv-cukouhrtq21c73e9scng".into());
/// client.admin().set_env_group_variable(&group, "LOG_LEVEL", &"debug".into()).await?;
/// client.admin().link_env_group(&group, &backend).await?;
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Makes a group. At most once.
    pub async fn create_env_group(&self, group: &NewEnvGroup) -> Result<EnvGroup> {
        self.0.json(group.call()).await
    }

    /// Gives a group another name.
    pub async fn rename_env_group(&self, group: &EnvGroupId, name: &str) -> Result<EnvGroup> {
        let path = ["env-groups", group.as_str()];
        let call = Self::change(Method::PATCH, &path, &json!({ "name": name }));
        self.0.json(call).await
    }

    /// Deletes a group; one that is already gone counts as deleted.
    pub async fn delete_env_group(&self, group: &EnvGroupId) -> Result<()> {
        self.delete(&["env-groups", group.as_str()]).await
    }

    /// Lets a service use a group.
    pub async fn link_env_group(&self, group: &EnvGroupId, service: &ServiceId) -> Result<()> {
        let path = ["env-groups", group.as_str(), "services", service.as_str()];
        self.post(&path).await
    }

    /// Ends a service's use of a group.
    pub async fn unlink_env_group(&self, group: &EnvGroupId, service: &ServiceId) -> Result<()> {
        let path = ["env-groups", group.as_str(), "services", service.as_str()];
        self.delete(&path).await
    }

    /// Adds or changes one variable of a group.
    pub async fn set_env_group_variable(
        &self,
        group: &EnvGroupId,
        key: &str,
        value: &SecretString,
    ) -> Result<()> {
        let path = ["env-groups", group.as_str(), "env-vars", key];
        let body = json!({ "value": value.expose_secret() });
        let call = Self::change(Method::PUT, &path, &body).hide(value);
        self.0.done(call).await
    }

    /// Removes one variable of a group; one that is already absent counts as removed.
    pub async fn delete_env_group_variable(&self, group: &EnvGroupId, key: &str) -> Result<()> {
        self.delete(&["env-groups", group.as_str(), "env-vars", key])
            .await
    }

    /// Adds or changes one secret file of a group.
    pub async fn set_env_group_file(
        &self,
        group: &EnvGroupId,
        name: &str,
        content: &SecretString,
    ) -> Result<()> {
        let path = ["env-groups", group.as_str(), "secret-files", name];
        let body = json!({ "content": content.expose_secret() });
        let call = Self::change(Method::PUT, &path, &body).hide(content);
        self.0.done(call).await
    }

    /// Removes one secret file of a group; one that is already absent counts as removed.
    pub async fn delete_env_group_file(&self, group: &EnvGroupId, name: &str) -> Result<()> {
        self.delete(&["env-groups", group.as_str(), "secret-files", name])
            .await
    }
}
