//! What rollouts leave alone, against a whole simulated Render: groups, files, webhooks, works, records, followed logs.

mod followed_logs;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use futures::TryStreamExt as _;
use policy::Span;
use render::{
    AuditFilter, Client, DeployFilter, DeploySpec, EventKind, MaintenanceFilter, MaintenanceState,
    Metric, NewEnvGroup, NewVariable, NotificationLevel, PostgresChanges, PostgresFilter, Preview,
    ServiceChanges, ServiceFilter, ServiceId, Settings, Thresholds, TimeRange, WebhookTarget,
};
use secrecy::ExposeSecret;
use sim::api::{Answer, ApiRequest};
use sim::http::{Clock, Server, Shared};
use sim::platform::{DEFAULT_OWNER, DatabaseSeed, MaintenanceRun, Seed, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;

const COMMIT: &str = "1111111111111111111111111111111111111111";

struct World {
    server: Server,
    platform: Shared,
    client: Client,
    backend: ServiceId,
}

fn seed(now: sim::ids::Timestamp) -> Seed {
    let run = MaintenanceRun {
        id: "mrn-1".into(),
        kind: "database_upgrade".to_owned(),
        resource: "dpg-1".to_owned(),
        scheduled_at: now + TimeDelta::days(30),
    };
    let database = DatabaseSeed {
        id: "dpg-1".into(),
        name: "db".to_owned(),
        owner: DEFAULT_OWNER.into(),
        plan: "pro".to_owned(),
        age: Span::ZERO,
        data: Vec::new(),
    };
    let image = ServiceSeed {
        image: Some("docker.io/acme/worker:1".to_owned()),
        ..ServiceSeed::web("srv-image", COMMIT, "v1.0.0")
    };
    Seed {
        services: vec![ServiceSeed::web("srv-backend", COMMIT, "v1.0.0"), image],
        databases: vec![database],
        maintenance: vec![run],
        ..Seed::default()
    }
}

impl World {
    async fn new() -> Self {
        let clock = Clock::faster(100.0);
        let mut platform = sim::Platform::new(clock.now(), sim::Settings::default());
        platform.seed(clock.now(), seed(clock.now()));
        let platform = Arc::new(Mutex::new(platform));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = sim::http::serve(Arc::clone(&platform), listener, clock).unwrap();
        let settings = Settings {
            base_url: server.api_url(),
            ..Settings::new(DEFAULT_API_KEY.into())
        };
        Self {
            client: Client::new(&settings).unwrap(),
            server,
            platform,
            backend: "srv-backend".into(),
        }
    }

    /// The variables that the newest deploy runs with.
    fn deployed(&self, key: &str) -> Option<String> {
        let platform = self.platform.lock().unwrap();
        let service = platform.service(&self.backend).unwrap();
        service
            .deploys
            .last()
            .unwrap()
            .variables
            .0
            .get(key)
            .cloned()
    }

    fn now(&self) -> sim::ids::Timestamp {
        self.platform.lock().unwrap().now()
    }

    /// Breaks every websocket.
    async fn cut(&self) {
        let url = format!("{}/cut", self.server.control_url());
        let reply = reqwest::Client::new().post(url).send().await.unwrap();
        assert!(reply.status().is_success());
    }
}

#[test]
fn the_simulator_answers_every_endpoint() {
    let now = Clock::real_time().now();
    for endpoint in include_str!("endpoints.txt").lines() {
        let mut platform = sim::Platform::new(now, sim::Settings::default());
        platform.seed(now, seed(now));
        let (method, path) = endpoint.split_once(' ').unwrap();
        let Answer::Reply(reply) =
            platform.handle(now, &ApiRequest::new(method, path, DEFAULT_API_KEY, None))
        else {
            panic!("{endpoint}: no reply")
        };
        let message = reply.value()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_ne!(message, format!("not found: {path}"), "{endpoint}");
    }
}

#[test]
fn the_executor_makes_no_call_that_is_not_for_rollouts() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/executor")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("admin("), "{} (P12)", path.display());
            read += 1;
        }
    }
    assert!(read > 5);
}

#[tokio::test]
async fn a_group_reaches_its_services_with_the_next_deploy_and_never_beats_their_own() {
    let world = World::new().await;
    let (client, backend) = (&world.client, &world.backend);
    client
        .set_variable(backend, "OWN", &"mine".into())
        .await
        .unwrap();
    let value = |text: &str| NewVariable::Value(text.into());
    let new = NewEnvGroup {
        name: "shared".to_owned(),
        owner: DEFAULT_OWNER.into(),
        variables: [
            ("OWN".to_owned(), value("theirs")),
            ("LEVEL".to_owned(), value("info")),
        ]
        .into(),
        secret_files: [("ca.pem".to_owned(), "cert".into())].into(),
        services: Vec::new(),
    };
    let group = client.admin().create_env_group(&new).await.unwrap();
    client
        .admin()
        .link_env_group(&group.id, backend)
        .await
        .unwrap();
    client
        .admin()
        .set_env_group_variable(&group.id, "LEVEL", &"debug".into())
        .await
        .unwrap();
    client
        .trigger(backend, &DeploySpec::LastBuild)
        .await
        .unwrap();
    assert_eq!(world.deployed("OWN").as_deref(), Some("mine"));
    assert_eq!(world.deployed("LEVEL").as_deref(), Some("debug"));
    assert!(client.variable(backend, "LEVEL").await.unwrap().is_none());
    let listed: Vec<_> = client.env_groups(None).try_collect().await.unwrap();
    assert_eq!((listed.len(), listed[0].variables.len()), (1, 0));
    let whole = client.env_group(&group.id).await.unwrap();
    assert_eq!(
        (
            whole.services.len(),
            whole.variables.len(),
            whole.secret_files.len()
        ),
        (1, 2, 1)
    );
    let file = client.env_group_file(&group.id, "ca.pem").await.unwrap();
    assert_eq!(file.unwrap().expose_secret(), "cert");
    client
        .admin()
        .unlink_env_group(&group.id, backend)
        .await
        .unwrap();
    client.admin().delete_env_group(&group.id).await.unwrap();
    client.admin().delete_env_group(&group.id).await.unwrap();
    assert!(client.env_group(&group.id).await.unwrap_err().is_gone());
}

#[tokio::test]
async fn a_changed_group_deploys_the_services_that_deploy_by_themselves() {
    let world = World::new().await;
    let (client, backend) = (&world.client, &world.backend);
    client
        .set_auto_deploy(backend, &render::AutoDeploySetting::ON)
        .await
        .unwrap();
    let new = NewEnvGroup {
        name: "shared".to_owned(),
        owner: DEFAULT_OWNER.into(),
        variables: BTreeMap::default(),
        secret_files: BTreeMap::default(),
        services: vec![backend.clone()],
    };
    let group = client.admin().create_env_group(&new).await.unwrap();
    let before = client
        .deploys(backend, &DeployFilter::default(), 10)
        .await
        .unwrap()
        .len();
    client
        .admin()
        .set_env_group_variable(&group.id, "A", &"x".into())
        .await
        .unwrap();
    let after = client
        .deploys(backend, &DeployFilter::default(), 10)
        .await
        .unwrap()
        .len();
    assert_eq!(after, before + 1);
}

#[tokio::test]
async fn files_and_whole_sets_are_written_and_replaced() {
    let world = World::new().await;
    let (admin, backend) = (world.client.admin(), &world.backend);
    admin
        .set_secret_file(backend, "key", &"k1".into())
        .await
        .unwrap();
    let files = [("other".to_owned(), "o".into())].into();
    admin.replace_secret_files(backend, &files).await.unwrap();
    assert!(
        world
            .client
            .secret_file(backend, "key")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(world.client.secret_files(backend).await.unwrap().len(), 1);
    admin.delete_secret_file(backend, "other").await.unwrap();
    let one = admin.generate_variable(backend, "S").await.unwrap();
    let two = admin.generate_variable(backend, "S").await.unwrap();
    assert_ne!(one.expose_secret(), two.expose_secret());
    let set = [("ONLY".to_owned(), NewVariable::Generated)].into();
    admin.replace_variables(backend, &set).await.unwrap();
    let keys = world.client.variables(backend).await.unwrap();
    assert_eq!(keys.into_keys().collect::<Vec<_>>(), ["ONLY"]);
}

#[tokio::test]
async fn a_service_is_changed_scaled_previewed_and_deleted() {
    let world = World::new().await;
    let (client, admin, backend) = (&world.client, world.client.admin(), &world.backend);
    let changes = ServiceChanges {
        name: Some("renamed".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        admin.update_service(backend, &changes).await.unwrap().name,
        "renamed"
    );
    admin.scale(backend, 3).await.unwrap();
    assert_eq!(client.instances(backend).await.unwrap().len(), 3);
    admin
        .set_autoscaling(backend, 1..=5, &Thresholds::default())
        .await
        .unwrap();
    let render::Details::Server(server) = client.service(backend).await.unwrap().details else {
        panic!("a web service is a server")
    };
    assert_eq!(server.autoscaling.unwrap().max, Some(5));
    admin.remove_autoscaling(backend).await.unwrap();
    admin.purge_cache(backend).await.unwrap();
    admin.restart(backend).await.unwrap();
    let preview = Preview {
        image: "docker.io/acme/worker:2".to_owned(),
        name: None,
        plan: None,
    };
    assert!(admin.create_preview(backend, &preview).await.is_err());
    let made = admin
        .create_preview(&"srv-image".into(), &preview)
        .await
        .unwrap();
    assert_eq!(
        made.service.image_path.as_deref(),
        Some("docker.io/acme/worker:2")
    );
    admin
        .set_notification_level(backend, &NotificationLevel::All)
        .await
        .unwrap();
    assert_eq!(
        client.notification_level(backend).await.unwrap(),
        NotificationLevel::All
    );
    admin.suspend(backend).await.unwrap();
    assert!(client.service(backend).await.unwrap().is_suspended());
    admin.resume(backend).await.unwrap();
    admin.delete_service(backend).await.unwrap();
    admin.delete_service(backend).await.unwrap();
    let left = client.services_stream(&ServiceFilter::default());
    assert_eq!(left.try_collect::<Vec<_>>().await.unwrap().len(), 2);
}

#[tokio::test]
async fn works_of_renders_own_are_seen_and_moved() {
    let world = World::new().await;
    let client = &world.client;
    let soon = MaintenanceFilter {
        states: vec![MaintenanceState::Scheduled],
        ..Default::default()
    };
    let runs = client.maintenance_runs(&soon).await.unwrap();
    assert_eq!((runs.len(), runs[0].resource.as_str()), (1, "dpg-1"));
    let later = world.now() + TimeDelta::days(60);
    client
        .admin()
        .reschedule_maintenance(&runs[0].id, later)
        .await
        .unwrap();
    let moved = client
        .maintenance_run(&runs[0].id)
        .await
        .unwrap()
        .scheduled_at;
    assert_eq!(moved.unwrap().timestamp(), later.timestamp());
    client
        .admin()
        .trigger_maintenance(&runs[0].id)
        .await
        .unwrap();
    let state = client.maintenance_run(&runs[0].id).await.unwrap().state;
    assert_ne!(state, MaintenanceState::Scheduled);
}

#[tokio::test]
async fn webhooks_and_records_tell_what_happened() {
    let world = World::new().await;
    let (client, backend) = (&world.client, &world.backend);
    let owner = DEFAULT_OWNER.into();
    let mut target = WebhookTarget {
        name: "tranche".to_owned(),
        url: "https://releases.example/render".to_owned(),
        enabled: true,
        events: vec![EventKind::DeployStarted],
    };
    let hook = client
        .admin()
        .create_webhook(&owner, &target)
        .await
        .unwrap();
    render::WebhookVerifier::new(&hook.secret.clone().unwrap()).unwrap();
    client
        .set_variable(backend, "A", &"x".into())
        .await
        .unwrap();
    client
        .trigger(backend, &DeploySpec::LastBuild)
        .await
        .unwrap();
    let sent = async || -> Vec<_> {
        let deliveries = client.webhook_deliveries(&hook.id);
        deliveries.try_collect().await.unwrap()
    };
    let mut tries = 0;
    while sent().await.is_empty() {
        tries += 1;
        assert!(tries < 1_000, "no message was looked at");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sent: Vec<render::WebhookDelivery> = sent().await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].event_type, EventKind::DeployStarted);
    // Nothing leaves this machine unless somebody asks for it.
    assert_eq!(sent[0].status_code, None);
    assert!(
        sent[0]
            .error
            .as_ref()
            .unwrap()
            .contains("loopback addresses only")
    );
    target.enabled = false;
    assert!(
        !client
            .admin()
            .update_webhook(&hook.id, &target)
            .await
            .unwrap()
            .enabled
    );
    assert_eq!(
        client
            .webhooks(&[owner])
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .len(),
        1
    );
    client.admin().delete_webhook(&hook.id).await.unwrap();
    let entries = client.audit_logs(&DEFAULT_OWNER.into(), &AuditFilter::default());
    let entries: Vec<_> = entries.try_collect().await.unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(names, ["UpdateEnvVarsEvent"], "a deploy leaves no entry");
}

#[tokio::test]
async fn databases_are_listed_changed_and_deleted() {
    let world = World::new().await;
    let (client, admin) = (&world.client, world.client.admin());
    let named = PostgresFilter {
        name: Some("db".to_owned()),
        ..Default::default()
    };
    let id = client.databases(&named, 5).await.unwrap().remove(0).id;
    let changes = PostgresChanges {
        plan: Some("pro_plus".to_owned()),
        ..Default::default()
    };
    let database = admin.update_database(&id, &changes).await.unwrap();
    assert_eq!(database.plan.as_deref(), Some("pro_plus"));
    admin.suspend_database(&id).await.unwrap();
    admin.resume_database(&id).await.unwrap();
    admin.restart_database(&id).await.unwrap();
    admin.fail_over_database(&id).await.unwrap();
    admin.delete_database(&id).await.unwrap();
    let all = client.databases_stream(&PostgresFilter::default());
    assert_eq!(all.try_collect::<Vec<_>>().await.unwrap(), []);
}

#[tokio::test]
async fn figures_without_data_stay_empty() {
    let world = World::new().await;
    let range = TimeRange {
        start: world.now() - TimeDelta::hours(1),
        end: world.now(),
        resolution_seconds: 60,
    };
    let cpu = world
        .client
        .metric(&Metric::Cpu, "srv-backend", &range)
        .await
        .unwrap();
    assert_eq!(cpu, []);
    let filters = world
        .client
        .http_filters(&world.backend, &range)
        .await
        .unwrap();
    assert!(filters.iter().any(|filter| filter.filter == "statusCode"));
}
