//! Deploys of single services in one page: every web service of a workspace gets a commit, three at once, and the numbers after.
//!
//! ```console
//! $ tranche -C examples/securewatch render simulate --listen 127.0.0.1:8081
//! $ export RENDER_API_URL=http://127.0.0.1:8081/v1 RENDER_API_KEY=rnd_simulated
//! $ cargo run --package programs --bin batch-deploy -- 3333333333333333333333333333333333333333
//! ```
#![expect(clippy::print_stdout, reason = "a program for people")]

mod keeper;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use engine::service_deploys::{AT_ONCE, ServiceDeployer};
use engine::{DeploysOf, EngineOptions, StateDir};
use policy::health::Profile;
use policy::{Config, File, Release, Sources};
use render::executor::{ExecutorSettings, RenderExecutor};
use render::probe::{ProbeSettings, Prober};
use render::{Client, Service, ServiceFilter, ServiceKind, Settings};
use rollout::{Actor, ServiceDeploy};

use self::keeper::Keeper;

/// So many services are deployed.
const MOST: usize = 6;

/// So long answers that are under way are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let commit = arguments
        .next()
        .ok_or("usage: batch-deploy COMMIT [FOLDER]")?;
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    let config = config()?;
    let client = Client::new(&Settings::from_env()?)?;
    let web = ServiceFilter {
        kinds: vec![ServiceKind::WebService],
        ..ServiceFilter::default()
    };
    let services = client.services(&web, MOST).await?;
    let state = StateDir::of_project(Path::new(&folder));
    let deployer = deployer(&client, &config, &state, &folder)?;

    let batch = services.iter().map(|one| deploy(&config, one, &commit));
    let batch = deployer
        .deploy_all(batch.collect(), AT_ONCE, "an example")
        .await?;
    println!("{} ended {:?}", batch.operation, batch.outcome);
    for one in &batch.customers {
        println!("  {} is {}", one.customer, one.state);
    }
    for one in deployer.history(&DeploysOf::default(), 10)? {
        println!("  {}/{}: {:?}", one.customer, one.service, one.outcome);
    }
    let numbers = deployer.statistics(24, Utc::now())?;
    println!("{} deploys in 24 hours", numbers.total.deploys);
    deployer.shut_down(GRACE).await?;
    Ok(())
}

/// A project of nothing but names: what a deploy needs comes with the deploy.
fn config() -> Result<Config, Box<dyn Error>> {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = Sources {
        project: file("tranche.yaml", "product: example\npeople: { me: {} }\n"),
        customers: file("customers.yaml", "customers: {}\n"),
        policies: vec![file("policies/all.yaml", "policy: all\n")],
        unread: Vec::new(),
        calendars: Vec::new(),
    };
    let mistakes = |mistakes: Vec<policy::Diagnostic>| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        mistakes.join("\n")
    };
    Ok(policy::parse::load(&sources).map_err(mistakes)?)
}

fn deployer(
    client: &Client,
    config: &Config,
    state: &StateDir,
    folder: &str,
) -> Result<ServiceDeployer, Box<dyn Error>> {
    let keeper = Arc::new(Keeper::open(state)?);
    let prober = Prober::new(&ProbeSettings::default())?;
    let settings = ExecutorSettings::of(&config.project, folder);
    let deployer = ServiceDeployer::start(
        state,
        config.project.clone(),
        Actor::person("me"),
        EngineOptions::default(),
        |inlet| {
            let told = inlet.clone();
            let notices = move |notice| told.notice(notice);
            let (sources, backups) = (Arc::clone(&keeper), keeper);
            Box::new(RenderExecutor::new(
                client, prober, settings, sources, backups, notices,
            ))
        },
    )?;
    Ok(deployer)
}

/// One service, watched for a second after it is live. Nothing is asked of its address, which here does not exist.
fn deploy(config: &Config, service: &Service, commit: &str) -> ServiceDeploy {
    let release = Release {
        version: commit[..commit.len().min(7)].to_owned(),
        commit: commit.to_owned(),
    };
    let customer = ServiceDeploy::alone(&service.name, service.id.clone(), None);
    let id = service.name.as_str().into();
    ServiceDeploy {
        watch: policy::Span::from_secs(1),
        profile: Profile {
            checks: Vec::new(),
            ..Profile::basic()
        },
        ..ServiceDeploy::new(
            &config.project,
            id,
            customer,
            ServiceDeploy::ALONE.into(),
            release,
        )
    }
}
