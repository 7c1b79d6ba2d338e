//! Sessions and what they refuse.

use axum::http::{Method, StatusCode};

use crate::lab::{Lab, URL};

#[tokio::test]
async fn nobody_sees_anything_without_signing_in() {
    let lab = Lab::new();
    let page = lab.get("/", None).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/sign-in")
    );
    let api = lab.get("/api/v1/whoami", None).await;
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    assert!(api.is_problem(), "{api:?}");
    let forged = [("authorization", "Bearer tranche_0000")];
    let refused = lab.ask(Method::GET, "/api/v1/whoami", &forged, "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let forged = lab
        .get("/", Some("__Host-tranche=AAAAAAAAAAAAAAAAAAAAAA"))
        .await;
    assert_eq!(forged.location(), "/sign-in");
}

#[tokio::test]
async fn a_link_signs_in_once_and_only_by_its_button() {
    let lab = Lab::new();
    let link = lab.app.draw_once_link().unwrap();
    let path = link.strip_prefix(URL).unwrap().to_owned();
    for _ in 0..2 {
        let page = lab.get(&path, None).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.cookie().is_none(), "looking signs nobody in");
    }
    let taken = lab.ask(Method::POST, &path, &[], "").await;
    let cookie = taken.cookie().unwrap();
    assert!(taken.header("set-cookie").contains("Secure"), "{taken:?}");
    assert!(taken.header("set-cookie").contains("HttpOnly"), "{taken:?}");
    let who = lab.get("/api/v1/whoami", Some(&cookie)).await;
    assert_eq!(who.json()["proof"]["kind"], "account", "{who:?}");
    assert_eq!(
        lab.ask(Method::POST, &path, &[], "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(lab.get(&path, None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_dies_at_sign_out() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    assert_eq!(lab.get("/", Some(&cookie)).await.status, StatusCode::OK);
    lab.ask(Method::POST, "/sign-out", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(lab.get("/", Some(&cookie)).await.location(), "/sign-in");
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let headers = [("cookie", cookie.as_str()), elsewhere];
        let refused = lab.ask(Method::POST, "/sign-out", &headers, "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{elsewhere:?}");
        assert!(refused.is_problem(), "{refused:?}");
    }
    assert_eq!(lab.get("/", Some(&cookie)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_reply_says_what_a_browser_may_not_do() {
    let lab = Lab::new();
    for path in [
        "/",
        "/sign-in",
        "/healthz",
        "/api/v1/nothing",
        "/nothing",
        "/approvals",
    ] {
        let reply = lab.get(path, None).await;
        assert!(
            reply
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn nobody_takes_in_what_render_says_unless_that_is_wanted() {
    let lab = Lab::new();
    let sent = lab.ask(Method::POST, "/render/webhook", &[], "{}").await;
    assert_eq!(sent.status, StatusCode::NOT_FOUND, "{sent:?}");
}
