//! Webhooks that the simulated Render really sends, met by what checks them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use futures::TryStreamExt as _;
use render::{
    Client, DeploySpec, EventKind, Settings, Webhook, WebhookDelivery, WebhookRejected,
    WebhookTarget, WebhookVerifier,
};
use reqwest::header::{HeaderMap, HeaderName};
use sim::http::{Clock, serve};
use sim::platform::{DEFAULT_OWNER, Seed, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::server::{Action, Seen, Server};

const COMMIT: &str = "1111111111111111111111111111111111111111";

/// A simulated Render with one service, and a webhook that goes to a receiver.
struct World {
    client: Client,
    receiver: Server,
    hook: Webhook,
    _render: sim::http::Server,
}

impl World {
    async fn new(clock: Clock, events: Vec<EventKind>, answer: Action) -> Self {
        let receiver = Server::start(move |_| answer.clone()).await;
        let settings = sim::Settings {
            deploy: policy::Span::from_millis(100),
            ..sim::Settings::default()
        };
        let mut platform = sim::Platform::new(clock.now(), settings);
        let seed = Seed {
            services: vec![ServiceSeed::web("srv-backend", COMMIT, "v1.0.0")],
            ..Seed::default()
        };
        platform.seed(clock.now(), seed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let render = serve(Arc::new(Mutex::new(platform)), listener, clock).unwrap();
        let settings = Settings {
            base_url: render.api_url(),
            ..Settings::new(DEFAULT_API_KEY.into())
        };
        let client = Client::new(&settings).unwrap();
        let target = WebhookTarget {
            name: "tranche".to_owned(),
            url: format!("{}/render", receiver.url),
            enabled: true,
            events,
        };
        let (admin, owner) = (client.admin(), DEFAULT_OWNER.into());
        let hook = admin.create_webhook(&owner, &target).await.unwrap();
        Self {
            client,
            receiver,
            hook,
            _render: render,
        }
    }

    async fn deploy(&self) {
        let spec = DeploySpec::LastBuild;
        self.client
            .trigger(&"srv-backend".into(), &spec)
            .await
            .unwrap();
    }

    /// What arrived, once it is so much.
    async fn received(&self, number: usize) -> Vec<Seen> {
        until("messages arrived", async || {
            self.receiver.seen().len() >= number
        })
        .await;
        self.receiver.seen()
    }

    async fn deliveries(&self) -> Vec<WebhookDelivery> {
        let deliveries = self.client.webhook_deliveries(&self.hook.id);
        deliveries.try_collect().await.unwrap()
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "waited in vain until {what}"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

fn headers(seen: &Seen) -> HeaderMap {
    let lines = seen
        .raw_head
        .lines()
        .filter_map(|line| line.split_once(": "));
    let named = |(name, value): (&str, &str)| {
        let name: HeaderName = name.to_lowercase().parse().unwrap();
        (name, value.trim().parse().unwrap())
    };
    lines.map(named).collect()
}

#[tokio::test]
async fn what_render_sends_is_let_in_once_and_what_was_changed_is_not() {
    let world = World::new(Clock::real_time(), Vec::new(), Action::empty(200)).await;
    world.deploy().await;
    let mut verifier = WebhookVerifier::new(world.hook.secret.as_ref().unwrap()).unwrap();
    let mut kinds = BTreeSet::new();
    for seen in world.received(2).await {
        assert_eq!(seen.line, "POST /render");
        let headers = headers(&seen);
        let changed = seen.body.replace("srv-backend", "srv-another");
        let forged = verifier.admit(&headers, changed.as_bytes(), Utc::now());
        assert_eq!(forged, Err(WebhookRejected::Forged));
        let hint = verifier
            .admit(&headers, seen.body.as_bytes(), Utc::now())
            .unwrap();
        assert_eq!(hint.service, "srv-backend".into());
        // The hint leads to the event, and that to the deploy.
        let event = world.client.event(&hint.event).await.unwrap();
        assert_eq!(event.kind, hint.kind);
        let again = verifier.admit(&headers, seen.body.as_bytes(), Utc::now());
        assert_eq!(again, Err(WebhookRejected::Seen));
        kinds.insert(hint.kind.to_string());
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["deploy_ended", "deploy_started"]
    );
    until("both are listed", async || {
        world.deliveries().await.len() == 2
    })
    .await;
    let statuses = world
        .deliveries()
        .await
        .into_iter()
        .map(|one| one.status_code);
    assert_eq!(statuses.collect::<Vec<_>>(), [Some(200), Some(200)]);
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_sent_eight_times_and_then_no_more() {
    // 33 hours pass within a second.
    let clock = Clock::faster(200_000.0);
    let ended = vec![EventKind::DeployEnded];
    let world = World::new(clock, ended, Action::json(500, "no")).await;
    world.deploy().await;
    let seen = world.received(8).await;
    until("the webhook is switched off", async || {
        !world.client.webhook(&world.hook.id).await.unwrap().enabled
    })
    .await;
    let id = |seen: &Seen| headers(seen)["webhook-id"].clone();
    assert!(
        seen.iter().all(|one| id(one) == id(&seen[0])),
        "one message"
    );
    let message: serde_json::Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(message["type"], "deploy_ended");
    assert_eq!(message["data"]["status"], "succeeded");
    let deliveries = world.deliveries().await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].status_code, Some(500));
    world.deploy().await;
    let spec = render::DeployFilter::default();
    until("the second deploy is over", async || {
        let deploys = world.client.deploys(&"srv-backend".into(), &spec, 1).await;
        deploys.unwrap()[0].status == render::DeployStatus::Live
    })
    .await;
    assert_eq!(
        world.receiver.seen().len(),
        8,
        "nothing goes to one that is off"
    );
}
