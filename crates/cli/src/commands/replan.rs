//! `replan`: applies edited files to what has not started.

use std::collections::BTreeSet;

use policy::plan::{Phase, RunningVersions, compile};
use policy::{CustomerId, PlanInput, PlanScope};
use project::wish::Wish;
use project::{Error, Session};
use rollout::standing::CustomerStanding;
use rollout::{Product, RolloutId};

use crate::args::{Global, Replan};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::difference::{Edited, freezes, phases, text};
use crate::plan::windows;
use crate::show::time;
use crate::{open, request};

/// Applies the files, or shows what that would change.
pub(crate) async fn replan(global: &Global, args: &Replan, out: Output) -> Result<Exit, Failure> {
    let session = open::session_to_plan(global, out).await?;
    if args.diff {
        let run = match args.run.rollout {
            Some(run) => run,
            None => session.requester.only_unfinished().await?,
        };
        return diff(&session, run, out).await;
    }
    let filed = session.wish(args.run.rollout, Wish::Replan).await?;
    if let Some(filed) = filed {
        request::show(session.backend(), &filed.events, out).await?;
        request::say_who_drives(&session.requester, &filed, out).await?;
    }
    Ok(Exit::Done)
}

async fn diff(session: &Session, run: RolloutId, out: Output) -> Result<Exit, Failure> {
    let product = session.backend().product().await?;
    let Some(frozen) = product.plan(run) else {
        return Err(Failure::usage(format!("there is no rollout {run}")).or_type("tranche list"));
    };
    let scope = PlanScope {
        allow_downgrade: true,
        ..PlanScope::default()
    };
    let input = PlanInput::of(&session.config, frozen.release.clone(), scope);
    let edited = compile(&input, &RunningVersions::new(), time::now()).map_err(Error::from)?;
    let (waiting, now) = (waiting(&product, run), time::now());
    let windows = |phase: &Phase| windows::changes(phase, (frozen, &edited), &waiting, now);
    let phases = phases(frozen, &edited, windows).into_iter();
    let freezes = freezes(frozen, &edited).into_iter();
    let differences: Vec<Edited> = phases
        .map(Edited::Phase)
        .chain(freezes.map(Edited::Freeze))
        .collect();
    out.data(&differences, || match differences.is_empty() {
        true => "the files plan the same as the rollout".to_owned(),
        false => text(&differences),
    })?;
    Ok(Exit::Done)
}

/// Who has not started: the only ones whom a new plan reaches.
fn waiting(product: &Product, run: RolloutId) -> BTreeSet<CustomerId> {
    let customers = product.rollout_view(run).map(|view| view.customers);
    let waiting = customers.into_iter().flatten();
    waiting
        .filter(|one| one.state == CustomerStanding::Waiting)
        .map(|one| one.customer)
        .collect()
}
