//! `rollback`: a customer returns to what ran before, by force if a person insists (B10).

mod database;

use policy::{Config, CustomerId};
use render::{Client, Deploy};
use rollout::{RolloutId, Verb};

use super::act::confirm;
use super::ask::{Asker, Desk};
use super::deploy::begun;
use super::drive;
use crate::args::{Global, Rollback};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::{connect, fleet, state};

/// Returns one customer. Where that is an operation of its own, this process drives it, unless another one does.
pub(crate) async fn rollback(
    global: &Global,
    args: Rollback,
    out: Output,
) -> Result<Exit, Failure> {
    if args.data.database {
        return database::rollback(global, args, out).await;
    }
    let asker = Asker::open(global, out)?;
    if args.force {
        let product = state::product(&state::place(global)?)?;
        let mut skipped = product.force_skips(&args.customer);
        // An emergency needs no valid files; without them Render is not asked beforehand.
        let files = Folder::find(global).and_then(|folder| folder.load_running(Output::silent()));
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
    let desk = Desk::open(global, Output::silent()).ok();
    let desk =
        desk.filter(|desk| !args.detach && connect::client(&desk.config, Output::silent()).is_ok());
    request(&asker, args.run.rollout, verb, desk.as_ref(), out).await
}

/// Files the request. An operation that it begins is driven from the desk, if there is one.
async fn request(
    asker: &Asker,
    run: Option<RolloutId>,
    verb: Verb,
    desk: Option<&Desk>,
    out: Output,
) -> Result<Exit, Failure> {
    let Some(filed) = asker.tell(run, verb).await? else {
        return Ok(Exit::Done);
    };
    if let (Some(run), Some(desk)) = (begun(&filed.events), desk) {
        return drive::drive(desk, run, out).await;
    }
    asker.say_who_drives(&filed)?;
    Ok(Exit::Done)
}

/// What runs at the customer's services and was not put there by a request of the API: a forced return replaces it.
async fn replaced(config: &Config, id: &CustomerId, out: Output) -> Result<Vec<String>, Failure> {
    let customer = fleet::customer(config, id)?;
    let Ok(client) = connect::client(config, out) else {
        return Ok(Vec::new());
    };
    let mut replaced = Vec::new();
    for (role, service) in &customer.services {
        if role.as_str() == policy::plan::DATABASE {
            continue;
        }
        let live = live(&client, &service.id).await.map_err(connect::failure)?;
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
