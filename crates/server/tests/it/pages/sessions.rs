//! What a browser remembers: where somebody wanted to go, what came of what they did, their time zone.

use axum::http::{Method, StatusCode};
use project::account_name;

use super::lab::{Files, Site};
use crate::lab::{Answer, URL, ask};

impl Site {
    /// A site whose operator is the account under which this runs.
    fn of_this_account() -> Self {
        let mut files = Files::tiers();
        let own = format!("ann: {{ os: {} }}", account_name());
        files.project = files.project.replace("ann: { os: ann }", &own);
        Self::of(&files)
    }

    async fn with_cookies(&self, method: Method, path: &str, cookies: &str, body: &str) -> Answer {
        let headers = [
            ("cookie", cookies),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        ask(&self.router(), method, path, &headers, body).await
    }

    /// Signs in; the cookie.
    async fn session(&self) -> String {
        let link = self.app.draw_once_link().unwrap();
        let taken = self
            .with_cookies(Method::POST, link.strip_prefix(URL).unwrap(), "", "")
            .await;
        taken.cookie().unwrap_or_else(|| panic!("{taken:?}"))
    }
}

#[tokio::test]
async fn a_link_from_a_message_leads_on_after_the_sign_in() {
    let site = Site::of_this_account();
    let path = "/approvals/r1/enterprise-1";
    let asked = site.with_cookies(Method::GET, path, "", "").await;
    assert_eq!(
        (asked.status, asked.location()),
        (StatusCode::SEE_OTHER, "/sign-in")
    );
    let next = asked.cookie().unwrap();
    assert_eq!(next, format!("tranche-next={path}"));
    assert!(asked.header("set-cookie").contains("HttpOnly"), "{asked:?}");
    let session = site.session().await;
    let home = site
        .with_cookies(Method::GET, "/", &format!("{session}; {next}"), "")
        .await;
    assert_eq!(home.location(), path);
    assert_eq!(
        home.cookie().as_deref(),
        Some("tranche-next="),
        "and is forgotten"
    );
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil"] {
        let cookies = format!("{session}; tranche-next={elsewhere}");
        let home = site.with_cookies(Method::GET, "/", &cookies, "").await;
        assert_eq!(home.status, StatusCode::OK, "{elsewhere}");
    }
}

#[tokio::test]
async fn what_came_of_a_change_is_told_once() {
    let site = Site::of_this_account();
    let session = site.session().await;
    let done = site
        .with_cookies(
            Method::POST,
            "/rollouts/r1/do/pause",
            &session,
            "reason=audit",
        )
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = site
        .with_cookies(Method::GET, "/rollouts/r1", &session, "")
        .await
        .text;
    assert!(
        page.contains("Pause: done.") && page.contains("Paused, by ann (audit)."),
        "{page}"
    );
    let again = site
        .with_cookies(Method::GET, "/rollouts/r1", &session, "")
        .await
        .text;
    assert!(!again.contains("Pause: done."), "{again}");
}

#[tokio::test]
async fn the_reader_chooses_a_zone() {
    let site = Site::of_this_account();
    let session = site.session().await;
    let body = "zone=Asia%2FTokyo&back=%2Frollouts%2Fr1";
    let chosen = site
        .with_cookies(Method::POST, "/zone", &session, body)
        .await;
    assert_eq!(chosen.location(), "/rollouts/r1", "{}", chosen.text);
    let zone = chosen.cookie().unwrap();
    assert_eq!(zone, "tranche-zone=Asia/Tokyo");
    let page = site
        .with_cookies(
            Method::GET,
            "/rollouts/r1",
            &format!("{session}; {zone}"),
            "",
        )
        .await
        .text;
    assert!(
        page.contains("18:00 JST") && page.contains("Times are in Asia/Tokyo"),
        "{page}"
    );
    let utc = site
        .with_cookies(Method::GET, "/rollouts/r1", &session, "")
        .await
        .text;
    assert!(utc.contains("09:00 UTC"), "{utc}");
    let wrong = site
        .with_cookies(Method::POST, "/zone", &session, "zone=%3Cb%3E")
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!wrong.text.contains("<b>"), "{}", wrong.text);
}
