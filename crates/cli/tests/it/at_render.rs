//! Commands that look at Render, and those that find the fleet there.

use std::sync::{Arc, Mutex};

use policy::Span;
use sim::api::ApiRequest;
use sim::http::{Clock, Server, Shared, serve};
use sim::platform::{DatabaseSeed, Seed, ServiceKind, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::project::{Project, Said};

pub(crate) const OWNER: &str = "tea-acmeacmeacmeacmeacme";
pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";

const PROJECT: &str =
    "product: shop\nrepository: repository\nrender: { owner: tea-acmeacmeacmeacmeacme }\n";

const CUSTOMERS: &str = "\
# The fleet of the shop.
customers:
  acme: # the first
    tier: demo
    services:
      backend: { id: srv-acme0000000000000000, url: \"https://shop-acme-backend.onrender.com\" }
";

const POLICY: &str = "policy: demo\nbatch: all\n";

/// A project, and a simulated Render with more than the project knows.
pub(crate) struct Shop {
    pub(crate) project: Project,
    pub(crate) platform: Shared,
    pub(crate) server: Server,
    /// Keeps the server going.
    runtime: Runtime,
}

fn service(id: &str, name: &str) -> ServiceSeed {
    ServiceSeed {
        name: name.to_owned(),
        owner: OWNER.into(),
        variables: [("JWT_SECRET".to_owned(), "hunter2".to_owned())].into(),
        ..ServiceSeed::web(id, COMMIT, "v1.0.0")
    }
}

fn seed() -> Seed {
    let frontend = ServiceSeed {
        kind: ServiceKind::StaticSite,
        domains: vec!["new.example".to_owned()],
        ..service("srv-newf0000000000000000", "shop-new-corp-frontend")
    };
    let database = DatabaseSeed {
        id: "dpg-acme0000000000000000-a".into(),
        name: "shop-acme-db".to_owned(),
        owner: OWNER.into(),
        plan: "pro".to_owned(),
        age: Span::ZERO,
        data: Vec::new(),
    };
    Seed {
        services: vec![
            service("srv-acme0000000000000000", "shop-acme-backend"),
            service("srv-newb0000000000000000", "shop-new-corp-backend"),
            frontend,
            service("srv-other000000000000000", "blog"),
        ],
        databases: vec![database],
        ..Seed::default()
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let clock = Clock::real_time();
        let mut platform = sim::Platform::new(clock.now(), sim::Settings::default());
        platform.seed(clock.now(), seed());
        let platform = Arc::new(Mutex::new(platform));
        let server = {
            let _inside = runtime.enter();
            serve(Arc::clone(&platform), listener, clock).unwrap()
        };
        let project = Project::new();
        for entry in std::fs::read_dir(project.path().join("policies")).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        std::fs::remove_dir_all(project.path().join("scenarios")).unwrap();
        project.write("tranche.yaml", PROJECT);
        project.write("customers.yaml", CUSTOMERS);
        project.write("policies/demo.yaml", POLICY);
        Self {
            project,
            platform,
            server,
            runtime,
        }
    }

    pub(crate) fn tranche(&self, args: &[&str]) -> Said {
        let url = self.server.api_url();
        let env = [
            ("RENDER_API_URL", url.as_str()),
            ("RENDER_API_KEY", DEFAULT_API_KEY),
        ];
        self.project.tranche_with(args, &env)
    }

    /// Render is gone, with every connection.
    pub(crate) fn stop(&mut self) {
        self.server.stopper().cancel();
        let address = self.server.address();
        while std::net::TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Render is back where it was.
    pub(crate) fn go_on(&mut self) {
        let listener = TcpListener::bind(self.server.address());
        let listener = self.runtime.block_on(listener).unwrap();
        let _inside = self.runtime.enter();
        let platform = Arc::clone(&self.platform);
        self.server = serve(platform, listener, Clock::real_time()).unwrap();
    }

    pub(crate) fn restart(&self, id: &str) {
        let mut platform = self.platform.lock().unwrap();
        let now = Clock::real_time().now();
        platform.restart(now, &id.into()).unwrap();
    }

    fn customers(&self) -> String {
        std::fs::read_to_string(self.project.path().join("customers.yaml")).unwrap()
    }
}

#[test]
fn services_are_listed_by_filter() {
    let shop = Shop::new();
    let all = shop.tranche(&["render", "services"]).succeeds();
    assert_eq!(all.out.lines().count(), 5, "{}", all.out);
    let sites = shop.tranche(&["render", "services", "--type", "static_site", "-o", "json"]);
    let sites: serde_json::Value = serde_json::from_str(&sites.succeeds().out).unwrap();
    assert_eq!(sites[0]["name"], "shop-new-corp-frontend");
    assert_eq!(sites.as_array().unwrap().len(), 1);
    let wrong = shop
        .tranche(&["render", "services", "--type", "website"])
        .exits(2);
    assert!(wrong.err.contains("static_site"), "{}", wrong.err);
    shop.tranche(&["render", "services", "--limit", "0"])
        .exits(2);
}

#[test]
fn webhooks_of_this_project_are_listed_and_removed_without_their_secret() {
    let shop = Shop::new();
    let none = shop.tranche(&["render", "webhooks"]).succeeds();
    assert!(none.err.contains("no webhook"), "{}", none.err);
    for (name, url) in [
        ("tranche shop", "https://releases.example/render/webhook"),
        ("chat", "https://chat.example/T0/verysecret"),
    ] {
        let body = serde_json::json!({
            "ownerId": OWNER, "name": name, "url": url, "enabled": true, "eventFilter": [],
        });
        let request = ApiRequest::new("POST", "/webhooks", DEFAULT_API_KEY, Some(&body));
        let mut platform = shop.platform.lock().unwrap();
        platform.handle(Clock::real_time().now(), &request);
    }
    let (list, remove) = (["render", "webhooks"], ["render", "webhooks", "--remove"]);
    for args in [&list[..], &[&list[..], &["-o", "json"]].concat(), &remove] {
        let said = shop.tranche(args).succeeds();
        let all = format!("{}{}", said.out, said.err);
        assert!(
            said.out.contains("https://releases.example/render/webhook"),
            "{all}"
        );
        assert!(
            !all.contains("whsec_") && !all.contains("verysecret"),
            "{all}"
        );
    }
    let again = shop.tranche(&remove).succeeds();
    assert!(again.err.contains("no webhook"), "{}", again.err);
    let platform = shop.platform.lock().unwrap();
    let left: Vec<_> = platform.webhooks().map(|hook| &hook.target.name).collect();
    assert_eq!(left, ["chat"]);
}

#[test]
fn values_of_variables_stay_hidden_where_no_terminal_is() {
    let shop = Shop::new();
    for format in ["text", "json", "yaml"] {
        let said = shop
            .tranche(&["render", "env", "acme/backend", "-o", format])
            .succeeds();
        assert!(
            said.out.contains("JWT_SECRET") && said.out.contains("****"),
            "{}",
            said.out
        );
        assert!(!said.out.contains("hunter2"), "{}", said.out);
    }
    let refused = shop
        .tranche(&["render", "env", "acme/backend", "--reveal"])
        .exits(2);
    assert!(
        refused.err.contains("on a terminal only"),
        "{}",
        refused.err
    );
    assert!(!refused.out.contains("hunter2"));
}

#[test]
fn a_service_is_meant_by_its_id_its_customer_or_its_name() {
    let shop = Shop::new();
    for meant in [
        "acme/backend",
        "srv-acme0000000000000000",
        "shop-acme-backend",
    ] {
        let said = shop.tranche(&["render", "deploys", meant]).succeeds();
        assert!(
            said.out.contains("live") && said.out.contains("1111111111"),
            "{}",
            said.out
        );
    }
    let unknown = shop.tranche(&["render", "deploys", "shop-acme"]).exits(2);
    assert!(
        unknown.err.contains("no service is called `shop-acme`"),
        "{}",
        unknown.err
    );
    let customer = shop.tranche(&["render", "env", "acme"]).exits(2);
    assert!(
        customer
            .err
            .contains("try: the same command with acme/backend"),
        "{}",
        customer.err
    );
    let role = shop
        .tranche(&["render", "deploys", "acme/frontend"])
        .exits(2);
    assert!(
        role.err.contains("acme has no service `frontend`"),
        "{}",
        role.err
    );
    let gone = shop.tranche(&["render", "deploys", "srv-none"]).exits(2);
    assert!(gone.err.contains("404"), "{}", gone.err);
}

#[test]
fn logs_are_printed_oldest_first_and_by_filter() {
    let shop = Shop::new();
    shop.restart("srv-acme0000000000000000");
    let said = shop.tranche(&["render", "logs", "acme/backend"]).succeeds();
    assert!(said.out.contains("==> Restarted"), "{}", said.out);
    let errors = shop
        .tranche(&["render", "logs", "acme/backend", "--level", "error"])
        .succeeds();
    assert_eq!(errors.out, "");
    let lines = shop.tranche(&[
        "render",
        "logs",
        "acme/backend",
        "--text",
        "Restart",
        "-o",
        "json",
    ]);
    let line: serde_json::Value = serde_json::from_str(lines.succeeds().out.trim()).unwrap();
    assert_eq!(line["message"], "==> Restarted");
    let both = [
        "render",
        "logs",
        "acme/backend",
        "--follow",
        "--end",
        "2027-01-11T09:00:00Z",
    ];
    shop.tranche(&both).exits(2);
}

#[test]
fn deploys_of_a_customer_are_shown_by_service() {
    let shop = Shop::new();
    let said = shop
        .tranche(&["deploys", "acme", "--limit", "2"])
        .succeeds();
    assert!(said.out.starts_with("SERVICE"), "{}", said.out);
    assert!(said.out.contains("backend"), "{}", said.out);
    let json = shop.tranche(&["deploys", "acme", "-o", "json"]).succeeds();
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["backend"][0]["status"], "live");
    assert_eq!(
        json["backend"][0].get("rollout"),
        None,
        "somebody else deployed it"
    );
    shop.tranche(&["deploys", "acne"]).exits(2);
}

#[test]
fn discover_shows_what_is_new_and_writes_only_when_asked() {
    let shop = Shop::new();
    let said = shop.tranche(&["customers", "discover"]).succeeds();
    assert!(said.out.contains("new-corp  frontend"), "{}", said.out);
    assert!(said.out.contains("https://new.example"), "{}", said.out);
    assert!(!said.out.contains("blog"), "{}", said.out);
    assert!(said.err.contains("nothing was written"), "{}", said.err);
    assert_eq!(shop.customers(), CUSTOMERS);
    let no_tier = shop.tranche(&["customers", "discover", "--write"]).exits(2);
    assert!(no_tier.err.contains("new-corp is new"), "{}", no_tier.err);
    assert_eq!(shop.customers(), CUSTOMERS);
    let write = ["customers", "discover", "--write", "--tier", "demo"];
    shop.tranche(&write).succeeds();
    let added = "      database: { id: dpg-acme0000000000000000-a }
  new-corp:
    tier: demo
    services:
      backend: { id: srv-newb0000000000000000, url: \"https://shop-new-corp-backend.onrender.com\" }
      frontend: { id: srv-newf0000000000000000, url: \"https://new.example\" }
";
    assert_eq!(shop.customers(), format!("{CUSTOMERS}{added}"));
    shop.tranche(&["validate"]).succeeds();
    let again = shop.tranche(&write).succeeds();
    assert_eq!(again.out, "");
    assert_eq!(shop.customers(), format!("{CUSTOMERS}{added}"));
}

#[test]
fn discover_reports_what_vanished_and_what_disagrees() {
    let shop = Shop::new();
    shop.project.edit("customers.yaml", |text| {
        let moved = text.replace("shop-acme-backend.onrender.com", "elsewhere.example");
        format!("{moved}      worker: {{ id: srv-gone0000000000000000 }}\n")
    });
    let said = shop
        .tranche(&["customers", "discover", "-o", "json"])
        .exits(1);
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let what = |what: &str| {
        let findings = found["findings"].as_array().unwrap().iter();
        findings
            .filter(|one| one["what"] == what)
            .map(|one| one["service"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(what("vanished"), ["worker"]);
    assert_eq!(what("differs"), ["backend"]);
    assert_eq!(found["written"], false);
}

#[test]
fn discover_adds_addresses_that_are_missing_and_names_what_was_made_anew() {
    let shop = Shop::new();
    let url = ", url: \"https://shop-acme-backend.onrender.com\"";
    shop.project
        .edit("customers.yaml", |text| text.replacen(url, "", 1));
    assert_ne!(shop.customers(), CUSTOMERS, "the fixture has an address");
    let said = shop.tranche(&["customers", "discover"]).succeeds();
    assert!(said.out.contains("no url"), "{}", said.out);
    let write = ["customers", "discover", "--write", "--tier", "demo"];
    shop.tranche(&write).succeeds();
    assert!(
        shop.customers().starts_with(CUSTOMERS),
        "{}",
        shop.customers()
    );

    shop.project.edit("customers.yaml", |text| {
        text.replacen("srv-acme", "srv-gone", 1)
    });
    let said = shop.tranche(&["customers", "discover"]).exits(1);
    assert!(
        said.out
            .contains("has this id any more; shop-acme-backend is srv-acme"),
        "{}",
        said.out
    );
}

#[test]
fn a_pattern_of_ones_own_finds_other_names() {
    let shop = Shop::new();
    let args = [
        "customers",
        "discover",
        "--pattern",
        "shop-{customer}-corp-{role}",
    ];
    let said = shop.tranche(&args).succeeds();
    assert!(said.out.contains("new   new       backend"), "{}", said.out);
    let bad = shop
        .tranche(&["customers", "discover", "--pattern", "shop-{customer}"])
        .exits(2);
    assert!(
        bad.err.contains("needs {customer} and {role}"),
        "{}",
        bad.err
    );
}

#[test]
fn a_customer_is_added_by_its_name_alone() {
    let shop = Shop::new();
    let add = [
        "customers",
        "add",
        "new-corp",
        "--tier",
        "demo",
        "--name",
        "New Corp",
    ];
    let said = shop.tranche(&add).succeeds();
    assert!(
        said.out.contains("srv-newf0000000000000000"),
        "{}",
        said.out
    );
    assert!(
        shop.customers().starts_with(CUSTOMERS),
        "{}",
        shop.customers()
    );
    let shown = shop.tranche(&["customers", "show", "new-corp"]).succeeds();
    assert!(shown.out.contains("New Corp, tier demo"), "{}", shown.out);
    let again = shop.tranche(&add).exits(3);
    assert!(again.err.contains("in the file already"), "{}", again.err);
    let nothing = shop
        .tranche(&["customers", "add", "nobody", "--tier", "demo"])
        .exits(2);
    assert!(
        nothing.err.contains("--service backend=ID"),
        "{}",
        nothing.err
    );
    let by_id = [
        "customers",
        "add",
        "blog",
        "--tier",
        "demo",
        "--service",
        "backend=srv-other000000000000000",
        "--weight",
    ];
    let nothing = shop.tranche(&[&by_id[..], &["0"]].concat()).exits(2);
    assert!(nothing.err.contains("1..=1000000000"), "{}", nothing.err);
    shop.tranche(&[&by_id[..], &["250"]].concat()).succeeds();
    let shown = shop.tranche(&["customers", "show", "blog"]).succeeds();
    assert!(shown.out.contains("weight  250"), "{}", shown.out);
    assert!(
        shop.customers().contains("https://blog.onrender.com"),
        "{}",
        shop.customers()
    );
}

#[test]
fn a_file_that_would_no_longer_be_valid_is_not_written() {
    let shop = Shop::new();
    shop.project.write("customers.yaml", "customers: { acme: { tier: demo, services: { backend: { id: srv-acme0000000000000000 } } } }\n");
    let before = shop.customers();
    let refused = shop
        .tranche(&["customers", "add", "new-corp", "--tier", "demo"])
        .exits(3);
    assert!(refused.err.contains("by hand"), "{}", refused.err);
    assert_eq!(shop.customers(), before);
}
