//! A platform with one service, and short ways to ask it.

use chrono::{DateTime, TimeDelta};
use policy::{ServiceId, Span, Timestamp};
use serde_json::{Value, json};
use sim::api::{Answer, ApiReply, ApiRequest};
use sim::fault::{Fault, FaultKind, Trouble};
use sim::ids::DeployId;
use sim::platform::{Seed, ServiceSeed};
use sim::settings::{DEFAULT_API_KEY, Overlap, Settings};
use sim::{Platform, api::Op};

pub(crate) const OLD: &str = "0000000000000000000000000000000000000001";
pub(crate) const NEW: &str = "0000000000000000000000000000000000000002";
pub(crate) const SERVICE: &str = "srv-a";

pub(crate) struct Lab {
    pub(crate) platform: Platform,
    pub(crate) now: Timestamp,
}

/// Deploys take 100 s, rollbacks 20 s, sites answer after 5 ms.
pub(crate) fn settings() -> Settings {
    Settings {
        deploy: Span::from_secs(100),
        rollback: Span::from_secs(20),
        ..Settings::default()
    }
}

pub(crate) fn service() -> ServiceId {
    SERVICE.into()
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn waiting() -> Self {
        Self::with(Settings {
            overlap: Overlap::Wait,
            ..settings()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let now = DateTime::parse_from_rfc3339("2027-01-11T09:00:00Z")
            .unwrap()
            .to_utc();
        let mut platform = Platform::new(now, settings);
        let mut service = ServiceSeed::web(SERVICE, OLD, "v1.0.0");
        service.variables.insert("MODE".into(), "old".into());
        platform.seed(
            now,
            Seed {
                services: vec![service],
                versions: [(NEW.to_owned(), "v1.1.0".to_owned())].into(),
                ..Seed::default()
            },
        );
        Self { platform, now }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, seconds: i64) -> &mut Self {
        self.now += TimeDelta::seconds(seconds);
        self.platform.advance(self.now);
        self
    }

    pub(crate) fn answer(&mut self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let request = ApiRequest::new(method, target, DEFAULT_API_KEY, body);
        self.platform.handle(self.now, &request)
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> ApiReply {
        let answer = self.answer(method, target, body);
        let Answer::Reply(reply) = answer else {
            panic!("no reply: {answer:?}");
        };
        reply
    }

    pub(crate) fn get(&mut self, target: &str) -> Value {
        let reply = self.ask("GET", target, None);
        assert_eq!(reply.status, 200, "{target}: {reply:?}");
        reply.value()
    }

    /// Triggers a deploy of a commit; the reply.
    pub(crate) fn trigger(&mut self, commit: &str) -> ApiReply {
        let body = json!({ "commitId": commit });
        self.ask("POST", "/services/srv-a/deploys", Some(&body))
    }

    /// Triggers a deploy of a commit; its id.
    pub(crate) fn deploy(&mut self, commit: &str) -> DeployId {
        let reply = self.trigger(commit);
        assert_eq!(reply.status, 201, "{reply:?}");
        DeployId::new(reply.value()["id"].as_str().unwrap())
    }

    pub(crate) fn status(&mut self, deploy: &DeployId) -> String {
        let shown = self.get(&format!("/services/srv-a/deploys/{deploy}"));
        shown["status"].as_str().unwrap().to_owned()
    }

    /// Statuses and commits of all deploys, newest first.
    pub(crate) fn listed(&mut self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let deploys = self.get("/services/srv-a/deploys?limit=100");
        let deploys = deploys.as_array().unwrap();
        let pair = |entry: &Value| {
            let deploy = &entry["deploy"];
            (text(&deploy["status"]), text(&deploy["commit"]["id"]))
        };
        deploys.iter().map(pair).collect()
    }

    pub(crate) fn arm(&mut self, fault: Fault) {
        self.platform.arm(self.now, fault).unwrap();
    }

    /// One request of this kind meets trouble.
    pub(crate) fn trouble(&mut self, op: Op, trouble: Trouble) {
        let kind = FaultKind::Request {
            op: Some(op),
            trouble,
        };
        self.arm(Fault::of(&service(), kind).times(1));
    }

    /// Status and body of a page of the service's site.
    pub(crate) fn visit(&mut self, path: &str) -> (u16, String) {
        let reply = self.platform.visit(self.now, &service(), path).unwrap();
        (reply.status, reply.body)
    }

    pub(crate) fn version(&mut self) -> String {
        let (status, body) = self.visit("/api/version");
        assert_eq!(status, 200);
        let body: Value = serde_json::from_str(&body).unwrap();
        body["version"].as_str().unwrap().to_owned()
    }
}
