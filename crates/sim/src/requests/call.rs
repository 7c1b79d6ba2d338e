//! One request to the API, once its path is understood.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::Class;
use super::query::{Query, decoded};
use super::{ApiError, ApiRequest};
use crate::ids::ServiceId;
use crate::settings::Assumptions;

macro_rules! operations {
    ($($(#[$doc:meta])* $op:ident = $method:literal $pattern:literal in $bucket:ident,)*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Op {
            $($(#[$doc])* $op,)*
            /// A path that is not simulated.
            Unknown,
        }

        /// Every operation that is simulated.
        const ROUTES: &[Route] = &[$(Route {
            method: $method,
            pattern: $pattern,
            op: Op::$op,
            bucket: Bucket::$bucket,
        },)*];
    };
}

operations! {
    /// Who am I.
    User = "GET" "/users" in Read,
    /// Workspaces.
    ListOwners = "GET" "/owners" in Read,
    /// One workspace.
    GetOwner = "GET" "/owners/{item}" in Read,
    /// What people did in a workspace.
    ListAuditLogs = "GET" "/owners/{item}/audit-logs" in Read,
    /// Services.
    ListServices = "GET" "/services" in Read,
    /// A new service.
    CreateService = "POST" "/services" in Creation,
    /// One service.
    GetService = "GET" "/services/{service}" in Read,
    /// A change of a service.
    UpdateService = "PATCH" "/services/{service}" in Service,
    /// The end of a service.
    DeleteService = "DELETE" "/services/{service}" in Other,
    /// A suspension.
    SuspendService = "POST" "/services/{service}/suspend" in Service,
    /// Its end.
    ResumeService = "POST" "/services/{service}/resume" in Service,
    /// A restart.
    RestartService = "POST" "/services/{service}/restart" in Unlisted,
    /// A number of instances.
    ScaleService = "POST" "/services/{service}/scale" in Scale,
    /// A changing number of instances.
    PutAutoscaling = "PUT" "/services/{service}/autoscaling" in Other,
    /// A fixed number of instances again.
    DeleteAutoscaling = "DELETE" "/services/{service}/autoscaling" in Other,
    /// An empty cache.
    PurgeCache = "POST" "/services/{service}/cache/purge" in Other,
    /// A preview of an image.
    CreatePreview = "POST" "/services/{service}/preview" in Creation,
    /// Instances.
    ListInstances = "GET" "/services/{service}/instances" in Read,
    /// Custom domains.
    ListDomains = "GET" "/services/{service}/custom-domains" in Read,
    /// Variables.
    ListEnvVars = "GET" "/services/{service}/env-vars" in Read,
    /// All variables at once.
    PutEnvVars = "PUT" "/services/{service}/env-vars" in Other,
    /// One variable.
    GetEnvVar = "GET" "/services/{service}/env-vars/{item}" in Read,
    /// One variable, stored.
    PutEnvVar = "PUT" "/services/{service}/env-vars/{item}" in Other,
    /// One variable, removed.
    DeleteEnvVar = "DELETE" "/services/{service}/env-vars/{item}" in Other,
    /// Secret files.
    ListSecretFiles = "GET" "/services/{service}/secret-files" in Read,
    /// All secret files at once.
    PutSecretFiles = "PUT" "/services/{service}/secret-files" in Other,
    /// One secret file.
    GetSecretFile = "GET" "/services/{service}/secret-files/{item}" in Read,
    /// One secret file, stored.
    PutSecretFile = "PUT" "/services/{service}/secret-files/{item}" in Other,
    /// One secret file, removed.
    DeleteSecretFile = "DELETE" "/services/{service}/secret-files/{item}" in Other,
    /// Groups of variables.
    ListEnvGroups = "GET" "/env-groups" in Read,
    /// A new group.
    CreateEnvGroup = "POST" "/env-groups" in Other,
    /// One group.
    GetEnvGroup = "GET" "/env-groups/{item}" in Read,
    /// Another name of a group.
    UpdateEnvGroup = "PATCH" "/env-groups/{item}" in Other,
    /// The end of a group.
    DeleteEnvGroup = "DELETE" "/env-groups/{item}" in Other,
    /// A service that uses a group.
    LinkEnvGroup = "POST" "/env-groups/{item}/services/{service}" in Other,
    /// A service that no longer does.
    UnlinkEnvGroup = "DELETE" "/env-groups/{item}/services/{service}" in Other,
    /// One variable of a group.
    GetGroupVar = "GET" "/env-groups/{item}/env-vars/{key}" in Read,
    /// One variable of a group, stored.
    PutGroupVar = "PUT" "/env-groups/{item}/env-vars/{key}" in Other,
    /// One variable of a group, removed.
    DeleteGroupVar = "DELETE" "/env-groups/{item}/env-vars/{key}" in Other,
    /// One secret file of a group.
    GetGroupFile = "GET" "/env-groups/{item}/secret-files/{key}" in Read,
    /// One secret file of a group, stored.
    PutGroupFile = "PUT" "/env-groups/{item}/secret-files/{key}" in Other,
    /// One secret file of a group, removed.
    DeleteGroupFile = "DELETE" "/env-groups/{item}/secret-files/{key}" in Other,
    /// Deploys.
    ListDeploys = "GET" "/services/{service}/deploys" in Read,
    /// A new deploy.
    TriggerDeploy = "POST" "/services/{service}/deploys" in Service,
    /// One deploy.
    GetDeploy = "GET" "/services/{service}/deploys/{item}" in Read,
    /// The end of a running deploy.
    CancelDeploy = "POST" "/services/{service}/deploys/{item}/cancel" in Unlisted,
    /// A return to an earlier deploy.
    Rollback = "POST" "/services/{service}/rollback" in Unlisted,
    /// Events.
    ListEvents = "GET" "/services/{service}/events" in Read,
    /// One event.
    GetEvent = "GET" "/events/{item}" in Read,
    /// One-off jobs.
    ListJobs = "GET" "/services/{service}/jobs" in Read,
    /// A new job.
    CreateJob = "POST" "/services/{service}/jobs" in Job,
    /// One job.
    GetJob = "GET" "/services/{service}/jobs/{item}" in Read,
    /// The end of a running job.
    CancelJob = "POST" "/services/{service}/jobs/{item}/cancel" in Other,
    /// Logs.
    ListLogs = "GET" "/logs" in Read,
    /// The values of a field of logs.
    ListLogValues = "GET" "/logs/values" in Read,
    /// Logs as they come in.
    SubscribeLogs = "GET" "/logs/subscribe" in Read,
    /// Metrics.
    GetMetrics = "GET" "/metrics/{item}" in Read,
    /// By what requests can be told apart.
    GetMetricFilters = "GET" "/metrics/filters/http" in Read,
    /// Databases.
    ListDatabases = "GET" "/postgres" in Read,
    /// One database.
    GetDatabase = "GET" "/postgres/{item}" in Read,
    /// A change of a database.
    UpdateDatabase = "PATCH" "/postgres/{item}" in Other,
    /// The end of a database.
    DeleteDatabase = "DELETE" "/postgres/{item}" in Other,
    /// How to connect to a database.
    GetConnectionInfo = "GET" "/postgres/{item}/connection-info" in Read,
    /// Whether a database can be restored.
    GetRecovery = "GET" "/postgres/{item}/recovery" in Read,
    /// A restoration.
    Recover = "POST" "/postgres/{item}/recovery" in Creation,
    /// Exports.
    ListExports = "GET" "/postgres/{item}/export" in Read,
    /// A new export.
    Export = "POST" "/postgres/{item}/export" in Other,
    /// A database's suspension.
    SuspendDatabase = "POST" "/postgres/{item}/suspend" in Other,
    /// Its end.
    ResumeDatabase = "POST" "/postgres/{item}/resume" in Other,
    /// A database's restart.
    RestartDatabase = "POST" "/postgres/{item}/restart" in Other,
    /// A switch to the standby.
    FailoverDatabase = "POST" "/postgres/{item}/failover" in Other,
    /// Works of Render's own.
    ListMaintenance = "GET" "/maintenance" in Read,
    /// One of them.
    GetMaintenance = "GET" "/maintenance/{item}" in Read,
    /// Another instant for them.
    UpdateMaintenance = "PATCH" "/maintenance/{item}" in Other,
    /// Their begin, now.
    TriggerMaintenance = "POST" "/maintenance/{item}/trigger" in Other,
    /// Webhooks.
    ListWebhooks = "GET" "/webhooks" in Read,
    /// A new webhook.
    CreateWebhook = "POST" "/webhooks" in Other,
    /// One webhook.
    GetWebhook = "GET" "/webhooks/{item}" in Read,
    /// A change of a webhook.
    UpdateWebhook = "PATCH" "/webhooks/{item}" in Other,
    /// The end of a webhook.
    DeleteWebhook = "DELETE" "/webhooks/{item}" in Other,
    /// What a webhook was to deliver.
    ListWebhookEvents = "GET" "/webhooks/{item}/events" in Read,
    /// What a workspace is told about.
    GetOwnerNotices = "GET" "/notification-settings/owners/{item}" in Read,
    /// The same, changed.
    UpdateOwnerNotices = "PATCH" "/notification-settings/owners/{item}" in Other,
    /// What is told about one service.
    GetServiceNotices = "GET" "/notification-settings/overrides/services/{service}" in Read,
    /// The same, changed.
    UpdateServiceNotices = "PATCH" "/notification-settings/overrides/services/{service}" in Other,
}

/// How an operation is asked for, and what it is counted with.
struct Route {
    method: &'static str,
    /// The path; `{service}`, `{item}` and `{key}` are filled in.
    pattern: &'static str,
    op: Op,
    bucket: Bucket,
}

/// What an operation is counted with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Read,
    Service,
    Scale,
    Creation,
    Job,
    Other,
    /// No source says which.
    Unlisted,
}

impl Op {
    /// Unknown paths have none.
    fn route(self) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.op == self)
    }

    /// Whether it only reads.
    pub fn is_read(self) -> bool {
        self.route()
            .is_some_and(|route| route.bucket == Bucket::Read)
    }
}

/// One request: what it asks for, of what, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub(crate) op: Op,
    /// The method as sent.
    pub(crate) method: String,
    /// The path as sent.
    pub(crate) path: String,
    pub(crate) service: Option<ServiceId>,
    /// The second name of the path, or the first where it is no service.
    pub(crate) item: Option<String>,
    /// The name of a variable or file within the item.
    #[serde(default)]
    pub(crate) key: Option<String>,
    pub(crate) query: Query,
    /// Absent: no body; `Some(Err)`: a body that is no JSON.
    pub(crate) body: Option<Result<Value, String>>,
}

impl Call {
    /// Understands a request. One for an unknown path is a call as well: it is counted and answered 404.
    pub(crate) fn parse(request: &ApiRequest) -> Self {
        let body = (!request.body.is_empty())
            .then(|| serde_json::from_slice(&request.body).map_err(|error| error.to_string()));
        let mut call = Self {
            op: Op::Unknown,
            method: request.method.clone(),
            path: request.path.clone(),
            service: None,
            item: None,
            key: None,
            query: Query::parse(&request.query),
            body,
        };
        for route in ROUTES {
            if route.method == request.method
                && let Some(names) = matched(route.pattern, &request.path)
            {
                call.op = route.op;
                call.service = names.service;
                call.item = names.item;
                call.key = names.key;
            }
        }
        call
    }

    /// A call of a client in this process.
    pub(crate) fn of(op: Op, service: Option<&ServiceId>, item: Option<&str>) -> Self {
        let route = op.route();
        let path = route
            .map_or("", |route| route.pattern)
            .replace("{service}", service.map_or("", ServiceId::as_str))
            .replace("{item}", item.unwrap_or_default());
        Self {
            op,
            method: route.map_or("", |route| route.method).to_owned(),
            path,
            service: service.cloned(),
            item: item.map(str::to_owned),
            key: None,
            query: Query::default(),
            body: None,
        }
    }

    /// The same call with a body.
    pub(crate) fn with(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_value(body).map_err(|error| error.to_string()));
        self
    }

    /// The body in the form the operation needs.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let refused = |why: String| ApiError::bad_request(&format!("invalid body: {why}"));
        let body = self.body.clone();
        let body = body.ok_or_else(|| ApiError::bad_request("a JSON body is required"))?;
        serde_json::from_value(body.map_err(refused)?).map_err(|error| refused(error.to_string()))
    }

    pub(crate) fn service(&self) -> Result<&ServiceId, ApiError> {
        let service = self.service.as_ref();
        service.ok_or_else(|| ApiError::not_found(&self.path))
    }

    pub(crate) fn item(&self) -> Result<&str, ApiError> {
        let item = self.item.as_deref();
        item.ok_or_else(|| ApiError::not_found(&self.path))
    }

    pub(crate) fn key(&self) -> Result<&str, ApiError> {
        let key = self.key.as_deref();
        key.ok_or_else(|| ApiError::not_found(&self.path))
    }

    /// What is worth knowing of the body: fields that are never secret.
    pub(crate) fn summary(&self) -> Option<String> {
        let body = self.body.as_ref()?.as_ref().ok()?;
        let shown = |field: &&'static str| {
            let value = body.get(*field)?;
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            Some(format!("{field}={text}"))
        };
        let texts: Vec<String> = OPEN_FIELDS.iter().filter_map(shown).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    }

    pub(crate) fn class(&self, assumptions: &Assumptions) -> Class {
        let bucket = match self.op.route() {
            Some(route) => route.bucket,
            None if self.method == "GET" => Bucket::Read,
            None => Bucket::Other,
        };
        match (bucket, &self.service) {
            (Bucket::Read, _) => Class::Read,
            (Bucket::Service, Some(service)) => Class::Service(service.clone()),
            (Bucket::Unlisted, Some(service)) if assumptions.rollback_in_service_bucket => {
                Class::Service(service.clone())
            }
            (Bucket::Scale, Some(service)) => Class::Scale(service.clone()),
            (Bucket::Creation, _) => Class::Creation,
            (Bucket::Job, _) => Class::Job,
            (Bucket::Other | Bucket::Unlisted | Bucket::Service | Bucket::Scale, _) => Class::Other,
        }
    }
}

/// The fields of bodies that the request log shows.
const OPEN_FIELDS: [&str; 12] = [
    "commitId",
    "imageUrl",
    "clearCache",
    "deployMode",
    "deployId",
    "name",
    "autoDeploy",
    "autoDeployTrigger",
    "branch",
    "numInstances",
    "restoreTime",
    "restoreName",
];

/// The names in a path.
#[derive(Default)]
struct Names {
    service: Option<ServiceId>,
    item: Option<String>,
    key: Option<String>,
}

/// The names in a path, if it has the form of the pattern.
fn matched(pattern: &str, path: &str) -> Option<Names> {
    let mut names = Names::default();
    let mut wanted = pattern.split('/');
    let mut given = path.trim_end_matches('/').split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(names),
            (Some("{service}"), Some(name)) => names.service = Some(ServiceId::new(decoded(name))),
            (Some("{item}"), Some(name)) => names.item = Some(decoded(name)),
            (Some("{key}"), Some(name)) => names.key = Some(decoded(name)),
            (Some(wanted), Some(given)) if wanted == given => {}
            (_, _) => return None,
        }
    }
}
