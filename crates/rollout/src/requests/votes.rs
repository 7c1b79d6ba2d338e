//! Votes for and against a gate (R10).

use policy::rules::Approval;
use policy::settings::RoleName;

use crate::fold::index::Rollout;
use crate::model::actor::{Actor, Directory};
use crate::model::fact;
use crate::model::fact::{Approved, CustomerExcluded, Millis, Nullable, Withdrawn};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::Offer;
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::model::state::{GateRow, Vote};
use crate::model::verb::Verb;
use crate::product::Product;
use crate::progress::{gate, hands};
use policy::Timestamp;

/// So much of a digest is shown to people.
pub(crate) const SHOWN_DIGEST: usize = 12;

/// A gate on which somebody may vote.
struct Ballot {
    rollout: RolloutId,
    gate: GateId,
    approval: Approval,
    row: GateRow,
}

impl Product {
    fn find_gate(
        &self,
        request: &Request,
        text: &str,
    ) -> Result<(RolloutId, GateId, usize), Rejected> {
        let is_gate = |rollout: &Rollout, name: &str| rollout.find_gate(name).is_some();
        let waits = |rollout: &Rollout| {
            let gate = rollout.find_gate(text);
            gate.is_some_and(|(gate, _)| !rollout.waiting_for(&gate).is_empty())
        };
        let id = self.meant_first(
            request,
            |rollout| is_gate(rollout, text),
            waits,
            || self.unknown("a gate", text, Offer::AllApprovals, is_gate),
        )?;
        let (gate, phase) = self.state.rollouts[&id]
            .find_gate(text)
            .expect("it was just found");
        Ok((id, gate, phase))
    }

    /// The gate that is meant, if this person may vote on it.
    fn ballot(
        &self,
        request: &Request,
        text: &str,
        may: impl Fn(&Rollout, &Approval) -> Result<(), Rejected>,
    ) -> Result<Ballot, Rejected> {
        let (id, gate, phase) = self.find_gate(request, text)?;
        let rollout = &self.state.rollouts[&id];
        let approval = rollout.plan.phases[phase].policy.approval.clone();
        let approval = approval.expect("a gate has an approval");
        may(rollout, &approval)?;
        let row = rollout.gates.get(&gate).cloned().unwrap_or_default();
        Ok(Ballot {
            rollout: id,
            gate,
            approval,
            row,
        })
    }

    pub(crate) fn approve(
        &mut self,
        request: &Request,
        text: &str,
        reason: Option<String>,
        digest: Option<&str>,
    ) -> Result<(), Rejected> {
        let Ballot {
            rollout: id,
            gate,
            approval,
            row,
        } = self.vote_of(request, text, digest)?;
        let by = &request.by;
        let rollout = &self.state.rollouts[&id];
        let directory = self.state.directory(rollout);
        let mut people = gate::counted(rollout, &approval, &directory, &row);
        people.insert(directory.called_now(&by.name));
        let complete = gate::is_quorum(&approval, &directory, &people);
        let until = complete.then(|| self.at + approval.valid_for.to_delta());
        let (begins, after) = self.when_it_begins(id, &gate, until).unzip();
        let fact = Approved {
            place: rollout.gate_place(&gate),
            actor: by.name.clone(),
            reason,
            until,
            digest: rollout.plan.digest.clone(),
            gates_shut: self.state.product.gates_shut(),
            begins,
            after,
        };
        self.emit_in(id, fact);
        Ok(())
    }

    /// Whether this person may vote for a gate of a rollout now: what the vote itself asks.
    ///
    /// # Errors
    /// Why not.
    pub fn may_vote(&self, id: RolloutId, gate: &str, by: &Actor) -> Result<(), Rejected> {
        let request = Request {
            by: by.clone(),
            rollout: Some(id),
            verb: Verb::Approve {
                gate: gate.to_owned(),
                reason: None,
                digest: None,
            },
        };
        self.permit(&request)?;
        self.vote_of(&request, gate, None).map(drop)
    }

    /// The gate that is meant, if a vote of this person would count for it and is needed, and `digest` names the plan.
    fn vote_of(
        &self,
        request: &Request,
        text: &str,
        digest: Option<&str>,
    ) -> Result<Ballot, Rejected> {
        let ballot = self.ballot(request, text, |rollout, approval| {
            let directory = self.state.directory(rollout);
            vote_allowed(rollout, &directory, approval, &request.by)
        })?;
        let Ballot {
            rollout: id,
            gate,
            approval,
            row,
        } = &ballot;
        let rollout = &self.state.rollouts[id];
        let directory = self.state.directory(rollout);
        is_asked(*id, rollout, gate, row)?;
        let by = &request.by;
        if own_vote(&directory, row, by).is_some() {
            let text = format!("{} has already approved {gate}", by.name);
            return Err(Rejected::state(text, Offer::Approvals));
        }
        is_shut(rollout, &directory, approval, gate, row)?;
        if let Some(seen) = digest {
            is_the_plan(seen, &rollout.plan.digest)?;
        }
        hands::own_hand(rollout, &directory, by)?;
        match gate::other_hand(rollout, approval, &directory, row, by) {
            Some(why) => Err(hands::refused(by, &why)),
            None => Ok(ballot),
        }
    }

    /// In which rollout a vote for this gate would count, of somebody who may vote and has not; or one can be taken `back`.
    pub(crate) fn takes_votes(
        &self,
        request: &Request,
        text: &str,
        back: bool,
    ) -> Result<RolloutId, Rejected> {
        let (id, gate, phase) = self.find_gate(request, text)?;
        let rollout = &self.state.rollouts[&id];
        let row = rollout.gates.get(&gate).cloned().unwrap_or_default();
        is_asked(id, rollout, &gate, &row)?;
        let Some(approval) = &rollout.plan.phases[phase].policy.approval else {
            return Ok(id);
        };
        let directory = self.state.directory(rollout);
        is_shut(rollout, &directory, approval, &gate, &row)?;
        let people = gate::counted(rollout, approval, &directory, &row);
        match gate::is_quorum(approval, &directory, &people) == back {
            true => Ok(id),
            false => Err(Rejected::state("its votes say otherwise", Offer::Approvals)),
        }
    }

    /// When the deploy will begin as far as is known, unless the approval lapses before, and what has no known end (R10).
    fn when_it_begins(
        &self,
        id: RolloutId,
        gate: &GateId,
        until: Option<Timestamp>,
    ) -> Option<(Nullable<Millis>, Vec<String>)> {
        let customer = self.state.rollouts[&id]
            .waiting_for(gate)
            .into_iter()
            .next()?;
        let (begins, after) = self.forecast(id, &customer, gate, self.at);
        let in_time = until.is_none_or(|until| begins < until);
        let after = after.into_iter().map(|hold| hold.text).collect();
        Some((Nullable(in_time.then_some(Millis(begins))), after))
    }

    pub(crate) fn reject(
        &mut self,
        request: &Request,
        text: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        let Ballot {
            rollout: id,
            gate,
            row,
            ..
        } = self.ballot(request, text, |rollout, approval| {
            self.may_reject(rollout, approval, &request.by)
        })?;
        let rollout = &self.state.rollouts[&id];
        if row.state.is_rejected() {
            return Err(Rejected::state(
                format!("{gate} is rejected already"),
                Offer::retry(&gate).within(id),
            ));
        }
        let covers = rollout.waiting_for(&gate);
        if row.state.is_passed() || covers.is_empty() {
            return Err(Rejected::state(
                format!("{gate} waits for nobody any more"),
                Offer::Abort.within(id),
            ));
        }
        let by = request.by.name.clone();
        let fact = fact::Rejected {
            place: rollout.gate_place(&gate),
            actor: by.clone(),
            reason: reason.to_owned(),
        };
        self.emit_in(id, fact);
        if !matches!(gate, GateId::Phase(_)) {
            let why = format!("{by} rejected {gate}: {reason}");
            self.for_each(id, &covers, |place| CustomerExcluded {
                place,
                actor: by.clone(),
                reason: why.clone(),
            });
        }
        Ok(())
    }

    pub(crate) fn withdraw(&mut self, request: &Request, text: &str) -> Result<(), Rejected> {
        let (id, gate, _) = self.find_gate(request, text)?;
        let rollout = &self.state.rollouts[&id];
        let row = rollout.gates.get(&gate).cloned().unwrap_or_default();
        if row.state.is_passed() {
            return Err(Rejected::state(
                format!("what {gate} covers has begun"),
                Offer::Abort.within(id),
            ));
        }
        let Some(vote) = own_vote(&self.state.directory(rollout), &row, &request.by).cloned()
        else {
            let text = format!("{} has not approved {gate}", request.by.name);
            return Err(Rejected::state(text, Offer::Approvals));
        };
        let fact = Withdrawn {
            place: rollout.gate_place(&gate),
            actor: request.by.name.clone(),
            voter: Some(vote.person).filter(|voter| *voter != request.by.name),
        };
        self.emit_in(id, fact);
        Ok(())
    }

    /// Whoever could vote against the gate while the files were whole can do so while they are broken.
    fn may_reject(
        &self,
        rollout: &Rollout,
        approval: &Approval,
        by: &Actor,
    ) -> Result<(), Rejected> {
        let refused = match vote_allowed(rollout, &self.state.directory(rollout), approval, by) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let last = self
            .state
            .stopping_directories(&[rollout], RoleName::Approver, by);
        let may = |one: &Directory| vote_allowed(rollout, one, approval, by).is_ok();
        match last.iter().any(may) {
            true => Ok(()),
            false => Err(refused),
        }
    }
}

/// Refuses a vote for what nobody waits for any more, or what somebody has rejected.
fn is_asked(
    id: RolloutId,
    rollout: &Rollout,
    gate: &GateId,
    row: &GateRow,
) -> Result<(), Rejected> {
    if let Some(mark) = row.state.rejected() {
        let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
        let text = format!("{by} rejected {gate}");
        return Err(Rejected::state(text, Offer::retry(gate).within(id)));
    }
    if row.state.is_passed() || rollout.waiting_for(gate).is_empty() {
        let text = format!("{gate} waits for nobody any more");
        return Err(Rejected::state(text, Offer::Approvals));
    }
    Ok(())
}

/// Refuses a vote that is not needed.
fn is_shut(
    rollout: &Rollout,
    directory: &Directory,
    approval: &Approval,
    gate: &GateId,
    row: &GateRow,
) -> Result<(), Rejected> {
    match gate::is_open(rollout, approval, directory, row) {
        true => Err(Rejected::state(
            format!("{gate} is already approved"),
            Offer::Approvals,
        )),
        false => Ok(()),
    }
}

/// The vote of this person, under whatever name it was cast.
fn own_vote<'g>(directory: &Directory, row: &'g GateRow, by: &Actor) -> Option<&'g Vote> {
    let mut votes = row.votes.iter();
    votes.find(|vote| directory.is_one(&vote.person, &by.name))
}

fn vote_allowed(
    rollout: &Rollout,
    directory: &Directory,
    approval: &Approval,
    by: &Actor,
) -> Result<(), Rejected> {
    gate::entitled(approval, directory, &rollout.row.starter, by).map_err(|why| {
        let text = format!("{} {}", by.name, why.text());
        Rejected::new(
            RejectedCode::NotPermitted,
            text,
            Offer::Approvals.noted("it names who may"),
        )
    })
}

/// The digest of a plan is shown by its first characters, and may be typed so.
fn is_the_plan(seen: &str, digest: &str) -> Result<(), Rejected> {
    if seen.len() < SHOWN_DIGEST {
        return Err(Rejected::usage(
            format!("`{seen}` is too short to name a plan: its first {SHOWN_DIGEST} characters do"),
            Offer::Status(None),
        ));
    }
    match digest.starts_with(seen) {
        true => Ok(()),
        false => Err(Rejected::state(
            format!("the plan has changed since {seen}; it is now {digest}"),
            Offer::Status(None),
        )),
    }
}
