//! The client against a whole simulated Render: a release from first look to rollback, and its faults.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::health::{Check, CheckKind, Profile};
use policy::{ServiceId, Span};
use render::probe::{Checkup, Expectation, History, Network, ProbeSettings, Prober, Subject};
use render::{
    AutoDeploySetting, Client, Deploy, DeployFilter, DeployId, DeploySpec, DeployStatus, Error,
    JobStatus, Priority, Sent, ServiceFilter, ServiceKind, Settings, Trigger, Triggered,
};
use rollout::health::CycleResult;
use secrecy::ExposeSecret;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, Trouble};
use sim::http::{Clock, Server, Shared};
use sim::platform::{DatabaseSeed, Seed, ServiceSeed};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

/// How many times faster than ours the simulated clock runs.
const SPEED: f64 = 200.0;

struct World {
    server: Server,
    platform: Shared,
    client: Client,
    backend: ServiceId,
}

impl World {
    /// Writes the variable that tells the backend its version; thirty others stand beside it.
    async fn sets_its_version(&self, version: &str) {
        let (client, value) = (&self.client, version.into());
        let set = client.set_variable(&self.backend, "VERSION_TAG", &value);
        set.await.unwrap();
        let variables = self.client.variables(&self.backend).await.unwrap();
        assert_eq!(
            (variables.len(), variables["VERSION_TAG"].expose_secret()),
            (31, version)
        );
    }

    async fn new() -> Self {
        let clock = Clock::faster(SPEED);
        let mut platform = sim::Platform::new(clock.now(), sim::Settings::default());
        let backend = ServiceSeed {
            auto_deploy: true,
            variables: (0..30)
                .map(|n| (format!("KEY_{n}"), n.to_string()))
                .collect(),
            ..ServiceSeed::web("srv-backend", OLD, "v1.0.0")
        };
        let database = DatabaseSeed {
            id: "dpg-1".into(),
            name: "db".into(),
            owner: backend.owner.clone(),
            plan: "pro".into(),
            age: Span::ZERO,
            data: Vec::new(),
        };
        let versions = [(NEW.to_owned(), "v1.1.0".to_owned())].into();
        let seed = Seed {
            services: vec![backend],
            databases: vec![database],
            versions,
            ..Seed::default()
        };
        platform.seed(clock.now(), seed);
        let platform = Arc::new(Mutex::new(platform));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = sim::http::serve(Arc::clone(&platform), listener, clock).unwrap();
        let settings = Settings {
            base_url: server.api_url(),
            ..Settings::new(sim::settings::DEFAULT_API_KEY.into())
        };
        let settings = Settings {
            timeout: Duration::from_secs(2),
            ..settings
        };
        Self {
            client: Client::new(&settings).unwrap(),
            server,
            platform,
            backend: "srv-backend".into(),
        }
    }

    fn arm(&self, op: Op, trouble: Trouble) {
        let fault = Fault::everywhere(FaultKind::Request {
            op: Some(op),
            trouble,
        })
        .times(1);
        let mut platform = self.platform.lock().unwrap();
        let now = platform.now();
        platform.arm(now, fault).unwrap();
    }

    /// How many requests for a deploy arrived.
    fn deploy_requests(&self) -> usize {
        let platform = self.platform.lock().unwrap();
        platform
            .requests()
            .changes()
            .iter()
            .filter(|request| request.op == Op::TriggerDeploy)
            .count()
    }

    async fn deploy(&self) -> render::Result<Triggered> {
        self.client
            .trigger(&self.backend, &DeploySpec::commit(NEW))
            .await
    }

    async fn follow(&self, deploy: &DeployId) -> Deploy {
        let end = async {
            loop {
                let deploy = self.client.deploy(&self.backend, deploy).await.unwrap();
                if !deploy.status.is_unfinished() {
                    return deploy;
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(30), end)
            .await
            .expect("the deploy ends")
    }

    async fn cycle(&self, version: &str) -> CycleResult {
        let network = Network::new(["127.0.0.1"]).unwrap();
        let prober = Prober::new(&ProbeSettings {
            network,
            ..ProbeSettings::default()
        })
        .unwrap();
        let checkup = Checkup::new(prober, Some(self.client.clone()));
        let subject = Subject {
            service: self.backend.clone(),
            role: "backend".into(),
            kind: ServiceKind::WebService,
            url: Some(self.server.site_url(&self.backend)),
        };
        let expected = Expectation {
            version: Some(version.to_owned()),
            ..Expectation::default()
        };
        checkup
            .cycle(
                &subject,
                &comprehensive(),
                &expected,
                &mut History::default(),
            )
            .await
            .result()
    }
}

fn comprehensive() -> Profile {
    let database = CheckKind::Database {
        path: "/api/health".to_owned(),
        field: "database".to_owned(),
        equals: "connected".to_owned(),
    };
    let checks = [
        CheckKind::Http("/api/health".to_owned()),
        CheckKind::Version("/api/version".to_owned()),
        database,
        CheckKind::Latency {
            max: Span::from_secs(5),
        },
        CheckKind::ErrorRate { max: 5.0 },
        CheckKind::Baseline { p95_ratio: 2.0 },
    ];
    let checks = checks
        .into_iter()
        .map(|kind| Check { kind, on: None })
        .collect();
    Profile {
        every: Span::from_secs(30),
        pass_after: 1,
        fail_after: 3,
        checks,
    }
}

fn created(triggered: Triggered) -> Deploy {
    let Triggered::Created(deploy) = triggered else {
        panic!("201 names a deploy")
    };
    *deploy
}

#[tokio::test]
async fn a_connection_is_checked_from_the_user_to_the_service() {
    let world = World::new().await;
    assert!(!world.client.user().await.unwrap().email.is_empty());
    let service = world.client.service(&world.backend).await.unwrap();
    let owners = world.client.owners(10).await.unwrap();
    assert!(owners.iter().any(|owner| owner.id == service.owner));
    assert_eq!(
        world.client.owner(&service.owner).await.unwrap().id,
        service.owner
    );
    let web = ServiceFilter {
        kinds: vec![ServiceKind::WebService],
        ..ServiceFilter::default()
    };
    assert_eq!(world.client.services(&web, 10).await.unwrap().len(), 1);
    let none = ServiceFilter {
        kinds: vec![ServiceKind::CronJob, ServiceKind::StaticSite],
        ..web
    };
    assert_eq!(world.client.services(&none, 10).await.unwrap(), []);
    let missing = world
        .client
        .service(&"srv-missing".into())
        .await
        .unwrap_err();
    assert!(
        missing.is_gone() && missing.api().unwrap().request_id.is_some(),
        "{missing:?}"
    );
    assert!(world.client.last_server_time().is_some());
}

#[tokio::test]
async fn a_wrong_key_is_told_apart() {
    let world = World::new().await;
    let settings = Settings {
        base_url: world.server.api_url(),
        ..Settings::new("rnd_wrong".into())
    };
    let error = Client::new(&settings).unwrap().user().await.unwrap_err();
    assert!(error.is_unauthorized());
}

#[tokio::test]
async fn a_release_is_deployed_checked_and_rolled_back() {
    let world = World::new().await;
    let World {
        client, backend, ..
    } = &world;

    let before = render::inspect(client, backend).await.unwrap();
    assert!(before.auto_deploy.is_on() && before.suspended_by.is_none());
    let old = before.live().unwrap().clone();
    assert_eq!(old.commit_id(), Some(OLD));
    let service = client
        .set_auto_deploy(backend, &AutoDeploySetting::OFF)
        .await
        .unwrap();
    assert!(!service.auto_deploy.is_on());

    world.sets_its_version("v1.1.0").await;
    let deploy = created(world.deploy().await.unwrap());
    assert!(deploy.status.is_unfinished());
    assert_eq!(
        (&deploy.trigger, deploy.commit_id()),
        (&Trigger::Api, Some(NEW))
    );
    assert_eq!(world.follow(&deploy.id).await.status, DeployStatus::Live);
    assert_eq!(world.cycle("v1.1.0").await, CycleResult::Passed);
    assert!(matches!(
        world.cycle("v1.0.0").await,
        CycleResult::Failed { .. }
    ));

    let urgent = client.with_priority(Priority::Rollback);
    let back = created(urgent.roll_back(backend, &old.id).await.unwrap());
    assert_eq!(world.follow(&back.id).await.status, DeployStatus::Live);
    let listing = client
        .deploys_back_to(backend, |known| known.id == old.id)
        .await
        .unwrap();
    let statuses: Vec<_> = listing
        .entries
        .into_iter()
        .map(|deploy| (deploy.id, deploy.status))
        .collect();
    let expected = [
        (back.id.clone(), DeployStatus::Live),
        (deploy.id, DeployStatus::Deactivated),
        (old.id.clone(), DeployStatus::Deactivated),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(world.cycle("v1.0.0").await, CycleResult::Passed);

    let since = old.created_at.unwrap() - chrono::TimeDelta::minutes(1);
    let events = client.events(backend, since, 100).await.unwrap();
    let targets: Vec<_> = events
        .iter()
        .filter_map(render::Event::rollback_target)
        .collect();
    assert_eq!(targets, [old.id]);
    client
        .delete_variable(backend, "VERSION_TAG")
        .await
        .unwrap();
    assert!(
        client
            .variable(backend, "VERSION_TAG")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_running_deploy_is_cancelled() {
    let world = World::new().await;
    let deploy = created(world.deploy().await.unwrap());
    world
        .client
        .cancel(&world.backend, &deploy.id)
        .await
        .unwrap();
    assert_eq!(
        world.follow(&deploy.id).await.status,
        DeployStatus::Canceled
    );
    let late = world
        .client
        .cancel(&world.backend, &deploy.id)
        .await
        .unwrap_err();
    assert_eq!(late.sent(), Sent::Refused);
}

#[tokio::test]
async fn a_lost_reply_leaves_one_deploy_to_be_found() {
    let troubles = [
        Trouble::Lost,
        Trouble::Reset { effect: true },
        Trouble::Status {
            status: 500,
            effect: true,
        },
        Trouble::Malformed,
    ];
    for trouble in troubles {
        let world = World::new().await;
        world.arm(Op::TriggerDeploy, trouble.clone());
        let error = world.deploy().await.unwrap_err();
        assert_eq!(
            (error.sent(), world.deploy_requests()),
            (Sent::Ambiguous, 1),
            "{trouble:?}: {error}"
        );
        let newest = world
            .client
            .deploys(&world.backend, &DeployFilter::default(), 1)
            .await
            .unwrap();
        assert_eq!(newest[0].commit_id(), Some(NEW), "{trouble:?}");
    }
}

#[tokio::test]
async fn an_accepted_deploy_is_found_by_looking() {
    let world = World::new().await;
    world.arm(Op::TriggerDeploy, Trouble::AcceptedWithoutBody);
    assert_eq!(world.deploy().await.unwrap(), Triggered::Accepted);
    let newest = world
        .client
        .deploys(&world.backend, &DeployFilter::default(), 1)
        .await
        .unwrap();
    assert_eq!(newest[0].commit_id(), Some(NEW));
}

#[tokio::test]
async fn a_rate_limit_is_obeyed_and_the_deploy_made_once() {
    let world = World::new().await;
    world.arm(Op::TriggerDeploy, Trouble::RateLimited { retry_after: 1 });
    let deploy = created(world.deploy().await.unwrap());
    let deploys = world
        .client
        .deploys(&world.backend, &DeployFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(
        deploys
            .iter()
            .filter(|known| known.commit_id() == Some(NEW))
            .count(),
        1
    );
    assert_eq!(deploys[0].id, deploy.id);
}

#[tokio::test]
async fn a_read_survives_what_passes_and_names_what_does_not() {
    let world = World::new().await;
    for trouble in [
        Trouble::Lost,
        Trouble::Status {
            status: 503,
            effect: false,
        },
        Trouble::Reset { effect: false },
    ] {
        world.arm(Op::GetService, trouble);
        world.client.service(&world.backend).await.unwrap();
    }
    for trouble in [Trouble::Malformed, Trouble::Huge { bytes: 17 << 20 }] {
        world.arm(Op::GetService, trouble.clone());
        let error = world.client.service(&world.backend).await.unwrap_err();
        assert!(
            matches!(error, Error::Unreadable { .. }),
            "{trouble:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_job_runs_to_its_end() {
    let world = World::new().await;
    let job = world
        .client
        .start_job(&world.backend, "npm run migrate")
        .await
        .unwrap();
    let end = async {
        loop {
            let job = world.client.job(&world.backend, &job.id).await.unwrap();
            if !job.status.is_unfinished() {
                return job.status;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(
        timeout(Duration::from_secs(30), end).await.unwrap(),
        JobStatus::Succeeded
    );
}

#[tokio::test]
async fn a_database_is_read_recovered_and_exported() {
    let world = World::new().await;
    let (client, database) = (&world.client, "dpg-1".into());
    assert_eq!(client.postgres(&database).await.unwrap().name, "db");
    let info = client.connection_info(&database).await.unwrap();
    assert!(!format!("{info:?}").contains(info.password.expose_secret()));
    client.recovery(&database).await.unwrap();
    client.start_export(&database).await.unwrap();
    assert_eq!(client.exports(&database).await.unwrap().len(), 1);
}
