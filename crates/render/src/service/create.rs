//! Making a service. No rollout ever does this (P12).

use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AutoDeploy, Service, ServiceKind};
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{DeployId, OwnerId};
use crate::limit::Class;
use crate::variable::Variables;

/// A service to be made.
#[derive(Debug)]
pub struct NewService {
    /// What kind.
    pub kind: ServiceKind,
    /// Its name, unique in the workspace.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// From what it is built.
    pub origin: Origin,
    /// Whether Render deploys new commits by itself.
    pub auto_deploy: AutoDeploy,
    /// Its first variables.
    pub variables: Variables,
    /// `serviceDetails` as Render's documentation has them for this kind.
    pub details: Map<String, Value>,
}

/// From what a service is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A repository, and a branch unless it is the default one.
    Repository {
        /// Its URL.
        url: String,
        /// The branch.
        branch: Option<String>,
    },
    /// An image.
    Image {
        /// Host, repository, name, tag or digest.
        path: String,
    },
}

impl NewService {
    fn body(&self) -> Value {
        let variables = self.variables.iter();
        let variables =
            variables.map(|(key, value)| json!({ "key": key, "value": value.expose_secret() }));
        let mut body = json!({
            "type": self.kind,
            "name": self.name,
            "ownerId": self.owner,
            "autoDeploy": self.auto_deploy,
            "envVars": variables.collect::<Vec<_>>(),
            "serviceDetails": self.details,
        });
        match &self.origin {
            Origin::Repository { url, branch } => {
                body["repo"] = url.as_str().into();
                if let Some(branch) = branch {
                    body["branch"] = branch.as_str().into();
                }
            }
            Origin::Image { path } => {
                body["image"] = json!({ "ownerId": self.owner, "imagePath": path });
            }
        }
        body
    }
}

/// A service that was just made, and its first deploy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedService {
    /// The service.
    pub service: Service,
    /// Its first deploy, under way.
    #[serde(default)]
    pub deploy_id: Option<DeployId>,
}

impl Client {
    /// Makes a service, whose first deploy begins at once.
    pub async fn create_service(&self, service: &NewService) -> Result<CreatedService> {
        let call = Call::change(Method::POST, &["services"], Class::Create).body(&service.body());
        let call = service.variables.values().fold(call, Call::hide);
        self.json(call).await
    }
}
