//! What people ask for: who may, which rollout they mean, and where each verb is answered (R13). A verb is refused with a
//! way out, or turned into the facts it names.

use std::borrow::Cow;

use policy::CustomerId;
use policy::settings::RoleName;
use policy::suggest::nearest;

use crate::fold::index::{Position, Rollout};
use crate::fold::state::State;
use crate::model::actor::{Actor, Directory};
use crate::model::fact::{CustomerPlace, Fact};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::model::verb::{Conflict, Verb};
use crate::product::Product;

impl State {
    /// Who may stop things though the files take it from them: as last validly read while they are broken, and as at the
    /// start where the role is not written any more. Somebody whom they do not know any more may not.
    pub(crate) fn stopping_directories(
        &self,
        rollouts: &[&Rollout],
        role: RoleName,
        by: &Actor,
    ) -> Vec<Directory> {
        let Some(present) = self.product.directory() else {
            return Vec::new();
        };
        if !present.knows(&by.name) {
            return Vec::new();
        }
        let files = self.product.read_files();
        let broken = files.filter(|files| files.unreadable.is_some());
        let mut last: Vec<Directory> = broken
            .map(|files| files.directory.clone())
            .into_iter()
            .collect();
        let unwritten = !present.roles.written.contains(&role);
        let starts = rollouts.iter().filter(|_| unwritten);
        last.extend(starts.map(|rollout| Directory::of(&rollout.plan.project)));
        last
    }
}

impl Product {
    pub(crate) fn record_request(&mut self, request: &Request) -> Result<(), Rejected> {
        self.permit(request)?;
        self.take(request)
    }

    /// Takes what somebody asks for who may ask for it.
    pub(crate) fn take(&mut self, request: &Request) -> Result<(), Rejected> {
        let by = &request.by;
        match &request.verb {
            Verb::Start(start) => self.request_start(request, start),
            Verb::Approve {
                gate,
                reason,
                digest,
            } => self.approve(request, gate, reason.clone(), digest.as_deref()),
            Verb::Reject { gate, reason } => self.reject(request, gate, reason),
            Verb::Withdraw { gate } => self.withdraw(request, gate),
            Verb::Pause { reason } => self.pause(request, reason.clone()),
            Verb::Resume => self.resume(request),
            Verb::ResumeMoved => self.resume_moved(by),
            Verb::ConfirmClock => self.confirm_clock(by),
            Verb::Abort { rollback, reason } => self.abort(request, *rollback, reason.as_deref()),
            Verb::Retry { target, failed } => self.retry(request, target.as_deref(), *failed),
            Verb::Skip { target, reason } => self.skip(request, target, reason),
            Verb::Defer(defer) => self.defer(request, defer),
            Verb::Promote { phase, full } => self.promote(request, phase.as_ref(), *full),
            Verb::Replan { input } => self.replan(request, input),
            Verb::Block { version, reason } => self.block(by, version, reason),
            Verb::Unblock { version } => self.unblock(by, version),
            Verb::Freeze {
                name,
                until,
                reason,
                customers,
            } => self.freeze(by, name, *until, reason, customers),
            Verb::Unfreeze { name } => self.unfreeze(by, name),
            Verb::Override { name, at, reason } => self.override_freeze(request, name, *at, reason),
            Verb::Rollback {
                customer,
                to,
                force,
                reason,
            } => match force {
                true => self.force_back(request, customer, reason),
                false => self.request_rollback(request, customer, to.as_deref(), reason),
            },
            Verb::RollbackDatabase {
                customer,
                at,
                reason,
            } => self.request_database(request, customer, *at, reason),
            Verb::Variables(apply) => self.request_variables(request, apply),
            Verb::UndoVariables { customer, reason } => self.undo(request, customer, reason),
            Verb::Deploy(deploys) => self.request_deploys(request, deploys),
            Verb::Observe {
                customer,
                name,
                value,
                at,
                note,
            } => self.observe(by, customer, name, (*value, *at), note.clone()),
            Verb::Token { change, id, owner } => {
                self.note_token(by, *change, id, owner);
                Ok(())
            }
            Verb::Reveal {
                customer,
                service,
                keys,
            } => {
                self.reveal(by, customer, service, keys);
                Ok(())
            }
        }
    }

    /// Whether the person holds the role that the verb needs, and what proves them may be used for it.
    pub(crate) fn permit(&self, request: &Request) -> Result<(), Rejected> {
        let (role, by) = (request.verb.role(), &request.by);
        if let Some(own) = by.as_customer() {
            return may_by_itself(own, &request.verb);
        }
        let scope = request.verb.scope();
        if !by.may(scope) {
            return Err(Rejected::new(
                RejectedCode::NotPermitted,
                format!(
                    "the token of {} was not made with the scope `{scope}`",
                    by.name
                ),
                format!("a token made with --scope {scope}"),
            ));
        }
        let concerned = self.concerned(request);
        let directory = self.present_directory(&request.verb, &concerned)?;
        let allowed = match (by.service, role) {
            (true, RoleName::Operator) => true,
            (true, RoleName::Admin) => false,
            (_, _) => directory.holds(role, &by.name),
        };
        let last = || self.state.stopping_directories(&concerned, role, by);
        if allowed || (request.verb.stops() && last().iter().any(|one| one.holds(role, &by.name))) {
            return Ok(());
        }
        let text = format!("{} does not hold the role of {}", by.name, role.as_str());
        Err(Rejected::new(
            RejectedCode::NotPermitted,
            text,
            "ask an admin to add you under `roles` in tranche.yaml",
        ))
    }

    /// Whether there is somebody who holds the role that the verb needs.
    pub(crate) fn somebody_may(&self, request: &Request) -> bool {
        let role = request.verb.role();
        let concerned = self.concerned(request);
        let Ok(directory) = self.present_directory(&request.verb, &concerned) else {
            return false;
        };
        let mut holders = directory.roles.holders(role).iter();
        let everybody = directory.holds(role, &request.by.name);
        everybody || holders.any(|person| directory.knows(person))
    }

    /// The rollouts that the request may touch: their starts bind who may.
    fn concerned(&self, request: &Request) -> Vec<&Rollout> {
        if let Verb::Start(start) = &request.verb
            && matches!(start.conflict, Conflict::Refuse | Conflict::Queue)
        {
            return Vec::new();
        }
        let named = |id: &RolloutId| request.rollout.is_none_or(|rollout| rollout == *id);
        let unfinished = self.unfinished().filter(|(id, _)| named(id));
        unfinished.map(|(_, rollout)| rollout).collect()
    }

    /// Who may do what now: as the files say, or the latest plan. Before either is known nobody may do anything (P41).
    fn present_directory(
        &self,
        verb: &Verb,
        concerned: &[&Rollout],
    ) -> Result<Cow<'_, Directory>, Rejected> {
        let of_start = if let Verb::Start(start) = verb {
            Some(&start.input.project)
        } else {
            None
        };
        let newest = || self.state.rollouts.values().next_back();
        let frozen = of_start.or_else(|| newest().map(|rollout| &rollout.plan.project));
        let known = match (self.state.product.directory(), frozen) {
            (Some(read), _) => Cow::Borrowed(read),
            (None, Some(project)) => Cow::Owned(Directory::of(project)),
            (None, None) => {
                return Err(Rejected::state(
                    "it is not known yet who may do that: the project's files could not be read",
                    Offer::Validate,
                ));
            }
        };
        let bound = concerned.iter().fold(known, |known, rollout| {
            Directory::bound_by(known, &rollout.plan.project)
        });
        Ok(bound)
    }

    /// The rollout that a request means: the one it names, or the only one it can mean. `nothing`: no such rollout.
    pub(crate) fn meant(
        &self,
        request: &Request,
        can_mean: impl Fn(&Rollout) -> bool,
        nothing: impl FnOnce() -> Rejected,
    ) -> Result<RolloutId, Rejected> {
        if let Some(id) = request.rollout {
            let known = self.state.find(id);
            let rollout = known
                .ok_or_else(|| Rejected::usage(format!("there is no rollout {id}"), Offer::List))?;
            return match rollout.is_ended() {
                true => Err(Rejected::state(
                    format!("{id} has ended"),
                    Offer::Status(Some(id)),
                )),
                false if can_mean(rollout) => Ok(id),
                false => Err(nothing()),
            };
        }
        let meant = self.unfinished().filter(|(_, rollout)| can_mean(rollout));
        self.only(&meant.map(|(id, _)| id).collect::<Vec<_>>(), nothing)
    }

    /// The same, where several rollouts can have what is named: those `first` in which something can come of it.
    pub(crate) fn meant_first(
        &self,
        request: &Request,
        can_mean: impl Fn(&Rollout) -> bool,
        first: impl Fn(&Rollout) -> bool,
        nothing: impl FnOnce() -> Rejected,
    ) -> Result<RolloutId, Rejected> {
        let is_first = |rollout: &Rollout| can_mean(rollout) && first(rollout);
        match request.rollout.is_none() && self.unfinished().any(|(_, rollout)| is_first(rollout)) {
            true => self.meant(request, is_first, nothing),
            false => self.meant(request, can_mean, nothing),
        }
    }

    /// The rollout that a request for a whole one means; an operation only by its name.
    pub(crate) fn meant_rollout(&self, request: &Request) -> Result<RolloutId, Rejected> {
        let nothing = || Rejected::state("no rollout is unfinished", Offer::start());
        if request.rollout.is_some() {
            return self.meant(request, |_| true, nothing);
        }
        let rollouts = self
            .unfinished()
            .filter(|(id, _)| matches!(id, RolloutId::Rollout(_)));
        self.only(&rollouts.map(|(id, _)| id).collect::<Vec<_>>(), nothing)
    }

    fn unfinished(&self) -> impl Iterator<Item = (RolloutId, &Rollout)> {
        let rollouts = self
            .state
            .rollouts
            .iter()
            .map(|(id, rollout)| (*id, rollout));
        rollouts.filter(|(_, rollout)| !rollout.is_ended())
    }

    fn only(
        &self,
        meant: &[RolloutId],
        nothing: impl FnOnce() -> Rejected,
    ) -> Result<RolloutId, Rejected> {
        match meant {
            [id] => Ok(*id),
            [] if self.unfinished().next().is_none() => {
                Err(Rejected::state("no rollout is unfinished", Offer::start()))
            }
            [] => Err(nothing()),
            several => {
                let list: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(Rejected::usage(
                    format!("it could mean {}", list.join(" or ")),
                    "add --rollout",
                ))
            }
        }
    }

    /// No unfinished rollout has `what` under this name; says which name of that kind comes near.
    pub(crate) fn unknown(
        &self,
        what: &str,
        name: &str,
        way_out: Offer,
        is_kind: impl Fn(&Rollout, &str) -> bool,
    ) -> Rejected {
        let known = self.unfinished().flat_map(|(_, rollout)| {
            let customers = rollout.plan.customers.keys().map(CustomerId::as_str);
            let phases = rollout.plan.phases.iter();
            let phases = phases.map(|phase| phase.policy.name.as_str());
            let known = customers.chain(phases).collect::<Vec<_>>().into_iter();
            known
                .filter(|known| is_kind(rollout, known))
                .collect::<Vec<_>>()
        });
        let near = nearest(name, known);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Rejected::usage(
            format!("no unfinished rollout has {what} `{name}`{hint}"),
            way_out,
        )
    }

    /// Where a fact about a customer happens.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method by its name is not general enough"
    )]
    pub(crate) fn customer_place(
        &self,
        id: RolloutId,
        position: Position,
    ) -> Option<CustomerPlace> {
        self.ask(id, position, |ctx| ctx.place())
    }

    /// The same fact about several customers.
    pub(crate) fn for_each<T: Into<Fact>>(
        &mut self,
        id: RolloutId,
        customers: &[CustomerId],
        fact: impl Fn(CustomerPlace) -> T,
    ) {
        for customer in customers {
            let Some(position) = self.state.rollouts[&id].position(customer) else {
                continue;
            };
            if let Some(place) = self.customer_place(id, position) {
                self.emit_in(id, fact(place));
            }
        }
    }
}

/// It is so already: said, and no error.
pub(crate) fn already(message: String, way_out: Offer) -> Rejected {
    Rejected::new(RejectedCode::AlreadySo, message, way_out)
}

/// A customer by itself puts its own date off and does nothing else.
fn may_by_itself(own: &str, verb: &Verb) -> Result<(), Rejected> {
    let is_its = matches!(verb, Verb::Defer(defer) if defer.customer.as_str() == own);
    match is_its {
        true => Ok(()),
        false => Err(Rejected::new(
            RejectedCode::NotPermitted,
            format!("{own} by itself may put its own date off, and nothing else"),
            "ask whoever runs the rollouts",
        )),
    }
}
