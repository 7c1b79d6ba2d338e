//! A small project at a simulated Render over real HTTP, driven by the real binary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use policy::plan::DATABASE;
use sim::fault::Fault;
use sim::http::{Clock, Server, serve};
use sim::platform::{DEFAULT_OWNER, DatabaseSeed, LiveSeed, Seed, ServiceKind, ServiceSeed};
use sim::{Platform, Settings};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The services of the fleet; the first customer has two.
pub(crate) const SERVICES: [&str; 3] =
    ["srv-acme-backend", "srv-acme-frontend", "srv-beta-backend"];

/// What every service runs before the rollout.
pub(crate) const BEFORE: &str = "v1.0.0";

/// What it is to run afterwards.
pub(crate) const RELEASE: &str = "v1.1.0";

/// So long a step of a test may take before it has failed.
const PATIENCE: Duration = Duration::from_mins(1);

const PROJECT: &str = "
product: lab
repository: repository
render:
  url: http://127.0.0.1:1/v1
  settle: 600ms
  poll: { from: 40ms, to: 80ms }
network: { allow: [127.0.0.0/8] }
variables:
  backend: { VERSION_TAG: \"${version}\" }
health:
  basic: { every: 100ms, fail_after: 2, checks: [{ http: /api/health }] }
";

const POLICY: &str = "
policy: all
batch: 1
delay: 100ms
on_failure: continue
";

/// A project, its Render, and the processes that worked on it.
pub(crate) struct Lab {
    dir: TempDir,
    commits: BTreeMap<String, String>,
    platform: Arc<Mutex<Platform>>,
    server: Server,
    /// Keeps the server going.
    _runtime: Runtime,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::of(&Files::small())
    }

    /// A lab with other customers and policies.
    pub(crate) fn of(files: &Files) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let commits = repository(&dir.path().join("repository"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let clock = Clock::real_time();
        let mut platform = Platform::new(clock.now(), settings());
        platform.seed(clock.now(), fleet(&commits, &address, files));
        let platform = Arc::new(Mutex::new(platform));
        let server = {
            let _inside = runtime.enter();
            serve(Arc::clone(&platform), listener, clock).unwrap()
        };
        let lab = Self {
            dir,
            commits,
            platform,
            server,
            _runtime: runtime,
        };
        lab.write("tranche.yaml", &files.project);
        lab.write("customers.yaml", &files.customers(&address));
        fs::create_dir(lab.dir.path().join("policies")).unwrap();
        for (name, policy) in &files.policies {
            lab.write(&format!("policies/{name}.yaml"), policy);
        }
        lab
    }

    /// Writes a file of the project folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// What a file of the project folder holds.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// The simulated Render.
    pub(crate) fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap()
    }

    /// Lets something go wrong.
    pub(crate) fn arm(&self, fault: Fault) {
        let now = Clock::real_time().now();
        self.platform().arm(now, fault).unwrap();
    }

    /// The commit of a version.
    pub(crate) fn commit(&self, version: &str) -> &str {
        &self.commits[version]
    }

    /// The project folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_in(self.path(), args)
    }

    /// A command in another folder, such as a copy of this one.
    pub(crate) fn command_in(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("-C").arg(folder).args(args);
        command
            .env("RENDER_API_URL", self.server.api_url())
            .env("RENDER_API_KEY", "rnd_simulated");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn tranche(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command on another folder, to its end.
    pub(crate) fn tranche_in(&self, folder: &Path, args: &[&str]) -> Output {
        self.command_in(folder, args).output().unwrap()
    }

    /// Runs a command as somebody else, to its end.
    pub(crate) fn tranche_as(&self, token: &str, args: &[&str]) -> Output {
        self.command(args)
            .env("TRANCHE_TOKEN", token)
            .output()
            .unwrap()
    }

    /// Runs a command that dies at a place, if it gets there.
    pub(crate) fn tranche_dying(&self, args: &[&str], crash_at: &str) -> Output {
        self.command(args)
            .env("TRANCHE_CRASH_AT", crash_at)
            .output()
            .unwrap()
    }

    /// Begins a command that dies at a place, if it gets there.
    pub(crate) fn spawn_dying(&self, args: &[&str], crash_at: &str) -> Child {
        self.command(args)
            .env("TRANCHE_CRASH_AT", crash_at)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Runs a command with another environment, to its end.
    pub(crate) fn tranche_with(&self, variable: (&str, &str), args: &[&str]) -> Output {
        let (name, value) = variable;
        self.command(args).env(name, value).output().unwrap()
    }

    /// Whether there is such a file in the project folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }

    /// How many requests wait in the inbox.
    pub(crate) fn waiting(&self) -> u32 {
        let database = self.dir.path().join(".tranche/tranche.db");
        let connection = rusqlite::Connection::open(database).unwrap();
        let sql = "SELECT count(*) FROM inbox WHERE state = 'pending'";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Begins a command whose output somebody reads.
    pub(crate) fn spawn_heard(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Begins a command as somebody else.
    pub(crate) fn spawn_as(&self, token: &str, args: &[&str]) -> Child {
        self.command(args)
            .env("TRANCHE_TOKEN", token)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Begins a command.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// All that a command has printed.
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Waits for something to become true.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The binary that a build of the workspace has put beside this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("tranche");
    assert!(binary.exists(), "build it first: cargo test --workspace");
    binary
}

fn settings() -> Settings {
    let mut settings = Settings {
        deploy: span("150ms"),
        rollback: span("100ms"),
        recovery: span("300ms"),
        ..Settings::default()
    };
    settings.created_for = policy::Span::ZERO;
    settings
}

pub(crate) fn span(text: &str) -> policy::Span {
    text.parse().unwrap()
}

/// A repository with a commit for each version.
fn repository(dir: &Path) -> BTreeMap<String, String> {
    fs::create_dir(dir).unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let output = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    let commit = |version: &&str| {
        git(&["commit", "--quiet", "--allow-empty", "--message", version]);
        git(&["tag", version]);
        ((*version).to_owned(), git(&["rev-parse", "HEAD"]))
    };
    [BEFORE, RELEASE].iter().map(commit).collect()
}

fn fleet(commits: &BTreeMap<String, String>, address: &str, files: &Files) -> Seed {
    let mut seed = Seed {
        versions: commits
            .iter()
            .map(|(version, commit)| (commit.clone(), version.clone()))
            .collect(),
        ..Seed::default()
    };
    for (customer, _, roles) in &files.fleet {
        let database = roles.contains(&DATABASE).then(|| database(customer));
        for role in roles.iter().filter(|role| **role != DATABASE) {
            let id = service_id(customer, role);
            let mut service = ServiceSeed {
                kind: ServiceKind::WebService,
                url: Some(format!("http://{address}/sites/{id}")),
                live: Some(LiveSeed {
                    commit: commits[BEFORE].as_str().into(),
                    version: Some(BEFORE.to_owned()),
                }),
                variables: BTreeMap::from([
                    ("VERSION_TAG".to_owned(), BEFORE.to_owned()),
                    ("KEPT".to_owned(), "as it was".to_owned()),
                ]),
                ..ServiceSeed::web(&id, commits[BEFORE].as_str(), BEFORE)
            };
            if let (Some(database), "backend") = (&database, *role) {
                let url = database.connection().internal;
                service.variables.insert("DATABASE_URL".to_owned(), url);
            }
            seed.services.push(service);
        }
        seed.databases.extend(database);
    }
    seed
}

/// A database that has been there for a month, with something in it.
fn database(customer: &str) -> DatabaseSeed {
    DatabaseSeed {
        id: service_id(customer, DATABASE).as_str().into(),
        name: customer.to_owned(),
        owner: DEFAULT_OWNER.into(),
        plan: "pro".to_owned(),
        age: span("30d"),
        data: vec!["of before".to_owned()],
    }
}

/// What a lab's files say.
pub(crate) struct Files {
    pub(crate) project: String,
    /// By name.
    pub(crate) policies: Vec<(&'static str, String)>,
    /// Key, tier, roles.
    pub(crate) fleet: Vec<(&'static str, &'static str, Vec<&'static str>)>,
}

impl Files {
    /// Two customers in one phase.
    pub(crate) fn small() -> Self {
        Self {
            project: PROJECT.to_owned(),
            policies: vec![("all", POLICY.to_owned())],
            fleet: vec![
                ("acme", "all", vec!["backend", "frontend"]),
                ("beta", "all", vec!["backend"]),
            ],
        }
    }

    fn customers(&self, address: &str) -> String {
        let mut text = "customers:\n".to_owned();
        for (key, tier, roles) in &self.fleet {
            writeln!(text, "  {key}:\n    tier: {tier}\n    services:").unwrap();
            for role in roles {
                let id = service_id(key, role);
                let url = format!("http://{address}/sites/{id}");
                writeln!(text, "      {role}: {{ id: {id}, url: \"{url}\" }}").unwrap();
            }
        }
        text
    }
}

fn service_id(customer: &str, role: &str) -> String {
    format!("srv-{customer}-{role}")
}
