//! What operators press, and what nobody else can.

use axum::http::StatusCode;

use super::lab::{Files, Site};

#[tokio::test]
async fn an_operator_pauses_and_resumes() {
    let site = Site::of(&Files::tiers());
    let done = site
        .post("ann", "/rollouts/r1/do/pause", &[("reason", "audit")])
        .await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, "/rollouts/r1"),
        "{}",
        done.text
    );
    let page = site.page("ann", "/rollouts/r1").await;
    assert!(
        page.contains(">paused</span>") && page.contains("audit"),
        "{page}"
    );
    assert!(
        page.contains("/do/resume") && !page.contains("/do/pause\""),
        "{page}"
    );
    let done = site
        .post("ann", "/rollouts/r1/do/resume", &[("back", "/customers")])
        .await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, "/customers")
    );
}

#[tokio::test]
async fn a_failed_customer_is_tried_again_or_left_out() {
    let site = Site::of(&Files::tiers());
    let page = site.page("ann", "/customers/standard-3").await;
    assert!(
        page.contains("/rollouts/r1/do/retry\"") && page.contains("value=\"standard-3\""),
        "{page}"
    );
    let none = site
        .post("ann", "/rollouts/r1/do/skip", &[("target", "enterprise-3")])
        .await;
    assert_eq!(
        none.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a reason is needed"
    );
    let skip = [
        ("target", "enterprise-3"),
        ("reason", "leaves us"),
        ("back", "//evil.example"),
    ];
    let done = site.post("ann", "/rollouts/r1/do/skip", &skip).await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, "/rollouts/r1"),
        "{}",
        done.text
    );
    assert!(
        site.page("ann", "/customers/enterprise-3")
            .await
            .contains(">skipped</span>")
    );
}

#[tokio::test]
async fn what_cannot_be_undone_is_typed() {
    let site = Site::of(&Files::tiers());
    let path = "/rollouts/r1/do/abort-rollback";
    let refused = site.post("ann", path, &[("typed", "yes")]).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text
    );
    let done = site.post("ann", path, &[("typed", "r1")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = site.page("ann", "/rollouts/r1").await;
    assert!(page.contains(">aborting</span>"), "{page}");
}

#[tokio::test]
async fn forged_requests_of_others_are_refused() {
    let site = Site::of(&Files::tiers());
    for word in ["pause", "abort", "retry-failed", "promote-full"] {
        let refused = site
            .post("carol", &format!("/rollouts/r1/do/{word}"), &[])
            .await;
        assert_eq!(
            refused.status,
            StatusCode::FORBIDDEN,
            "{word}: {}",
            refused.text
        );
        assert!(
            refused.text.contains("does not hold the role of operator"),
            "{}",
            refused.text
        );
    }
    let unknown = site.post("ann", "/rollouts/r1/do/explode", &[]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let nowhere = site.post("ann", "/rollouts/r9/do/pause", &[]).await;
    assert!(nowhere.status.is_client_error(), "{}", nowhere.text);
}
