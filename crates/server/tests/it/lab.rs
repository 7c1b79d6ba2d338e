//! A project in a folder of its own, and a server over it that is asked without a socket.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use policy::{PlanInput, PlanScope, Release};
use project::{Caller, FilesNow, Location, NewToken, Requester, Silent, TokenOwner};
use rollout::request::Conflict;
use rollout::{Actor, Observed, Start, Verb};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use server::{App, Settings, router};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// Where it would listen.
pub(crate) const URL: &str = "http://127.0.0.1:7080";

/// Two phases, the second behind a gate.
const PROJECT: &str = "\
product: shop
people:
  ann: { os: ann }
  bob: { os: bob }
  eve: { os: eve }
groups: { approvers: [bob] }
roles: { operator: [ann], approver: [bob], admin: [eve] }
";

const CUSTOMERS: &str = "\
customers:
  acme: { name: ACME, tier: demo, services: {backend: {id: srv-1, url: https://acme.example}} }
  bolt: { name: Bolt, tier: demo, services: {backend: {id: srv-2, url: https://bolt.example}} }
  core: { name: Core, tier: large, services: {backend: {id: srv-3, url: https://core.example}} }
";

const DEMO: &str = "policy: demo\nbatch: all\n";

const LARGE: &str = "\
policy: large
after: demo
approval: { per: customer, from: [approvers] }
";

/// A project and its server.
pub(crate) struct Lab {
    pub(crate) app: App,
    router: Router,
    folder: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Lab {
    /// A project that names nobody: everybody is who the system says.
    pub(crate) fn new() -> Self {
        Self::with("product: shop\n", "customers: {}\n")
    }

    /// A project of these two files.
    pub(crate) fn with(project: &str, customers: &str) -> Self {
        Self::of(&[
            ("tranche.yaml", project),
            ("customers.yaml", customers),
            ("policies/demo.yaml", DEMO),
        ])
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::create_dir(dir.join("policies")).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        let location = Location {
            dir: Some(dir.to_owned()),
            db: None,
        };
        let settings = Settings::local("127.0.0.1:7080".parse().unwrap());
        let app = App::open(&location, settings, Arc::new(Silent)).unwrap();
        Self {
            router: router(&app),
            app,
            folder,
        }
    }

    /// A project of two phases and three customers, in which a rollout of `v1.1.0` has begun; nobody drives it.
    pub(crate) async fn started() -> Self {
        let lab = Self::of(&[
            ("tranche.yaml", PROJECT),
            ("customers.yaml", CUSTOMERS),
            ("policies/demo.yaml", DEMO),
            ("policies/large.yaml", LARGE),
        ]);
        lab.start("v1.1.0").await;
        lab
    }

    /// What has been asked for without an engine.
    pub(crate) fn requester(&self, person: &str) -> Requester {
        let location = self.location();
        let config = location.folder().unwrap().load_running(&Silent).unwrap();
        let caller: Arc<dyn Caller> = Arc::new(Silent);
        let backend = location.backend(&caller).unwrap();
        let files = FilesNow::Valid(Box::new(config));
        Requester::acting(backend, Actor::person(person), files, caller)
    }

    async fn start(&self, version: &str) {
        let config = self.location().folder().unwrap().load_running(&Silent);
        let release = Release {
            version: version.to_owned(),
            commit: "a".repeat(40),
        };
        let start = Start {
            input: PlanInput::of(&config.unwrap(), release, PlanScope::default()),
            observed: Observed::new(),
            conflict: Conflict::Refuse,
            clear_cache: false,
            deploy_timeout: None,
            reviewed: None,
        };
        let ann = self.requester("ann");
        ann.ask(None, Verb::Start(Box::new(start))).await.unwrap();
    }

    /// A token, as it is sent in `Authorization`.
    pub(crate) async fn token(&self, owner: TokenOwner) -> String {
        let token = NewToken::draw().unwrap();
        // Whoever starts a rollout must not have made the token of an approver.
        let admin = self.requester("eve");
        let kept = admin.backend().keep_token(&token, &owner, admin.actor());
        kept.await.unwrap();
        format!("Bearer {}", token.secret.expose_secret())
    }

    /// Reads with a token.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Answer {
        let headers = [("authorization", token)];
        self.ask(Method::GET, path, &headers, "").await
    }

    /// Asks for an action with a token, and perhaps a key.
    pub(crate) async fn act(
        &self,
        verb: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let path = format!("/api/v1/actions/{verb}");
        self.post(&path, token, key, body).await
    }

    /// Sends JSON with a token, and perhaps a key.
    pub(crate) async fn post(
        &self,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut headers = vec![
            ("authorization", token),
            ("content-type", "application/json"),
        ];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.ask(Method::POST, path, &headers, &body.to_string())
            .await
    }

    /// A repository with the tags `v1.0.0` and `v1.1.0`, which the project names.
    pub(crate) fn with_repository(self) -> Self {
        let dir = self.folder.path().join("shop.git");
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(&dir)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
            assert!(git.args(arguments).output().unwrap().status.success());
        };
        fs::create_dir(&dir).unwrap();
        git(&["init", "-q"]);
        for tag in ["v1.0.0", "v1.1.0"] {
            git(&["commit", "-q", "--allow-empty", "-m", tag]);
            git(&["tag", tag]);
        }
        self.write(
            "tranche.yaml",
            &format!("{PROJECT}repository: ./shop.git\n"),
        );
        self
    }

    /// Edits a file of the project.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Where the project is.
    pub(crate) fn location(&self) -> Location {
        Location {
            dir: Some(self.folder.path().to_owned()),
            db: None,
        }
    }

    /// Changes the server's own file by hand.
    pub(crate) fn in_own_file(&self, sql: &str) {
        let file = self.folder.path().join(".tranche/server.db");
        let connection = rusqlite::Connection::open(file).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// The kinds of all events.
    pub(crate) async fn events(&self) -> Vec<String> {
        let location = Location {
            dir: Some(self.folder.path().to_owned()),
            db: None,
        };
        let caller: Arc<dyn project::Caller> = Arc::new(Silent);
        let backend = location.backend(&caller).unwrap();
        let events = backend.events(None, 0, 1000).await.unwrap();
        let kinds = events
            .iter()
            .map(|event| event.line.kind.as_str().to_owned());
        kinds.collect()
    }

    /// Asks with these headers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        ask(&self.router, method, path, headers, body).await
    }

    /// Reads with these headers what has no end.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let headers: Vec<(&str, &str)> = cookie
            .map(|cookie| (COOKIE.as_str(), cookie))
            .into_iter()
            .collect();
        self.ask(Method::GET, path, &headers, "").await
    }

    /// Signs in as the person who runs the server; the cookie.
    pub(crate) async fn sign_in(&self) -> String {
        let link = self.app.draw_once_link().unwrap();
        let path = link.strip_prefix(URL).unwrap();
        let taken = self.ask(Method::POST, path, &[], "").await;
        assert_eq!(taken.status, StatusCode::SEE_OTHER, "{taken:?}");
        taken.cookie().unwrap_or_else(|| panic!("{taken:?}"))
    }
}

/// Asks a router with these headers.
pub(crate) async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let reply = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = reply.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl Answer {
    /// The cookie as the browser sends it back.
    pub(crate) fn cookie(&self) -> Option<String> {
        let cookie = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        cookie.split(';').next().map(str::to_owned)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// Whether it is a problem that says the way out.
    pub(crate) fn is_problem(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()) == "application/problem+json"
            && self.json()["way_out"].is_string()
    }
}
