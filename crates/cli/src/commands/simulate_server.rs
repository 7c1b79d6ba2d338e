//! `render simulate`: a simulated Render over HTTP, with this project's services.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::plan::DATABASE;
use policy::settings::Service;
use policy::{Config, CustomerId, Role, Span};
use project::Folder;
use project::release::Versions;
use project::signals::{StopSignal, stop_signal};
use sim::fault::{
    DeployFault, DeployKind, Fault, FaultKind, HealthFault, Onset, Outcome, Symptom, Trouble,
    WebhookFault,
};
use sim::http::{Clock, Server, Shared, serve, serve_saved};
use sim::platform::{DatabaseSeed, LiveSeed, Seed, ServiceKind, ServiceSeed};
use sim::settings::DEFAULT_API_KEY;
use sim::world::commit_of;
use sim::{Platform, Settings};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::args::{FaultSwitch, FaultWord, Global, SimulateServer};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{open, output_file};

/// How often the repository is asked for new tags.
const LEARN_EVERY: Duration = Duration::from_secs(1);

/// Serves it until somebody stops it.
pub(crate) async fn simulate(
    global: &Global,
    args: &SimulateServer,
    out: Output,
) -> Result<Exit, Failure> {
    let folder = open::folder(global)?;
    let config = folder.load_running(&out)?;
    if let Some(file) = &args.state {
        output_file::refuse(global, file)?;
    }
    let platform = match args.state.as_deref().filter(|file| file.exists()) {
        Some(file) => restored(file)?,
        None => seeded(&folder, &config, args).await,
    };
    let platform = Arc::new(Mutex::new(platform));
    let server = listen(Arc::clone(&platform), args).await?;
    let learning = tokio::spawn(learn(platform, folder, config));
    out.text(server.api_url())?;
    out.say(format_args!(
        "the key is {DEFAULT_API_KEY}; sites answer at http://{}/sites/SERVICE; Ctrl-C ends it",
        server.address()
    ));
    let stopper = server.stopper();
    let signal = tokio::spawn(async move {
        let signal = stop_signal().await;
        stopper.cancel();
        signal
    });
    let end = server.stopped().await;
    learning.abort();
    end.map_err(|source| Failure::failed("failed to serve").caused_by(source))?;
    match signal.is_finished().then_some(signal) {
        Some(signal) => Ok(exit_of(signal.await.ok().and_then(Result::ok))),
        None => Ok(Exit::Done),
    }
}

fn exit_of(signal: Option<StopSignal>) -> Exit {
    match signal {
        Some(StopSignal::Interrupted) => Exit::Interrupted,
        Some(StopSignal::Terminated) | None => Exit::Done,
    }
}

/// Begins to listen.
async fn listen(platform: Shared, args: &SimulateServer) -> Result<Server, Failure> {
    let failed =
        |source| Failure::failed(format!("failed to listen on {}", args.listen)).caused_by(source);
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let served = match &args.state {
        Some(file) => serve_saved(platform, listener, Clock::real_time(), file.clone()),
        None => serve(platform, listener, Clock::real_time()),
    };
    served.map_err(failed)
}

fn restored(file: &Path) -> Result<Platform, Failure> {
    Platform::load(file).map_err(|source| {
        Failure::usage(format!("failed to read the state {}", file.display())).caused_by(source)
    })
}

/// A platform on which the whole fleet runs one version.
async fn seeded(folder: &Folder, config: &Config, args: &SimulateServer) -> Platform {
    let now = Clock::real_time().now();
    let settings = Settings {
        deploy: args.deploy,
        rollback: args.rollback,
        recovery: args.recovery,
        created_for: Span::ZERO,
        public_webhooks: args.public_webhooks,
        ..Settings::default()
    };
    let mut platform = Platform::new(now, settings);
    platform.seed(
        now,
        seed(config, &Versions::read(folder, config).await, &args.running),
    );
    for switch in &args.fault {
        for fault in faults(config, switch) {
            // A fault of a service that does not exist is felt by nobody.
            let _ = platform.arm(now, fault);
        }
    }
    platform
}

/// How late a message to a webhook is that is late.
const LATE: Span = Span::from_secs(60);

/// For so long every database has been there: as far back as it can be restored.
const DATABASE_AGE: Span = Span::from_secs(30 * 24 * 60 * 60);

/// Takes in tags that are made while it goes on, so that their deploys report them; only where asking costs nothing.
async fn learn(platform: Shared, folder: Folder, config: Config) {
    let repository = config.project.repository.as_deref();
    if !repository.is_some_and(|path| folder.dir().join(path).exists()) {
        return;
    }
    loop {
        sleep(LEARN_EVERY).await;
        let seed = Seed {
            versions: Versions::read(&folder, &config).await.by_commit().clone(),
            ..Seed::default()
        };
        // A request that panicked has nothing to do with tags.
        let mut platform = platform.lock().unwrap_or_else(PoisonError::into_inner);
        platform.seed(Clock::real_time().now(), seed);
    }
}

/// The whole fleet, running one version.
pub(super) fn seed(config: &Config, versions: &Versions, running: &str) -> Seed {
    let commit = versions
        .by_commit()
        .iter()
        .find(|(_, version)| *version == running);
    let commit = commit.map_or_else(|| commit_of(running), |(commit, _)| commit.clone());
    let live = LiveSeed {
        commit: commit.as_str().into(),
        version: Some(running.to_owned()),
    };
    let mut seed = Seed {
        versions: versions.by_commit().clone(),
        ..Seed::default()
    };
    for (customer, role, service) in config.fleet.services() {
        let owner = config.project.render.owner.as_deref();
        if role.as_str() == DATABASE {
            let product = &config.project.product;
            seed.databases
                .push(database(product, customer, service, owner));
        } else {
            seed.services
                .push(web(config, customer, role, service, &live));
        }
    }
    seed
}

fn web(
    config: &Config,
    customer: &CustomerId,
    role: &Role,
    service: &Service,
    live: &LiveSeed,
) -> ServiceSeed {
    let mut seed = ServiceSeed::web(service.id.as_str(), "", "");
    seed.name = format!("{}-{customer}-{role}", config.project.product);
    seed.url.clone_from(&service.url);
    seed.live = Some(live.clone());
    let databases = &config.fleet.customers[customer].services;
    if let (Some(service), "backend") = (databases.get(&Role::new(DATABASE)), role.as_str()) {
        let owner = config.project.render.owner.as_deref();
        let database = database(&config.project.product, customer, service, owner);
        let url = database.connection().internal;
        seed.variables.insert("DATABASE_URL".to_owned(), url);
    }
    if role.as_str() == "frontend" {
        seed.kind = ServiceKind::StaticSite;
    }
    if let Some(owner) = &config.project.render.owner {
        seed.owner = owner.as_str().into();
    }
    seed
}

fn database(
    product: &str,
    customer: &CustomerId,
    service: &Service,
    owner: Option<&str>,
) -> DatabaseSeed {
    DatabaseSeed {
        id: service.id.as_str().into(),
        name: format!("{product}-{customer}-database"),
        owner: owner.unwrap_or(sim::platform::DEFAULT_OWNER).into(),
        plan: "basic_1gb".to_owned(),
        age: DATABASE_AGE,
        data: Vec::new(),
    }
}

/// One fault for each service that the switch names.
fn faults(config: &Config, switch: &FaultSwitch) -> Vec<Fault> {
    let concerned = config.fleet.services().filter(|(customer, role, _)| {
        **customer == switch.customer
            && role.as_str() != DATABASE
            && switch.role.as_ref().is_none_or(|wanted| wanted == *role)
    });
    let fault = |service: &Service| Fault {
        service: Some(service.id.as_str().into()),
        times: switch.times,
        kind: kind(switch.what),
    };
    concerned.map(|(_, _, service)| fault(service)).collect()
}

fn kind(what: FaultWord) -> FaultKind {
    let deploy = |outcome| {
        FaultKind::Deploy(DeployFault {
            on: DeployKind::Deploy,
            outcome,
            after: None,
            commit: None,
        })
    };
    let request = |trouble| FaultKind::Request {
        op: Some(sim::api::Op::TriggerDeploy),
        trouble,
    };
    match what {
        FaultWord::BuildFailed => deploy(Outcome::BuildFailed),
        FaultWord::PreDeployFailed => deploy(Outcome::PreDeployFailed),
        FaultWord::UpdateFailed => deploy(Outcome::UpdateFailed),
        FaultWord::Stuck => deploy(Outcome::Stuck),
        FaultWord::Unhealthy => FaultKind::Health(HealthFault {
            symptom: Symptom::Failing,
            commit: None,
            from: Onset::Live,
            until: None,
        }),
        FaultWord::Lost => request(Trouble::Lost),
        FaultWord::NeverSent => request(Trouble::NeverSent),
        FaultWord::AcceptedWithoutBody => request(Trouble::AcceptedWithoutBody),
        FaultWord::WebhookLost => FaultKind::Webhook(WebhookFault::Lost),
        FaultWord::WebhookDoubled => FaultKind::Webhook(WebhookFault::Doubled),
        FaultWord::WebhookLate => FaultKind::Webhook(WebhookFault::Late { by: LATE }),
        FaultWord::WebhookForged => FaultKind::Webhook(WebhookFault::Forged),
    }
}
