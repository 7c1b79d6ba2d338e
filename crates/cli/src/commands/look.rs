//! `status`, `list`, `why` and `approvals`: what is stored, without changing it.

use std::collections::{BTreeMap, BTreeSet};

use engine::StateDir;
use monitor::{Condition, MonitorStore, ServiceKey};
use policy::plan::{LeftOut, LeftOutReason};
use policy::{Config, CustomerId, Role, Timestamp};
use rollout::view::{ProductView, RunView, RunningView};
use rollout::{Hold, Product, RolloutId, UnhealthyTarget};
use serde::Serialize;

use crate::args::{Approvals, Global, Status, Why};
use crate::exit::{Exit, Failure};
use crate::moved::{Moved, moved};
use crate::output::Output;
use crate::project::Folder;
use crate::show::status::Tracked;
use crate::show::{foreign, holds, plan, status, time, zones};
use crate::{engine_room, state};

/// What is said where rollouts would be listed.
const NOTHING_STARTED: &str = "nothing has been started yet; try: tranche start VERSION";

/// Where a rollout stands, and what concerns all of them.
#[derive(Debug, Serialize)]
struct Standing {
    #[serde(flatten)]
    run: RunView,
    product: ProductView,
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
    /// Windows that an unfinished rollout has frozen in another zone than the files mean.
    #[serde(rename = "moved_windows", skip_serializing_if = "Vec::is_empty")]
    moved: Vec<Moved>,
    #[serde(skip)]
    others: Vec<RunView>,
}

/// Shows where one rollout stands.
pub(crate) fn status(global: &Global, args: &Status, out: Output) -> Result<Exit, Failure> {
    let place = state::place(global)?;
    let mut product = state::product(&place)?;
    let now = time::now();
    let mut others = product.overview_at(now);
    let waits = state::waits(&place);
    for run in &mut others {
        waits.mark(run, now);
    }
    let mut run = state::choose(others.clone(), args.rollout)?;
    for phase in &mut run.phases {
        if let Some(hold) = &mut phase.waits_for {
            product.settle_hold(run.id, now, hold);
        }
    }
    let way_out = product.goes_on_by(run.id, now).map(|(text, _)| text);
    others.retain(|other| other.id != run.id && !other.has_ended());
    let config = Folder::find(global).and_then(|folder| folder.load_running(Output::silent()));
    let config = config.ok();
    let mut about = about(config.as_ref(), &product, run.id);
    about.moved = about.moved.or_else(|| state::objection(&place));
    let standing = Standing {
        product: about,
        moved: unfinished_moved(config.as_ref(), &product),
        run,
        way_out,
        others,
    };
    out.data(&standing, || {
        let text = status::status(&standing.run, standing.way_out.as_deref(), now);
        let others = status::others(&standing.others);
        let moved = match zones::moved(&standing.moved, zones::SHOWN) {
            none if none.is_empty() => none,
            moved => format!("\n{moved}"),
        };
        format!(
            "{text}{others}{}{moved}",
            status::product(&standing.product)
        )
    })?;
    if !standing.run.has_ended() {
        state::say_if_undriven(&place, out);
    }
    Ok(Exit::Done)
}

/// What concerns the product now, with the edits that a rollout does not know yet, whether or not an engine has seen them.
fn about(config: Option<&Config>, product: &Product, run: RolloutId) -> ProductView {
    let mut view = product.product_view();
    view.freezes.retain(|(_, until)| *until > time::now());
    let is_unfinished = product
        .run_view(run)
        .is_some_and(|view| !view.has_ended() && matches!(run, RolloutId::Rollout(_)));
    if !is_unfinished {
        // A replan could not bring it an edit any more.
        view.unapplied.clear();
        return view;
    }
    if let (Some(config), Some(plan)) = (config, product.plan(run)) {
        view.unapplied = engine_room::unapplied(config, plan);
    }
    view
}

/// The windows that rollouts go on with in another zone than the files mean.
fn unfinished_moved(config: Option<&Config>, product: &Product) -> Vec<Moved> {
    let moved = config.map(|config| moved(config, product, time::now()));
    let moved = moved.into_iter().flatten();
    moved.filter(|one| one.goes_on).collect()
}

/// Lists all rollouts.
pub(crate) fn list(global: &Global, out: Output) -> Result<Exit, Failure> {
    let runs = state::product(&state::place(global)?)?.overview();
    out.list(&runs, runs.is_empty(), NOTHING_STARTED, || {
        status::list(&runs, time::now())
    })?;
    Ok(Exit::Done)
}

/// What every service runs, as far as rollouts and operations tell (release tracking), and where the monitor saw otherwise.
pub(crate) fn versions(global: &Global, out: Output) -> Result<Exit, Failure> {
    let place = state::place(global)?;
    let mut drifts = drifts(&place)?;
    let mut running = state::product(&place)?.running_versions();
    if !running.is_empty() {
        // Without the project's files there is only what was tracked.
        let files = Folder::find(global).and_then(|folder| folder.load_running(Output::silent()));
        add_untouched(&mut running, files.ok().as_ref());
    }
    let tracked: Vec<Tracked> = running
        .into_iter()
        .map(|running| {
            let key = ServiceKey::new(running.customer.clone(), running.service.clone());
            let drift = drifts.remove(&key);
            Tracked { running, drift }
        })
        .collect();
    out.list(&tracked, tracked.is_empty(), NOTHING_STARTED, || {
        status::versions(&tracked, time::now())
    })?;
    Ok(Exit::Done)
}

/// Adds the services that no rollout has ever looked at: nobody knows what they run.
fn add_untouched(running: &mut Vec<RunningView>, files: Option<&Config>) {
    let customers = files.into_iter().flat_map(|config| &config.fleet.customers);
    let services = customers.flat_map(|(id, customer)| {
        let roles = customer.services.keys();
        let deployed = roles.filter(|role| role.as_str() != policy::plan::DATABASE);
        deployed.map(move |role| (id, role))
    });
    let tracked = running.iter();
    let known: BTreeSet<(CustomerId, Role)> = tracked
        .map(|one| (one.customer.clone(), one.service.clone()))
        .collect();
    for (customer, service) in services {
        if !known.contains(&(customer.clone(), service.clone())) {
            running.push(RunningView {
                customer: customer.clone(),
                service: service.clone(),
                version: None,
                commit: None,
                since: Timestamp::UNIX_EPOCH,
            });
        }
    }
    running.sort_by(|a, b| (&a.customer, &a.service).cmp(&(&b.customer, &b.service)));
}

/// The services in which the monitor has found what we did not put there.
fn drifts(place: &StateDir) -> Result<BTreeMap<ServiceKey, String>, Failure> {
    let Some(store) = MonitorStore::look(place).map_err(state::failure)? else {
        return Ok(BTreeMap::new());
    };
    let open = store.alerts(false).map_err(state::failure)?.into_iter();
    let drifts = open.filter(|alert| alert.condition == Condition::Drift);
    Ok(drifts.map(|alert| (alert.key, alert.reason)).collect())
}

/// Lists the gates of unfinished rollouts.
pub(crate) fn approvals(global: &Global, args: &Approvals, out: Output) -> Result<Exit, Failure> {
    let runs = state::product(&state::place(global)?)?.overview_at(time::now());
    let unfinished = runs.iter().filter(|run| args.all || !run.has_ended());
    let gates: Vec<_> = unfinished
        .flat_map(|run| &run.gates)
        .filter(|gate| args.all || status::is_open(gate))
        .collect();
    let none = match args.all {
        true => "no rollout has a gate that people were asked for",
        false => "no gate waits for people",
    };
    out.list(&gates, gates.is_empty(), none, || {
        status::gates(&gates, time::now())
    })?;
    Ok(Exit::Done)
}

/// Why a customer waits in a rollout.
#[derive(Debug, Serialize)]
struct Reasons<'c> {
    rollout: RolloutId,
    version: String,
    customer: &'c CustomerId,
    state: &'static str,
    /// Why it stands so, of one that failed or was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    holds: Vec<Hold>,
    /// Where a rollback would lead to what was judged unhealthy itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unhealthy_targets: Vec<UnhealthyTarget>,
    product: ProductView,
}

/// Says why a customer waits.
pub(crate) fn why(global: &Global, args: &Why, out: Output) -> Result<Exit, Failure> {
    let place = state::place(global)?;
    let mut product = state::product(&place)?;
    let run = rollout_of(&product, args)?;
    let (rollout, has_ended) = (run.id, run.has_ended());
    let now = time::now();
    let config = Folder::find(global).and_then(|folder| folder.load_running(out));
    let config = config.ok();
    let mut about = about(config.as_ref(), &product, rollout);
    about.moved = about.moved.or_else(|| state::objection(&place));
    let mut customers = run.customers.iter();
    let stands = customers.find(|one| one.customer == args.customer);
    let reasons = Reasons {
        rollout,
        state: stands.map_or("left out", |one| one.state),
        note: stands.and_then(|one| one.note.clone()),
        version: run.version,
        customer: &args.customer,
        holds: state::waits(&place).explain(
            product.why(rollout, &args.customer, now),
            rollout,
            &args.customer,
            now,
        ),
        unhealthy_targets: product.unhealthy_targets_of(rollout, &args.customer),
        product: about,
    };
    let files = config.as_ref();
    let customer = files.and_then(|config| config.fleet.customers.get(&args.customer));
    let zone = customer.and_then(|customer| customer.timezone);
    out.data(&reasons, || {
        let named = format!("{rollout} ({})", reasons.version);
        let heading = match left_out(&product, rollout, &args.customer) {
            Some(why) => format!(
                "{} is left out of {named}: {}",
                args.customer,
                plan::reason(&why.why)
            ),
            None => holds::heading(&args.customer, &named, reasons.state, &reasons.holds),
        };
        let holds = holds::holds(&reasons.holds, zone, now);
        let heading = foreign::line(&heading);
        let targets = reasons.unhealthy_targets.iter();
        let targets = targets.fold(String::new(), |text, target| {
            text + "warning: " + &foreign::line(&target.to_string()) + "\n"
        });
        let product = status::product(&reasons.product);
        let note = match &reasons.note {
            Some(note) if reasons.holds.is_empty() => format!("  {}\n", foreign::line(note)),
            Some(_) | None => String::new(),
        };
        format!("{heading}\n{note}{holds}{targets}{product}")
    })?;
    if !has_ended {
        state::say_if_undriven(&place, out);
    }
    Ok(Exit::Done)
}

/// Why the plan of a rollout has no place for a customer, if it was considered.
fn left_out<'p>(product: &'p Product, run: RolloutId, customer: &CustomerId) -> Option<&'p LeftOut> {
    product.plan(run)?.left_out.get(customer)
}

/// The named rollout, or the newest that has this customer, or has left it out for a reason of its own.
fn rollout_of(product: &Product, args: &Why) -> Result<RunView, Failure> {
    let mut runs = product.overview();
    if args.rollout.is_some() {
        return state::choose(runs, args.rollout);
    }
    runs.retain(|run| {
        let mut planned = run.customers.iter();
        let considered = || {
            left_out(product, run.id, &args.customer)
                .is_some_and(|left_out| left_out.why != LeftOutReason::Excluded)
        };
        planned.any(|one| one.customer == args.customer) || considered()
    });
    // What still waits comes before what is over, and the newest first.
    runs.sort_by_key(|run| (!run.has_ended(), run.requested_at));
    runs.pop().ok_or_else(|| {
        Failure::usage(format!("no rollout has a customer `{}`", args.customer))
            .or_type("tranche customers")
    })
}
