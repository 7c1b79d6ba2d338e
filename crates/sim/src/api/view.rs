//! Render's JSON of each thing.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use crate::ids::{ServiceId, Timestamp};
use crate::platform::{
    Database, Deploy, EndReason, Ended, Event, EventKind, Export, Job, Owner, Platform, Recovery,
    Service, ServiceKind, Source, Trigger, YesNo, suspended_text,
};

pub(crate) fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(super) fn owner(owner: &Owner) -> Value {
    json!({ "id": owner.id, "name": owner.name, "email": owner.email, "type": "team" })
}

pub(super) fn service(service: &Service) -> Value {
    let mut shown = json!({
        "id": service.id,
        "name": service.name,
        "ownerId": service.owner,
        "type": service.kind,
        "slug": service.name,
        "createdAt": instant(service.created_at),
        "updatedAt": instant(service.updated_at),
        "dashboardUrl": format!("https://dashboard.render.com/web/{}", service.id),
        "suspended": suspended_text(service.is_suspended()),
        "suspenders": service.suspenders,
        "autoDeploy": YesNo::from(service.auto_deploy),
        "autoDeployTrigger": if service.auto_deploy { &service.auto_deploy_trigger } else { "off" },
        "notifyOnFail": "default",
        "rootDir": service.root_dir,
        "serviceDetails": details(service),
    });
    let optional = [
        ("repo", &service.repo),
        ("imagePath", &service.image),
        ("branch", &service.branch),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            shown[key] = value.as_str().into();
        }
    }
    shown
}

fn details(service: &Service) -> Map<String, Value> {
    let mut details = service.details.clone();
    if let Some(url) = &service.url {
        details.insert("url".to_owned(), url.as_str().into());
    }
    if service.kind != ServiceKind::StaticSite {
        let specific = if service.image.is_some() {
            json!({ "dockerCommand": "", "dockerContext": "", "dockerfilePath": "" })
        } else {
            json!({ "buildCommand": "npm run build", "startCommand": "npm start" })
        };
        let specific = details.entry("envSpecificDetails").or_insert(specific);
        if let Some(command) = &service.pre_deploy {
            specific["preDeployCommand"] = command.as_str().into();
        }
    }
    details
}

pub(super) fn deploy(platform: &Platform, deploy: &Deploy) -> Value {
    let mut shown = json!({
        "id": deploy.id,
        "status": deploy.status,
        "trigger": deploy.trigger,
        "commit": null,
        "createdAt": instant(deploy.created_at),
        "startedAt": deploy.started_at.map(instant),
        "updatedAt": instant(deploy.updated_at),
        "finishedAt": deploy.finished_at.map(instant),
    });
    match &deploy.source {
        Source::Commit(commit) => {
            let message = match platform.version_of(&deploy.source) {
                Some(version) => format!("release {version}"),
                None => format!("commit {commit}"),
            };
            let created_at = instant(platform.commit_seen_at(commit));
            shown["commit"] = json!({ "id": commit, "message": message, "createdAt": created_at });
        }
        Source::Image(image) => {
            shown["image"] =
                json!({ "ref": image, "sha": deploy.digest.as_deref().unwrap_or_default() });
        }
    }
    shown
}

pub(super) fn event(service: &ServiceId, event: &Event) -> Value {
    json!({
        "id": event.id,
        "timestamp": instant(event.at),
        "serviceId": service,
        "type": event.kind.name(),
        "details": event_details(&event.kind),
    })
}

fn event_details(kind: &EventKind) -> Value {
    match kind {
        EventKind::DeployStarted { deploy, .. } => {
            json!({ "deployId": deploy, "trigger": event_trigger(kind) })
        }
        EventKind::DeployEnded {
            deploy,
            ended,
            reason,
        } => json!({
            "deployId": deploy,
            "deployStatus": ended,
            "status": number_of(*ended),
            "reason": event_reason(reason.as_ref()),
        }),
        EventKind::BuildStarted { deploy } => json!({ "buildId": build_id(deploy.as_str()) }),
        EventKind::BuildEnded { deploy, ended } => json!({
            "buildId": build_id(deploy.as_str()),
            "buildStatus": ended,
            "status": number_of(*ended),
            "reason": {},
        }),
        EventKind::PreDeployStarted { deploy } => json!({ "deployId": deploy }),
        EventKind::PreDeployEnded { deploy, ended } => json!({
            "deployId": deploy,
            "preDeployStatus": ended,
            "status": number_of(*ended),
            "reason": {},
        }),
        EventKind::ServiceSuspended | EventKind::ServiceResumed | EventKind::ServerRestarted => {
            json!({})
        }
    }
}

fn event_trigger(kind: &EventKind) -> Value {
    let EventKind::DeployStarted {
        trigger,
        commit,
        target,
        first,
        clear_cache,
        ..
    } = kind
    else {
        return Value::Null;
    };
    let mut shown = json!({
        "firstBuild": first,
        "envUpdated": false,
        "manual": matches!(trigger, Trigger::Api | Trigger::Manual),
        "deployedByRender": *trigger == Trigger::DeployedByRender,
        "clearCache": clear_cache,
        "rollback": *trigger == Trigger::Rollback,
    });
    if *trigger == Trigger::NewCommit {
        shown["newCommit"] = json!(commit);
    }
    if let Some(target) = target {
        shown["rollbackTargetDeployId"] = json!(target);
    }
    shown
}

fn event_reason(reason: Option<&EndReason>) -> Value {
    match reason {
        None => json!({}),
        Some(EndReason::BuildFailed) => json!({ "buildFailed": { "id": "" } }),
        Some(EndReason::Failure) => json!({ "failure": { "nonZeroExit": 1 } }),
        Some(EndReason::NewDeploy(deploy)) => json!({ "newDeploy": { "id": deploy } }),
    }
}

/// The old, numeric form of an end.
fn number_of(ended: Ended) -> u8 {
    match ended {
        Ended::Succeeded => 2,
        Ended::Failed => 3,
        Ended::Canceled => 4,
    }
}

fn build_id(deploy: &str) -> String {
    deploy.replacen("dep-", "bld-", 1)
}

pub(super) fn job(service: &ServiceId, job: &Job, now: Timestamp) -> Value {
    let mut shown = json!({
        "id": job.id,
        "serviceId": service,
        "startCommand": job.command,
        "planId": job.plan,
        "status": job.status(now),
        "createdAt": instant(job.created_at),
        "startedAt": instant(job.created_at),
    });
    if let Some(finished_at) = job.finished_at(now) {
        shown["finishedAt"] = instant(finished_at).into();
    }
    shown
}

pub(super) fn database(platform: &Platform, database: &Database, now: Timestamp) -> Value {
    let known = platform.owners().iter().find(|o| o.id == database.owner);
    json!({
        "id": database.id,
        "name": database.name,
        "owner": known.map(owner),
        "plan": database.plan,
        "status": database.status(now),
        "suspended": suspended_text(database.suspended),
        "suspenders": [],
        "createdAt": instant(database.created_at),
        "updatedAt": instant(database.created_at),
        "databaseName": database.name,
        "databaseUser": database.name,
        "dashboardUrl": format!("https://dashboard.render.com/d/{}", database.id),
        "highAvailabilityEnabled": false,
        "ipAllowList": null,
        "readReplicas": [],
        "region": "oregon",
        "role": "primary",
        "version": "17",
    })
}

pub(super) fn connection_info(database: &Database) -> Value {
    let connection = database.connection();
    json!({
        "password": connection.password,
        "internalConnectionString": connection.internal,
        "externalConnectionString": connection.external,
        "psqlCommand": format!("PGPASSWORD={} psql -h {}", connection.password, database.id),
    })
}

pub(super) fn recovery(recovery: Recovery) -> Value {
    match recovery {
        Recovery::Available(from) => {
            json!({ "recoveryStatus": "AVAILABLE", "startsAt": instant(from) })
        }
        Recovery::NotReady => json!({ "recoveryStatus": "BACKUP_NOT_READY" }),
        Recovery::NotAvailable => json!({ "recoveryStatus": "NOT_AVAILABLE" }),
    }
}

pub(super) fn export(export: &Export, now: Timestamp) -> Value {
    let mut shown = json!({ "id": export.id, "createdAt": instant(export.created_at) });
    if export.ready_from <= now {
        shown["url"] = format!("https://exports.example.com/{}", export.id).into();
    }
    shown
}
