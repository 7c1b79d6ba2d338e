//! `rollback --database`: a customer returns with its data; what happens is shown first, and always confirmed (B10, T15).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use policy::rules::HookCommand;
use policy::{CustomerId, Timestamp};
use project::connect;
use project::view::requests::{MASK, PlannedRequest, change, read};
use render::{Client, PostgresId, RecoveryStatus};
use rollout::database_connections::{Mention, mention, unclear};
use rollout::recover::{DatabaseReturn, RecoveryWay, ServiceReturn};
use rollout::{DatabaseId, RolloutId, Verb};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;

use super::super::act::confirm;
use crate::args::{Global, Rollback};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::requests::lines;
use crate::show::{escape, time};

/// Returns one customer with its data.
pub(super) async fn rollback(
    global: &Global,
    args: Rollback,
    out: Output,
) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    let mut product = session.backend().product().await?;
    let found = product.database_return(Utc::now(), &args.customer, args.data.at)?;
    let connections = match &found.way {
        RecoveryWay::Render { database, .. } => {
            let client = connect::client(&session.config, &out)?;
            recoverable(&client, database, found.to).await?;
            connections(&client, &args.customer, database, &found.services).await?
        }
        RecoveryWay::Hooks(_) => Connections::new(),
    };
    let preview = Preview::new(&args.customer, &found, &connections);
    if args.data.dry_run {
        out.data(&preview, || preview.text(true))?;
        return Ok(Exit::Done);
    }
    out.say_laid_out(preview.text(false));
    let what = format!(
        "What {} has written since then is not in its data any more",
        args.customer
    );
    confirm(args.customer.as_str(), args.confirm.as_deref(), &what)?;
    let verb = Verb::RollbackDatabase {
        customer: args.customer,
        at: Some(found.to),
        reason: args.reason,
    };
    let drives = Some(&session).filter(|_| !args.detach);
    super::ask(&session.requester, None, verb, drives, out).await
}

/// Whether Render can make a database of that instant.
async fn recoverable(client: &Client, database: &DatabaseId, to: Timestamp) -> Result<(), Failure> {
    let id = PostgresId::from(database.0.as_str());
    let recovery = client.recovery(&id).await?;
    let refused = |text: String| Failure::new(Exit::Refused, text);
    match (recovery.status, recovery.starts_at) {
        (RecoveryStatus::Available, Some(from)) if to < from => {
            let (from, to) = (stamp(from), stamp(to));
            let text =
                format!("Render keeps the data of {database} from {from} on, and {to} is earlier");
            Err(refused(text).or_type(format!(
                "the same command with --at {from}, or a later instant"
            )))
        }
        (RecoveryStatus::Available, _) => Ok(()),
        (RecoveryStatus::BackupNotReady, _) => {
            let text = format!("Render has not made the first backup of {database} yet");
            Err(refused(text).or_type("the same command later"))
        }
        (RecoveryStatus::NotAvailable | RecoveryStatus::Other(_), _) => {
            let text = format!(
                "Render cannot restore {database} to an earlier instant: its plan has no recovery"
            );
            let way_out = "`hooks: { restore_database: ... }` in the policy, if there is a backup of your own";
            Err(refused(text).or_type(way_out))
        }
    }
}

/// By the service's id, the variables that connect to the database.
type Connections = BTreeMap<String, Vec<String>>;

/// Which variables connect to the database; refused where none does, or where one cannot be translated.
async fn connections(
    client: &Client,
    customer: &CustomerId,
    database: &DatabaseId,
    services: &[ServiceReturn],
) -> Result<Connections, Failure> {
    let id = PostgresId::from(database.0.as_str());
    let info = client.connection_info(&id).await?;
    let mut connections = Connections::new();
    for service in services {
        let stored = client.variables(&service.id).await?;
        let mut keys = Vec::new();
        for (key, value) in &stored {
            match mention(value.expose_secret(), &info.parts(database)) {
                Mention::Clear => keys.push(key.clone()),
                Mention::None => {}
                Mention::Unclear => {
                    let text = format!("{customer}/{}: {}", service.role, unclear(key, database));
                    return Err(Failure::new(Exit::Refused, text)
                        .or_type("the same command, once it holds one of the database's URLs"));
                }
            }
        }
        if !keys.is_empty() {
            connections.insert(service.id.to_string(), keys);
        }
    }
    if connections.is_empty() {
        let text = format!(
            "no variable of {customer}'s services connects to {database}, so nothing could be pointed at another"
        );
        return Err(Failure::new(Exit::Refused, text).or_type(format!(
            "tranche env list {customer}  (environment groups are not looked into)"
        )));
    }
    Ok(connections)
}

/// What will happen, for the person who confirms it.
#[derive(Debug, Serialize)]
struct Preview<'p> {
    customer: &'p CustomerId,
    /// The rollout or operation that is taken back.
    takes_back: RolloutId,
    /// The instant whose data is wanted.
    to: Timestamp,
    /// The database of now, which stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'p DatabaseId>,
    /// The commands of the hooks, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<String>,
    /// What is sent to Render, in order, if all goes well.
    requests: Vec<PlannedRequest>,
}

impl<'p> Preview<'p> {
    fn new(customer: &'p CustomerId, found: &'p DatabaseReturn, connections: &Connections) -> Self {
        let mut preview = Self {
            customer,
            takes_back: found.source,
            to: found.to,
            database: None,
            hooks: Vec::new(),
            requests: Vec::new(),
        };
        match &found.way {
            RecoveryWay::Render { database, name } => {
                preview.database = Some(database);
                preview.requests.extend(recovery(database, found.to, name));
            }
            RecoveryWay::Hooks(hooks) => {
                let commands = hooks.iter().map(|hook| match &hook.run {
                    HookCommand::Run(command) => command.clone(),
                    HookCommand::Job { service, command } => format!("{service}: {command}"),
                });
                preview.hooks = commands.collect();
            }
        }
        let keys = |service: &ServiceReturn| {
            connections
                .get(service.id.as_str())
                .map_or(&[][..], Vec::as_slice)
        };
        // What reads another database is pointed at it before any code goes back.
        let services = || found.services.iter().map(|one| (one, keys(one)));
        let connections = services().flat_map(|(one, keys)| connected(one, keys));
        if preview.database.is_some() {
            preview.requests.extend(connections);
        }
        for (service, keys) in services() {
            let code = code(service, !keys.is_empty());
            let variables = restored(service);
            // A deploy reads the variables as they are then; Render's rollback brings its own.
            let (first, then) = match service.target {
                Some(_) => (code, variables),
                None => (variables, code),
            };
            preview.requests.extend(first.into_iter().chain(then));
        }
        preview
    }

    fn text(&self, dry_run: bool) -> String {
        let Self {
            customer,
            takes_back,
            ..
        } = self;
        let to = time::instant(self.to);
        let mut text =
            format!("{customer} returns to the code before {takes_back}, with its data of {to}.\n");
        // Writing to a String cannot fail.
        if !self.hooks.is_empty() {
            let hooks = escape::line(&self.hooks.join("; "));
            let _ = writeln!(text, "First the hooks run: {hooks}");
        }
        let _ = writeln!(
            text,
            "Requests to Render, in order, if all goes well:\n\n{}",
            lines(&self.requests)
        );
        if let Some(database) = self.database {
            let _ = writeln!(
                text,
                "{database} stays as it is, with all that was written since; afterwards customers.yaml and the secrets of {customer} have to name the new one."
            );
        }
        if dry_run {
            text.push_str("Nothing was changed.");
        }
        text.trim_end().to_owned()
    }
}

fn recovery(database: &DatabaseId, to: Timestamp, name: &str) -> [PlannedRequest; 2] {
    [
        change(
            "POST",
            format!("/postgres/{database}/recovery"),
            json!({ "restoreTime": stamp(to), "restoreName": name }),
            "a new database with the data of then",
        ),
        read("/postgres/DATABASE".to_owned(), "until it can be used"),
    ]
}

fn restored(service: &ServiceReturn) -> Vec<PlannedRequest> {
    let write = |key: &String| write(service, key, "as before the rollout, or removed");
    service.restored.iter().map(write).collect()
}

fn connected(service: &ServiceReturn, connections: &[String]) -> Vec<PlannedRequest> {
    let path = format!("/services/{}/env-vars", service.id);
    let mut all = vec![read(path, "back up all variables")];
    let write = |key: &String| write(service, key, "connects to the new database");
    all.extend(connections.iter().map(write));
    all
}

fn write(service: &ServiceReturn, key: &str, purpose: &'static str) -> PlannedRequest {
    let path = format!("/services/{}/env-vars/{key}", service.id);
    change("PUT", path, json!({ "value": MASK }), purpose)
}

fn code(service: &ServiceReturn, reads_it: bool) -> Vec<PlannedRequest> {
    let purpose = match (service.changes, reads_it) {
        (true, _) => "its code from before",
        (false, true) => "the same code once more, to read the new database",
        (false, false) => return Vec::new(),
    };
    let path = format!("/services/{}/deploys", service.id);
    let request = if let Some(target) = &service.target {
        let rollback = format!("/services/{}/rollback", service.id);
        change("POST", rollback, json!({ "deployId": target }), purpose)
    } else {
        let body = json!({ "commitId": service.commit });
        change("POST", path.clone(), body, purpose)
    };
    vec![request, read(format!("{path}/DEPLOY"), "until it is live")]
}

/// As Render takes and gives instants.
fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
