//! The bodies of requests about services.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::NewValue;
use crate::ids::OwnerId;
use crate::requests::ApiError;
use crate::terms::ServiceKind;

/// Render's way of writing a truth value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YesNo {
    /// True.
    Yes,
    /// False.
    No,
}

impl From<bool> for YesNo {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// The image of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageBody {
    /// Host, repository, name and tag.
    pub image_path: String,
}

/// What the creation of a service asks for.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBody {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ServiceKind,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner_id: OwnerId,
    /// Its repository.
    #[serde(default)]
    pub repo: Option<String>,
    /// Its branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// Whether a push deploys it; absent: yes.
    #[serde(default)]
    pub auto_deploy: Option<YesNo>,
    /// Its image.
    #[serde(default)]
    pub image: Option<ImageBody>,
    /// The folder within the repository.
    #[serde(default)]
    pub root_dir: String,
    /// Its variables.
    #[serde(default)]
    pub env_vars: Vec<NewVariable>,
    /// The rest.
    #[serde(default)]
    pub service_details: Map<String, Value>,
}

/// One variable of a body.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewVariable {
    key: String,
    #[serde(flatten)]
    value: NewVariableValue,
}

/// The value in a body.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewVariableValue {
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    generate_value: bool,
}

impl NewVariableValue {
    /// What is to be stored.
    pub fn checked(self) -> Result<NewValue, ApiError> {
        match (self.value, self.generate_value) {
            (Some(text), false) => Ok(NewValue::Text(text)),
            (None, true) => Ok(NewValue::Generated),
            (Some(_), true) | (None, false) => Err(ApiError::bad_request(
                "exactly one of value and generateValue is needed",
            )),
        }
    }
}

impl NewVariable {
    /// Its key and what is to be stored.
    pub fn checked(self) -> Result<(String, NewValue), ApiError> {
        Ok((self.key, self.value.checked()?))
    }
}

/// What a PATCH of a service asks for. What is absent stays; null clears.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateBody {
    /// Its name.
    pub name: Option<String>,
    /// Whether a push deploys it.
    pub auto_deploy: Option<YesNo>,
    /// Upon what; `off` switches it off.
    pub auto_deploy_trigger: Option<String>,
    /// Its repository; empty: none.
    #[serde(deserialize_with = "null_as_empty")]
    pub repo: Option<String>,
    /// Its branch; empty: none.
    #[serde(deserialize_with = "null_as_empty")]
    pub branch: Option<String>,
    /// The folder within the repository.
    #[serde(deserialize_with = "null_as_empty")]
    pub root_dir: Option<String>,
    /// Its image.
    pub image: Option<ImageBody>,
    /// The rest.
    pub service_details: Map<String, Value>,
}

/// Reads `null` like an absent field.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T>(from: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::deserialize(from)?.unwrap_or_default()))
}
