use serde_json::json;
use sim::api::{Answer, ApiReply, ApiRequest};

use crate::lab::{Lab, NEW};

fn remaining(reply: &ApiReply) -> (u32, u32) {
    let number = |name| reply.header(name).unwrap().parse().unwrap();
    (number("Ratelimit-Limit"), number("Ratelimit-Remaining"))
}

#[test]
fn deploys_and_changes_of_a_service_share_one_bucket() {
    let mut lab = Lab::new();
    let patch = json!({ "autoDeploy": "no" });
    let reply = lab.ask("PATCH", "/services/srv-a", Some(&patch));
    assert_eq!(remaining(&reply), (10, 9));
    assert_eq!(remaining(&lab.trigger(NEW)), (10, 8));
    for _ in 0..8 {
        lab.trigger(NEW);
    }
    let deploys = lab.platform.services().next().unwrap().deploys.len();
    lab.pass(15);
    let refused = lab.trigger(NEW);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.value(), json!({ "message": "rate limit exceeded" }));
    assert_eq!(refused.header("retry-after"), Some("45"));
    assert_eq!(refused.header("ratelimit-reset"), Some("45"));
    assert_eq!(
        lab.platform.services().next().unwrap().deploys.len(),
        deploys
    );
    lab.pass(45);
    assert_eq!(remaining(&lab.trigger(NEW)), (10, 9));
}

#[test]
fn reads_have_400_a_minute_and_other_changes_30() {
    let mut lab = Lab::new();
    let reply = lab.ask("GET", "/users", None);
    assert_eq!(remaining(&reply), (400, 399));
    for _ in 0..399 {
        assert_eq!(lab.ask("GET", "/users", None).status, 200);
    }
    assert_eq!(lab.ask("GET", "/services", None).status, 429);
    let value = json!({ "value": "x" });
    let reply = lab.ask("PUT", "/services/srv-a/env-vars/A", Some(&value));
    assert_eq!(remaining(&reply), (30, 29));
}

#[test]
fn rollbacks_can_be_assumed_to_share_the_bucket_of_their_service() {
    let mut lab = Lab::new();
    let body = json!({ "deployId": "dep-x" });
    let reply = lab.ask("POST", "/services/srv-a/rollback", Some(&body));
    assert_eq!(remaining(&reply), (30, 29));
    let assumptions = &mut lab.platform.settings_mut().assumptions;
    assumptions.rollback_in_service_bucket = true;
    let reply = lab.ask("POST", "/services/srv-a/rollback", Some(&body));
    assert_eq!(remaining(&reply), (10, 9));
}

#[test]
fn every_reply_has_its_headers() {
    let mut lab = Lab::new();
    let path = "/services/srv-a/deploys";
    for reply in [
        lab.ask("GET", path, None),
        lab.ask("GET", "/nothing", None),
        lab.ask("POST", path, None),
    ] {
        for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
            assert!(reply.header(name).is_some(), "{name}");
        }
        assert!(reply.header("render-request-id").is_some());
        assert_eq!(reply.header("date"), Some("Mon, 11 Jan 2027 09:00:00 GMT"));
        assert_eq!(
            reply.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
}

#[test]
fn without_a_known_key_nothing_is_answered() {
    let mut lab = Lab::new();
    let mut request = ApiRequest::new("GET", "/users", "rnd_wrong", None);
    let wrong = lab.platform.handle(lab.now, &request);
    request.authorization = None;
    let none = lab.platform.handle(lab.now, &request);
    request.authorization = Some("Basic rnd_simulated".into());
    let basic = lab.platform.handle(lab.now, &request);
    for answer in [wrong, none, basic] {
        let Answer::Reply(reply) = answer else {
            panic!("no reply");
        };
        assert_eq!(reply.status, 401);
        assert!(reply.header("ratelimit-limit").is_some());
    }
}
