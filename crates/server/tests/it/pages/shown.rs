//! What stands on each page, for whoever may act and whoever may not.

use regex::Regex;

use super::lab::{Files, Site, instant};

/// What a reader gets of a page, without what stands around it: its text with links and buttons.
fn content(page: &str) -> String {
    let main = page.split("<div id=\"live\"").nth(1).unwrap_or(page);
    let main = main.split("</main>").next().unwrap();
    let main = main.split_once('>').map_or(main, |(_, rest)| rest);
    let rules = [
        // Digests and commits follow from files, and files from the lab.
        (r"[0-9a-f]{12,64}", "HASH"),
        (r"seen=\d+", "seen=SEQ"),
        (r#"name="seen" value="\d+""#, r#"name="seen" value="SEQ""#),
        (r"(?s)<svg class=.icon.*?</svg>", ""),
        (r"\n\s*", "\n"),
        (r"\n\n+", "\n"),
    ];
    let content = rules.into_iter().fold(main.to_owned(), |text, (from, to)| {
        Regex::new(from)
            .unwrap()
            .replace_all(&text, to)
            .into_owned()
    });
    content.trim().to_owned()
}

async fn shown(site: &Site, person: &str, path: &str) -> String {
    content(&site.page(person, path).await)
}

/// The approval page of somebody who may approve, of the starter, and of somebody who has.
#[tokio::test]
async fn the_approval_page_shows_what_an_approver_has_to_know() {
    let site = Site::of(&Files::tiers());
    let path = "/approvals/r1/enterprise-1";
    insta::assert_snapshot!("approval_of_an_approver", shown(&site, "carol", path).await);
    insta::assert_snapshot!("approval_of_the_starter", shown(&site, "ann", path).await);
    insta::assert_snapshot!("approval_of_who_has_voted", shown(&site, "bob", path).await);
    insta::assert_snapshot!("approval_of_a_viewer", shown(&site, "vic", path).await);
    let confirm = "/approvals/r1/enterprise-1?vote=approve&seen=100";
    insta::assert_snapshot!("approval_to_confirm", shown(&site, "carol", confirm).await);
    let reject = "/approvals/r1/enterprise-1?vote=reject";
    insta::assert_snapshot!("approval_to_reject", shown(&site, "carol", reject).await);
}

#[tokio::test]
async fn pages_of_a_rollout_show_where_it_stands() {
    let site = Site::of(&Files::tiers());
    insta::assert_snapshot!("rollouts", shown(&site, "vic", "/").await);
    insta::assert_snapshot!(
        "rollout_of_an_operator",
        shown(&site, "ann", "/rollouts/r1").await
    );
    insta::assert_snapshot!(
        "customers_of_a_rollout",
        shown(&site, "vic", "/rollouts/r1/customers?sort=name").await
    );
    insta::assert_snapshot!(
        "customer_that_failed",
        shown(&site, "ann", "/customers/standard-3").await
    );
    insta::assert_snapshot!(
        "customer_that_waits",
        shown(&site, "vic", "/customers/enterprise-1").await
    );
    insta::assert_snapshot!("approvals", shown(&site, "carol", "/approvals").await);
}

#[tokio::test]
async fn only_who_may_press_a_button_has_it_and_others_read_who_may() {
    let site = Site::of(&Files::tiers());
    let path = "/approvals/r1/enterprise-1";
    assert!(site.page("carol", path).await.contains("?vote=approve"));
    let starter = site.page("ann", path).await;
    assert!(!starter.contains("?vote=approve"), "{starter}");
    assert!(
        starter.contains("Ann started this rollout, and another person must approve it"),
        "{starter}"
    );
    let forced = site
        .page("ann", "/approvals/r1/enterprise-1?vote=approve")
        .await;
    assert!(!forced.contains("name=\"vote\""), "no form for who may not");
    assert!(
        site.page("ann", "/rollouts/r1")
            .await
            .contains("/rollouts/r1/do/pause")
    );
    let viewer = site.page("vic", "/rollouts/r1").await;
    assert!(!viewer.contains("/do/"), "{viewer}");
    assert!(
        viewer.contains("vic does not hold the role of operator"),
        "{viewer}"
    );
    assert!(viewer.contains("operators: ann"), "{viewer}");
}

/// Foreign text is text (P53).
#[tokio::test]
async fn hostile_names_are_text() {
    let script = "  - { at: 2035-01-30T11:30:00Z, do: pause, by: ann, reason: \"<b onclick=alert(1)>wait</b>\" }\n";
    let site = Site::of(&Files::tiers().with(script, "2035-01-30T12:00:00Z"));
    let paths = [
        "/",
        "/approvals",
        "/approvals/r1/enterprise-2",
        "/rollouts/r1",
        "/customers",
        "/customers/enterprise-2",
        "/events",
        "/events?kind=%3Cscript%3E&customer=%22%3E%3Cimg",
        "/rollouts/r1/customers?q=%22%3E%3Cscript%3E",
    ];
    for path in paths {
        let page = site.page("carol", path).await;
        assert!(
            !page.contains("<script>") && !page.contains("<img") && !page.contains("<b onclick"),
            "{path}: {page}"
        );
    }
    let page = site.page("carol", "/approvals/r1/enterprise-2").await;
    assert!(page.contains("alert("), "it is shown all the same: {page}");
    for path in [
        "/%3Cscript%3E",
        "/rollouts/%3Cscript%3E",
        "/approvals/r1/%3Cscript%3E",
        "/customers/%3Cscript%3E",
    ] {
        let missing = site.get("carol", path).await;
        assert_eq!(missing.status, 404, "{path}");
        assert!(
            !missing.text.contains("<script>"),
            "{path}: {}",
            missing.text
        );
    }
}

/// Instants stand in the reader's zone and in the customer's.
#[tokio::test]
async fn the_begin_is_told_in_both_zones() {
    let site = Site::of(&Files::tiers());
    let page = site.page("carol", "/approvals/r1/enterprise-1").await;
    assert_eq!(
        instant("2035-02-04T07:00:00Z").to_rfc3339(),
        "2035-02-04T07:00:00+00:00"
    );
    assert!(
        page.contains("<time datetime=\"2035-02-04T07:00:00Z\">Sun 4 Feb 2035, 08:00 CET</time>"),
        "{page}"
    );
    assert!(
        page.contains("02:00 EST</time> (America/New_York)"),
        "{page}"
    );
}

/// An approval that would lapse before it is of use says so.
#[tokio::test]
async fn an_approval_that_comes_too_early_is_told_so() {
    let site = Site::of(&Files::tiers().with("", "2035-01-12T12:00:00Z"));
    let page = site.page("carol", "/approvals/r1/enterprise-1").await;
    assert!(page.contains("Too early:"), "{page}");
    assert!(page.contains("would lapse before that"), "{page}");
}
