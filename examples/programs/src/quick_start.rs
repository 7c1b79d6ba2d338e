//! The client in one page: who the key belongs to, its services, and one service's variables, deploys and logs.
//!
//! ```console
//! $ tranche -C examples/securewatch render simulate --listen 127.0.0.1:8081
//! $ RENDER_API_URL=http://127.0.0.1:8081/v1 RENDER_API_KEY=rnd_simulated cargo run --package programs --bin quick-start
//! ```
#![expect(clippy::print_stdout, reason = "a program for people")]

use chrono::{TimeDelta, Utc};
use render::{Client, DeployFilter, LogFilter, Result, Service, ServiceFilter, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let client = Client::new(&Settings::from_env()?)?;
    let user = client.user().await?;
    println!("connected as {}", user.email);
    let services = client.services(&ServiceFilter::default(), 10).await?;
    for service in &services {
        println!("{}  {}  {}", service.id, service.kind, service.name);
    }
    let with_address = services.iter().find(|service| service.url().is_some());
    match with_address {
        Some(service) => show(&client, service).await,
        None => Ok(()),
    }
}

/// What there is to know of one service. Values of variables are secrets: only their names are shown.
async fn show(client: &Client, service: &Service) -> Result<()> {
    println!("\n{}:", service.name);
    for name in client.variables(&service.id).await?.keys() {
        println!("  variable {name}");
    }
    let newest = client
        .deploys(&service.id, &DeployFilter::default(), 5)
        .await?;
    for deploy in newest {
        let what = deploy.commit_id().unwrap_or("an image");
        println!("  deploy {} of {what} is {}", deploy.id, deploy.status);
    }
    let since = Utc::now() - TimeDelta::hours(1);
    let lines = LogFilter::of(service.owner.clone(), service.id.clone(), since);
    for line in client.logs(&lines, 20).await? {
        println!("  {} {}", line.timestamp, line.message);
    }
    Ok(())
}
