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
    ($($(#[$doc:meta])* $op:ident = $method:literal $pattern:literal,)*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Op {
            $($(#[$doc])* $op,)*
            /// A path that is not simulated.
            Unknown,
        }

        /// Method, path and meaning; `{service}` and `{item}` are filled in.
        const ROUTES: &[(&str, &str, Op)] = &[$(($method, $pattern, Op::$op),)*];
    };
}

operations! {
    /// Who am I.
    User = "GET" "/users",
    /// Workspaces.
    ListOwners = "GET" "/owners",
    /// One workspace.
    GetOwner = "GET" "/owners/{item}",
    /// Services.
    ListServices = "GET" "/services",
    /// A new service.
    CreateService = "POST" "/services",
    /// One service.
    GetService = "GET" "/services/{service}",
    /// A change of a service.
    UpdateService = "PATCH" "/services/{service}",
    /// The end of a service.
    DeleteService = "DELETE" "/services/{service}",
    /// A suspension.
    SuspendService = "POST" "/services/{service}/suspend",
    /// Its end.
    ResumeService = "POST" "/services/{service}/resume",
    /// A restart.
    RestartService = "POST" "/services/{service}/restart",
    /// A number of instances.
    ScaleService = "POST" "/services/{service}/scale",
    /// Instances.
    ListInstances = "GET" "/services/{service}/instances",
    /// Custom domains.
    ListDomains = "GET" "/services/{service}/custom-domains",
    /// Variables.
    ListEnvVars = "GET" "/services/{service}/env-vars",
    /// All variables at once.
    PutEnvVars = "PUT" "/services/{service}/env-vars",
    /// One variable.
    GetEnvVar = "GET" "/services/{service}/env-vars/{item}",
    /// One variable, stored.
    PutEnvVar = "PUT" "/services/{service}/env-vars/{item}",
    /// One variable, removed.
    DeleteEnvVar = "DELETE" "/services/{service}/env-vars/{item}",
    /// Secret files.
    ListSecretFiles = "GET" "/services/{service}/secret-files",
    /// All secret files at once.
    PutSecretFiles = "PUT" "/services/{service}/secret-files",
    /// One secret file.
    GetSecretFile = "GET" "/services/{service}/secret-files/{item}",
    /// One secret file, stored.
    PutSecretFile = "PUT" "/services/{service}/secret-files/{item}",
    /// One secret file, removed.
    DeleteSecretFile = "DELETE" "/services/{service}/secret-files/{item}",
    /// Deploys.
    ListDeploys = "GET" "/services/{service}/deploys",
    /// A new deploy.
    TriggerDeploy = "POST" "/services/{service}/deploys",
    /// One deploy.
    GetDeploy = "GET" "/services/{service}/deploys/{item}",
    /// The end of a running deploy.
    CancelDeploy = "POST" "/services/{service}/deploys/{item}/cancel",
    /// A return to an earlier deploy.
    Rollback = "POST" "/services/{service}/rollback",
    /// Events.
    ListEvents = "GET" "/services/{service}/events",
    /// One event.
    GetEvent = "GET" "/events/{item}",
    /// One-off jobs.
    ListJobs = "GET" "/services/{service}/jobs",
    /// A new job.
    CreateJob = "POST" "/services/{service}/jobs",
    /// One job.
    GetJob = "GET" "/services/{service}/jobs/{item}",
    /// The end of a running job.
    CancelJob = "POST" "/services/{service}/jobs/{item}/cancel",
    /// Logs.
    ListLogs = "GET" "/logs",
    /// Metrics.
    GetMetrics = "GET" "/metrics/{item}",
    /// Databases.
    ListDatabases = "GET" "/postgres",
    /// One database.
    GetDatabase = "GET" "/postgres/{item}",
    /// How to connect to a database.
    GetConnectionInfo = "GET" "/postgres/{item}/connection-info",
    /// Whether a database can be restored.
    GetRecovery = "GET" "/postgres/{item}/recovery",
    /// A restoration.
    Recover = "POST" "/postgres/{item}/recovery",
    /// Exports.
    ListExports = "GET" "/postgres/{item}/export",
    /// A new export.
    Export = "POST" "/postgres/{item}/export",
    /// A database's suspension.
    SuspendDatabase = "POST" "/postgres/{item}/suspend",
    /// Its end.
    ResumeDatabase = "POST" "/postgres/{item}/resume",
    /// A database's restart.
    RestartDatabase = "POST" "/postgres/{item}/restart",
    /// A switch to the standby.
    FailoverDatabase = "POST" "/postgres/{item}/failover",
}

impl Op {
    /// Method and path pattern.
    fn route(self) -> (&'static str, &'static str) {
        let route = ROUTES.iter().find(|(_, _, op)| *op == self);
        route.map_or(("", ""), |(method, pattern, _)| (*method, *pattern))
    }

    /// Whether it only reads.
    pub fn is_read(self) -> bool {
        self.route().0 == "GET"
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
    pub(crate) query: Query,
    /// Absent: no body; `Some(Err)`: a body that is no JSON.
    pub(crate) body: Option<Result<Value, String>>,
}

impl Call {
    /// Understands a request. One for an unknown path is a call as well: it is counted and answered 404.
    pub(super) fn parse(request: &ApiRequest) -> Self {
        let body = (!request.body.is_empty())
            .then(|| serde_json::from_slice(&request.body).map_err(|error| error.to_string()));
        let mut call = Self {
            op: Op::Unknown,
            method: request.method.clone(),
            path: request.path.clone(),
            service: None,
            item: None,
            query: Query::parse(&request.query),
            body,
        };
        for (method, pattern, op) in ROUTES {
            if *method == request.method
                && let Some((service, item)) = matched(pattern, &request.path)
            {
                call.op = *op;
                call.service = service;
                call.item = item;
            }
        }
        call
    }

    /// A call of a client in this process.
    pub(crate) fn of(op: Op, service: Option<&ServiceId>, item: Option<&str>) -> Self {
        let (method, pattern) = op.route();
        let path = pattern
            .replace("{service}", service.map_or("", ServiceId::as_str))
            .replace("{item}", item.unwrap_or_default());
        Self {
            op,
            method: method.to_owned(),
            path,
            service: service.cloned(),
            item: item.map(str::to_owned),
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
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let refused = |why: String| ApiError::bad_request(&format!("invalid body: {why}"));
        let body = self.body.clone();
        let body = body.ok_or_else(|| ApiError::bad_request("a JSON body is required"))?;
        serde_json::from_value(body.map_err(refused)?).map_err(|error| refused(error.to_string()))
    }

    pub(super) fn service(&self) -> Result<&ServiceId, ApiError> {
        let service = self.service.as_ref();
        service.ok_or_else(|| ApiError::not_found(&self.path))
    }

    pub(super) fn item(&self) -> Result<&str, ApiError> {
        let item = self.item.as_deref();
        item.ok_or_else(|| ApiError::not_found(&self.path))
    }

    /// What is worth knowing of the body. Values that can be secret are not in it.
    pub(crate) fn summary(&self) -> Option<String> {
        let body = match self.body.as_ref()? {
            Ok(body) => body,
            Err(_) => return Some("no JSON".to_owned()),
        };
        match self.op {
            Op::TriggerDeploy | Op::Rollback | Op::UpdateService | Op::ScaleService => {
                Some(plain_fields(body))
            }
            Op::Recover => body["restoreTime"].as_str().map(str::to_owned),
            Op::CreateService => body["name"].as_str().map(str::to_owned),
            _ => None,
        }
    }

    pub(super) fn class(&self, assumptions: &Assumptions) -> Class {
        let of_service =
            |class: fn(ServiceId) -> Class| self.service.clone().map_or(Class::Other, class);
        match self.op {
            op if op.is_read() => Class::Read,
            Op::Unknown if self.method == "GET" => Class::Read,
            Op::TriggerDeploy | Op::UpdateService | Op::SuspendService | Op::ResumeService => {
                of_service(Class::Service)
            }
            Op::Rollback | Op::CancelDeploy | Op::RestartService
                if assumptions.rollback_in_service_bucket =>
            {
                of_service(Class::Service)
            }
            Op::ScaleService => of_service(Class::Scale),
            Op::CreateService | Op::Recover => Class::Creation,
            Op::CreateJob => Class::Job,
            _ => Class::Other,
        }
    }
}

/// The names in a path, if it has the form of the pattern.
fn matched(pattern: &str, path: &str) -> Option<(Option<ServiceId>, Option<String>)> {
    let mut service = None;
    let mut item = None;
    let mut wanted = pattern.split('/');
    let mut given = path.trim_end_matches('/').split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some((service, item)),
            (Some("{service}"), Some(name)) => service = Some(ServiceId::new(decoded(name))),
            (Some("{item}"), Some(name)) => item = Some(decoded(name)),
            (Some(wanted), Some(given)) if wanted == given => {}
            (_, _) => return None,
        }
    }
}

/// The texts, numbers and truth values at the top of a body.
fn plain_fields(body: &Value) -> String {
    let fields = body.as_object().into_iter().flatten();
    let plain = fields.filter(|(_, value)| !value.is_object() && !value.is_array());
    let texts: Vec<String> = plain
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key}={text}"),
            None => format!("{key}={value}"),
        })
        .collect();
    texts.join(" ")
}
