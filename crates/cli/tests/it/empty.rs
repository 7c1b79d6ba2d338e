//! Lists with nothing in them: words for people, an empty list for programs.

use sim::http::Clock;
use sim::platform::{Seed, ServiceSeed};

use crate::at_render::{COMMIT, OWNER, Shop};

/// A service that has nothing itself.
const BARE: &str = "srv-bare0000000000000000";

/// What lists where there is nothing to be listed, what it says then, and what programs get; they read a stream line by line.
const LISTS: [(&[&str], &str, &str); 15] = [
    (&["list"], "nothing has been started yet", "[]"),
    (
        &["list", "--versions"],
        "nothing has been started yet",
        "[]",
    ),
    (&["approvals"], "no gate waits for people", "[]"),
    (&["approvals", "--all"], "no rollout has a gate", "[]"),
    (&["alerts"], "nothing has been measured yet", "[]"),
    (
        &["alerts", "list", "--all"],
        "nothing has been measured yet",
        "[]",
    ),
    (&["notifications"], "nothing was told", "[]"),
    (
        &["notifications", "list", "--failed"],
        "everything was delivered",
        "[]",
    ),
    (&["token", "list"], "no token was made yet", "[]"),
    (&["health"], "has an address to ask", "[]"),
    (
        &["env", "list", "acme"],
        "no service of acme has variables",
        "[]",
    ),
    (
        &["render", "services", "--name", "nobody"],
        "no service at Render",
        "[]",
    ),
    (&["render", "env", BARE], "has no variables", "{}"),
    (
        &["render", "deploys", BARE, "--status", "canceled"],
        "has no deploy of that status",
        "[]",
    ),
    (
        &["render", "logs", BARE, "--text", "nothing like that"],
        "has no such lines since",
        "",
    ),
];

/// A shop whose one service has no address, no variables and no logs.
fn bare() -> Shop {
    let shop = Shop::new();
    let service = ServiceSeed {
        owner: OWNER.into(),
        ..ServiceSeed::web(BARE, COMMIT, "v1.0.0")
    };
    let seed = Seed {
        services: vec![service],
        ..Seed::default()
    };
    let now = Clock::real_time().now();
    shop.platform.lock().unwrap().seed(now, seed);
    let customers = format!(
        "customers:\n  acme:\n    tier: demo\n    services:\n      backend: {{ id: {BARE} }}\n"
    );
    shop.project.write("customers.yaml", &customers);
    shop
}

#[test]
fn an_empty_list_is_said_in_words_and_is_empty_for_programs() {
    let shop = bare();
    for (args, words, programs) in LISTS {
        let said = shop.tranche(args);
        assert_eq!(said.exit, 0, "{args:?}: {}", said.err);
        assert_eq!(said.out, "", "{args:?}");
        assert!(said.err.contains(words), "{args:?}: {}", said.err);
        let quiet = shop.tranche(&[args, &["-q"]].concat());
        assert_eq!(
            (quiet.out, quiet.err),
            (String::new(), String::new()),
            "{args:?}"
        );
        let json = shop.tranche(&[args, &["-o", "json"]].concat());
        assert_eq!(json.out.trim(), programs, "{args:?}: {}", json.err);
    }
}
