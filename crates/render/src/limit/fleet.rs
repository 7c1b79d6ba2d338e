//! A fleet of 300 services at one key, in virtual time: the limiter and the simulated Render's own buckets on one clock.
//!
//! What the limits allow is worked out here by itself, from the documented numbers alone.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use policy::{ServiceId, Span};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sim::api::{Answer, ApiReply, ApiRequest};
use sim::platform::{Seed, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use tokio::time::{Instant, sleep};

use super::{Class, Limiter, Priority};

const SERVICES: u32 = 300;

/// Keys that are written for each service.
const KEYS: u32 = 2;

/// From the request of a deploy to live.
const DEPLOY: Duration = Duration::from_secs(90);

/// From here to Render, and as much back.
const WAY: Duration = Duration::from_millis(40);

/// Between two looks at a deploy: grows from the first to the second.
const POLL: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(15)];

/// Documented: reads and other changes a minute. A tenth and a fifth of them are kept for rollbacks (P44).
const READS: u32 = 400 - 40;
const WRITES: u32 = 30 - 6;

/// Render, reached through one limiter.
struct Fleet {
    limiter: Limiter,
    platform: Mutex<sim::Platform>,
    begin: Instant,
    origin: DateTime<Utc>,
    refused: Mutex<u32>,
}

impl Fleet {
    fn new() -> Arc<Self> {
        let origin = DateTime::from_timestamp(1_799_658_000, 0).unwrap();
        let settings = sim::Settings {
            deploy: Span::from_secs(90),
            ..sim::Settings::default()
        };
        let mut platform = sim::Platform::new(origin, settings);
        let web = |n: u32| ServiceSeed::web(&format!("srv-{n}"), "c1", "v1.0.0");
        let seed = Seed {
            services: (0..SERVICES).map(web).collect(),
            ..Seed::default()
        };
        platform.seed(origin, seed);
        Arc::new(Self {
            limiter: Limiter::new(Duration::ZERO),
            platform: Mutex::new(platform),
            begin: Instant::now(),
            origin,
            refused: Mutex::new(0),
        })
    }

    /// Sends one request as the client does, once it may go.
    async fn send(&self, class: Class, method: &str, path: &str, body: Option<&Value>) -> ApiReply {
        let mut permit = self.limiter.permit(&class, Priority::Normal, None).await;
        sleep(WAY).await;
        let request = ApiRequest::new(method, path, DEFAULT_API_KEY, body);
        let now = self.origin + TimeDelta::from_std(self.begin.elapsed()).unwrap();
        let answer = self.platform.lock().unwrap().handle(now, &request);
        sleep(WAY).await;
        let Answer::Reply(reply) = answer else {
            panic!("{method} {path}: no reply")
        };
        let headers = reply.headers.iter().map(|(name, value)| {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        let status = StatusCode::from_u16(reply.status).unwrap();
        permit.learn(status, &headers.collect::<HeaderMap>());
        *self.refused.lock().unwrap() += u32::from(reply.status == 429);
        reply
    }

    /// Writes the variables of a service, deploys it, and follows the deploy until it is live.
    async fn deploy(&self, id: ServiceId) {
        for key in 0..KEYS {
            let path = format!("/services/{id}/env-vars/KEY_{key}");
            let value = json!({ "value": "v1.1.0" });
            self.send(Class::Write, "PUT", &path, Some(&value)).await;
        }
        let path = format!("/services/{id}/deploys");
        let class = Class::Service(id);
        let spec = json!({ "commitId": "c2" });
        let made = self.send(class, "POST", &path, Some(&spec)).await.value();
        let path = format!("{path}/{}", made["id"].as_str().unwrap());
        let mut pause = POLL[0];
        loop {
            sleep(pause).await;
            pause = (pause * 3 / 2).min(POLL[1]);
            let seen = self.send(Class::Read, "GET", &path, None).await.value();
            if seen["status"] == "live" {
                return;
            }
        }
    }

    /// Looks at a service over and over, as watching it does.
    async fn watch(&self, id: ServiceId, looks: u32) {
        for _ in 0..looks {
            self.send(Class::Read, "GET", &format!("/services/{id}"), None)
                .await;
            sleep(Duration::from_secs(1)).await;
        }
    }

    fn refusals(&self) -> u32 {
        *self.refused.lock().unwrap()
    }
}

/// The shortest time in which so many requests may leave, so many being allowed in each minute.
fn allowed(requests: u32, a_minute: u32) -> Duration {
    Duration::from_mins(u64::from(requests.div_ceil(a_minute) - 1))
}

fn within_five_percent(took: Duration, possible: Duration) -> bool {
    took <= possible.mul_f64(1.05)
}

fn ids() -> impl Iterator<Item = ServiceId> {
    (0..SERVICES).map(|n| ServiceId::new(format!("srv-{n}")))
}

#[tokio::test(start_paused = true)]
async fn three_hundred_services_are_deployed_as_fast_as_the_limits_allow() {
    let fleet = Fleet::new();
    join_all(ids().map(|id| fleet.deploy(id))).await;
    let took = fleet.begin.elapsed();
    let possible = allowed(SERVICES * KEYS, WRITES) + DEPLOY;
    assert_eq!(fleet.refusals(), 0);
    assert!(took >= possible, "{took:?}: the limits allow {possible:?}");
    assert!(
        within_five_percent(took, possible),
        "{took:?} for {possible:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn three_hundred_services_are_watched_as_often_as_the_limits_allow() {
    const LOOKS: u32 = 30;
    let fleet = Fleet::new();
    join_all(ids().map(|id| fleet.watch(id, LOOKS))).await;
    let took = fleet.begin.elapsed();
    let possible = allowed(SERVICES * LOOKS, READS);
    assert_eq!(fleet.refusals(), 0);
    assert!(took >= possible, "{took:?}: the limits allow {possible:?}");
    assert!(
        within_five_percent(took, possible),
        "{took:?} for {possible:?}"
    );
}
