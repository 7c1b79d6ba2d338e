//! `rollback`: a customer returns to what ran before, by force if a person insists (B10).

mod database;

use policy::{Config, CustomerId};
use project::{Requester, Session, connect, fleet};
use render::{Client, Deploy};
use rollout::{RolloutId, Verb};

use super::act::confirm;
use super::deploy::begun;
use super::drive;
use crate::args::{Global, Rollback};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{open, request};

/// Returns one customer. Where that is an operation of its own, this process drives it, unless another one does.
pub(crate) async fn rollback(
    global: &Global,
    args: Rollback,
    out: Output,
) -> Result<Exit, Failure> {
    if args.data.database {
        return database::rollback(global, args, out).await;
    }
    let requester = open::requester(global, out).await?;
    if args.force {
        let product = open::product(global, out).await?;
        let mut skipped = product.force_skips(&args.customer);
        // An emergency needs no valid files; without them Render is not asked beforehand.
        let files = open::config(global, Output::silent());
        if let Ok(config) = files {
            skipped.extend(replaced(&config, &args.customer, out).await?);
        }
        if skipped.is_empty() {
            out.say("nothing stands in the way; `rollback` without --force does the same");
        }
        for one in &skipped {
            out.say(format_args!("passed over: {one}"));
        }
        let name = args.customer.to_string();
        let what = "This returns the customer whatever stands in the way";
        confirm(&name, args.confirm.as_deref(), what)?;
    }
    let verb = Verb::Rollback {
        customer: args.customer,
        to: args.to,
        force: args.force,
        reason: args.reason,
    };
    let session = open::session(global, Output::silent()).await.ok();
    let session =
        session.filter(|it| !args.detach && connect::client(&it.config, &Output::silent()).is_ok());
    ask(&requester, args.run.rollout, verb, session.as_ref(), out).await
}

/// Files the request. An operation that it begins is driven in the session, if there is one.
async fn ask(
    requester: &Requester,
    run: Option<RolloutId>,
    verb: Verb,
    session: Option<&Session>,
    out: Output,
) -> Result<Exit, Failure> {
    let Some(filed) = request::tell(requester, run, verb, out).await? else {
        return Ok(Exit::Done);
    };
    if let (Some(run), Some(session)) = (begun(&filed.events), session) {
        return drive::drive(session, run, out).await;
    }
    request::say_who_drives(requester, &filed, out).await?;
    Ok(Exit::Done)
}

/// What runs at the customer's services and was not put there by a request of the API: a forced return replaces it.
async fn replaced(config: &Config, id: &CustomerId, out: Output) -> Result<Vec<String>, Failure> {
    let customer = fleet::customer(config, id)?;
    let Ok(client) = connect::client(config, &out) else {
        return Ok(Vec::new());
    };
    let mut replaced = Vec::new();
    for (role, service) in &customer.services {
        if role.as_str() == policy::plan::DATABASE {
            continue;
        }
        let live = live(&client, &service.id).await?;
        let foreign = live.filter(|live| {
            !matches!(
                live.trigger,
                render::Trigger::Api | render::Trigger::Rollback
            )
        });
        replaced.extend(foreign.map(|live| {
            format!(
                "{role}: {} ({}) is live and is replaced",
                live.id, live.trigger
            )
        }));
    }
    Ok(replaced)
}

async fn live(client: &Client, service: &policy::ServiceId) -> render::Result<Option<Deploy>> {
    let is_live = |deploy: &Deploy| deploy.status == render::DeployStatus::Live;
    let deploys = client.deploys_back_to(service, is_live).await?;
    Ok(deploys.entries.into_iter().find(is_live))
}
