//! A rollout from its plan to its end: planned, filed, driven by the engine of this process, and read.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::{PlanScope, Span};
use project::prepare::Basis;
use project::release::Versions;
use project::view::{Standing, Tracked};
use project::{Caller, Requester, Session, engine_host, runs};
use rollout::request::Conflict;
use rollout::view::EndState;
use rollout::{Start, Verb};
use sim::http::{Clock, Server, Shared, serve};
use sim::platform::{LiveSeed, Seed, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::folder::{Folder, Noting, silent};

const KEY: &str = "RENDER_API_KEY";

/// The key to Render comes from the environment, which a process may only change for the next one: that one runs the test of
/// this name. Says whether this process is it.
pub(crate) fn has_key(name: &str) -> bool {
    if env::var(KEY).as_deref() == Ok(DEFAULT_API_KEY) {
        return true;
    }
    let run = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(KEY, DEFAULT_API_KEY)
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    false
}

#[test]
fn a_rollout_is_planned_filed_driven_and_read() {
    if has_key("rollout::a_rollout_is_planned_filed_driven_and_read") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(roll_out());
    }
}

/// Plans a rollout to v1.1.0 and files its start.
pub(crate) async fn filed(folder: &Folder, caller: Arc<dyn Caller>) -> Session {
    let session = Session::open_to_plan(&folder.location(), caller)
        .await
        .unwrap();
    let product = session.backend().product().await.unwrap();
    let basis = Basis {
        folder: &session.folder,
        config: &session.config,
        product: &product,
        caller: session.caller(),
    };
    let prepared = basis.prepare("v1.1.0", PlanScope::default()).await.unwrap();
    assert_eq!(prepared.plan.customers.len(), 1);
    let start = Start {
        input: prepared.input,
        observed: prepared.observed,
        conflict: Conflict::Refuse,
        clear_cache: false,
        deploy_timeout: None,
        reviewed: None,
    };
    let verb = Verb::Start(Box::new(start));
    let answer = session.ask(None, verb).await.unwrap().unwrap();
    assert!(session.requester.waits_for_engine(&answer).await.unwrap());
    session
}

async fn roll_out() {
    let (folder, _server, _platform) = shop(Span::from_millis(200)).await;
    let session = filed(&folder, silent()).await;
    let backend = session.backend();

    paused_twice(&folder).await;

    let mut engine = engine_host::start(&session, true).await.unwrap();
    let ended = timeout(Duration::from_mins(1), engine.ended()).await;
    ended.expect("it comes to rest").unwrap();

    let run = runs::newest(backend.product().await.unwrap().overview(), None).unwrap();
    assert_eq!(run.outcome, Some(EndState::Succeeded), "{run:?}");
    let files = || Some(session.config.clone());
    let now = project::now();
    let standing = Standing::read(backend, Some(run.id), files, now).await;
    let json = serde_json::to_value(standing.unwrap()).unwrap();
    assert_eq!(json["version"], "v1.1.0");
    assert_eq!(json["product"]["workspace_held"], serde_json::Value::Null);
    let tracked = Tracked::read(backend, files).await.unwrap();
    assert_eq!(tracked[0].running.version.as_deref(), Some("v1.1.0"));
    let report = backend.report(run.id, now).await.unwrap().unwrap();
    assert_eq!(report.version, "v1.1.0");
}

/// What is so already is no error: the caller is told.
async fn paused_twice(folder: &Folder) {
    let caller = Arc::new(Noting::default());
    let said: Arc<dyn Caller> = Arc::clone(&caller) as _;
    let requester = Requester::open(&folder.location(), said).await.unwrap();
    let pause = Verb::Pause { reason: None };
    let paused = requester.ask(None, pause.clone()).await.unwrap();
    assert!(paused.is_some());
    assert!(caller.said().is_empty(), "{:?}", caller.said());
    assert!(requester.ask(None, pause).await.unwrap().is_none());
    assert_eq!(caller.said().len(), 1, "{:?}", caller.said());
    let resumed = requester.ask(None, Verb::Resume).await.unwrap();
    assert!(resumed.is_some());
}

/// A project, and a simulated Render on which its one service runs the old version.
pub(crate) async fn shop(deploy: Span) -> (Folder, Server, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let api = format!("http://{address}/v1");
    let folder = Folder::new(&api, &format!("http://{address}/sites/srv-acme"));
    folder.tag(&["v1.0.0", "v1.1.0"]);
    let opened = folder.location().folder().unwrap();
    let config = opened.load(&project::Silent).unwrap();
    let versions: BTreeMap<String, String> =
        Versions::read(&opened, &config).await.by_commit().clone();
    let (commit, version) = versions.iter().find(|(_, tag)| *tag == "v1.0.0").unwrap();
    let settings = sim::Settings {
        deploy,
        ..sim::Settings::default()
    };
    let clock = Clock::real_time();
    let mut platform = sim::Platform::new(clock.now(), settings);
    let mut service = ServiceSeed::web("srv-acme", "", "");
    service.url = Some(format!("http://{address}/sites/srv-acme"));
    service.live = Some(LiveSeed {
        commit: commit.as_str().into(),
        version: Some(version.clone()),
    });
    let seed = Seed {
        services: vec![service],
        versions: versions.clone(),
        ..Seed::default()
    };
    platform.seed(clock.now(), seed);
    let platform = Arc::new(Mutex::new(platform));
    let server = serve(Arc::clone(&platform), listener, clock).unwrap();
    (folder, server, platform)
}
