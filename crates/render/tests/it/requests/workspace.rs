//! The requests about what rollouts leave alone: groups, databases, works, webhooks, notifications.

use futures::TryStreamExt as _;
use render::{
    Client, EventKind, MaintenanceFilter, MaintenanceState, NewEnvGroup, NewVariable,
    NotificationLevel, PostgresChanges, PostgresFilter, Suspension, WebhookTarget,
};
use serde_json::json;

use super::{Table, at, done, gone, none, ok};
use crate::server::Action;

pub(super) async fn groups(table: &Table) {
    let id = "evg-1".into();
    let group = || ok(json!({ "id": "evg-1" }));
    let all = async |c: &Client| {
        let groups = c.env_groups(Some(&"tea-1".into()));
        groups.try_collect::<Vec<_>>().await
    };
    table
        .bare(all, none(), "GET /env-groups?ownerId=tea-1&limit=100")
        .await;
    let new = NewEnvGroup {
        name: "shared".to_owned(),
        owner: "tea-1".into(),
        variables: [("A".to_owned(), NewVariable::Generated)].into(),
        secret_files: [("k".to_owned(), "x".into())].into(),
        services: vec!["srv-1".into()],
    };
    let body = json!({
        "name": "shared", "ownerId": "tea-1", "serviceIds": ["srv-1"],
        "envVars": [{ "key": "A", "generateValue": true }],
        "secretFiles": [{ "name": "k", "content": "x" }],
    });
    let create = async |c: &Client| c.admin().create_env_group(&new).await;
    let made = Action::json(201, json!({ "id": "evg-1" }));
    table.row(create, made, "POST /env-groups", body).await;
    table
        .bare(
            async |c| c.env_group(&id).await,
            group(),
            "GET /env-groups/evg-1",
        )
        .await;
    let rename = async |c: &Client| c.admin().rename_env_group(&id, "b").await;
    table
        .row(
            rename,
            group(),
            "PATCH /env-groups/evg-1",
            json!({ "name": "b" }),
        )
        .await;
    let delete = async |c: &Client| c.admin().delete_env_group(&id).await;
    table.bare(delete, gone(), "DELETE /env-groups/evg-1").await;
    let service = "srv-1".into();
    let link = async |c: &Client| c.admin().link_env_group(&id, &service).await;
    table
        .bare(link, group(), "POST /env-groups/evg-1/services/srv-1")
        .await;
    let unlink = async |c: &Client| c.admin().unlink_env_group(&id, &service).await;
    table
        .bare(unlink, gone(), "DELETE /env-groups/evg-1/services/srv-1")
        .await;
}

pub(super) async fn group_contents(table: &Table) {
    let id = "evg-1".into();
    let group = || ok(json!({ "id": "evg-1" }));
    let line = |method: &str| format!("{method} /env-groups/evg-1/env-vars/A");
    let get = async |c: &Client| c.env_group_variable(&id, "A").await;
    let pair = json!({ "key": "A", "value": "x" });
    table.bare(get, ok(pair), &line("GET")).await;
    let set = async |c: &Client| {
        c.admin()
            .set_env_group_variable(&id, "A", &"x".into())
            .await
    };
    table
        .row(set, group(), &line("PUT"), json!({ "value": "x" }))
        .await;
    let delete = async |c: &Client| c.admin().delete_env_group_variable(&id, "A").await;
    table.bare(delete, gone(), &line("DELETE")).await;
    let line = |method: &str| format!("{method} /env-groups/evg-1/secret-files/k");
    let get = async |c: &Client| c.env_group_file(&id, "k").await;
    let file = json!({ "name": "k", "content": "x" });
    table.bare(get, ok(file), &line("GET")).await;
    let set = async |c: &Client| c.admin().set_env_group_file(&id, "k", &"x".into()).await;
    table
        .row(set, group(), &line("PUT"), json!({ "content": "x" }))
        .await;
    let delete = async |c: &Client| c.admin().delete_env_group_file(&id, "k").await;
    table.bare(delete, gone(), &line("DELETE")).await;
}

pub(super) async fn databases(table: &Table) {
    let id = "dpg-1".into();
    let database = || ok(json!({ "id": "dpg-1" }));
    let filter = PostgresFilter {
        name: Some("db".to_owned()),
        owner: Some("tea-1".into()),
        suspension: Some(Suspension::Suspended),
        ..PostgresFilter::default()
    };
    let line =
        "GET /postgres?name=db&ownerId=tea-1&suspended=suspended&includeReplicas=false&limit=5";
    table
        .bare(async |c| c.databases(&filter, 5).await, none(), line)
        .await;
    table
        .bare(
            async |c| c.postgres(&id).await,
            database(),
            "GET /postgres/dpg-1",
        )
        .await;
    let changes = PostgresChanges {
        plan: Some("pro".to_owned()),
        ..PostgresChanges::default()
    };
    let update = async |c: &Client| c.admin().update_database(&id, &changes).await;
    table
        .row(
            update,
            database(),
            "PATCH /postgres/dpg-1",
            json!({ "plan": "pro" }),
        )
        .await;
    let delete = async |c: &Client| c.admin().delete_database(&id).await;
    table.bare(delete, gone(), "DELETE /postgres/dpg-1").await;
    let info = json!({ "password": "p", "internalConnectionString": "i", "externalConnectionString": "e" });
    let connect = async |c: &Client| c.connection_info(&id).await;
    table
        .bare(connect, ok(info), "GET /postgres/dpg-1/connection-info")
        .await;
    let recovery = async |c: &Client| c.recovery(&id).await;
    let state = json!({ "recoveryStatus": "AVAILABLE", "startsAt": at(0) });
    table
        .bare(recovery, ok(state), "GET /postgres/dpg-1/recovery")
        .await;
    let recover = async |c: &Client| c.recover(&id, at(0), Some("new")).await;
    let body = json!({ "restoreTime": "2027-01-11T09:00:00Z", "restoreName": "new" });
    table
        .row(recover, database(), "POST /postgres/dpg-1/recovery", body)
        .await;
    let line = "GET /postgres/dpg-1/export";
    table
        .bare(async |c| c.exports(&id).await, none(), line)
        .await;
}

pub(super) async fn database_orders(table: &Table) {
    let id = "dpg-1".into();
    let line = |order: &str| format!("POST /postgres/dpg-1/{order}");
    let export = async |c: &Client| c.start_export(&id).await;
    table.bare(export, done(), &line("export")).await;
    let suspend = async |c: &Client| c.admin().suspend_database(&id).await;
    table.bare(suspend, done(), &line("suspend")).await;
    let resume = async |c: &Client| c.admin().resume_database(&id).await;
    table.bare(resume, done(), &line("resume")).await;
    let restart = async |c: &Client| c.admin().restart_database(&id).await;
    table.bare(restart, done(), &line("restart")).await;
    let fail_over = async |c: &Client| c.admin().fail_over_database(&id).await;
    table.bare(fail_over, done(), &line("failover")).await;
}

pub(super) async fn maintenance(table: &Table) {
    let id = "mrn-1".into();
    let filter = MaintenanceFilter {
        resources: vec!["srv-1".to_owned(), "dpg-1".to_owned()],
        owner: Some("tea-1".into()),
        states: vec![MaintenanceState::Scheduled],
    };
    let line = "GET /maintenance?resourceId=srv-1%2Cdpg-1&ownerId=tea-1&state=scheduled";
    table
        .bare(async |c| c.maintenance_runs(&filter).await, none(), line)
        .await;
    let run = json!({ "id": "mrn-1", "state": "cancelled" });
    let line = "GET /maintenance/mrn-1";
    table
        .bare(async |c| c.maintenance_run(&id).await, ok(run), line)
        .await;
    let later = async |c: &Client| c.admin().reschedule_maintenance(&id, at(0)).await;
    let body = json!({ "scheduledAt": "2027-01-11T09:00:00Z" });
    table
        .row(later, done(), "PATCH /maintenance/mrn-1", body)
        .await;
    let now = async |c: &Client| c.admin().trigger_maintenance(&id).await;
    table
        .bare(now, done(), "POST /maintenance/mrn-1/trigger")
        .await;
}

pub(super) async fn webhooks(table: &Table) {
    let id = "whk-1".into();
    let hook = || json!({ "id": "whk-1", "secret": "whsec_x" });
    let all = async |c: &Client| c.webhooks(&["tea-1".into()]).try_collect::<Vec<_>>().await;
    table
        .bare(all, none(), "GET /webhooks?ownerId=tea-1&limit=100")
        .await;
    let target = WebhookTarget {
        name: "n".to_owned(),
        url: "https://a.example".to_owned(),
        enabled: true,
        events: vec![EventKind::DeployEnded],
    };
    let changed = json!({ "name": "n", "url": "https://a.example", "enabled": true, "eventFilter": ["deploy_ended"] });
    let mut new = changed.clone();
    new["ownerId"] = "tea-1".into();
    let create = async |c: &Client| c.admin().create_webhook(&"tea-1".into(), &target).await;
    table
        .row(create, Action::json(201, hook()), "POST /webhooks", new)
        .await;
    table
        .bare(
            async |c| c.webhook(&id).await,
            ok(hook()),
            "GET /webhooks/whk-1",
        )
        .await;
    let update = async |c: &Client| c.admin().update_webhook(&id, &target).await;
    table
        .row(update, ok(hook()), "PATCH /webhooks/whk-1", changed)
        .await;
    let delete = async |c: &Client| c.admin().delete_webhook(&id).await;
    table.bare(delete, gone(), "DELETE /webhooks/whk-1").await;
    let sent = async |c: &Client| c.webhook_deliveries(&id).try_collect::<Vec<_>>().await;
    table
        .bare(sent, none(), "GET /webhooks/whk-1/events?limit=100")
        .await;
}

pub(super) async fn notifications(table: &Table) {
    let (owner, id) = ("tea-1".into(), "srv-1".into());
    let level = || ok(json!({ "notificationsToSend": "all" }));
    let body = || json!({ "notificationsToSend": "none" });
    let line = |method: &str| format!("{method} /notification-settings/owners/tea-1");
    let get = async |c: &Client| c.default_notification_level(&owner).await;
    table.bare(get, level(), &line("GET")).await;
    let none = NotificationLevel::None;
    let set = async |c: &Client| {
        c.admin()
            .set_default_notification_level(&owner, &none)
            .await
    };
    table.row(set, level(), &line("PATCH"), body()).await;
    let line = |method: &str| format!("{method} /notification-settings/overrides/services/srv-1");
    let get = async |c: &Client| c.notification_level(&id).await;
    table.bare(get, level(), &line("GET")).await;
    let set = async |c: &Client| c.admin().set_notification_level(&id, &none).await;
    table.row(set, level(), &line("PATCH"), body()).await;
}
