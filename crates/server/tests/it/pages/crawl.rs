//! Every link and every form leads somewhere, nothing comes from elsewhere, and no secret is told.

use std::collections::{BTreeSet, VecDeque};

use axum::http::StatusCode;
use regex::Regex;

use super::lab::{CANARY, Files, Site};

/// So many pages are looked at; filters and pages of lists can be combined without end.
const PAGES: usize = 300;

#[tokio::test]
async fn every_link_and_form_leads_somewhere() {
    let site = Site::of(&Files::tiers());
    let links = Regex::new("(href|src|action|hx-get|hx-sse:connect)=\"([^\"]*)\"").unwrap();
    let tags = Regex::new("<[a-z][^>]*>").unwrap();
    for person in ["ann", "carol"] {
        let mut seen = BTreeSet::from(["/".to_owned()]);
        let mut next = VecDeque::from(["/".to_owned()]);
        while let Some(path) = next.pop_front() {
            let answer = site.get(person, &path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(!answer.text.contains(CANARY), "{path}");
            for tag in tags.find_iter(&answer.text) {
                assert!(
                    !tag.as_str().contains(" style=") && !tag.as_str().contains(" onclick"),
                    "{path}: {}",
                    tag.as_str()
                );
            }
            for found in links.captures_iter(&answer.text) {
                let (kind, to) = (&found[1], found[2].replace("&amp;", "&"));
                match to.as_str() {
                    to if to.starts_with("https://")
                        || to.starts_with("data:")
                        || to.starts_with("#i-") => {}
                    to if to.starts_with('#') => {
                        assert!(
                            answer.text.contains(&format!("id=\"{}\"", &to[1..])),
                            "{path}: {to}"
                        );
                    }
                    to if kind == "action" => assert!(is_posted(to), "{path}: {to}"),
                    to if to.starts_with("/live") => {}
                    to => {
                        assert!(to.starts_with('/'), "{path}: {to}");
                        if seen.len() < PAGES && seen.insert(to.to_owned()) {
                            next.push_back(to.to_owned());
                        }
                    }
                }
            }
        }
        assert!(seen.len() > 40, "{seen:?}");
    }
}

/// The addresses to which forms go.
fn is_posted(to: &str) -> bool {
    let ends = [
        "pause",
        "resume",
        "promote",
        "promote-full",
        "retry-failed",
        "retry",
        "skip",
        "abort",
        "abort-rollback",
    ];
    let of_rollout = to
        .strip_prefix("/rollouts/r1/do/")
        .is_some_and(|word| ends.contains(&word));
    of_rollout || to == "/sign-out" || to == "/zone" || to.starts_with("/approvals/r1/")
}

#[tokio::test]
async fn files_are_kept_and_pages_are_not() {
    let site = Site::of(&Files::tiers());
    let page = site.get("carol", "/").await;
    assert_eq!(page.header("cache-control"), "no-store");
    let assets = Regex::new("\"(/assets/[^\"]+)\"").unwrap();
    let named: Vec<String> = assets
        .captures_iter(&page.text)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for name in named {
        let asset = site.get("carol", &name).await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert!(
            asset.header("cache-control").contains("immutable"),
            "{name}"
        );
    }
    assert_eq!(
        site.get("carol", "/assets/style.css").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn customers_are_filtered_sorted_and_cut_into_pages() {
    let site = Site::of(&Files::tiers());
    let all = site.page("carol", "/rollouts/r1/customers").await;
    assert!(all.contains("16 of 16 customers"), "{all}");
    let failed = site
        .page("carol", "/rollouts/r1/customers?state=rolled%20back")
        .await;
    assert!(
        failed.contains("1 of 16 customers") && failed.contains("standard-3"),
        "{failed}"
    );
    let named = site
        .page("carol", "/rollouts/r1/customers?q=ENTER&phase=enterprise")
        .await;
    assert!(named.contains("3 of 16 customers"), "{named}");
    let beyond = site.page("carol", "/rollouts/r1/customers?page=99").await;
    assert!(beyond.contains("16 of 16 customers"), "{beyond}");
}

#[tokio::test]
async fn events_are_read_back_to_the_first() {
    let site = Site::of(&Files::tiers());
    let older = Regex::new("href=\"(/events[^\"]*before=\\d+)\"").unwrap();
    let mut path = "/events?rollout=r1&kind=started".to_owned();
    let mut all = String::new();
    for _ in 0..50 {
        let page = site.page("carol", &path).await;
        let next = older
            .captures(&page)
            .map(|found| found[1].replace("&amp;", "&"));
        all.push_str(&page);
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    assert!(all.contains("Rollout started"), "{path}");
    assert!(!all.contains("Health passed"), "only what was asked for");
}
