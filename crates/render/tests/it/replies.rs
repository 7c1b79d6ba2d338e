//! Replies as they really come: nulls, missing and unknown fields, unknown words, empty bodies, other things than JSON.

use futures::TryStreamExt as _;
use render::{
    Client, DeployFilter, DeployStatus, Details, Error, EventKind, JobStatus, MaintenanceFilter,
    PostgresStatus, RecoveryStatus, Result, ServiceFilter, Triggered, Unreadable,
};
use serde_json::{Value, json};

use crate::server::{Action, Server};

async fn read<T>(reply: Value, call: impl AsyncFnOnce(Client) -> Result<T>) -> T {
    let server = Server::script([Action::json(200, &reply)]).await;
    call(server.client())
        .await
        .unwrap_or_else(|error| panic!("{reply}: {error}: {:?}", std::error::Error::source(&error)))
}

#[tokio::test]
async fn a_service_is_read_with_the_least_and_with_more_than_is_known() {
    let least = json!({ "id": "srv-1", "ownerId": "tea-1" });
    let nulls = json!({
        "id": "srv-1", "ownerId": "tea-1", "name": null, "slug": null, "type": null, "suspended": null,
        "suspenders": null, "autoDeploy": null, "repo": null, "createdAt": null, "serviceDetails": null,
    });
    let strange = json!({
        "id": "srv-1", "ownerId": "tea-1", "type": "quantum_service", "suspended": "half",
        "autoDeploy": "perhaps", "autoDeployTrigger": "moon", "serviceDetails": { "spin": [1, { "a": null }] },
        "createdAt": "2027-01-11T09:00:00.123456789Z", "tomorrow": { "x": 1 },
    });
    for reply in [least, nulls, strange] {
        let service = read(reply, async |c| c.service(&"srv-1".into()).await).await;
        assert!(matches!(service.details, Details::Other(_)));
        assert!(service.auto_deploy.is_on(), "only a plain no is off");
    }
}

#[tokio::test]
async fn overlapping_details_are_read_by_the_type() {
    let details = json!({
        "url": "https://a", "buildCommand": "b", "publishPath": "p", "numInstances": 2, "schedule": "* * * * *",
        "ipAllowList": null, "disk": { "id": "dsk-1", "sizeGB": 5 }, "autoscaling": null, "maintenanceMode": null,
        "envSpecificDetails": { "dockerCommand": "" }, "cache": { "profile": "no-cache" },
    });
    for kind in [
        "static_site",
        "web_service",
        "private_service",
        "background_worker",
        "cron_job",
    ] {
        let reply =
            json!({ "id": "srv-1", "ownerId": "tea-1", "type": kind, "serviceDetails": details });
        let service = read(reply, async |c| c.service(&"srv-1".into()).await).await;
        assert_eq!(service.kind.as_str(), kind);
        assert!(!matches!(service.details, Details::Other(_)));
    }
}

#[tokio::test]
async fn deploys_are_read_with_nulls_and_new_words() {
    let reply = json!([
        { "deploy": { "id": "dep-1" }, "cursor": null },
        { "deploy": { "id": "dep-2", "status": "dreaming", "trigger": "telepathy", "commit": null,
            "image": { "ref": "a:1", "sha": null, "registryCredential": null }, "finishedAt": null } },
        { "deploy": { "id": "dep-3", "status": null, "commit": { "id": "c", "createdAt": "2027-01-11T09:00:00.000000001Z" },
            "createdAt": "2027-01-11T09:00:00.1Z", "artifactId": "a" }, "cursor": "x", "extra": 1 },
        { "deploy": { "id": "dep-1" }, "cursor": "y" },
    ]);
    let call = async |c: Client| {
        c.deploys(&"srv-1".into(), &DeployFilter::default(), 50)
            .await
    };
    let deploys = read(reply, call).await;
    assert_eq!(deploys.len(), 3, "what a list repeats is counted once");
    let dreaming = deploys
        .iter()
        .find(|deploy| deploy.id == "dep-2".into())
        .unwrap();
    assert_eq!(dreaming.status, DeployStatus::Other("dreaming".to_owned()));
    assert!(deploys.iter().all(|deploy| deploy.status.is_unfinished()));
}

#[tokio::test]
async fn everything_else_is_read_with_the_least() {
    let group = json!({ "id": "evg-1", "name": null, "envVars": null, "secretFiles": null, "serviceLinks": null });
    let read_group = read(group, async |c| c.env_group(&"evg-1".into()).await).await;
    assert!(read_group.variables.is_empty() && read_group.services.is_empty());
    let job = read(json!({ "id": "job-1", "status": "paused" }), async |c| {
        c.job(&"srv-1".into(), &"job-1".into()).await
    });
    assert_eq!(job.await.status, JobStatus::Other("paused".to_owned()));
    let database =
        json!({ "id": "dpg-1", "status": "unknown", "ipAllowList": null, "version": null });
    let database = read(database, async |c| c.postgres(&"dpg-1".into()).await).await;
    assert_eq!(database.status, PostgresStatus::Other("unknown".to_owned()));
    let recovery = read(json!({}), async |c| c.recovery(&"dpg-1".into()).await).await;
    assert_eq!(recovery.status, RecoveryStatus::default());
    let exports = json!([{ "id": "e", "createdAt": "2027-01-11T09:00:00Z", "url": null }]);
    assert_eq!(
        read(exports, async |c| c.exports(&"dpg-1".into()).await)
            .await
            .len(),
        1
    );
    let hook = json!({ "id": "whk-1", "eventFilter": null, "enabled": null });
    assert!(
        !read(hook, async |c| c.webhook(&"whk-1".into()).await)
            .await
            .enabled
    );
    let runs =
        json!([{ "id": "mrn-1", "state": "user_fix_required", "pendingMaintenanceBy": null }]);
    let filter = MaintenanceFilter::default();
    assert_eq!(
        read(runs, async |c| c.maintenance_runs(&filter).await)
            .await
            .len(),
        1
    );
    let event = json!({ "id": "evt-1", "timestamp": "2027-01-11T09:00:00Z", "type": "eclipse", "details": null });
    let event = read(event, async |c| c.event(&"evt-1".into()).await).await;
    assert_eq!(
        (event.kind, event.details),
        (EventKind::Other("eclipse".to_owned()), Value::Null)
    );
}

#[tokio::test]
async fn lists_of_groups_are_read_bare_and_wrapped() {
    let reply = json!([
        { "id": "evg-1", "name": "bare" },
        { "envGroup": { "id": "evg-2", "name": "wrapped" }, "cursor": "c" },
    ]);
    let groups = read(reply, async |c| {
        c.env_groups(None).try_collect::<Vec<_>>().await
    })
    .await;
    let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["bare", "wrapped"]);
}

#[tokio::test]
async fn empty_bodies_are_success_where_nothing_is_to_be_read() {
    for status in [200, 202, 204] {
        let server = Server::script([Action::empty(status)]).await;
        server
            .client()
            .admin()
            .suspend(&"srv-1".into())
            .await
            .unwrap();
    }
    let server = Server::script([Action::empty(202)]).await;
    let triggered = server
        .client()
        .trigger(&"srv-1".into(), &render::DeploySpec::LastBuild)
        .await;
    assert_eq!(triggered.unwrap(), Triggered::Accepted);
}

#[tokio::test]
async fn an_error_that_is_no_json_is_told_as_it_came() {
    let html = "<html><h1>502 Bad Gateway</h1></html>".to_owned();
    let server = Server::script([Action::Answer(404, "content-type: text/html\r\n", html)]).await;
    let error = server.client().service(&"srv-1".into()).await.unwrap_err();
    assert!(error.is_gone());
    let api = error.api().unwrap();
    assert_eq!(
        (api.message.as_str(), &api.data),
        ("<html><h1>502 Bad Gateway</h1></html>", &None)
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_that_names_the_place() {
    let rows = [
        (r#"{"id": 7}"#, "`id`"),
        (r#"[{"service": {"id": "srv-1"}}]"#, "ownerId"),
        ("[", "cut off"),
        ("no", "not JSON"),
        ("", "cut off"),
    ];
    for (body, said) in rows {
        let server = Server::script([Action::Answer(200, "", body.to_owned())]).await;
        let client = server.client();
        let error = match body.starts_with("[{") {
            true => client
                .services(&ServiceFilter::default(), 5)
                .await
                .map(drop),
            false => client
                .deploy(&"srv-1".into(), &"dep-1".into())
                .await
                .map(drop),
        };
        let error = error.unwrap_err();
        let Error::Unreadable { source, .. } = error else {
            panic!("{body}: {error}")
        };
        let place = matches!(&source, Unreadable::Shape { place } if place.contains("service"));
        assert!(
            source.to_string().contains(said) || place,
            "{body}: {source}"
        );
    }
}
