//! How long a batch takes from end to end, through the real executor and over HTTP, against what its deploys take; and how
//! often Render is asked for it, with and without hints.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Ended, EngineOptions, EngineSender, StateDir};
use policy::{CustomerId, Role, ServiceId};
use render::executor::{BackupError, Backups, ExecutorSettings, Plain, RenderExecutor, Sources};
use render::probe::{Network, ProbeSettings, Prober};
use render::{Client, Settings};
use rollout::AttachmentId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::SecretString;
use sim::Platform;
use sim::http::{Clock, Server, Shared};
use sim::platform::{Seed, ServiceSeed};
use tokio::net::TcpListener;

use crate::durable::folder;
use crate::figure::{Figure, Wanted};
use crate::hinted;
use crate::project::{self, COMMIT, OLD_COMMIT, Project};

/// Everything is so many times faster than in earnest: deploys, and the pauses between two looks at them.
const SPEED: u32 = 40;

/// An ordinary deploy, in earnest.
const DEPLOY: Duration = Duration::from_mins(5);

const CUSTOMERS: usize = 6;
const AT_ONCE: usize = 3;
const SERVICES_EACH: usize = 2;

const PATIENCE: Duration = Duration::from_secs(30);

/// What one rollout took.
struct Taken {
    elapsed: Duration,
    reads: u64,
    changes: usize,
}

pub(crate) fn measure() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let alone = runtime.block_on(roll_out(false));
    let hinted = runtime.block_on(roll_out(true));
    let deploys = CUSTOMERS.div_ceil(AT_ONCE) * SERVICES_EACH;
    let least = DEPLOY * u32::try_from(deploys).expect("few deploys");
    for (name, reads, taken) in [
        (
            "makespan of a batch, of what its deploys take",
            "reads a deployed service",
            alone,
        ),
        (
            "the same, with hints",
            "reads a deployed service, with hints",
            hinted,
        ),
    ] {
        let ratio = taken.elapsed.as_secs_f64() / least.as_secs_f64();
        println!("{}", Figure::new(name, ratio, "", Wanted::AtMost(1.05)));
        let services = (CUSTOMERS * SERVICES_EACH) as f64;
        let each = taken.reads as f64 / services;
        println!("{}", Figure::new(reads, each, "", Wanted::AtMost(8.0)));
        println!(
            "  {:.1} min for {deploys} deploys of {:.0} min, one after the other; {:.1} changes a service",
            taken.elapsed.as_secs_f64() / 60.0,
            DEPLOY.as_secs_f64() / 60.0,
            taken.changes as f64 / services,
        );
    }
}

/// From the start of the engine to the end of the rollout.
async fn roll_out(hinted: bool) -> Taken {
    let (server, platform) = server().await;
    let project = Project {
        customers: CUSTOMERS,
        max_parallel: AT_ONCE,
        sites: format!("http://{}/sites", server.address()),
        policy: format!("batch: all\nmax_parallel: {AT_ONCE}\n"),
    };
    let config = project.config();
    let folder = folder();
    let state = StateDir::of_project(folder.path());
    let settings = pace(ExecutorSettings::of(&config.project, folder.path()));
    let read = project::reader(&config);
    let answer = engine::ask(&state, &project::start(config), PATIENCE, read);
    assert_eq!(answer.expect("the request is filed").rejected, None);

    let options = EngineOptions {
        until_idle: true,
        ..EngineOptions::default()
    };
    let client = client(&server);
    let told = match hinted {
        true => Some(hinted::register(&client).await),
        false => None,
    };
    let before = platform.lock().expect("nobody panics").requests().clone();
    let begun = Instant::now();
    let engine = engine::start(&state, options, |sender: &EngineSender| {
        let inlet = sender.clone();
        let executor = RenderExecutor::new(
            &client,
            prober(),
            settings,
            Arc::new(Known),
            Arc::new(Shelf::default()),
            move |notice| inlet.notice(notice),
        );
        if let Some(listener) = told {
            tokio::spawn(hinted::hand_on(listener, executor.hints()));
        }
        Box::new(executor)
    });
    let ended = engine.expect("the engine starts").ended().await;
    assert_eq!(ended.expect("it runs"), Ended::Idle);
    let elapsed = begun.elapsed() * SPEED;
    assert_succeeded(&state);
    let platform = platform.lock().expect("nobody panics");
    let requests = platform.requests();
    Taken {
        elapsed,
        reads: requests.all_reads() - before.all_reads(),
        changes: requests.changes().len() - before.changes().len(),
    }
}

fn assert_succeeded(state: &StateDir) {
    let product = engine::Reader::open(state).and_then(|reader| reader.product());
    let product = product.expect("the state can be read");
    assert!(product.is_finished(), "nothing fails here");
}

/// A simulated Render on a fast clock, with the fleet's services.
async fn server() -> (Server, Shared) {
    let clock = Clock::faster(SPEED.into());
    let settings = sim::Settings {
        deploy: policy::Span::from_secs(DEPLOY.as_secs().cast_signed()),
        ..sim::Settings::default()
    };
    let mut platform = Platform::new(clock.now(), settings);
    let services = (0..CUSTOMERS).flat_map(|n| [format!("srv-b{n:06}"), format!("srv-f{n:06}")]);
    let seed = Seed {
        services: services
            .map(|id| ServiceSeed::web(&id, OLD_COMMIT, "v1.0.0"))
            .collect(),
        versions: [(COMMIT.to_owned(), "v1.1.0".to_owned())].into(),
        ..Seed::default()
    };
    platform.seed(clock.now(), seed);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let platform = Arc::new(Mutex::new(platform));
    let server = sim::http::serve(Arc::clone(&platform), listener, clock).expect("it serves");
    (server, platform)
}

/// The pauses of the project, made as fast as the platform.
fn pace(settings: ExecutorSettings) -> ExecutorSettings {
    ExecutorSettings {
        poll_from: settings.poll_from / SPEED,
        poll_to: settings.poll_to / SPEED,
        poll_hinted: settings.poll_hinted / SPEED,
        polls_a_minute: settings.polls_a_minute * SPEED,
        ..settings
    }
}

fn client(server: &Server) -> Client {
    let settings = Settings::new(sim::settings::DEFAULT_API_KEY.into());
    let settings = Settings {
        base_url: server.api_url(),
        startup_spread: settings.startup_spread / SPEED,
        ..settings
    };
    Client::new(&settings).expect("the settings are right")
}

fn prober() -> Prober {
    let network = Network::new(["127.0.0.1"]).expect("an address");
    let settings = ProbeSettings {
        network,
        ..ProbeSettings::default()
    };
    Prober::new(&settings).expect("the settings are right")
}

/// What the executor asks for beside Render.
struct Known;

impl Sources for Known {
    fn secret(&self, _: &CustomerId, _: &str) -> Option<SecretString> {
        None
    }

    fn secrets(&self, _: &CustomerId) -> Vec<SecretString> {
        Vec::new()
    }

    fn version(&self, commit: &str) -> Option<String> {
        let versions = [(OLD_COMMIT, "v1.0.0"), (COMMIT, "v1.1.0")];
        let found = versions.iter().find(|(known, _)| *known == commit)?;
        Some(found.1.to_owned())
    }
}

/// Backups in memory, by whose they are.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<(CustomerId, Role), Vec<u8>>>);

impl Backups for Shelf {
    fn seal(&self, owner: &BackupOwner, plain: &[u8]) -> Result<Sealed, BackupError> {
        let key = (owner.customer.clone(), owner.role.clone());
        self.0
            .lock()
            .expect("nobody panics")
            .insert(key, plain.to_vec());
        Ok(Sealed(Vec::new()))
    }

    fn open(&self, owner: &BackupOwner, _: &AttachmentId) -> Result<Plain, BackupError> {
        let key = (owner.customer.clone(), owner.role.clone());
        let kept = self.0.lock().expect("nobody panics");
        let plain = kept.get(&key).ok_or("it was not sealed")?;
        Ok(Plain::new(plain.clone()))
    }

    fn digest(&self, _: &ServiceId, key: &str, _: &SecretString) -> String {
        key.to_owned()
    }
}
