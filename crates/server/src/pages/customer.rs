//! What runs at one customer, how did it come there, and what does it wait for?

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use policy::CustomerId;
use policy::calendar::{WindowSpec, ZoneSpec};
use policy::settings::Customer;
use project::links;
use project::view::Reasons;
use project::{DeploysOf, ErrorKind};
use rollout::report::{DeployDirection, DeployOutcome, DeployRecord};

use super::controls::{Control, Wanted, of_customer};
use super::reader::{Frame, Reader, Section};
use super::time::Shown;
use super::words::{Badge, Tone};
use super::{PageProblem, fleet, html};
use crate::app::App;
use crate::problem::Problem;

/// So many deploys are shown.
const DEPLOYS_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    frame: Frame,
    id: String,
    name: String,
    tier: String,
    zone: &'static str,
    tags: String,
    pin: Option<(String, Option<Shown>, Option<String>)>,
    windows: Vec<String>,
    services: Vec<Service>,
    stands: Option<Stands>,
    controls: Vec<Control>,
    not_yours: Vec<String>,
    history: Vec<Deploy>,
}

/// A service and what runs there.
struct Service {
    role: String,
    id: String,
    url: Option<String>,
    version: String,
    commit: Option<String>,
    since: Option<Shown>,
}

/// How it stands in a rollout.
struct Stands {
    run: String,
    version: String,
    badge: Badge,
    note: Option<String>,
    holds: Vec<Hold>,
    has_ended: bool,
}

/// Why it waits.
struct Hold {
    text: String,
    whom: String,
    since: Option<Shown>,
    until: Option<Shown>,
    link: Option<String>,
    way_out: Option<String>,
}

/// A deploy in a line.
struct Deploy {
    at: Shown,
    service: String,
    version: String,
    run: String,
    badge: Badge,
    reason: Option<String>,
    took: Option<String>,
}

pub(super) async fn customer(
    State(app): State<App>,
    mut reader: Reader,
    Path(id): Path<String>,
) -> Result<Html<String>, PageProblem> {
    let id = CustomerId::new(id);
    let known = fleet::known(&app, &reader).remove(&id);
    let reasons = reasons(&app, &reader, &id).await?;
    let planned = reasons
        .as_ref()
        .and_then(|one| reader.product.plan(one.rollout)?.customers.get(&id));
    let known = known.or_else(|| planned.map(|planned| planned.customer.clone()));
    let Some(known) = known else {
        let message = format!("there is no customer `{id}`");
        let way_out = "the list of customers names them all".to_owned();
        return Err(PageProblem::from(Problem::not_found(message, way_out)).back_to("/customers"));
    };
    let (controls, not_yours) = match &reasons {
        Some(Reasons {
            rollout,
            state: Some(state),
            has_ended: false,
            ..
        }) => of_customer(&mut reader, *rollout, id.as_str(), *state),
        Some(_) | None => (Vec::new(), Vec::new()),
    };
    let of = DeploysOf {
        customer: Some(id.clone()),
        ..DeploysOf::default()
    };
    let deploys = app.backend().deploys(of, DEPLOYS_SHOWN).await?;
    html(&CustomerPage {
        frame: reader.frame(Section::Customers),
        id: id.to_string(),
        name: known.name.clone(),
        tier: known.tier.clone(),
        zone: known.zone(&reader.who.project).name(),
        tags: known.tags.iter().cloned().collect::<Vec<_>>().join(", "),
        pin: known.pin.as_ref().map(|pin| {
            (
                pin.version.clone(),
                pin.until.map(|at| reader.clock.at(at)),
                pin.reason.clone(),
            )
        }),
        windows: windows(&reader, reasons.as_ref(), &id, &known),
        services: services(&reader, &id, &known),
        stands: reasons.map(|reasons| Stands::of(&reader, reasons)),
        controls,
        not_yours,
        history: deploys
            .into_iter()
            .map(|one| Deploy::of(&reader, one))
            .collect(),
    })
}

/// How it stands in the newest rollout that knows it; `None`: none does.
async fn reasons(
    app: &App,
    reader: &Reader,
    id: &CustomerId,
) -> Result<Option<Reasons>, PageProblem> {
    let files = || app.files().config().cloned();
    match Reasons::read(&**app.backend(), None, id, files, reader.now()).await {
        Ok((reasons, _)) => Ok(Some(reasons)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Usage | ErrorKind::Absent | ErrorKind::Refused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn services(reader: &Reader, id: &CustomerId, known: &Customer) -> Vec<Service> {
    let running = reader.product.running_versions();
    let service = |(role, service): (&policy::Role, &policy::settings::Service)| {
        let mut own = running.iter().filter(|one| one.customer == *id);
        let runs = own.find(|one| one.service == *role);
        Service {
            role: role.to_string(),
            id: service.id.to_string(),
            url: service.url.clone().filter(|url| is_web(url)),
            version: runs
                .and_then(|one| one.version.clone())
                .unwrap_or_else(|| "unknown".to_owned()),
            commit: runs
                .and_then(|one| one.commit.as_ref())
                .map(|commit| commit.chars().take(12).collect()),
            since: runs
                .filter(|one| one.since != policy::Timestamp::UNIX_EPOCH)
                .map(|one| reader.clock.apart(one.since)),
        }
    };
    known.services.iter().map(service).collect()
}

/// Only what leads to a page becomes a link.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// In words, the windows of its phase and its own.
fn windows(
    reader: &Reader,
    reasons: Option<&Reasons>,
    id: &CustomerId,
    known: &Customer,
) -> Vec<String> {
    let phase = reasons.and_then(|one| {
        let plan = reader.product.plan(one.rollout)?;
        let planned = plan.customers.get(id)?;
        plan.phases.get(planned.phase)
    });
    let of_phase = phase.into_iter().flat_map(|phase| {
        let windows = phase.policy.window.iter();
        windows.map(|window| {
            format!(
                "{}, by the policy {}",
                in_words(window, known.zone(&reader.who.project).name()),
                phase.policy.name
            )
        })
    });
    let own = known.window.iter();
    let own = own.map(|window| {
        format!(
            "{}, its own",
            in_words(window, known.zone(&reader.who.project).name())
        )
    });
    of_phase.chain(own).collect()
}

fn in_words(window: &WindowSpec, customer: &str) -> String {
    let zone = match window.zone {
        ZoneSpec::Customer => customer,
        ZoneSpec::Zone(zone) => zone.name(),
    };
    format!("{} for {} in {zone}", window.cron, window.duration)
}

impl Stands {
    fn of(reader: &Reader, reasons: Reasons) -> Self {
        let run = reasons.rollout;
        let hold = |hold: rollout::Hold| Hold {
            text: hold.text,
            whom: hold.owner.to_string(),
            since: hold.since.map(|at| reader.clock.apart(at)),
            until: hold.until.map(|at| {
                reader
                    .clock
                    .both(at, reader.zone_of(run, &reasons.customer))
            }),
            link: hold.gate.map(|gate| links::gate(run, &gate.to_string())),
            way_out: hold.way_out,
        };
        Self {
            run: run.to_string(),
            version: reasons.version,
            badge: reasons
                .state
                .map_or_else(|| Badge::new(Tone::Idle, "left out"), Badge::from),
            note: reasons.note,
            holds: reasons.holds.into_iter().map(hold).collect(),
            has_ended: reasons.has_ended,
        }
    }
}

impl Deploy {
    fn of(reader: &Reader, one: DeployRecord) -> Self {
        let (tone, word) = match (one.outcome, one.way) {
            (DeployOutcome::Open, _) => (Tone::Busy, "under way"),
            (DeployOutcome::Live, DeployDirection::Forward) => (Tone::Busy, "live"),
            (DeployOutcome::Live, DeployDirection::Back) => (Tone::Wait, "back, live"),
            (DeployOutcome::Healthy, DeployDirection::Forward) => (Tone::Good, "healthy"),
            (DeployOutcome::Healthy, DeployDirection::Back) => (Tone::Wait, "back, healthy"),
            (DeployOutcome::Unhealthy, _) => (Tone::Bad, "unhealthy"),
            (DeployOutcome::Failed, _) => (Tone::Bad, "failed"),
            (DeployOutcome::Cancelled, _) => (Tone::Idle, "cancelled"),
            (DeployOutcome::Absent, _) => (Tone::Idle, "never made"),
        };
        Self {
            at: reader.clock.at(one.intended_at),
            took: one.took().map(|took| took.to_string()),
            service: one.service.to_string(),
            version: one
                .version
                .or(one.commit.map(|commit| commit.chars().take(12).collect()))
                .unwrap_or_else(|| "unknown".to_owned()),
            run: one.rollout.to_string(),
            badge: Badge::new(tone, word),
            reason: one.reason,
        }
    }
}
