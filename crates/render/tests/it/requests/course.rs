//! The requests about what happens to services: deploys, their course, jobs and figures.

use futures::TryStreamExt as _;
use render::{
    Client, DeployFilter, DeploySpec, DeployStatus, Direction, EventFilter, EventKind, LogField,
    LogFilter, Metric, Source, TimeRange,
};
use serde_json::json;

use super::{Table, at, deploy, none, ok};
use crate::server::Action;

pub(super) async fn deploys(table: &Table) {
    let (id, one) = ("srv-1".into(), "dep-1".into());
    let filter = DeployFilter {
        statuses: vec![DeployStatus::Live, DeployStatus::Queued],
        created_after: Some(at(0)),
        updated_after: Some(at(1)),
        finished_before: Some(at(2)),
        ..DeployFilter::default()
    };
    let line = "GET /services/srv-1/deploys?createdAfter=2027-01-11T09%3A00%3A00.000Z&updatedAfter=2027-01-11T10%3A00%3A00.000Z&finishedBefore=2027-01-11T11%3A00%3A00.000Z&status=live&status=queued&limit=5";
    table
        .bare(async |c| c.deploys(&id, &filter, 5).await, none(), line)
        .await;
    let line = "GET /services/srv-1/deploys?limit=100";
    let none_wanted = DeployFilter::default();
    let all = async |c: &Client| {
        c.deploys_stream(&id, &none_wanted)
            .try_collect::<Vec<_>>()
            .await
    };
    table.bare(all, none(), line).await;
    let back = async |c: &Client| c.deploys_back_to(&id, |_| true).await;
    table.bare(back, none(), line).await;
    let line = "GET /services/srv-1/deploys/dep-1";
    table
        .bare(async |c| c.deploy(&id, &one).await, ok(deploy()), line)
        .await;
    let post = "POST /services/srv-1/deploys";
    let specs = [
        (
            DeploySpec::commit("c1"),
            json!({ "commitId": "c1", "clearCache": "do_not_clear" }),
        ),
        (
            DeploySpec::LastBuild,
            json!({ "deployMode": "deploy_only" }),
        ),
        (
            DeploySpec::Build {
                source: Source::Image("a:1".to_owned()),
                clear_cache: true,
            },
            json!({ "imageUrl": "a:1", "clearCache": "clear" }),
        ),
    ];
    for (spec, body) in specs {
        let trigger = async |c: &Client| c.trigger(&id, &spec).await;
        table
            .row(trigger, Action::json(201, deploy()), post, body)
            .await;
    }
    let cancel = async |c: &Client| c.cancel(&id, &one).await;
    let line = "POST /services/srv-1/deploys/dep-1/cancel";
    table.bare(cancel, ok(deploy()), line).await;
    let back = async |c: &Client| c.roll_back(&id, &one).await;
    let body = json!({ "deployId": "dep-1" });
    table
        .row(
            back,
            Action::json(201, deploy()),
            "POST /services/srv-1/rollback",
            body,
        )
        .await;
}

pub(super) async fn history(table: &Table) {
    let id = "srv-1".into();
    let line = "GET /services/srv-1/events?startTime=2027-01-11T09%3A00%3A00.000Z&limit=9";
    table
        .bare(async |c| c.events(&id, at(0), 9).await, none(), line)
        .await;
    let filter = EventFilter {
        until: Some(at(1)),
        kind: Some(EventKind::DeployEnded),
        ..EventFilter::since(at(0))
    };
    let all = async |c: &Client| c.events_stream(&id, &filter).try_collect::<Vec<_>>().await;
    let line = "GET /services/srv-1/events?startTime=2027-01-11T09%3A00%3A00.000Z&endTime=2027-01-11T10%3A00%3A00.000Z&type=deploy_ended&limit=100";
    table.bare(all, none(), line).await;
    let event = json!({ "id": "evt-1", "timestamp": at(0), "type": "deploy_ended" });
    let get = async |c: &Client| c.event(&"evt-1".into()).await;
    table.bare(get, ok(event), "GET /events/evt-1").await;
    let filter = LogFilter {
        end: Some(at(1)),
        direction: Direction::Forward,
        kinds: vec!["app".to_owned(), "build".to_owned()],
        levels: vec!["error".to_owned()],
        texts: vec!["/x.*/".to_owned()],
        status_codes: vec!["50*".to_owned()],
        ..LogFilter::of("tea-1".into(), "srv-1".into(), at(0))
    };
    let what = "ownerId=tea-1&resource=srv-1&type=app&type=build&level=error&text=%2Fx.*%2F&statusCode=50*";
    let when = "startTime=2027-01-11T09%3A00%3A00Z&endTime=2027-01-11T10%3A00%3A00Z";
    let logs = async |c: &Client| c.logs(&filter, 30).await;
    let line = format!("GET /logs?{what}&{when}&direction=forward&limit=30");
    table.bare(logs, ok(json!({ "logs": null })), &line).await;
    let values = async |c: &Client| c.log_values(&filter, &LogField::Level).await;
    let line = format!("GET /logs/values?{what}&label=level&{when}");
    table.bare(values, none(), &line).await;
}

pub(super) async fn jobs(table: &Table) {
    let (id, one) = ("srv-1".into(), "job-1".into());
    let job = || json!({ "id": "job-1" });
    let line = "GET /services/srv-1/jobs?limit=4";
    table
        .bare(async |c| c.jobs(&id, 4).await, none(), line)
        .await;
    let start = async |c: &Client| c.start_job(&id, "npm test").await;
    let body = json!({ "startCommand": "npm test" });
    table
        .row(
            start,
            Action::json(201, job()),
            "POST /services/srv-1/jobs",
            body,
        )
        .await;
    let line = "GET /services/srv-1/jobs/job-1";
    table
        .bare(async |c| c.job(&id, &one).await, ok(job()), line)
        .await;
    let line = "POST /services/srv-1/jobs/job-1/cancel";
    table
        .bare(async |c| c.cancel_job(&id, &one).await, ok(job()), line)
        .await;
}

pub(super) async fn figures(table: &Table) {
    let id = "srv-1".into();
    let range = TimeRange {
        start: at(0),
        end: at(1),
        resolution_seconds: 60,
    };
    let when = "startTime=2027-01-11T09%3A00%3A00Z&endTime=2027-01-11T10%3A00%3A00Z";
    let line =
        |metric: &str| format!("GET /metrics/{metric}?resource=srv-1&{when}&resolutionSeconds=60");
    let cpu = async |c: &Client| c.metric(&Metric::Cpu, "srv-1", &range).await;
    table.bare(cpu, none(), &line("cpu")).await;
    let requests = async |c: &Client| c.http_requests(&id, &range).await;
    let counted = format!("{}&aggregateBy=statusCode", line("http-requests"));
    table.bare(requests, none(), &counted).await;
    let latency = async |c: &Client| c.http_latency(&id, 0.95, &range).await;
    let p95 = format!("{}&quantile=0.95", line("http-latency"));
    table.bare(latency, none(), &p95).await;
    let filters = async |c: &Client| c.http_filters(&id, &range).await;
    let line = format!("GET /metrics/filters/http?resource=srv-1&{when}");
    table.bare(filters, none(), &line).await;
}
