//! From the page to the core: votes that count, votes that are refused, and votes on what has changed meanwhile.

use axum::http::StatusCode;
use project::{Requester, Silent};
use regex::Regex;
use rollout::request::Actor;
use rollout::{Kind, Verb};
use std::sync::Arc;

use super::lab::{Files, Site};

const PATH: &str = "/approvals/r1/enterprise-1";

/// What the form of a page to confirm holds.
fn field(page: &str, name: &str) -> String {
    let pattern = Regex::new(&format!("name=\"{name}\" value=\"([^\"]*)\"")).unwrap();
    let found = pattern
        .captures(page)
        .unwrap_or_else(|| panic!("no {name}: {page}"));
    found[1].to_owned()
}

impl Site {
    /// The form that somebody is asked to confirm.
    async fn form(&self, person: &str, vote: &str) -> Vec<(&'static str, String)> {
        let page = self.page(person, &format!("{PATH}?vote={vote}")).await;
        ["vote", "digest", "seen"]
            .map(|name| (name, field(&page, name)))
            .to_vec()
    }

    async fn cast(
        &self,
        person: &str,
        form: &[(&str, String)],
        reason: &str,
    ) -> crate::lab::Answer {
        let mut form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        form.push(("reason", reason));
        self.post(person, PATH, &form).await
    }

    /// What somebody else asks for meanwhile.
    pub(super) async fn meanwhile(&self, person: &str, verb: Verb) {
        let location = project::Location {
            dir: Some(self.folder.path().to_owned()),
            db: None,
        };
        let caller: Arc<dyn project::Caller> = Arc::new(Silent);
        let backend = location.backend(&caller).unwrap();
        let config = location.folder().unwrap().load_running(&Silent).unwrap();
        let files = project::FilesNow::Valid(Box::new(config));
        let requester = Requester::acting(backend, Actor::person(person), files, caller);
        requester
            .ask(None, verb)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// The kinds of the newest events.
    async fn newest(&self, many: usize) -> Vec<Kind> {
        let location = project::Location {
            dir: Some(self.folder.path().to_owned()),
            db: None,
        };
        let caller: Arc<dyn project::Caller> = Arc::new(Silent);
        let backend = location.backend(&caller).unwrap();
        let head = backend.head().await.unwrap().seq;
        let events = backend.events(None, head - many as u64, 100).await.unwrap();
        events.iter().map(|event| event.line.kind).collect()
    }
}

#[tokio::test]
async fn a_vote_that_completes_the_quorum_counts_and_says_when_it_begins() {
    let site = Site::of(&Files::tiers());
    let form = site.form("carol", "approve").await;
    let done = site.cast("carol", &form, "").await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, PATH),
        "{}",
        done.text
    );
    assert_eq!(site.newest(1).await, [Kind::Approved]);
    let page = site.page("carol", PATH).await;
    assert!(page.contains(">approved</span>"), "{page}");
    assert!(
        page.contains("and the deploy begins <time datetime=\"2035-02-04T07:00:00Z\">"),
        "{page}"
    );
    assert!(page.contains("?vote=withdraw"), "{page}");

    let form = site.form("carol", "withdraw").await;
    let back = site.cast("carol", &form, "").await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    assert_eq!(site.newest(1).await, [Kind::Withdrawn]);
}

#[tokio::test]
async fn the_forged_vote_of_the_starter_is_refused_by_the_core() {
    let site = Site::of(&Files::tiers());
    let form = site.form("carol", "approve").await;
    let refused = site.cast("ann", &form, "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert!(
        refused.text.contains("Ann started this rollout"),
        "{}",
        refused.text
    );
    assert_eq!(
        site.newest(1).await,
        [Kind::Denied],
        "and the attempt is recorded"
    );
    let viewer = site.cast("vic", &form, "").await;
    assert_eq!(viewer.status, StatusCode::FORBIDDEN, "{}", viewer.text);
    let again = site.cast("bob", &form, "").await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    assert!(
        again.text.contains("bob has already approved")
            || again.text.contains("Bob has already approved"),
        "{}",
        again.text
    );
}

#[tokio::test]
async fn a_vote_on_what_has_changed_is_refused_and_the_page_says_what() {
    let site = Site::of(&Files::tiers());
    let form = site.form("carol", "approve").await;
    site.meanwhile(
        "ann",
        Verb::Pause {
            reason: Some("numbers look odd".to_owned()),
        },
    )
    .await;
    site.meanwhile(
        "dave",
        Verb::Approve {
            gate: "enterprise-1".to_owned(),
            reason: None,
            digest: None,
        },
    )
    .await;
    site.meanwhile(
        "dave",
        Verb::Withdraw {
            gate: "enterprise-1".to_owned(),
        },
    )
    .await;
    let stale = site.cast("carol", &form, "").await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    for said in [
        "Nothing was done: this changed while the page was open",
        "Paused, by ann (numbers look odd)",
        "Approved: enterprise-1, by dave",
        "Withdrawn: enterprise-1, by dave",
    ] {
        assert!(stale.text.contains(said), "{said}: {}", stale.text);
    }
    assert_eq!(site.newest(1).await, [Kind::Withdrawn], "nothing was asked");
    // The page that says so can be confirmed as it is.
    let form = ["vote", "digest", "seen"].map(|name| (name, field(&stale.text, name)));
    let done = site.cast("carol", &form, "all the same").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
}

#[tokio::test]
async fn a_vote_names_the_plan_that_was_seen() {
    let site = Site::of(&Files::tiers());
    let mut form = site.form("carol", "approve").await;
    form[1].1 = "0".repeat(64);
    let refused = site.cast("carol", &form, "").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(
        refused.text.contains("plan has changed"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn a_rejection_needs_a_reason_and_leaves_the_customer_out() {
    let site = Site::of(&Files::tiers());
    let form = site.form("carol", "reject").await;
    let refused = site.cast("carol", &form, "  ").await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text
    );
    let done = site.cast("carol", &form, "audit week").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(
        site.newest(2).await,
        [Kind::Rejected, Kind::CustomerExcluded]
    );
}

#[tokio::test]
async fn looking_changes_nothing() {
    let site = Site::of(&Files::tiers());
    let before = site.newest(5).await;
    for path in [
        PATH.to_owned(),
        format!("{PATH}?vote=approve"),
        format!("{PATH}?vote=reject"),
        "/rollouts/r1/do/pause".to_owned(),
    ] {
        site.get("carol", &path).await;
    }
    assert_eq!(site.newest(5).await, before);
}
