//! Making a service, which is for [`Admin`] alone (P12).

use policy::ServiceId;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AutoDeploy, Service, ServiceKind};
use crate::admin::Admin;
use crate::call::Call;
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

/// A preview of an image-backed service: a service of its own with another image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The image; only its tag or digest may differ from the service's own.
    pub image: String,
    /// The preview's name; absent: Render makes one up.
    pub name: Option<String>,
    /// The preview's instance type; absent: the service's own.
    pub plan: Option<String>,
}

/// New services.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::{AutoDeploy, NewService, Origin, ServiceKind};
///
/// let url = "https://github.com/acme/site".to_owned();
/// let site = NewService {
///     kind: ServiceKind::StaticSite,
///     name: "acme-site".to_owned(),
///     owner: "tea-cukouhrtq21c73e9scng".into(),
///     origin: Origin::Repository { url, branch: None },
///     auto_deploy: AutoDeploy::No,
///     variables: Default::default(),
///     details: [("publishPath".to_owned(), "dist".into())].into_iter().collect(),
/// };
/// let made = client.admin().create_service(&site).await?;
/// println!("{} is deployed as {:?}", made.service.id, made.deploy_id);
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Makes a service, whose first deploy begins at once. At most once.
    pub async fn create_service(&self, service: &NewService) -> Result<CreatedService> {
        let call = Call::change(Method::POST, &["services"], Class::Create).body(&service.body());
        let call = service.variables.values().fold(call, Call::hide);
        self.0.json(call).await
    }

    /// Makes a preview of an image-backed service. At most once.
    pub async fn create_preview(
        &self,
        service: &ServiceId,
        preview: &Preview,
    ) -> Result<CreatedService> {
        let mut body = json!({ "imagePath": preview.image });
        for (field, value) in [("name", &preview.name), ("plan", &preview.plan)] {
            if let Some(value) = value {
                body[field] = value.as_str().into();
            }
        }
        let path = ["services", service.as_str(), "preview"];
        let call = Call::change(Method::POST, &path, Class::Create).body(&body);
        self.0.json(call).await
    }
}
