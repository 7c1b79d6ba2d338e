//! What nobody has answered is said again.

use std::sync::Arc;

use engine::outbox::{
    Alerts, Notification, NotificationState, Outbox, OutboxWorker, Sink, Transport,
};
use policy::Span;
use rollout::Verb;

use crate::lab::{Lab, by};
use crate::outbox::{
    Raised, Sometimes, asked, no_alerts, notification, notifications, posted, states,
};
use crate::world::{World, end};

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_request_is_said_again_and_an_answered_one_is_not() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    for gate in ["beta", "acme"] {
        let verb = Verb::Approve {
            gate: gate.to_owned(),
            reason: None,
            digest: None,
        };
        assert_eq!(engine.ask(by("bob", verb)).await.unwrap().rejected, None);
    }
    end(engine).await.unwrap();
    let stored = Outbox::open(&lab.state).unwrap();
    let asked: Vec<Notification> = notifications(&lab)
        .into_iter()
        .filter(|one| one.remind.is_some())
        .collect();
    assert!(!asked.is_empty());
    // As if an hour had gone by.
    let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    let tampered = lab.tamper();
    tampered
        .execute(
            "UPDATE notifications SET due_at = ?1, remind_at = ?1 WHERE remind_at IS NOT NULL",
            [past.timestamp_millis()],
        )
        .unwrap();
    let works = Sometimes::new(|_| None);
    let transport = Arc::clone(&works) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    let again: Vec<Notification> = stored
        .list(false, 1000)
        .unwrap()
        .into_iter()
        .map(|one| one.notification)
        .filter(|notification| notification.reminder == 1)
        .collect();
    assert_eq!(again.len(), asked.len());
    for notification in again {
        let gates: Vec<&str> = notification
            .about
            .iter()
            .filter_map(|gate| gate["gate"].as_str())
            .collect();
        assert_eq!(gates, ["late"]);
        assert_eq!(notification.remind, Some(Span::from_secs(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_said_again_while_it_is_open() {
    let lab = Lab::new();
    let outbox = posted(
        &lab,
        &[Notification {
            at: chrono::Utc::now() - chrono::TimeDelta::hours(1),
            kind: "alert_raised".to_owned(),
            about: vec![
                serde_json::json!({ "id": 1 }),
                serde_json::json!({ "id": 2 }),
            ],
            remind: Some(Span::from_secs(1)),
            ..notification(1, Sink::Slack, "ops")
        }],
    );
    let works = Sometimes::new(|_| None);
    let transport = || Arc::clone(&works) as Arc<dyn Transport>;
    let reminded = || {
        let stored = outbox.list(false, 10).unwrap().into_iter();
        let again = stored.filter(|one| one.notification.reminder > 0);
        again.map(|one| one.notification.about).collect::<Vec<_>>()
    };
    let due = || {
        let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
        let sql =
            "UPDATE notifications SET due_at = ?1, remind_at = ?1 WHERE remind_at IS NOT NULL";
        lab.tamper()
            .execute(sql, [past.timestamp_millis()])
            .unwrap();
    };
    due();
    let open: Arc<dyn Alerts> = Arc::new(Raised(vec![2]));
    OutboxWorker::once(&lab.state, transport(), open)
        .await
        .unwrap();
    assert_eq!(reminded(), [vec![serde_json::json!({ "id": 2 })]]);
    due();
    OutboxWorker::once(&lab.state, transport(), no_alerts())
        .await
        .unwrap();
    assert_eq!(reminded().len(), 1, "once it is over nobody is reminded");
}

/// A monitor's file that is damaged.
struct Damaged;

impl Alerts for Damaged {
    fn is_open(&self, _: i64) -> Result<bool, engine::Error> {
        let what = "the file of the monitor".to_owned();
        Err(engine::Error::Damaged { what })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_cannot_be_read_keep_no_other_notification_waiting() {
    let lab = Lab::new();
    let alert = Notification {
        kind: "alert_raised".to_owned(),
        about: vec![serde_json::json!({ "id": 1 })],
        remind: Some(Span::from_secs(60)),
        ..notification(1, Sink::Slack, "ops")
    };
    let outbox = posted(&lab, &[alert, notification(2, Sink::Slack, "ann")]);
    lab.tamper()
        .execute(
            "UPDATE notifications SET remind_at = 1 WHERE remind_at IS NOT NULL",
            [],
        )
        .unwrap();
    let works = Sometimes::new(|_| None) as Arc<dyn Transport>;
    let round = OutboxWorker::once(&lab.state, works, Arc::new(Damaged)).await;
    round.unwrap();
    let told = states(&outbox);
    assert!(
        told.contains(&("ann".to_owned(), NotificationState::Sent)),
        "{told:?}"
    );
    assert!(told.len() >= 3, "the alert is said again: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_cannot_be_read_keeps_no_delivery_back() {
    let lab = Lab::new();
    let outbox = posted(
        &lab,
        &[
            notification(1, Sink::Slack, "ops"),
            notification(2, Sink::Slack, "ann"),
        ],
    );
    lab.tamper()
        .execute_batch(
            "UPDATE notifications SET letter = '{', state = 'sent', remind_at = 1 WHERE rowid = 1",
        )
        .unwrap();
    for _ in 0..2 {
        let works = Sometimes::new(|_| None) as Arc<dyn Transport>;
        OutboxWorker::once(&lab.state, works, no_alerts())
            .await
            .unwrap();
    }
    let sent = ("ann".to_owned(), NotificationState::Sent);
    assert_eq!(states(&outbox), [sent]);
}
