//! `render check`: the key, the workspace, and every mapped service.

use futures::stream::{self, StreamExt as _};
use policy::plan::DATABASE;
use policy::settings::{AutoDeploy, Service};
use policy::{Config, CustomerId, Role};
use project::connect;
use render::{Client, Owner, OwnerId, PostgresId, ServiceView, User, inspect};
use serde::Serialize;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::count::counted;
use crate::show::table::table;

/// So many services are read at once.
const AT_ONCE: usize = 10;

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Found {
    user: User,
    workspace: Option<Owner>,
    services: Vec<Checked>,
}

/// One service of a customer.
#[derive(Debug, Serialize)]
struct Checked {
    customer: CustomerId,
    service: Role,
    id: String,
    running: Option<String>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

/// Checks what a rollout needs of Render.
pub(crate) async fn check(global: &Global, out: Output) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    let client = connect::client(&config, &out)?;
    let user = client.user().await?;
    let workspace = match &config.project.render.owner {
        Some(owner) => Some(client.owner(&OwnerId::from(owner.as_str())).await?),
        None => None,
    };
    let checks = config
        .fleet
        .services()
        .map(|(id, role, service)| one(&client, &config, id, role, service));
    let services: Vec<Checked> = stream::iter(checks).buffered(AT_ONCE).collect().await;
    let found = Found {
        user,
        workspace,
        services,
    };
    out.data(&found, || found.text())?;
    Ok(if found.problems() == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn one(
    client: &Client,
    config: &Config,
    customer: &CustomerId,
    role: &Role,
    service: &Service,
) -> Checked {
    let mut checked = Checked {
        customer: customer.clone(),
        service: role.clone(),
        id: service.id.to_string(),
        running: None,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    if role.as_str() == DATABASE {
        let id = PostgresId::from(service.id.as_str());
        if let Err(error) = client.postgres(&id).await {
            checked.problems.push(error.to_string());
        }
        return checked;
    }
    match inspect(client, &service.id).await {
        Err(error) => checked.problems.push(error.to_string()),
        Ok(view) => checked.judge(config, service, &view),
    }
    checked
}

impl Checked {
    fn judge(&mut self, config: &Config, service: &Service, view: &ServiceView) {
        let live = view.live().and_then(|deploy| deploy.commit_id());
        self.running = live.map(str::to_owned);
        let render = &config.project.render;
        let mut problem = |wrong: bool, text: String| {
            if wrong {
                self.problems.push(text);
            }
        };
        let owner = view.owner.to_string();
        problem(
            render.owner.as_ref().is_some_and(|wanted| *wanted != owner),
            format!("belongs to the workspace {owner}"),
        );
        problem(view.suspended_by.is_some(), "is suspended".to_owned());
        problem(
            view.auto_deploy.is_on() && render.auto_deploy == AutoDeploy::Refuse,
            "has auto-deploy on".to_owned(),
        );
        if let Some(url) = &service.url {
            problem(!view.answers_at(url), format!("does not answer at {url}"));
        }
        if live.is_none() {
            self.warnings.push("no deploy is live".to_owned());
        }
        if let Some(running) = view.unfinished().next() {
            self.warnings
                .push(format!("the deploy {} is running", running.id));
        }
        self.warnings
            .extend(view.warnings.iter().map(ToString::to_string));
    }

    fn row(&self) -> Vec<String> {
        let found = match (self.problems.as_slice(), self.warnings.as_slice()) {
            ([], []) => "ok".to_owned(),
            ([], warnings) => format!("ok; warning: {}", warnings.join("; ")),
            (problems, _) => format!("problem: {}", problems.join("; ")),
        };
        vec![
            self.customer.to_string(),
            self.service.to_string(),
            self.id.clone(),
            found,
        ]
    }
}

impl Found {
    fn problems(&self) -> usize {
        self.services
            .iter()
            .map(|service| service.problems.len())
            .sum()
    }

    fn text(&self) -> String {
        let workspace = self.workspace.as_ref().map_or_else(
            || "any workspace (tranche.yaml names none)".to_owned(),
            |owner| format!("{} ({})", owner.name, owner.id),
        );
        let rows = self.services.iter().map(Checked::row);
        format!(
            "connected as {}; {workspace}\n\n{}\n\n{}, {}\n",
            self.user.email,
            table(&["CUSTOMER", "SERVICE", "ID", "FOUND"], rows),
            counted(self.services.len(), "service"),
            counted(self.problems(), "problem"),
        )
    }
}
