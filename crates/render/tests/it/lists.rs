//! Lists: every page where all is needed, no more than needed otherwise.

use render::{Error, Unreadable};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::server::{Action, Seen, Server};

/// Serves a list in pages, the cursor being the number of entries already given.
fn paged(entries: Vec<Value>) -> impl Fn(&Seen) -> Action {
    move |seen| {
        let asked = |name: &str| {
            let (_, value) = seen
                .line
                .split(['?', '&'])
                .filter_map(|part| part.split_once('='))
                .find(|(n, _)| *n == name)?;
            value.parse::<usize>().ok()
        };
        let (begin, size) = (asked("cursor").unwrap_or(0), asked("limit").unwrap_or(20));
        let page = entries
            .iter()
            .enumerate()
            .skip(begin)
            .take(size)
            .map(|(at, entry)| {
                let mut entry = entry.clone();
                entry["cursor"] = (at + 1).to_string().into();
                entry
            });
        Action::json(200, Value::from(page.collect::<Vec<_>>()))
    }
}

fn deploy(number: usize, status: &str) -> Value {
    let created_at = format!(
        "2027-01-11T09:{:02}:{:02}Z",
        59 - number / 60,
        59 - number % 60
    );
    json!({ "deploy": { "id": format!("dep-{number}"), "status": status, "createdAt": created_at } })
}

#[tokio::test]
async fn every_page_of_the_variables_is_read() {
    let entries = (0..205)
        .map(|n| json!({ "envVar": { "key": format!("K{n}"), "value": n.to_string() } }))
        .collect();
    let server = Server::start(paged(entries)).await;
    let variables = server.client().variables(&"srv-1".into()).await.unwrap();
    assert_eq!(variables.len(), 205);
    assert_eq!(variables["K204"].expose_secret(), "204");
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_full_last_page_is_not_the_end_of_the_world() {
    let entries = (0..100)
        .map(|n| json!({ "envVar": { "key": format!("K{n}"), "value": null } }))
        .collect();
    let server = Server::start(paged(entries)).await;
    assert_eq!(
        server
            .client()
            .variables(&"srv-1".into())
            .await
            .unwrap()
            .len(),
        100
    );
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_list_that_runs_in_a_circle_is_an_error() {
    let page: Vec<_> = (0..100)
        .map(|n| json!({ "envVar": { "key": format!("K{n}") }, "cursor": "same" }))
        .collect();
    let server = Server::script([Action::json(200, Value::from(page))]).await;
    let error = server
        .client()
        .variables(&"srv-1".into())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Unreadable {
                source: Unreadable::Circle,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn deploys_are_read_back_to_a_known_one_and_no_further() {
    let server = Server::start(paged((0..350).map(|n| deploy(n, "canceled")).collect())).await;
    let known = "dep-150".into();
    let listing = server
        .client()
        .deploys_back_to(&"srv-1".into(), |deploy| deploy.id == known)
        .await
        .unwrap();
    assert!(listing.is_complete);
    assert_eq!(listing.entries.len(), 200);
    assert_eq!(listing.entries[0].id, "dep-0".into());
}

#[tokio::test]
async fn a_limited_list_asks_for_no_more_than_it_gives() {
    let server = Server::start(paged((0..50).map(|n| deploy(n, "live")).collect())).await;
    let deploys = server
        .client()
        .deploys(&"srv-1".into(), &render::DeployFilter::default(), 7)
        .await
        .unwrap();
    assert_eq!(deploys.len(), 7);
    assert_eq!(server.lines(), ["GET /services/srv-1/deploys?limit=7"]);
}

#[tokio::test]
async fn a_service_is_seen_with_its_domains_and_deploys() {
    let service = json!({
        "id": "srv-1", "ownerId": "tea-1", "type": "web_service", "suspended": "suspended", "suspenders": ["billing"],
        "autoDeploy": "yes", "serviceDetails": { "url": "https://a.onrender.com", "numInstances": 1 },
    });
    let server = Server::start(move |seen: &Seen| {
        let path = seen.line.split('?').next().unwrap();
        match path {
            "GET /services/srv-1" => Action::json(200, &service),
            "GET /services/srv-1/custom-domains" => Action::json(
                200,
                json!([{ "customDomain": { "name": "acme.example" }, "cursor": "1" }]),
            ),
            _ => Action::json(200, json!([deploy(0, "queued"), deploy(1, "live")])),
        }
    })
    .await;
    let view = render::inspect(&server.client(), &"srv-1".into())
        .await
        .unwrap();
    assert_eq!(view.suspended_by, Some(vec!["billing".to_owned()]));
    assert!(view.auto_deploy.is_on() && view.answers_at("https://acme.example/x"));
    assert_eq!(view.live().unwrap().id, "dep-1".into());
    assert_eq!(view.unfinished().count(), 1);
}

#[tokio::test]
async fn logs_are_read_window_after_window() {
    let line = |n: u32| json!({ "id": n.to_string(), "timestamp": "2027-01-11T09:00:00Z", "message": "m", "labels": [] });
    let more = json!({ "hasMore": true, "nextStartTime": "s2", "nextEndTime": "e2", "logs": [line(1), line(2)] });
    let end = json!({ "hasMore": false, "nextStartTime": "s3", "nextEndTime": "e3", "logs": [line(2), line(3)] });
    let server = Server::script([Action::json(200, more), Action::json(200, end)]).await;
    let filter = render::LogFilter {
        services: vec!["srv-1".into(), "srv-2".into()],
        end: Some("2027-01-11T09:00:00Z".parse().unwrap()),
        kinds: vec!["app".to_owned()],
        ..render::LogFilter::of(
            "tea-1".into(),
            "srv-1".into(),
            "2027-01-11T08:00:00Z".parse().unwrap(),
        )
    };
    assert_eq!(server.client().logs(&filter, 10).await.unwrap().len(), 3);
    let lines = server.lines();
    assert!(
        lines[0].contains("resource=srv-1&resource=srv-2&type=app"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("startTime=s2&endTime=e2"), "{}", lines[1]);
}
