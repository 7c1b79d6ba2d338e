//! The same platform on a real socket.

use std::sync::{Arc, Mutex};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sim::http::{Clock, Server, Shared};
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;

use crate::lab::{Lab, NEW, service};

pub(crate) struct Remote {
    pub(crate) server: Server,
    pub(crate) platform: Shared,
    pub(crate) client: Client,
}

impl Remote {
    /// Serves a lab's platform with a clock that runs a hundred times as fast.
    pub(crate) async fn new() -> Self {
        let lab = Lab::new();
        let clock = Clock::starting(lab.now, 100.0);
        let platform = Arc::new(Mutex::new(lab.platform));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = sim::http::serve(Arc::clone(&platform), listener, clock).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            server,
            platform,
            client,
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: String,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(DEFAULT_API_KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await
    }

    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        self.try_api(method, path, body).await.unwrap()
    }

    pub(crate) async fn try_api(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.server.api_url());
        self.send(method, url, body).await
    }

    pub(crate) async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Response {
        let url = format!("{}{path}", self.server.control_url());
        self.send(method, url, body).await.unwrap()
    }

    pub(crate) async fn trigger(&self) -> reqwest::Result<Response> {
        let body = json!({ "commitId": NEW });
        self.try_api(Method::POST, "/services/srv-a/deploys", Some(body))
            .await
    }

    pub(crate) fn deploys(&self) -> usize {
        let platform = self.platform.lock().unwrap();
        platform.service(&service()).unwrap().deploys.len()
    }
}

#[tokio::test]
async fn a_deploy_is_followed_to_its_end() {
    let remote = Remote::new().await;
    let reply = remote.trigger().await.unwrap();
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert!(reply.headers().contains_key("ratelimit-remaining"));
    let date = reply.headers()["date"].to_str().unwrap().to_owned();
    assert!(date.starts_with("Mon, 11 Jan 2027 09:"), "{date}");
    let id = reply.json::<Value>().await.unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/services/srv-a/deploys/{id}");
    let status = async || {
        let shown = remote.api(Method::GET, &path, None).await;
        shown.json::<Value>().await.unwrap()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(status().await, "build_in_progress");
    // A hundred simulated seconds are one real second, within which the reads stay below their limit.
    for _ in 0..300 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if status().await == "live" {
            break;
        }
    }
    let url = format!("{}/api/version", remote.server.site_url(&service()));
    let version = remote.client.get(url).send().await.unwrap();
    assert_eq!(
        version.json::<Value>().await.unwrap(),
        json!({ "version": "v1.1.0" })
    );
    remote.server.shut_down().await.unwrap();
}

#[tokio::test]
async fn empty_replies_have_no_content_type() {
    let remote = Remote::new().await;
    let path = "/services/srv-a/env-vars/MODE";
    let reply = remote.api(Method::DELETE, path, None).await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert!(!reply.headers().contains_key("content-type"));
    let reply = remote
        .api(Method::POST, "/services/srv-a/suspend", None)
        .await;
    assert_eq!(reply.status(), StatusCode::ACCEPTED);
    assert!(!reply.headers().contains_key("content-type"));
    assert_eq!(reply.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_lost_reply_ends_the_connection_after_the_effect() {
    let remote = Remote::new().await;
    for (trouble, effect) in [("lost", 1), ("never_sent", 0)] {
        let before = remote.deploys();
        let fault =
            json!({ "fault": "request", "op": "trigger_deploy", "trouble": trouble, "times": 1 });
        let armed = remote.control(Method::POST, "/faults", Some(fault)).await;
        assert_eq!(armed.status(), StatusCode::NO_CONTENT);
        let error = remote.trigger().await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout(), "{error:?}");
        assert_eq!(remote.deploys(), before + effect, "{trouble}");
    }
    assert_eq!(
        remote.trigger().await.unwrap().status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    use std::io::ErrorKind;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let remote = Remote::new().await;
    let fault = json!({ "fault": "request", "trouble": "reset", "effect": true, "times": 1 });
    remote.control(Method::POST, "/faults", Some(fault)).await;
    let mut stream = tokio::net::TcpStream::connect(remote.server.address())
        .await
        .unwrap();
    let request = format!(
        "POST /v1/services/srv-a/deploys HTTP/1.1\r\nHost: sim\r\nContent-Length: 2\r\n\
         Authorization: Bearer {DEFAULT_API_KEY}\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let error = stream.read_to_end(&mut reply).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!((reply.len(), remote.deploys()), (0, 2));
}

#[tokio::test]
async fn a_late_reply_outlasts_the_patience_of_its_client() {
    let remote = Remote::new().await;
    let fault = json!({ "fault": "request", "trouble": "reply_late", "by": "10h", "times": 1 });
    remote.control(Method::POST, "/faults", Some(fault)).await;
    let patience = std::time::Duration::from_millis(200);
    let client = Client::builder()
        .no_proxy()
        .timeout(patience)
        .build()
        .unwrap();
    let url = format!("{}/services/srv-a/deploys", remote.server.api_url());
    let request = client
        .post(url)
        .bearer_auth(DEFAULT_API_KEY)
        .json(&json!({}));
    let error = request.send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(remote.deploys(), 2);
}

#[tokio::test]
async fn sites_and_the_api_answer_on_one_port() {
    let remote = Remote::new().await;
    let site = remote.server.site_url(&service());
    for (path, status) in [("", 200), ("/", 200), ("/api/health", 200), ("/x", 404)] {
        let reply = remote
            .client
            .get(format!("{site}{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), status, "{path}");
    }
    let unknown = remote.server.site_url(&"srv-x".into());
    let reply = remote.client.get(unknown).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    let reply = remote
        .client
        .get(format!("{}/users", remote.server.api_url()));
    assert_eq!(
        reply.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_escaped_name_in_a_path_is_understood() {
    let remote = Remote::new().await;
    let path = "/services/srv-a/secret-files/a%2Fb%20c";
    let body = json!({ "content": "x" });
    let reply = remote.api(Method::PUT, path, Some(body)).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    let shown = reply.json::<Value>().await.unwrap();
    assert_eq!(shown["name"], "a/b c");
}
