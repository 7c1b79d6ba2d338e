//! A project in a folder of its own, and a server over it that is asked without a socket.

use std::fs;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use project::{Location, Silent};
use serde_json::Value;
use server::{App, Settings, router};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// Where it would listen.
pub(crate) const URL: &str = "http://127.0.0.1:7080";

/// A project and its server.
pub(crate) struct Lab {
    pub(crate) app: App,
    router: Router,
    _folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::write(dir.join("tranche.yaml"), project).unwrap();
        fs::write(dir.join("customers.yaml"), customers).unwrap();
        fs::create_dir(dir.join("policies")).unwrap();
        fs::write(dir.join("policies/demo.yaml"), "policy: demo\nbatch: all\n").unwrap();
        let location = Location {
            dir: Some(dir.to_owned()),
            db: None,
        };
        let settings = Settings::local("127.0.0.1:7080".parse().unwrap());
        let app = App::open(&location, settings, Arc::new(Silent)).unwrap();
        Self {
            router: router(&app),
            app,
            _folder: folder,
        }
    }

    /// Asks with these headers.
    pub(crate) async fn ask(
        &self,
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
        let reply = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = reply.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
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
