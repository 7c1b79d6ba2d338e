//! Deliveries that fail, hang, or find what they cannot read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::outbox::{
    Delivering, Notification, NotificationState, Outbox, OutboxWorker, Sink, Transport, Undelivered,
};
use tokio::sync::Semaphore;

use crate::lab::{Lab, eventually};
use crate::outbox::{Sometimes, asked, no_alerts, notification, notifications, posted, states};
use crate::world::{World, end};

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_fails_holds_nothing_up_and_is_not_lost() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let fails = Sometimes::new(|notification| match notification.to.to_string().as_str() {
        "email bob" => Some(true),
        "email cyd" => Some(false),
        _ => None,
    });
    let transport = Arc::clone(&fails) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();

    let outbox = Outbox::open(&lab.state).unwrap();
    let states: BTreeMap<String, NotificationState> = outbox
        .list(false, 100)
        .unwrap()
        .into_iter()
        .filter(|one| {
            one.notification.kind == "approval_requested" && one.notification.reminder == 0
        })
        .map(|one| (one.notification.to.to_string(), one.state))
        .collect();
    assert_eq!(states["email bob"], NotificationState::Failed);
    assert_eq!(states["email cyd"], NotificationState::Pending);
    assert_eq!(states["slack ${env:HOOK}"], NotificationState::Sent);
    let failed = outbox.list(true, 100).unwrap();
    assert_eq!(failed[0].error.as_deref(), Some("550 no such mailbox"));

    let mine = failed
        .iter()
        .find(|one| one.state == NotificationState::Failed)
        .unwrap();
    assert!(
        outbox
            .resend(&mine.notification.id, chrono::Utc::now())
            .unwrap()
    );
    let works = Sometimes::new(|_| None);
    let transport = Arc::clone(&works) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    let sent = outbox.find(&mine.notification.id).unwrap().unwrap();
    assert_eq!((sent.state, sent.error), (NotificationState::Sent, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_deliver_each_notification_once() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let works = Sometimes::new(|_| None);
    let transport = || Arc::clone(&works) as Arc<dyn Transport>;
    let (one, other) = tokio::join!(
        OutboxWorker::once(&lab.state, transport(), no_alerts()),
        OutboxWorker::once(&lab.state, transport(), no_alerts())
    );
    one.and(other).unwrap();
    let mut ids: Vec<_> = works
        .given
        .lock()
        .unwrap()
        .iter()
        .map(|one| one.id.clone())
        .collect();
    let given = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), given);
    assert_eq!(given, notifications(&lab).len());
}

/// Dies while it carries.
struct Dying(AtomicUsize);

impl Transport for Dying {
    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { panic!("the process dies") })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_whose_process_died_is_tried_again() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let dying = Arc::new(Dying(AtomicUsize::new(0)));
    let transport = Arc::clone(&dying) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    assert!(dying.0.load(Ordering::SeqCst) > 0);
    let stored = Outbox::open(&lab.state).unwrap().list(false, 100).unwrap();
    let due = |one: &engine::outbox::StoredNotification| {
        one.due_at.is_some_and(|at| at > chrono::Utc::now())
    };
    assert!(stored.iter().all(due), "{stored:?}");
}

/// Answers nothing at `hangs` until it may.
struct Hanging {
    may_answer: Semaphore,
    given: Mutex<Vec<String>>,
}

impl Transport for Hanging {
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let told = format!("{} {}", notification.to.target, notification.id);
        self.given.lock().unwrap().push(told);
        Box::pin(async move {
            if notification.to.target == "hangs" {
                self.may_answer.acquire().await.unwrap().forget();
            }
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_hangs_keeps_no_other_one_waiting() {
    let lab = Lab::new();
    // More than all that may be under way, were they not to wait for one another.
    let mut all: Vec<Notification> = (0..100)
        .map(|id| notification(id, Sink::Webhook, "hangs"))
        .collect();
    all.push(notification(100, Sink::Webhook, "quick"));
    all.push(notification(101, Sink::Command, "quick"));
    all.push(notification(102, Sink::Webhook, "quick"));
    let outbox = posted(&lab, &all);
    let hanging = Arc::new(Hanging {
        may_answer: Semaphore::new(0),
        given: Mutex::default(),
    });
    let worker = OutboxWorker::start(
        &lab.state,
        Arc::clone(&hanging) as Arc<dyn Transport>,
        no_alerts(),
    );
    let sent = |target: &str| {
        let states = states(&outbox).into_iter();
        states
            .filter(|(to, state)| to == target && *state == NotificationState::Sent)
            .count()
    };
    eventually("the quick ones stand as delivered", || sent("quick") == 3);
    assert_eq!(sent("hangs"), 0);
    hanging.may_answer.add_permits(3);
    eventually("what is answered stands as delivered", || {
        sent("hangs") == 3
    });
    drop(worker);
    let given = hanging.given.lock().unwrap();
    let to = |target: &str| -> Vec<String> {
        let given = given.iter().filter(|told| told.starts_with(target));
        given.cloned().collect()
    };
    assert_eq!(
        to("hangs")[..3],
        ["hangs e0-00", "hangs e1-00", "hangs e2-00"],
        "one after the other, in order"
    );
    assert!(to("hangs").len() <= 4);
}

/// Asks to be left alone at `busy`.
struct Busy(Mutex<Vec<String>>);

impl Transport for Busy {
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.0.lock().unwrap().push(notification.to.target.clone());
        Box::pin(async move {
            match notification.to.target.as_str() {
                "busy" => Err(Undelivered {
                    reason: "it answered 429".to_owned(),
                    is_permanent: false,
                    retry_after: Some(std::time::Duration::from_mins(50)),
                }),
                _ => Ok(()),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_left_alone_is() {
    let lab = Lab::new();
    let targets = ["busy", "busy", "quick"].into_iter().enumerate();
    let all: Vec<Notification> = targets
        .map(|(id, target)| notification(id, Sink::Slack, target))
        .collect();
    let outbox = posted(&lab, &all);
    let busy = Arc::new(Busy(Mutex::default()));
    let begun = chrono::Utc::now();
    OutboxWorker::once(
        &lab.state,
        Arc::clone(&busy) as Arc<dyn Transport>,
        no_alerts(),
    )
    .await
    .unwrap();
    let mut given = busy.0.lock().unwrap().clone();
    given.sort();
    assert_eq!(given, ["busy", "quick"], "the second one is not even tried");
    let first = outbox.find(&all[0].id).unwrap().unwrap();
    assert!(first.due_at.unwrap() - begun >= chrono::TimeDelta::minutes(50));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_cannot_be_read_keeps_no_other_back() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let all = notifications(&lab).len();
    lab.tamper()
        .execute_batch("UPDATE notifications SET letter = '{}' WHERE rowid = (SELECT min(rowid) FROM notifications)")
        .unwrap();
    let given = Sometimes::new(|_| None);
    let transport = Arc::clone(&given) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    assert_eq!(given.given.lock().unwrap().len(), all - 1);
    let error: String = lab
        .tamper()
        .query_row(
            "SELECT error FROM notifications WHERE state = 'failed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(error.contains("cannot be read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_cannot_be_read_is_named_and_the_others_are_listed() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let before = notifications(&lab);
    let outbox = Outbox::open(&lab.state).unwrap();
    let spoil = "UPDATE notifications SET letter = '{', state = 'sent' WHERE id = ?1";
    lab.tamper().execute(spoil, [&before[0].id.0]).unwrap();
    let (listed, unreadable) = outbox.list_all(false, 1000).unwrap();
    let listed: Vec<_> = listed.into_iter().map(|one| one.notification).collect();
    assert_eq!(listed, before[1..]);
    assert_eq!(notifications(&lab), before[1..]);
    assert_eq!(unreadable.len(), 1);
    assert_eq!(unreadable[0].id, before[0].id);
    assert!(!unreadable[0].reason.is_empty());
}
