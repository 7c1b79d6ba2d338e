//! When messages of webhooks are due, and what becomes of those that nobody takes.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use policy::Span;
use serde_json::{Value, json};
use sim::fault::{Fault, FaultKind, WebhookFault};
use sim::platform::{DEFAULT_OWNER, Delivered, Outgoing};

use crate::lab::{Lab, NEW, settings};

/// A webhook that asks for the ends of deploys; its id.
fn registered(lab: &mut Lab, url: &str) -> String {
    let body = json!({
        "ownerId": DEFAULT_OWNER, "name": "w", "url": url, "enabled": true, "eventFilter": ["deploy_ended"],
    });
    let reply = lab.ask("POST", "/webhooks", Some(&body));
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.value()["id"].as_str().unwrap().to_owned()
}

fn due(lab: &mut Lab) -> Vec<Outgoing> {
    let now = lab.now;
    lab.platform.due_messages(now, &BTreeSet::new())
}

fn answered(lab: &mut Lab, message: &Outgoing, status: u16) {
    let answer = Delivered {
        status: Some(status),
        ..Delivered::default()
    };
    lab.platform.delivered(message.at, &message.message, answer);
}

#[test]
fn waits_grow_to_a_day_and_the_eighth_failure_switches_the_webhook_off() {
    let mut lab = Lab::new();
    let hook = registered(&mut lab, "http://127.0.0.1:9/hook");
    lab.deploy(NEW);
    assert!(due(&mut lab).is_empty(), "the deploy has not ended");
    lab.pass(100);
    let (first, mut waits) = (lab.now, Vec::new());
    for _ in 0..8 {
        let begun = lab.now;
        let message = loop {
            match due(&mut lab).pop() {
                Some(message) => break message,
                None => lab.pass(1),
            };
        };
        waits.push((lab.now - begun).num_seconds());
        answered(&mut lab, &message, 503);
    }
    assert_eq!(waits, [0, 22, 88, 352, 1_408, 5_632, 22_528, 90_112]);
    let hours = (lab.now - first).num_hours();
    assert_eq!(hours, 33, "as long as Render says");
    lab.pass(TimeDelta::days(3).num_seconds());
    assert!(due(&mut lab).is_empty());
    assert_eq!(lab.get(&format!("/webhooks/{hook}"))["enabled"], false);
    lab.deploy(NEW);
    lab.pass(100);
    assert!(
        due(&mut lab).is_empty(),
        "nothing is told to one that is off"
    );
}

#[test]
fn what_was_taken_is_not_sent_again_and_what_is_on_its_way_neither() {
    let mut lab = Lab::new();
    let hook = registered(&mut lab, "http://[::1]:9/hook");
    lab.deploy(NEW);
    lab.pass(100);
    let message = due(&mut lab).remove(0);
    let now = lab.now;
    let on_its_way = BTreeSet::from([message.message.clone()]);
    assert!(lab.platform.due_messages(now, &on_its_way).is_empty());
    assert_eq!(
        due(&mut lab).first(),
        Some(&message),
        "nobody has answered yet"
    );
    answered(&mut lab, &message, 204);
    lab.pass(1_000);
    assert!(due(&mut lab).is_empty());
    let listed = lab.get(&format!("/webhooks/{hook}/events"));
    let event = &listed[0]["webhookEvent"];
    assert_eq!(event["statusCode"], 204);
    assert_eq!(event["eventId"], message.event.as_str());
    let body: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(body["data"]["serviceId"], "srv-a");
    assert_eq!(body["data"]["status"], "succeeded");
}

#[test]
fn nothing_leaves_the_machine_unless_that_is_asked_for() {
    for address in [
        "https://example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1.example.com/",
    ] {
        let mut lab = Lab::new();
        let hook = registered(&mut lab, address);
        lab.deploy(NEW);
        lab.pass(100);
        assert!(due(&mut lab).is_empty(), "{address}");
        let listed = lab.get(&format!("/webhooks/{hook}/events"));
        assert!(listed[0]["webhookEvent"]["error"].is_string(), "{listed}");
    }
    let mut lab = Lab::with(sim::Settings {
        public_webhooks: true,
        ..settings()
    });
    registered(&mut lab, "https://example.com/");
    lab.deploy(NEW);
    lab.pass(100);
    assert_eq!(due(&mut lab)[0].url, "https://example.com/");
}

#[test]
fn messages_are_lost_doubled_late_and_forged_when_that_is_asked_for() {
    let mut lab = Lab::new();
    registered(&mut lab, "http://127.0.0.1:9/hook");
    let mut sent = |fault: Option<WebhookFault>| {
        let fault = fault.map(FaultKind::Webhook);
        if let Some(kind) = fault {
            lab.arm(Fault::of(&"srv-a".into(), kind).times(1));
        }
        lab.deploy(NEW);
        lab.pass(100);
        let at_once = due(&mut lab);
        lab.pass(60);
        let later = due(&mut lab);
        for message in &later {
            answered(&mut lab, message, 200);
        }
        (at_once, later.len())
    };
    let (usual, _) = sent(None);
    assert_eq!(usual.len(), 1);
    assert_eq!(sent(Some(WebhookFault::Lost)), (Vec::new(), 0));
    let (doubled, _) = sent(Some(WebhookFault::Doubled));
    assert_eq!(doubled.len(), 2);
    assert_eq!(doubled[0].event, doubled[1].event, "known by its id");
    let by = Span::from_secs(60);
    assert_eq!(sent(Some(WebhookFault::Late { by })), (Vec::new(), 1));
    let (forged, _) = sent(Some(WebhookFault::Forged));
    assert_ne!(forged[0].secret, usual[0].secret);
    let (after, _) = sent(None);
    assert_eq!(after[0].secret, usual[0].secret, "each is felt once");
}
