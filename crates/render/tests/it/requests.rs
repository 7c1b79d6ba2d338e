//! Every request the client can send: method, path, query and body, and how it takes a refusal.
//!
//! `endpoints.txt` lists what Render offers of what we use; each line of it is sent here, and nothing else.

mod course;
mod workspace;

use std::collections::BTreeSet;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use render::{
    AuditFilter, AutoDeploy, AutoDeploySetting, Client, DeployFilter, Direction, Error,
    EventFilter, MaintenanceMode, NewService, NewVariable, Origin, PostgresFilter, Preview, Result,
    ServiceChanges, ServiceFilter, ServiceKind, Suspension, Threshold, Thresholds,
};
use serde_json::{Value, json};

use crate::server::{Action, Server};

const ENDPOINTS: &str = include_str!("endpoints.txt");

/// What was sent, by its line in the list.
#[derive(Default)]
struct Table(Mutex<BTreeSet<&'static str>>);

impl Table {
    /// Sends a request once to a server that does it and once to one that refuses it.
    async fn row<T>(
        &self,
        call: impl AsyncFn(&Client) -> Result<T>,
        answer: Action,
        line: &str,
        body: Value,
    ) {
        let server = Server::script([answer]).await;
        if let Err(error) = call(&server.client()).await {
            panic!("{line}: {error}: {:?}", std::error::Error::source(&error))
        }
        let seen = server.seen().remove(0);
        assert_eq!(seen.line, line);
        let sent = serde_json::from_str(&seen.body).unwrap_or(Value::Null);
        assert_eq!(sent, body, "{line}");
        let has_type = seen.head.contains("content-type: application/json");
        assert_eq!(has_type, !body.is_null(), "{line}");
        assert!(seen.head.contains("accept: application/json"), "{line}");
        self.note(line);
        refused(&call, line).await;
    }

    /// The same for a request without a body.
    async fn bare<T>(&self, call: impl AsyncFn(&Client) -> Result<T>, answer: Action, line: &str) {
        self.row(call, answer, line, Value::Null).await;
    }

    fn note(&self, line: &str) {
        let path = line.split('?').next().unwrap();
        let fitting: Vec<_> = ENDPOINTS
            .lines()
            .filter(|known| fits(known, path))
            .collect();
        let exact = fitting.iter().find(|known| !known.ends_with('}'));
        let known = exact.or(fitting.first());
        let known = known.unwrap_or_else(|| panic!("{path} is not in endpoints.txt"));
        self.0.lock().unwrap().insert(known);
    }
}

/// A refusal is a typed error, whatever the call.
async fn refused<T>(call: &impl AsyncFn(&Client) -> Result<T>, line: &str) {
    let refusal = json!({ "id": "r-1", "message": "no,\nnot so" });
    let headers = "render-request-id: req-7\r\n";
    let server = Server::script([Action::Answer(400, headers, refusal.to_string())]).await;
    let Err(error) = call(&server.client()).await else {
        panic!("{line}: 400 is no success")
    };
    let Error::Api { error, .. } = error else {
        panic!("{line}: {error}")
    };
    assert_eq!((error.status, error.message.as_str()), (400, "no, not so"));
    assert_eq!(error.request_id.as_deref(), Some("req-7"));
    assert_eq!(error.data, Some(refusal), "{line}");
    assert_eq!(server.lines().len(), 1, "{line} is sent once");
}

/// Whether a path has the form of a line such as `GET /services/{service}`.
fn fits(known: &str, path: &str) -> bool {
    let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
    let mut pairs = known.iter().zip(&path);
    known.len() == path.len()
        && pairs.all(|(known, given)| known.starts_with('{') || known == given)
}

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_799_658_000, 0).unwrap() + TimeDelta::hours(hour)
}

fn done() -> Action {
    Action::empty(202)
}

fn gone() -> Action {
    Action::empty(204)
}

fn ok(body: impl Into<Value>) -> Action {
    Action::json(200, body.into())
}

fn none() -> Action {
    ok(json!([]))
}

fn service() -> Value {
    json!({ "id": "srv-1", "ownerId": "tea-1", "type": "web_service" })
}

fn service_reply() -> Action {
    ok(service())
}

fn deploy() -> Value {
    json!({ "id": "dep-1", "status": "created" })
}

#[tokio::test]
async fn every_endpoint_is_asked_as_render_describes_it() {
    let table = Table::default();
    account(&table).await;
    services(&table).await;
    service_orders(&table).await;
    service_changes(&table).await;
    service_making(&table).await;
    variables(&table).await;
    secret_files(&table).await;
    workspace::groups(&table).await;
    workspace::group_contents(&table).await;
    course::deploys(&table).await;
    course::history(&table).await;
    course::jobs(&table).await;
    course::figures(&table).await;
    workspace::databases(&table).await;
    workspace::database_orders(&table).await;
    workspace::maintenance(&table).await;
    workspace::webhooks(&table).await;
    workspace::notifications(&table).await;
    // Followed over a websocket, in `follow.rs`.
    table.note("GET /logs/subscribe");
    let sent = table.0.into_inner().unwrap();
    let known: BTreeSet<_> = ENDPOINTS.lines().collect();
    assert_eq!(known.difference(&sent).collect::<Vec<_>>(), [&""; 0]);
}

async fn account(table: &Table) {
    let owner = json!({ "id": "tea-1", "name": "acme", "email": "a@b.c", "type": "team" });
    let user = json!({ "email": "a@b.c", "name": "Ann" });
    table
        .bare(async |c| c.user().await, ok(user), "GET /users")
        .await;
    table
        .bare(async |c| c.owners(3).await, none(), "GET /owners?limit=3")
        .await;
    let named = "GET /owners?name=acme+corp&limit=100";
    table
        .bare(async |c| c.owners_named("acme corp").await, none(), named)
        .await;
    table
        .bare(
            async |c| c.owner(&"tea-1".into()).await,
            ok(owner),
            "GET /owners/tea-1",
        )
        .await;
    let filter = AuditFilter {
        since: Some(at(0)),
        until: Some(at(1)),
        direction: Direction::Forward,
    };
    let audit = async |c: &Client| {
        let entries = c.audit_logs(&"tea-1".into(), &filter);
        entries.try_collect::<Vec<_>>().await
    };
    let line = "GET /owners/tea-1/audit-logs?startTime=2027-01-11T09%3A00%3A00.000Z&endTime=2027-01-11T10%3A00%3A00.000Z&direction=forward&limit=100";
    table.bare(audit, none(), line).await;
}

async fn services(table: &Table) {
    let filter = ServiceFilter {
        name: Some("acme".to_owned()),
        kinds: vec![ServiceKind::StaticSite, ServiceKind::WebService],
        owner: Some("tea-1".into()),
        environments: vec!["evm-1".into()],
        regions: vec!["ohio".to_owned(), "oregon".to_owned()],
        runtimes: vec!["node".to_owned()],
        suspension: Some(Suspension::NotSuspended),
        created_after: Some(at(0)),
        updated_before: Some(at(1)),
        without_previews: true,
        ..ServiceFilter::default()
    };
    let line = "GET /services?name=acme&type=static_site%2Cweb_service&ownerId=tea-1&environmentId=evm-1&region=ohio%2Coregon&env=node&suspended=not_suspended&createdAfter=2027-01-11T09%3A00%3A00.000Z&updatedBefore=2027-01-11T10%3A00%3A00.000Z&includePreviews=false&limit=7";
    table
        .bare(async |c| c.services(&filter, 7).await, none(), line)
        .await;
    let all = ServiceFilter::default();
    let all = async |c: &Client| c.services_stream(&all).try_collect::<Vec<_>>().await;
    table.bare(all, none(), "GET /services?limit=100").await;
    let id = "srv-1".into();
    let one = async |c: &Client| c.service(&id).await;
    table
        .bare(one, service_reply(), "GET /services/srv-1")
        .await;
    let instances = async |c: &Client| c.instances(&id).await;
    table
        .bare(instances, none(), "GET /services/srv-1/instances")
        .await;
    let domains = async |c: &Client| c.custom_domains(&id).await;
    let line = "GET /services/srv-1/custom-domains?limit=100";
    table.bare(domains, none(), line).await;
}

async fn service_orders(table: &Table) {
    let id = "srv-1".into();
    let order = |order: &str| format!("POST /services/srv-1/{order}");
    let suspend = async |c: &Client| c.admin().suspend(&id).await;
    table.bare(suspend, done(), &order("suspend")).await;
    let resume = async |c: &Client| c.admin().resume(&id).await;
    table.bare(resume, done(), &order("resume")).await;
    let restart = async |c: &Client| c.admin().restart(&id).await;
    table
        .bare(restart, Action::empty(200), &order("restart"))
        .await;
    let purge = async |c: &Client| c.admin().purge_cache(&id).await;
    table.bare(purge, done(), &order("cache/purge")).await;
    let scale = async |c: &Client| c.admin().scale(&id, 3).await;
    table
        .row(scale, done(), &order("scale"), json!({ "numInstances": 3 }))
        .await;
    let cpu = Threshold {
        enabled: true,
        percentage: 70,
    };
    let thresholds = Thresholds {
        cpu,
        ..Thresholds::default()
    };
    let criteria = json!({
        "cpu": { "enabled": true, "percentage": 70 },
        "memory": { "enabled": false, "percentage": 0 },
    });
    let scaling = json!({ "enabled": true, "min": 1, "max": 4, "criteria": criteria });
    let set = async |c: &Client| c.admin().set_autoscaling(&id, 1..=4, &thresholds).await;
    let line = "PUT /services/srv-1/autoscaling";
    table.row(set, ok(scaling.clone()), line, scaling).await;
    let remove = async |c: &Client| c.admin().remove_autoscaling(&id).await;
    table
        .bare(remove, gone(), "DELETE /services/srv-1/autoscaling")
        .await;
    let delete = async |c: &Client| c.admin().delete_service(&id).await;
    table.bare(delete, gone(), "DELETE /services/srv-1").await;
}

async fn service_changes(table: &Table) {
    let id = "srv-1".into();
    let patching = "PATCH /services/srv-1";
    let off = async |c: &Client| c.set_auto_deploy(&id, &AutoDeploySetting::OFF).await;
    table
        .row(
            off,
            service_reply(),
            patching,
            json!({ "autoDeploy": "no" }),
        )
        .await;
    let page = MaintenanceMode {
        enabled: true,
        uri: String::new(),
    };
    let maintain = async |c: &Client| c.admin().set_maintenance_mode(&id, &page).await;
    let body = json!({ "serviceDetails": { "maintenanceMode": { "enabled": true, "uri": "" } } });
    table.row(maintain, service_reply(), patching, body).await;
    let changes = ServiceChanges {
        name: Some("b".to_owned()),
        details: [("plan".to_owned(), "pro".into())].into_iter().collect(),
        ..ServiceChanges::default()
    };
    let change = async |c: &Client| c.admin().update_service(&id, &changes).await;
    let body = json!({ "name": "b", "serviceDetails": { "plan": "pro" } });
    table.row(change, service_reply(), patching, body).await;
}

async fn service_making(table: &Table) {
    let id = "srv-1".into();
    let new = |kind, origin| NewService {
        kind,
        name: "a".to_owned(),
        owner: "tea-1".into(),
        origin,
        auto_deploy: AutoDeploy::No,
        variables: [("A".to_owned(), "x".into())].into(),
        details: [("region".to_owned(), "ohio".into())].into_iter().collect(),
    };
    let made = || Action::json(201, json!({ "service": service(), "deployId": "dep-1" }));
    let body = |kind: &str| {
        json!({
            "type": kind, "name": "a", "ownerId": "tea-1", "autoDeploy": "no",
            "envVars": [{ "key": "A", "value": "x" }], "serviceDetails": { "region": "ohio" },
        })
    };
    for kind in [
        ServiceKind::StaticSite,
        ServiceKind::WebService,
        ServiceKind::PrivateService,
        ServiceKind::BackgroundWorker,
        ServiceKind::CronJob,
    ] {
        let url = "https://github.com/a/b".to_owned();
        let mut body = body(kind.as_str());
        body["repo"] = url.as_str().into();
        body["branch"] = "main".into();
        let service = new(
            kind,
            Origin::Repository {
                url,
                branch: Some("main".to_owned()),
            },
        );
        let create = async |c: &Client| c.admin().create_service(&service).await;
        table.row(create, made(), "POST /services", body).await;
    }
    let wanted = "docker.io/a/b:1".to_owned();
    let mut image = body("web_service");
    image["image"] = json!({ "ownerId": "tea-1", "imagePath": wanted });
    let service = new(ServiceKind::WebService, Origin::Image { path: wanted });
    let create = async |c: &Client| c.admin().create_service(&service).await;
    table.row(create, made(), "POST /services", image).await;
    let preview = Preview {
        image: "a/b:2".to_owned(),
        name: Some("p".to_owned()),
        plan: None,
    };
    let create = async |c: &Client| c.admin().create_preview(&id, &preview).await;
    let body = json!({ "imagePath": "a/b:2", "name": "p" });
    table
        .row(create, made(), "POST /services/srv-1/preview", body)
        .await;
}

async fn variables(table: &Table) {
    let id = "srv-1".into();
    let pair = || json!({ "key": "A", "value": "x" });
    let line = "GET /services/srv-1/env-vars?limit=100";
    table
        .bare(async |c| c.variables(&id).await, none(), line)
        .await;
    let line = |method: &str| format!("{method} /services/srv-1/env-vars/A%2FB");
    let get = async |c: &Client| c.variable(&id, "A/B").await;
    table.bare(get, ok(pair()), &line("GET")).await;
    let set = async |c: &Client| c.set_variable(&id, "A/B", &"x".into()).await;
    table
        .row(set, ok(pair()), &line("PUT"), json!({ "value": "x" }))
        .await;
    let generate = async |c: &Client| c.admin().generate_variable(&id, "A/B").await;
    table
        .row(
            generate,
            ok(pair()),
            &line("PUT"),
            json!({ "generateValue": true }),
        )
        .await;
    let delete = async |c: &Client| c.delete_variable(&id, "A/B").await;
    table.bare(delete, gone(), &line("DELETE")).await;
    let set = [
        ("A".to_owned(), NewVariable::Value("x".into())),
        ("B".to_owned(), NewVariable::Generated),
    ];
    let set = set.into();
    let replace = async |c: &Client| c.admin().replace_variables(&id, &set).await;
    let body = json!([{ "key": "A", "value": "x" }, { "key": "B", "generateValue": true }]);
    table
        .row(replace, none(), "PUT /services/srv-1/env-vars", body)
        .await;
}

async fn secret_files(table: &Table) {
    let id = "srv-1".into();
    let file = || json!({ "name": "k", "content": "x" });
    let all = "GET /services/srv-1/secret-files?limit=100";
    table
        .bare(async |c| c.secret_files(&id).await, none(), all)
        .await;
    let line = |method: &str| format!("{method} /services/srv-1/secret-files/k");
    let get = async |c: &Client| c.secret_file(&id, "k").await;
    table.bare(get, ok(file()), &line("GET")).await;
    let set = async |c: &Client| c.admin().set_secret_file(&id, "k", &"x".into()).await;
    table
        .row(
            set,
            Action::json(201, file()),
            &line("PUT"),
            json!({ "content": "x" }),
        )
        .await;
    let delete = async |c: &Client| c.admin().delete_secret_file(&id, "k").await;
    table.bare(delete, gone(), &line("DELETE")).await;
    let files = [("k".to_owned(), "x".into())].into();
    let replace = async |c: &Client| c.admin().replace_secret_files(&id, &files).await;
    let line = "PUT /services/srv-1/secret-files";
    table.row(replace, none(), line, json!([file()])).await;
}

#[tokio::test]
async fn every_list_is_read_page_by_page_and_counts_what_is_repeated_once() {
    let page = |from: usize, to: usize| {
        let entry = |n: usize| {
            let (id, timestamp) = (format!("x-{n}"), "2027-01-11T09:00:00Z");
            let thing = json!({ "id": id, "name": id, "key": id, "ownerId": "tea-1", "timestamp": timestamp });
            json!({ "service": thing, "cursor": n.to_string() })
        };
        (from..to).map(entry).collect::<Vec<_>>()
    };
    let first = Action::json(200, Value::from(page(0, 100)));
    // An entry came in meanwhile, so the second page begins with the last of the first.
    let second = Action::json(200, Value::from(page(99, 130)));
    let pages = || [first.clone(), second.clone()];
    let id = "srv-1".into();
    let hook = "whk-1".into();
    let (services, databases) = (ServiceFilter::default(), PostgresFilter::default());
    let (deploys, events) = (DeployFilter::default(), EventFilter::since(at(0)));
    for list in 0..10 {
        let server = Server::script(pages()).await;
        let c = server.client();
        let all = match list {
            0 => c
                .services_stream(&services)
                .map(|one| one.map(drop))
                .boxed(),
            1 => c
                .databases_stream(&databases)
                .map(|one| one.map(drop))
                .boxed(),
            2 => c
                .deploys_stream(&id, &deploys)
                .map(|one| one.map(drop))
                .boxed(),
            3 => c
                .events_stream(&id, &events)
                .map(|one| one.map(drop))
                .boxed(),
            4 => c.jobs_stream(&id).map(|one| one.map(drop)).boxed(),
            5 => c.owners_stream().map(|one| one.map(drop)).boxed(),
            6 => c.webhooks(&[]).map(|one| one.map(drop)).boxed(),
            7 => c.webhook_deliveries(&hook).map(|one| one.map(drop)).boxed(),
            8 => c.env_groups(None).map(|one| one.map(drop)).boxed(),
            _ => {
                let filter = AuditFilter::default();
                c.audit_logs(&"tea-1".into(), &filter)
                    .map(|one| one.map(drop))
                    .boxed()
            }
        };
        let all: Vec<()> = all.try_collect().await.unwrap();
        assert_eq!(all.len(), 130, "list {list}");
        let lines = server.lines();
        assert_eq!(lines.len(), 2, "list {list}");
        assert!(lines[1].ends_with("limit=100&cursor=99"), "{}", lines[1]);
    }
}
