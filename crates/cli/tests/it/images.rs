//! Services that run an image instead of a build: deployed, found again, returned, and told of by name.

use serde_json::Value;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Symptom, Trouble};
use sim::http::Clock;
use sim::platform::{ServiceSeed, Status};

use crate::at_render::{COMMIT, Shop};
use crate::project::Said;

const ACME: &str = "srv-acme0000000000000000";

/// The backend of a shop, set to run an image.
struct Images(Shop);

impl Images {
    fn new() -> Self {
        let shop = Shop::new();
        let site = shop.server.site_url(&ACME.into());
        shop.project.edit("customers.yaml", |text| {
            text.replace("https://shop-acme-backend.onrender.com", &site)
        });
        shop.project.edit("tranche.yaml", |text| {
            let text = text.replace(
                "render: {",
                "render: { url: \"http://127.0.0.1:1/v1\", settle: 1s, poll: { from: 30ms, to: 60ms },",
            );
            format!(
                "{text}network: {{ allow: [127.0.0.0/8] }}\n\
                 health: {{ basic: {{ every: 50ms, fail_after: 2, checks: [ {{ http: /api/health }} ] }} }}\n"
            )
        });
        let now = Clock::real_time().now();
        let mut platform = shop.platform.lock().unwrap();
        let settings = platform.settings_mut();
        settings.deploy = "200ms".parse().unwrap();
        settings.rollback = "100ms".parse().unwrap();
        let seed = ServiceSeed {
            name: "shop-acme-backend".to_owned(),
            owner: crate::at_render::OWNER.into(),
            url: Some(site),
            image: Some("acme/worker:1.3".to_owned()),
            ..ServiceSeed::web(ACME, "unused", "1.3")
        };
        platform.add_service(now, seed);
        drop(platform);
        Self(shop)
    }

    fn deploy(&self, image: &str) -> Said {
        let args = ["deploy", "acme/backend", "--image", image, "--reason", "x"];
        self.0.tranche(&args)
    }

    fn arm(&self, kind: FaultKind, times: u32) {
        let fault = Fault::of(&ACME.into(), kind).times(times);
        let mut platform = self.0.platform.lock().unwrap();
        platform.arm(Clock::real_time().now(), fault).unwrap();
    }

    /// What was asked for at Render, in order.
    fn asked(&self) -> Vec<String> {
        let platform = self.0.platform.lock().unwrap();
        let service = ACME.into();
        let deploys = platform.requests().deploys_of(&service);
        deploys
            .filter_map(|request| request.summary.clone())
            .collect()
    }

    /// The image that is live, by its digest.
    fn live(&self) -> String {
        let platform = self.0.platform.lock().unwrap();
        let service = platform.service(&ACME.into()).unwrap();
        service.live_deploy().unwrap().digest.clone().unwrap()
    }

    fn events(&self, kind: &str) -> Vec<Value> {
        let said = self.0.tranche(&["events"]).succeeds();
        let events = said
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        events
            .filter(|event: &Value| event["kind"] == kind)
            .collect()
    }
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

#[test]
fn an_image_is_deployed_by_its_digest_and_told_by_its_name() {
    let images = Images::new();
    let exact = format!("docker.io/acme/worker@{}", digest('a'));
    let said = images.deploy(&format!("acme/worker@{}", digest('a')));
    assert!(said.succeeds().out.contains("acme/backend: live"));
    assert_eq!(images.live(), digest('a'));
    assert_eq!(
        images.asked(),
        [format!("imageUrl={exact} clearCache=do_not_clear")]
    );
    assert_eq!(images.events("deploy_live")[0]["commit"], exact.as_str());

    let shown = |args: &[&str]| images.0.tranche(args).succeeds().out;
    let deploys: Value = serde_json::from_str(&shown(&["deploys", "acme", "-o", "json"])).unwrap();
    assert_eq!(deploys["backend"][0]["source"], exact.as_str());
    assert_eq!(deploys["backend"][0]["digest"], digest('a').as_str());
    assert_eq!(deploys["backend"][0]["rollout"], "o1");
    assert_eq!(deploys["backend"][1]["source"], "docker.io/acme/worker:1.3");
    for args in [
        &["status", "o1"][..],
        &["list", "--versions"],
        &["deploys", "acme"],
        &["render", "deploys", "acme/backend"],
        &["report", "o1"],
    ] {
        let shown = shown(args);
        assert!(
            shown.contains("worker@sha256:aaaaaaaaaaaa"),
            "{args:?}: {shown}"
        );
    }
    images.0.tranche(&["verify"]).succeeds();
}

#[test]
fn a_lost_reply_is_found_again_however_the_image_was_written() {
    let images = Images::new();
    images.arm(
        FaultKind::Request {
            op: Some(Op::TriggerDeploy),
            trouble: Trouble::Lost,
        },
        1,
    );
    // Render names the registry and the library, whatever it was asked for.
    images.deploy("acme/worker:1.4").succeeds();
    assert_eq!(images.asked().len(), 1, "{:?}", images.asked());
    assert_eq!(images.events("deploy_adopted").len(), 1);
    let live = format!("docker.io/acme/worker@{}", images.live());
    assert_eq!(images.events("deploy_live")[0]["commit"], live.as_str());
}

#[test]
fn an_unhealthy_image_goes_back_to_the_deploy_before() {
    let images = Images::new();
    let before = images.live();
    images.arm(unhealthy(), 1);
    let said = images.deploy("acme/worker:1.4").exits(1);
    assert!(said.out.contains("acme is rolled back"), "{}", said.out);
    assert_eq!(images.live(), before);
    let commit = images.events("rollback_live")[0]["commit"].clone();
    assert_eq!(commit, format!("docker.io/acme/worker@{before}").as_str());
}

#[test]
fn where_a_rollback_is_refused_exactly_the_image_before_is_deployed_though_its_tag_has_moved() {
    let images = Images::new();
    let before = images.live();
    {
        let mut platform = images.0.platform.lock().unwrap();
        let live = platform
            .service(&ACME.into())
            .unwrap()
            .live
            .clone()
            .unwrap();
        let now = Clock::real_time().now();
        platform.purge_artefact(now, &ACME.into(), &live).unwrap();
        platform
            .push_image("acme/worker:1.3", "something else")
            .unwrap();
    }
    images.arm(unhealthy(), 1);
    images.deploy("acme/worker:1.4").exits(1);
    let exact = format!("imageUrl=docker.io/acme/worker@{before} clearCache=do_not_clear");
    assert_eq!(images.asked().last(), Some(&exact));
    assert_eq!(images.live(), before);
}

fn unhealthy() -> FaultKind {
    FaultKind::Health(HealthFault {
        symptom: Symptom::Failing,
        commit: None,
        from: Onset::Live,
        until: None,
    })
}

#[test]
fn what_a_service_cannot_run_is_refused_before_anything_begins() {
    let images = Images::new();
    for (image, hint) in [
        ("acme/worker", "acme/worker:TAG"),
        ("acme/worker@sha256:12", "64 hexadecimal digits"),
        ("https://acme/worker:1", "REGISTRY/NAME:TAG"),
    ] {
        let said = images.deploy(image).exits(2);
        assert!(said.err.contains(hint), "{}", said.err);
    }
    let said = images.deploy("acme/other:1.4").exits(3);
    assert!(said.err.contains("only the tag or digest"), "{}", said.err);
    let commit = [
        "deploy",
        "acme/backend",
        "--commit",
        COMMIT,
        "--reason",
        "x",
    ];
    let said = images.0.tranche(&commit).exits(3);
    assert!(
        said.err
            .contains("it runs the image docker.io/acme/worker:1.3"),
        "{}",
        said.err
    );
    let built = [
        "deploy",
        "blog",
        "--image",
        "acme/worker:1.4",
        "--reason",
        "x",
    ];
    let said = images.0.tranche(&built).exits(3);
    assert!(
        said.err.contains("it is built from a repository"),
        "{}",
        said.err
    );
    images.0.project.repository(&["v1.0.0"]);
    let said = images.0.tranche(&["start", "v1.0.0"]).exits(3);
    assert!(said.err.contains("it runs the image"), "{}", said.err);
    assert_eq!(images.asked(), [""; 0]);
}

#[test]
fn an_image_that_somebody_else_deploys_is_drift() {
    let images = Images::new();
    images.deploy("acme/worker:1.4").succeeds();
    let drift = || images.0.tranche(&["monitor", "--once"]).succeeds();
    drift();
    assert_eq!(
        images
            .0
            .tranche(&["alerts", "-o", "json"])
            .succeeds()
            .out
            .trim(),
        "[]"
    );
    let body = sim::platform::TriggerBody {
        image_url: Some("acme/worker:1.5".to_owned()),
        ..sim::platform::TriggerBody::default()
    };
    {
        let mut platform = images.0.platform.lock().unwrap();
        let now = Clock::real_time().now();
        platform.settings_mut().deploy = policy::Span::ZERO;
        platform.trigger_deploy(now, &ACME.into(), &body).unwrap();
        platform.advance(now);
        let live = platform.service(&ACME.into()).unwrap().live_deploy();
        assert_eq!(live.map(|live| live.status), Some(Status::Live));
    }
    drift();
    let said = images.0.tranche(&["alerts"]).succeeds();
    assert!(
        said.out.contains("runs image worker@sha256:"),
        "{}",
        said.out
    );
}
