//! Each operation: from a call to the reply that Render gives when nothing goes wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::page;
use super::{ApiError, ApiReply, Call, Op, logs, metrics, view};
use crate::carry::Quirk;
use crate::ids::{DeployId, EventId, JobId, OwnerId, PostgresId, ServiceId, Timestamp};
use crate::platform::{
    Bounds, CreateBody, Deploy, DeployFilter, NewVariable, NewVariableValue, Owner, Platform,
    RecoverBody, ServiceFilter, Suspender, TriggerBody, Triggered, UpdateBody,
};

/// What came of an operation, and what the request log wants to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Done<T> {
    pub(crate) status: u16,
    pub(crate) value: T,
    /// The deploy it created.
    pub(crate) deploy: Option<DeployId>,
}

impl<T> Done<T> {
    pub(crate) fn new(status: u16, value: T) -> Self {
        Self {
            status,
            value,
            deploy: None,
        }
    }
}

type Performed = Result<Done<ApiReply>, ApiError>;

fn json_reply(status: u16, body: &Value) -> Performed {
    Ok(Done::new(status, ApiReply::json(status, body)))
}

fn empty_reply(status: u16) -> Performed {
    Ok(Done::new(status, ApiReply::empty(status)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RollbackBody {
    deploy_id: DeployId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScaleBody {
    num_instances: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobBody {
    start_command: String,
    #[serde(default)]
    plan_id: Option<String>,
}

#[derive(Deserialize)]
struct FileBody {
    name: String,
    content: String,
}

#[derive(Deserialize)]
struct ContentBody {
    content: String,
}

impl Platform {
    /// Performs a call.
    pub(super) fn perform(
        &mut self,
        now: Timestamp,
        call: &Call,
        quirk: Option<Quirk>,
    ) -> Performed {
        match call.op {
            Op::User => json_reply(
                200,
                &json!({ "email": "owner@example.com", "name": "Simulated User" }),
            ),
            Op::ListOwners | Op::GetOwner => self.perform_owners(call),
            Op::ListServices
            | Op::CreateService
            | Op::GetService
            | Op::UpdateService
            | Op::DeleteService
            | Op::ListInstances
            | Op::ListDomains => self.perform_service(now, call),
            Op::SuspendService | Op::ResumeService | Op::RestartService | Op::ScaleService => {
                self.perform_state(now, call)
            }
            Op::ListEnvVars | Op::PutEnvVars | Op::GetEnvVar | Op::PutEnvVar | Op::DeleteEnvVar => {
                self.perform_variables(now, call)
            }
            Op::ListSecretFiles
            | Op::PutSecretFiles
            | Op::GetSecretFile
            | Op::PutSecretFile
            | Op::DeleteSecretFile => self.perform_files(now, call),
            Op::ListDeploys
            | Op::TriggerDeploy
            | Op::GetDeploy
            | Op::CancelDeploy
            | Op::Rollback => self.perform_deploys(now, call, quirk),
            Op::ListEvents | Op::GetEvent => self.perform_events(now, call),
            Op::ListJobs | Op::CreateJob | Op::GetJob | Op::CancelJob => {
                self.perform_jobs(now, call)
            }
            Op::ListLogs => json_reply(200, &logs::list(self, now, &call.query)?),
            Op::GetMetrics => {
                let shown = metrics::series(self, now, call.item()?, &call.query)?;
                json_reply(200, &shown)
            }
            Op::ListDatabases
            | Op::GetDatabase
            | Op::GetConnectionInfo
            | Op::GetRecovery
            | Op::Recover
            | Op::ListExports
            | Op::Export
            | Op::SuspendDatabase
            | Op::ResumeDatabase
            | Op::RestartDatabase
            | Op::FailoverDatabase => self.perform_databases(now, call),
            Op::Unknown => Err(ApiError::not_found(&call.path)),
        }
    }

    fn perform_owners(&self, call: &Call) -> Performed {
        let reached = self.owners().iter().filter(|owner| !owner.foreign);
        if call.op == Op::GetOwner {
            let id = OwnerId::new(call.item()?);
            let found = reached.into_iter().find(|owner| owner.id == id);
            let found = found.ok_or_else(|| ApiError::not_found(id.as_str()))?;
            return json_reply(200, &view::owner(found));
        }
        let (names, emails) = (call.query.all("name"), call.query.all("email"));
        let fits = |owner: &&Owner| {
            (names.is_empty() || names.contains(&owner.name))
                && (emails.is_empty() || emails.contains(&owner.email))
        };
        let key = |owner: &&Owner| owner.id.to_string();
        let shown = page(reached.filter(fits), &call.query, "owner", key, |o| {
            view::owner(o)
        })?;
        json_reply(200, &shown)
    }

    fn perform_service(&mut self, now: Timestamp, call: &Call) -> Performed {
        match call.op {
            Op::ListServices => {
                let services = self.list_services(now, &service_filter(call)?);
                let shown = page(
                    services,
                    &call.query,
                    "service",
                    |service| service.id.to_string(),
                    |service| view::service(service),
                )?;
                json_reply(200, &shown)
            }
            Op::CreateService => {
                let (id, deploy) = self.create_service(now, call.read::<CreateBody>()?)?;
                let shown = view::service(self.service(&id)?);
                let body = json!({ "service": shown, "deployId": deploy });
                let mut done = json_reply(201, &body)?;
                done.deploy = Some(deploy);
                Ok(done)
            }
            Op::UpdateService => {
                let body: UpdateBody = call.read()?;
                let service = self.update_service(now, call.service()?, &body)?;
                json_reply(200, &view::service(service))
            }
            Op::DeleteService => {
                self.delete_service(now, call.service()?)?;
                empty_reply(204)
            }
            Op::ListInstances => self.perform_instances(call),
            Op::ListDomains => self.perform_domains(call),
            _ => json_reply(200, &view::service(self.get_service(now, call.service()?)?)),
        }
    }

    fn perform_instances(&self, call: &Call) -> Performed {
        let service = self.service(call.service()?)?;
        let number = service.details.get("numInstances").and_then(Value::as_u64);
        let since = service.live_deploy().and_then(|deploy| deploy.finished_at);
        let running = since.filter(|_| !service.is_suspended());
        let shown: Vec<Value> = running
            .into_iter()
            .flat_map(|since| (0..number.unwrap_or(0)).map(move |n| (since, n)))
            .map(|(since, n)| {
                json!({ "id": format!("{}-{n:0>5}", service.id), "createdAt": view::instant(since) })
            })
            .collect();
        json_reply(200, &shown.into())
    }

    fn perform_domains(&self, call: &Call) -> Performed {
        let service = self.service(call.service()?)?;
        let show = |name: &&String| {
            json!({
                "id": format!("cdm-{name}"),
                "name": name,
                "domainType": "subdomain",
                "publicSuffix": "",
                "redirectForName": "",
                "verificationStatus": "verified",
                "createdAt": view::instant(service.created_at),
            })
        };
        let key = |name: &&String| (*name).clone();
        let shown = page(&service.domains, &call.query, "customDomain", key, show)?;
        json_reply(200, &shown)
    }

    fn perform_state(&mut self, now: Timestamp, call: &Call) -> Performed {
        let service = call.service()?;
        match call.op {
            Op::SuspendService => self.suspend(now, service, Suspender::User)?,
            Op::ResumeService => self.resume(now, service)?,
            Op::ScaleService => {
                let body: ScaleBody = call.read()?;
                self.scale(now, service, body.num_instances)?;
            }
            _ => {
                self.restart(now, service)?;
                return empty_reply(200);
            }
        }
        empty_reply(202)
    }

    fn perform_variables(&mut self, now: Timestamp, call: &Call) -> Performed {
        let service = call.service()?;
        let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
        match call.op {
            Op::ListEnvVars => {
                let variables = self.env_vars(now, service)?;
                let key = |entry: &(&String, &String)| entry.0.clone();
                let show = |entry: &(&String, &String)| pair(entry.0, entry.1);
                json_reply(200, &page(variables, &call.query, "envVar", key, show)?)
            }
            Op::PutEnvVars => {
                let body: Option<Vec<NewVariable>> = call.read()?;
                let body = body.unwrap_or_default().into_iter();
                let values = body.map(NewVariable::checked).collect::<Result<_, _>>()?;
                let stored = self.put_env_vars(now, service, values)?;
                let shown: Vec<Value> = stored.iter().map(|(key, v)| pair(key, v)).collect();
                json_reply(200, &shown.into())
            }
            Op::PutEnvVar => {
                let body: NewVariableValue = call.read()?;
                let value = self.put_env_var(now, service, call.item()?, body.checked()?)?;
                json_reply(200, &pair(call.item()?, &value))
            }
            Op::DeleteEnvVar => {
                self.delete_env_var(now, service, call.item()?)?;
                empty_reply(204)
            }
            _ => {
                let key = call.item()?;
                let value = self.env_vars(now, service)?.get(key);
                let value = value.ok_or_else(|| ApiError::not_found(key))?;
                json_reply(200, &pair(key, value))
            }
        }
    }

    fn perform_files(&mut self, now: Timestamp, call: &Call) -> Performed {
        let service = call.service()?;
        let file = |name: &str, content: &str| json!({ "name": name, "content": content });
        match call.op {
            Op::ListSecretFiles => {
                let files = self.secret_files(now, service)?;
                let key = |entry: &(&String, &String)| entry.0.clone();
                let show = |entry: &(&String, &String)| file(entry.0, entry.1);
                json_reply(200, &page(files, &call.query, "secretFile", key, show)?)
            }
            Op::PutSecretFiles => {
                let body: Option<Vec<FileBody>> = call.read()?;
                let body = body.unwrap_or_default().into_iter();
                let files: BTreeMap<_, _> = body.map(|file| (file.name, file.content)).collect();
                let shown: Vec<Value> = files.iter().map(|(name, c)| file(name, c)).collect();
                self.put_secret_files(now, service, files)?;
                json_reply(200, &shown.into())
            }
            Op::PutSecretFile => {
                let body: ContentBody = call.read()?;
                self.put_secret_file(now, service, call.item()?, &body.content)?;
                json_reply(201, &file(call.item()?, &body.content))
            }
            Op::DeleteSecretFile => {
                self.delete_secret_file(now, service, call.item()?)?;
                empty_reply(204)
            }
            _ => {
                let name = call.item()?;
                let content = self.secret_files(now, service)?.get(name);
                let content = content.ok_or_else(|| ApiError::not_found(name))?;
                json_reply(200, &file(name, content))
            }
        }
    }

    fn perform_deploys(&mut self, now: Timestamp, call: &Call, quirk: Option<Quirk>) -> Performed {
        let service = call.service()?;
        match call.op {
            Op::ListDeploys => {
                let filter = call.query.deploys()?;
                let deploys = self.deploys_seen(now, service, &filter, quirk)?.value;
                let key = |deploy: &&Deploy| deploy.id.to_string();
                let show = |deploy: &&Deploy| view::deploy(self, deploy);
                json_reply(200, &page(&deploys, &call.query, "deploy", key, show)?)
            }
            Op::TriggerDeploy => {
                let body: TriggerBody = call.read()?;
                let seen = self.trigger_seen(now, service, &body, quirk)?;
                Ok(self.started(seen))
            }
            Op::Rollback => {
                let body: RollbackBody = call.read()?;
                let seen = self.rollback_seen(now, service, &body.deploy_id, quirk)?;
                Ok(self.started(seen))
            }
            Op::CancelDeploy => {
                let deploy = DeployId::new(call.item()?);
                let deploy = self.cancel(now, service, &deploy)?.clone();
                json_reply(200, &view::deploy(self, &deploy))
            }
            _ => {
                let deploy = DeployId::new(call.item()?);
                let deploy = self.get_deploy(now, service, &deploy)?.clone();
                json_reply(200, &view::deploy(self, &deploy))
            }
        }
    }

    fn started(&self, seen: Done<Option<Deploy>>) -> Done<ApiReply> {
        let value = match &seen.value {
            Some(deploy) => ApiReply::json(seen.status, &view::deploy(self, deploy)),
            None => ApiReply::empty(seen.status),
        };
        Done {
            status: seen.status,
            value,
            deploy: seen.deploy,
        }
    }

    /// A trigger as its client sees it.
    pub(crate) fn trigger_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        body: &TriggerBody,
        quirk: Option<Quirk>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let triggered = self.trigger_deploy(now, service, body)?;
        self.seen(now, service, &triggered, quirk)
    }

    /// A rollback as its client sees it.
    pub(crate) fn rollback_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        target: &DeployId,
        quirk: Option<Quirk>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let triggered = self.rollback(now, service, target)?;
        self.seen(now, service, &triggered, quirk)
    }

    fn seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        triggered: &Triggered,
        quirk: Option<Quirk>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let id = triggered.deploy();
        let deploy = self.get_deploy(now, service, id)?.clone();
        if let Some(Quirk::ListedLate(by)) = quirk {
            self.list_from(service, id, now + by.to_delta());
        }
        let told = matches!(triggered, Triggered::Created(_)) && quirk.is_none();
        Ok(Done {
            status: if told { 201 } else { 202 },
            deploy: Some(id.clone()),
            value: told.then_some(deploy),
        })
    }

    /// A list of deploys as its client sees it.
    pub(crate) fn deploys_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        filter: &DeployFilter,
        quirk: Option<Quirk>,
    ) -> Result<Done<Vec<Deploy>>, ApiError> {
        let omitted = usize::from(quirk == Some(Quirk::OmitsNewest));
        let deploys = self.list_deploys(now, service, filter)?;
        let seen = deploys.into_iter().skip(omitted).cloned().collect();
        Ok(Done::new(200, seen))
    }

    fn perform_events(&mut self, now: Timestamp, call: &Call) -> Performed {
        if call.op == Op::GetEvent {
            let (service, event) = self.event(now, &EventId::new(call.item()?))?;
            return json_reply(200, &view::event(service, event));
        }
        let service = call.service()?;
        let (from, until) = call.query.last_hour(now)?;
        let wanted = call.query.one("type");
        let events = self.events(now, service)?;
        let events = events
            .filter(|event| from <= event.at && event.at <= until)
            .filter(|event| wanted.is_none_or(|wanted| event.kind.name() == wanted));
        let shown = page(
            events,
            &call.query,
            "event",
            |event| event.id.to_string(),
            |event| view::event(service, event),
        )?;
        json_reply(200, &shown)
    }

    fn perform_jobs(&mut self, now: Timestamp, call: &Call) -> Performed {
        let service = call.service()?;
        match call.op {
            Op::ListJobs => {
                let shown = page(
                    self.jobs(now, service)?,
                    &call.query,
                    "job",
                    |job| job.id.to_string(),
                    |job| view::job(service, job, now),
                )?;
                json_reply(200, &shown)
            }
            Op::CreateJob => {
                let body: JobBody = call.read()?;
                let plan = body.plan_id.as_deref();
                let job = self.create_job(now, service, &body.start_command, plan)?;
                json_reply(201, &view::job(service, job, now))
            }
            Op::CancelJob => {
                let job = self.cancel_job(now, service, &JobId::new(call.item()?))?;
                json_reply(200, &view::job(service, job, now))
            }
            _ => {
                let job = self.job(now, service, &JobId::new(call.item()?))?;
                json_reply(200, &view::job(service, job, now))
            }
        }
    }

    fn perform_databases(&mut self, now: Timestamp, call: &Call) -> Performed {
        if call.op == Op::ListDatabases {
            return self.perform_database_list(now, call);
        }
        let id = PostgresId::new(call.item()?);
        match call.op {
            Op::GetConnectionInfo => {
                json_reply(200, &view::connection_info(self.database(now, &id)?))
            }
            Op::GetRecovery => {
                let recovery = self.database(now, &id)?.recovery(now);
                json_reply(200, &view::recovery(recovery))
            }
            Op::Recover => {
                let body: RecoverBody = call.read()?;
                let new = self.recover(now, &id, &body)?.clone();
                json_reply(200, &view::database(self, &new, now))
            }
            Op::ListExports => {
                let exports = self.exports(now, &id)?;
                let shown: Vec<Value> = exports.map(|e| view::export(e, now)).collect();
                json_reply(200, &shown.into())
            }
            Op::Export => {
                self.export(now, &id)?;
                empty_reply(202)
            }
            Op::SuspendDatabase | Op::ResumeDatabase => {
                self.suspend_database(now, &id, call.op == Op::SuspendDatabase)?;
                empty_reply(202)
            }
            Op::RestartDatabase | Op::FailoverDatabase => {
                self.database(now, &id)?;
                empty_reply(202)
            }
            _ => {
                let database = self.database(now, &id)?.clone();
                json_reply(200, &view::database(self, &database, now))
            }
        }
    }

    fn perform_database_list(&self, now: Timestamp, call: &Call) -> Performed {
        let (names, owners) = (call.query.all("name"), call.query.all("ownerId"));
        let databases = self
            .databases()
            .filter(|database| self.reaches(&database.owner))
            .filter(|database| names.is_empty() || names.contains(&database.name))
            .filter(|database| {
                owners.is_empty() || owners.iter().any(|o| o == database.owner.as_str())
            });
        let shown = page(
            databases,
            &call.query,
            "postgres",
            |database| database.id.to_string(),
            |database| view::database(self, database, now),
        )?;
        json_reply(200, &shown)
    }
}

fn service_filter(call: &Call) -> Result<ServiceFilter, ApiError> {
    let query = &call.query;
    let bounds = |name| -> Result<Bounds, ApiError> { query.bounds(name) };
    Ok(ServiceFilter {
        kinds: query.all_of("type")?,
        names: query.all("name"),
        owners: query.all("ownerId"),
        suspended: query.all("suspended"),
        created: bounds("created")?,
        updated: bounds("updated")?,
    })
}
