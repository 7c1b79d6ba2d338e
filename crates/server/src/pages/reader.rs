//! Who reads a page, in which zone, and what stands around every page?

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use policy::{CustomerId, Timestamp};
use rollout::{Product, Rejected, RejectedCode, Request, RolloutId, Verb};
use tower_sessions::Session;

use super::PageProblem;
use super::flash::Flash;
use super::time::{Clock, zone_of};
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// Somebody who is signed in and looks at the state as it is now.
pub(crate) struct Reader {
    /// Who.
    pub(crate) who: Who,
    /// In which zone and at which instant.
    pub(crate) clock: Clock,
    /// The state.
    pub(crate) product: Product,
    /// Their session.
    pub(crate) session: Session,
    flash: Option<Flash>,
    path: String,
}

/// The parts of the site, as its navigation names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Rollouts, and each of them.
    Rollouts,
    /// What waits for people.
    Approvals,
    /// The fleet.
    Customers,
    /// The journal.
    Events,
    /// None of them.
    Elsewhere,
}

/// What stands around a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What is released.
    pub(crate) product: String,
    /// Who reads.
    pub(crate) person: String,
    /// The reader's zone.
    pub(crate) zone: &'static str,
    /// The address of this page, below the server's.
    pub(crate) path: String,
    /// The last event that it tells of.
    pub(crate) seq: u64,
    /// What came of the last thing that was done.
    pub(crate) flash: Option<Flash>,
    section: Section,
    waiting: usize,
}

/// An entry of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where it leads.
    pub(crate) path: &'static str,
    /// What it is called.
    pub(crate) name: &'static str,
    /// Whether the page belongs to it.
    pub(crate) is_current: bool,
    /// How much waits there for the reader.
    pub(crate) count: usize,
}

impl Frame {
    /// The navigation.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let sections = [
            (Section::Rollouts, "/", "Rollouts"),
            (Section::Approvals, "/approvals", "Approvals"),
            (Section::Customers, "/customers", "Customers"),
            (Section::Events, "/events", "Events"),
        ];
        let entry = |(section, path, name): (Section, &'static str, &'static str)| Entry {
            path,
            name,
            is_current: section == self.section,
            count: match section {
                Section::Approvals => self.waiting,
                Section::Rollouts | Section::Customers | Section::Events | Section::Elsewhere => 0,
            },
        };
        sections.into_iter().map(entry).collect()
    }
}

impl Reader {
    /// What stands around the page that is made now.
    pub(crate) fn frame(&self, section: Section) -> Frame {
        Frame {
            product: self.who.project.product.clone(),
            person: self.who.actor.name.to_string(),
            zone: self.clock.zone.name(),
            path: self.path.clone(),
            seq: self.product.head().0,
            flash: self.flash.clone(),
            section,
            waiting: self.product.asked_of(&self.who.actor, self.clock.now).len(),
        }
    }

    /// The instant for which everything on the page is said.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now
    }

    /// The zone of a customer in a rollout.
    pub(crate) fn zone_of(&self, run: RolloutId, customer: &CustomerId) -> chrono_tz::Tz {
        let plan = self.product.plan(run);
        let own = plan.and_then(|plan| plan.customers.get(customer)?.customer.timezone);
        own.or_else(|| plan.map(|plan| plan.project.timezone))
            .unwrap_or(self.who.project.timezone)
    }

    /// Whether the reader could do this now, and if not, why.
    pub(crate) fn may(&mut self, run: Option<RolloutId>, verb: Verb) -> Result<(), Rejected> {
        let request = Request {
            by: self.who.actor.clone(),
            rollout: run,
            verb,
        };
        self.product.would_take_of(self.clock.now, &request)
    }

    /// Whether it could be done now, by somebody else if not by the reader.
    pub(crate) fn can_be_done(&mut self, run: Option<RolloutId>, verb: Verb) -> Possible {
        match self.may(run, verb) {
            Ok(()) => Possible::Here,
            Err(rejected) if rejected.code == RejectedCode::NotPermitted => {
                Possible::ByOthers(rejected.message)
            }
            Err(_) => Possible::No,
        }
    }
}

/// Whether something can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Possible {
    /// By whoever reads.
    Here,
    /// By others; why not by the reader.
    ByOthers(String),
    /// By nobody, as things are.
    No,
}

impl FromRequestParts<App> for Reader {
    type Rejection = PageProblem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageProblem> {
        let path = parts.uri.path_and_query();
        let path = path.map_or_else(|| "/".to_owned(), ToString::to_string);
        let is_get = parts.method == Method::GET;
        let who = match Who::from_request_parts(parts, app).await {
            Ok(who) => who,
            Err(problem) if is_get => return Err(PageProblem::from(problem).on_the_way_to(&path)),
            Err(problem) => return Err(problem.into()),
        };
        who.require(Scope::Read)?;
        let session = Session::from_request_parts(parts, app).await;
        let session = session.map_err(|_| Problem::not_signed_in())?;
        let flash = match is_get && !is_partial(&parts.headers) {
            true => Flash::take(&session).await?,
            false => None,
        };
        let product = app.backend().product().await?;
        Ok(Self {
            clock: Clock {
                zone: zone_of(&parts.headers),
                // What has happened is never ahead of what is said to be now.
                now: app.now().max(product.at()),
            },
            who,
            product,
            session,
            flash,
            path,
        })
    }
}

/// Whether a script asks, for a part of the page.
fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request") || headers.get(header::UPGRADE).is_some()
}
