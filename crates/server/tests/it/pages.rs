//! Pages, over a rollout under way.

mod lab;
mod looks;

use self::lab::{Files, Site};

#[tokio::test]
async fn every_page_is_there() {
    let site = Site::of(&Files::tiers());
    for path in [
        "/",
        "/approvals",
        "/approvals/r1/enterprise-1",
        "/approvals/r1/enterprise-1?vote=approve&seen=1",
        "/rollouts/r1",
        "/rollouts/r1/customers",
        "/customers",
        "/customers/enterprise-1",
        "/events",
        "/zone",
    ] {
        let text = site.page("carol", path).await;
        assert!(text.contains("</html>"), "{path}");
    }
}
