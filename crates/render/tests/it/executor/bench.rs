//! An executor beside a simulated Render, with everything it asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::health::{Check, CheckKind, Profile};
use policy::settings::ZeroDowntime;
use policy::{CustomerId, ServiceId, Span, Timestamp};
use render::executor::{BackupError, Backups, ExecutorSettings, Plain, RenderExecutor, Sources};
use render::probe::{Network, ProbeSettings, Prober};
use render::{Client, Settings};
use rollout::command::{BackupOwner, DeployView, Probed, Sealed, ServiceView, Target};
use rollout::{
    AttachmentId, Command, CommandId, CommandKind, DeployId, Executor, Notice, Outcome, Report,
    RolloutId,
};
use secrecy::SecretString;
use sim::api::Op;
use sim::fault::{
    DeployFault, DeployKind, Fault, FaultKind, Outage, OutageScope, Outcome as End, Trouble,
};
use sim::http::{Clock, Server, Shared};
use sim::platform::{Seed, ServiceSeed};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

pub(crate) const OLD: &str = "1111111111111111111111111111111111111111";
pub(crate) const NEW: &str = "2222222222222222222222222222222222222222";
pub(crate) const CUSTOMER: &str = "acme";

/// How many times faster than ours the simulated clock runs.
const SPEED: f64 = 200.0;

/// Whatever takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// So long nothing must happen where nothing may.
const QUIET: Duration = Duration::from_millis(400);

/// What the executor asks for, kept in memory.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) key: Mutex<String>,
    pub(crate) secrets: Mutex<BTreeMap<String, String>>,
    backups: Mutex<Vec<Vec<u8>>>,
}

pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) platform: Shared,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) dir: TempDir,
    pub(crate) executor: Option<RenderExecutor>,
    reports: UnboundedReceiver<Report>,
    reporter: UnboundedSender<Report>,
    notices: UnboundedReceiver<Notice>,
    commands: u64,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    /// A bench with another service or other settings.
    pub(crate) async fn with(
        seed: impl FnOnce(&mut ServiceSeed),
        set: impl FnOnce(&mut ExecutorSettings),
    ) -> Self {
        let clock = Clock::faster(SPEED);
        let mut backend = ServiceSeed::web("srv-backend", OLD, "v1.0.0");
        seed(&mut backend);
        let mut platform = sim::Platform::new(clock.now(), sim::Settings::default());
        let seed = Seed {
            services: vec![backend],
            versions: [(NEW.to_owned(), "v1.1.0".to_owned())].into(),
            ..Seed::default()
        };
        platform.seed(clock.now(), seed);
        let platform = Arc::new(Mutex::new(platform));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = sim::http::serve(Arc::clone(&platform), listener, clock).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut settings = settings(&dir);
        set(&mut settings);
        let (reporter, reports) = unbounded_channel();
        let (tell, notices) = unbounded_channel();
        let shelf = Arc::new(Shelf {
            key: Mutex::new(sim::settings::DEFAULT_API_KEY.to_owned()),
            ..Shelf::default()
        });
        let executor = RenderExecutor::new(
            &client(&server.api_url()),
            prober(),
            settings,
            Arc::clone(&shelf) as Arc<dyn Sources>,
            Arc::clone(&shelf) as Arc<dyn Backups>,
            // Nobody listens any more once the test is over.
            move |notice| drop(tell.send(notice)),
        );
        Self {
            server,
            platform,
            shelf,
            dir,
            executor: Some(executor),
            reports,
            reporter,
            notices,
            commands: 0,
        }
    }

    /// Whether Render has told its time.
    pub(crate) fn knows_the_time(&self) -> bool {
        let executor = self.executor.as_ref().expect("it was not dropped");
        executor.server_times().borrow().is_some()
    }

    /// Issues a command.
    pub(crate) fn send(&mut self, kind: CommandKind) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        let command = Command {
            urgent: false,
            id,
            rollout: RolloutId::Rollout(1),
            customer: CUSTOMER.into(),
            kind,
        };
        let reporter = self.reporter.clone();
        let reply = Box::new(move |report| drop(reporter.send(report)));
        let executor = self.executor.as_mut().expect("it was not dropped");
        executor.execute(command, reply);
        id
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Report {
        let report = timeout(PATIENCE, self.reports.recv()).await;
        report.expect("an answer comes in time").unwrap()
    }

    /// Issues a command and waits for its answer.
    pub(crate) async fn ask(&mut self, kind: CommandKind) -> Outcome {
        let id = self.send(kind);
        let report = self.answer().await;
        assert_eq!(report.command, id);
        report.outcome
    }

    /// Nothing is answered for a while.
    pub(crate) async fn assert_silent(&mut self) {
        if let Ok(report) = timeout(QUIET, self.reports.recv()).await {
            panic!("answered: {report:?}");
        }
    }

    /// The engine ends.
    pub(crate) fn drop_executor(&mut self) {
        self.executor = None;
        (self.reporter, _) = unbounded_channel();
    }

    /// Every command has given its reply back without using it.
    pub(crate) async fn assert_abandoned(&mut self) {
        let report = timeout(PATIENCE, self.reports.recv()).await;
        assert_eq!(report.expect("every task ends in time"), None);
    }

    /// The next notice.
    pub(crate) async fn notice(&mut self) -> Notice {
        let notice = timeout(PATIENCE, self.notices.recv()).await;
        notice.expect("a notice comes in time").unwrap()
    }

    pub(crate) fn arm(&self, fault: Fault) {
        let mut platform = self.platform.lock().unwrap();
        let now = platform.now();
        platform.arm(now, fault).unwrap();
    }

    /// The next request of this kind meets trouble.
    pub(crate) fn trouble(&self, op: Op, trouble: Trouble) {
        let op = Some(op);
        self.arm(Fault::everywhere(FaultKind::Request { op, trouble }).times(1));
    }

    /// Nothing arrives there any more.
    pub(crate) fn cut(&self, reach: OutageScope) {
        let from = self.platform.lock().unwrap().now();
        let outage = Outage {
            from,
            until: None,
            reach,
        };
        self.arm(Fault::everywhere(FaultKind::Unreachable(outage)));
    }

    /// Whether anybody listens.
    pub(crate) async fn is_up(&self) -> bool {
        TcpStream::connect(self.server.address()).await.is_ok()
    }

    pub(crate) fn disarm(&self) {
        self.platform.lock().unwrap().disarm();
    }

    /// How many requests of a kind arrived that change something.
    pub(crate) fn changes(&self, op: Op) -> usize {
        let platform = self.platform.lock().unwrap();
        let requests = platform.requests().changes().iter();
        requests.filter(|request| request.op == op).count()
    }

    /// How often something was read.
    pub(crate) fn reads(&self, op: Op) -> u64 {
        self.platform.lock().unwrap().requests().reads(op)
    }

    pub(crate) fn target(&self) -> Target {
        let id: ServiceId = "srv-backend".into();
        Target {
            role: "backend".into(),
            url: Some(self.server.site_url(&id)),
            id,
        }
    }

    pub(crate) fn create(&self) -> CommandKind {
        CommandKind::CreateDeploy {
            service: self.target(),
            commit: NEW.to_owned(),
            clear_cache: false,
            attempt: 1,
        }
    }

    pub(crate) fn follow(&self, deploy: &DeployId, until: Option<Timestamp>) -> CommandKind {
        CommandKind::FollowDeploy {
            service: self.target(),
            deploy: deploy.clone(),
            until,
        }
    }

    /// Reads the service.
    pub(crate) async fn inspect(&mut self) -> ServiceView {
        let service = self.target();
        let outcome = self.ask(CommandKind::Inspect { service }).await;
        let Outcome::Inspected { mut views } = outcome else {
            panic!("{outcome:?}")
        };
        views.remove(0)
    }

    /// A deploy of the release that is live.
    pub(crate) async fn deployed(&mut self) -> DeployView {
        let create = self.create();
        let Outcome::Created { deploy } = self.ask(create).await else {
            panic!("201 names a deploy")
        };
        let follow = self.follow(&deploy.id, None);
        let outcome = self.ask(follow).await;
        let Outcome::Ended { deploy } = outcome else {
            panic!("{outcome:?}")
        };
        deploy
    }

    /// The deploy as something to be probed.
    pub(crate) fn probed(&self, deploy: &DeployView, version: &str) -> Probed {
        Probed {
            target: self.target(),
            deploy: Some(deploy.id.clone()),
            version: Some(version.to_owned()),
            live_at: chrono::Utc::now(),
            baseline_p95_ms: None,
        }
    }
}

/// Asks for the version, every 20 ms.
pub(crate) fn profile() -> Profile {
    profile_of(CheckKind::Version("/api/version".to_owned()))
}

pub(crate) fn profile_of(kind: CheckKind) -> Profile {
    Profile {
        every: Span::from_millis(20),
        pass_after: 2,
        fail_after: 3,
        checks: vec![Check { kind, on: None }],
    }
}

fn settings(dir: &TempDir) -> ExecutorSettings {
    ExecutorSettings {
        owner: None,
        zero_downtime: ZeroDowntime::Warn,
        poll_from: Duration::from_millis(20),
        poll_to: Duration::from_millis(60),
        poll_hinted: Duration::from_millis(240),
        polls_a_minute: 100_000,
        hold_after: Duration::from_millis(200),
        project_dir: dir.path().to_owned(),
    }
}

pub(crate) fn client(url: &str) -> Client {
    let settings = Settings {
        base_url: url.to_owned(),
        timeout: Duration::from_secs(2),
        max_retries: 1,
        startup_spread: Duration::ZERO,
        ..Settings::new(sim::settings::DEFAULT_API_KEY.into())
    };
    Client::new(&settings).unwrap()
}

fn prober() -> Prober {
    let network = Network::new(["127.0.0.1"]).unwrap();
    Prober::new(&ProbeSettings {
        network,
        ..ProbeSettings::default()
    })
    .unwrap()
}

impl Sources for Shelf {
    fn secret(&self, _: &CustomerId, name: &str) -> Option<SecretString> {
        let secrets = self.secrets.lock().unwrap();
        secrets.get(name).cloned().map(SecretString::from)
    }

    fn secrets(&self, _: &CustomerId) -> Vec<SecretString> {
        let secrets = self.secrets.lock().unwrap();
        secrets.values().cloned().map(SecretString::from).collect()
    }

    fn version(&self, commit: &str) -> Option<String> {
        let versions = [(OLD, "v1.0.0"), (NEW, "v1.1.0")];
        let found = versions.iter().find(|(known, _)| *known == commit)?;
        Some(found.1.to_owned())
    }

    fn api_key(&self) -> render::Result<SecretString> {
        Ok(self.key.lock().unwrap().clone().into())
    }
}

impl Backups for Shelf {
    fn seal(&self, _: &BackupOwner, plain: &[u8]) -> Result<Sealed, BackupError> {
        let mut backups = self.backups.lock().unwrap();
        backups.push(plain.to_vec());
        Ok(Sealed((backups.len() - 1).to_string().into()))
    }

    fn open(&self, owner: &BackupOwner, id: &AttachmentId) -> Result<Plain, BackupError> {
        assert_eq!(owner.customer, CUSTOMER.into());
        let place: usize = id.0.parse()?;
        Ok(Plain::new(self.backups.lock().unwrap()[place].clone()))
    }

    fn digest(&self, service: &ServiceId, key: &str, _: &SecretString) -> String {
        format!("digest of {service} {key}")
    }
}

/// No deploy ends.
pub(crate) fn stuck() -> Fault {
    Fault::everywhere(FaultKind::Deploy(DeployFault {
        on: DeployKind::Deploy,
        outcome: End::Stuck,
        after: None,
        commit: None,
    }))
}

/// Waits until something is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let becomes_so = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, becomes_so)
        .await
        .expect("it is so in time");
}

/// The name under which sealed bytes are kept here.
pub(crate) fn kept(sealed: &Sealed) -> AttachmentId {
    AttachmentId(String::from_utf8(sealed.0.clone()).unwrap())
}
