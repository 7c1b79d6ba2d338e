//! A client in the same process: typed requests that meet the same faults as those over HTTP.

use std::collections::BTreeMap;

use serde_json::json;

use crate::ids::{DeployId, JobId, OwnerId, PostgresId, ServiceId, Timestamp};
use crate::network_faults::Reply;
use crate::platform::{
    Database, Deploy, DeployFilter, Job, NewValue, Platform, RecoverBody, Service, ServiceKind,
    TriggerBody, YesNo,
};
use crate::requests::{ApiError, Call, Done, Op};

impl Platform {
    /// A client in this process.
    pub fn client(&mut self, now: Timestamp) -> Client<'_> {
        Client {
            now: self.advance(now),
            platform: self,
        }
    }
}

/// What a client sees of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// Its type.
    pub kind: ServiceKind,
    /// Where it answers.
    pub url: Option<String>,
    /// Further names it answers to.
    pub domains: Vec<String>,
    /// Whether a push deploys it.
    pub auto_deploy: bool,
    /// Whether it is suspended.
    pub suspended: bool,
}

impl From<&Service> for ServiceView {
    fn from(service: &Service) -> Self {
        Self {
            id: service.id.clone(),
            name: service.name.clone(),
            owner: service.owner.clone(),
            kind: service.kind,
            url: service.url.clone(),
            domains: service.domains.clone(),
            auto_deploy: service.auto_deploy,
            suspended: service.is_suspended(),
        }
    }
}

/// A client in this process, at one instant. Authentication and rate limits do not concern it; faults do.
pub struct Client<'p> {
    platform: &'p mut Platform,
    now: Timestamp,
}

impl Client<'_> {
    fn ask<T>(
        &mut self,
        call: &Call,
        effect: impl FnOnce(&mut Platform, Timestamp) -> Result<Done<T>, ApiError>,
    ) -> Reply<T> {
        let now = self.now;
        self.platform
            .exchange(now, call, |platform, _| effect(platform, now))
            .learned()
    }

    /// Looks at a service.
    pub fn get_service(&mut self, service: &ServiceId) -> Reply<ServiceView> {
        let call = Call::of(Op::GetService, Some(service), None);
        self.ask(&call, |platform, now| {
            let view = platform.get_service(now, service)?.into();
            Ok(Done::new(200, view))
        })
    }

    /// Switches auto-deploy on or off.
    pub fn set_auto_deploy(&mut self, service: &ServiceId, on: bool) -> Reply<ServiceView> {
        let body = json!({ "autoDeploy": YesNo::from(on) });
        let call = Call::of(Op::UpdateService, Some(service), None).with(&body);
        self.ask(&call, |platform, now| {
            let view = platform.set_auto_deploy(now, service, on)?.into();
            Ok(Done::new(200, view))
        })
    }

    /// Lists deploys, newest first, all pages.
    pub fn list_deploys(
        &mut self,
        service: &ServiceId,
        filter: &DeployFilter,
    ) -> Reply<Vec<Deploy>> {
        let call = Call::of(Op::ListDeploys, Some(service), None);
        let now = self.now;
        self.platform
            .exchange(now, &call, |platform, fault| {
                platform.deploys_seen(now, service, filter, fault)
            })
            .learned()
    }

    /// Looks at a deploy.
    pub fn get_deploy(&mut self, service: &ServiceId, deploy: &DeployId) -> Reply<Deploy> {
        let call = Call::of(Op::GetDeploy, Some(service), Some(deploy.as_str()));
        self.ask(&call, |platform, now| {
            let deploy = platform.get_deploy(now, service, deploy)?.clone();
            Ok(Done::new(200, deploy))
        })
    }

    /// Triggers a deploy; without one in the answer it was accepted and waits.
    pub fn trigger_deploy(
        &mut self,
        service: &ServiceId,
        body: &TriggerBody,
    ) -> Reply<Option<Deploy>> {
        let call = Call::of(Op::TriggerDeploy, Some(service), None).with(body);
        let now = self.now;
        self.platform
            .exchange(now, &call, |platform, fault| {
                platform.trigger_seen(now, service, body, fault)
            })
            .learned()
    }

    /// Rolls back; without a deploy in the answer it was accepted and waits.
    pub fn rollback(&mut self, service: &ServiceId, target: &DeployId) -> Reply<Option<Deploy>> {
        let body = json!({ "deployId": target });
        let call = Call::of(Op::Rollback, Some(service), None).with(&body);
        let now = self.now;
        self.platform
            .exchange(now, &call, |platform, fault| {
                platform.rollback_seen(now, service, target, fault)
            })
            .learned()
    }

    /// Cancels a deploy.
    pub fn cancel(&mut self, service: &ServiceId, deploy: &DeployId) -> Reply<Deploy> {
        let call = Call::of(Op::CancelDeploy, Some(service), Some(deploy.as_str()));
        self.ask(&call, |platform, now| {
            let deploy = platform.cancel(now, service, deploy)?.clone();
            Ok(Done::new(200, deploy))
        })
    }

    /// The databases of a name.
    pub fn databases_named(&mut self, name: &str) -> Reply<Vec<PostgresId>> {
        let call = Call::of(Op::ListDatabases, None, None);
        self.ask(&call, |platform, now| {
            platform.advance(now);
            let named = platform.databases().filter(|found| found.name == name);
            let ids = named.map(|found| found.id.clone()).collect();
            Ok(Done::new(200, ids))
        })
    }

    /// Reads one database.
    pub fn database(&mut self, id: &PostgresId) -> Reply<Database> {
        let call = Call::of(Op::GetDatabase, None, Some(id.as_str()));
        self.ask(&call, |platform, now| {
            let found = platform.database(now, id)?.clone();
            Ok(Done::new(200, found))
        })
    }

    /// Reads all variables.
    pub fn env_vars(&mut self, service: &ServiceId) -> Reply<BTreeMap<String, String>> {
        let call = Call::of(Op::ListEnvVars, Some(service), None);
        self.ask(&call, |platform, now| {
            let variables = platform.env_vars(now, service)?.clone();
            Ok(Done::new(200, variables))
        })
    }

    /// Stores one variable.
    pub fn put_env_var(&mut self, service: &ServiceId, key: &str, value: &str) -> Reply<()> {
        let body = json!({ "value": value });
        let call = Call::of(Op::PutEnvVar, Some(service), Some(key)).with(&body);
        self.ask(&call, |platform, now| {
            let value = NewValue::Text(value.to_owned());
            platform.put_env_var(now, service, key, value)?;
            Ok(Done::new(200, ()))
        })
    }

    /// Removes one variable.
    pub fn delete_env_var(&mut self, service: &ServiceId, key: &str) -> Reply<()> {
        let call = Call::of(Op::DeleteEnvVar, Some(service), Some(key));
        self.ask(&call, |platform, now| {
            platform.delete_env_var(now, service, key)?;
            Ok(Done::new(204, ()))
        })
    }

    /// Starts a one-off job.
    pub fn create_job(&mut self, service: &ServiceId, command: &str) -> Reply<Job> {
        let body = json!({ "startCommand": command });
        let call = Call::of(Op::CreateJob, Some(service), None).with(&body);
        self.ask(&call, |platform, now| {
            let job = platform.create_job(now, service, command, None)?.clone();
            Ok(Done::new(201, job))
        })
    }

    /// Looks at a one-off job.
    pub fn get_job(&mut self, service: &ServiceId, job: &JobId) -> Reply<Job> {
        let call = Call::of(Op::GetJob, Some(service), Some(job.as_str()));
        self.ask(&call, |platform, now| {
            let job = platform.job(now, service, job)?.clone();
            Ok(Done::new(200, job))
        })
    }

    /// Looks at a database.
    pub fn get_database(&mut self, database: &PostgresId) -> Reply<Database> {
        let call = Call::of(Op::GetDatabase, None, Some(database.as_str()));
        self.ask(&call, |platform, now| {
            let database = platform.database(now, database)?.clone();
            Ok(Done::new(200, database))
        })
    }

    /// Restores a database into a new one.
    pub fn recover(&mut self, database: &PostgresId, body: &RecoverBody) -> Reply<Database> {
        let call = Call::of(Op::Recover, None, Some(database.as_str())).with(body);
        self.ask(&call, |platform, now| {
            let database = platform.recover(now, database, body)?.clone();
            Ok(Done::new(200, database))
        })
    }
}
