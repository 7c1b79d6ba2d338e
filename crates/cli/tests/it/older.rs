//! What is older than what runs is refused, whatever its tag looks like, and what is not sure is said (R14).

use sim::http::Clock;
use sim::platform::ServiceSeed;

use crate::at_render::{OWNER, Shop};

/// A shop whose one customer runs what this tag of the repository names.
fn shop_on(running: &str, tell: impl FnOnce(&Shop)) -> Shop {
    let shop = Shop::new();
    shop.project.repository(&["release-6", "release-7"]);
    tell(&shop);
    let commit = shop.project.git(&["rev-parse", running]);
    let seed = ServiceSeed {
        name: "shop-acme-backend".to_owned(),
        owner: OWNER.into(),
        ..ServiceSeed::web("srv-acme0000000000000000", &commit, running)
    };
    let now = Clock::real_time().now();
    shop.platform.lock().unwrap().add_service(now, seed);
    shop
}

#[test]
fn an_older_release_is_refused_though_it_is_no_semantic_version() {
    let shop = shop_on("release-7", |_| {});
    for command in ["plan", "start"] {
        let said = shop.tranche(&[command, "release-6"]).exits(3);
        let refusal = "acme runs release-7, which is newer than release-6";
        assert!(said.err.contains(refusal), "{}", said.err);
    }
    shop.tranche(&["plan", "release-6", "--allow-downgrade"])
        .succeeds();
}

#[test]
fn history_beats_numbers_and_where_it_has_parted_they_decide_and_it_is_said() {
    let shop = shop_on("2027.01.10", |shop| {
        shop.project.tag("2027.01.10");
        shop.project.tag("v3.0.0");
        shop.project
            .git(&["checkout", "--quiet", "-b", "side", "release-6"]);
        shop.project.tag("2027.02.01");
        shop.project.tag("2026.12.31");
    });
    // Lower numbers, but it came after: a change of scheme is no step back.
    let said = shop.tranche(&["plan", "v3.0.0"]).succeeds();
    assert!(!said.out.contains("warning"), "{}", said.out);
    let said = shop.tranche(&["plan", "2027.02.01"]).succeeds();
    let warning = "warning: acme runs 2027.01.10, whose history and that of 2027.02.01 have parted: by its numbers 2027.02.01 is not older";
    assert!(said.out.contains(warning), "{}", said.out);
    let said = shop
        .tranche(&["plan", "2027.02.01", "-o", "json"])
        .succeeds();
    assert!(said.out.contains("\"diverged\": true"), "{}", said.out);
    shop.tranche(&["plan", "2026.12.31"]).exits(3);
    let said = shop
        .tranche(&["start", "2027.02.01", "--detach"])
        .succeeds();
    assert!(said.err.contains(warning), "{}", said.err);
}

#[test]
fn a_plan_of_a_hotfix_names_who_goes_first() {
    let shop = shop_on("release-7", |shop| {
        shop.project.tag("release-8");
        shop.project
            .write("policies/hotfix.yaml", "policy: hotfix\nbatch: 1\n");
    });
    let plan = ["plan", "release-8", "--hotfix", "--replaces", "release-7"];
    let said = shop.tranche(&plan).succeeds();
    let first = "first, since it runs release-7: acme\n";
    assert!(said.out.contains(first), "{}", said.out);
    let json: serde_json::Value = {
        let mut plan = plan.to_vec();
        plan.extend(["-o", "json"]);
        serde_json::from_str(&shop.tranche(&plan).succeeds().out).unwrap()
    };
    let exposed = serde_json::json!({ "replaces": ["release-7"], "customers": ["acme"] });
    assert_eq!(json["exposed"], exposed);
    let start = ["start", "release-8", "--hotfix", "--replaces", "release-9"];
    let said = shop.tranche(&start).exits(2);
    assert!(said.err.contains("nobody runs release-9"), "{}", said.err);
}
