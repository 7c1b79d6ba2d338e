//! Votes for and against a gate (R10).

use policy::rules::Approval;
use policy::settings::RoleName;

use crate::fold::index::Rollout;
use crate::model::actor::{Actor, Directory, ProofKind};
use crate::model::fact;
use crate::model::fact::{Approved, CustomerExcluded, Millis, Nullable, Withdrawn};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::{Offer, Offers};
use crate::model::request::{Rejected, RejectedCode, Request};
use crate::model::state::{GateRow, Vote};
use crate::model::verb::Verb;
use crate::product::Product;
use crate::progress::asked::{NotEntitled, entitled};
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
        let (id, gate, until) = self.judge_vote(request, text, digest, self.at)?;
        let rollout = &self.state.rollouts[&id];
        let (begins, after) = self.when_it_begins(id, &gate, until).unzip();
        let fact = Approved {
            place: rollout.gate_place(&gate),
            actor: request.by.name.clone(),
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

    /// Whether this person may approve a gate of a rollout at an instant.
    ///
    /// # Errors
    /// Why not: what `approve` would answer them.
    pub fn may_vote(
        &self,
        id: RolloutId,
        gate: &str,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(), Rejected> {
        let verb = Verb::Approve {
            gate: gate.to_owned(),
            reason: None,
            digest: None,
        };
        let request = Request {
            by: by.clone(),
            rollout: Some(id),
            verb,
        };
        self.permit(&request)?;
        self.judge_vote(&request, gate, None, at).map(drop)
    }

    /// The gate for which a vote would count, and until when it would be open if that makes the quorum complete.
    fn judge_vote(
        &self,
        request: &Request,
        text: &str,
        digest: Option<&str>,
        at: Timestamp,
    ) -> Result<(RolloutId, GateId, Option<Timestamp>), Rejected> {
        let by = &request.by;
        let ballot = self.ballot(request, text, |rollout, approval| {
            vote_allowed(rollout, &self.state.directory(rollout), approval, by, at)?;
            signed_in_lately(approval, by, at)
        })?;
        let Ballot {
            rollout: id,
            gate,
            approval,
            row,
        } = ballot;
        let rollout = &self.state.rollouts[&id];
        let directory = self.state.directory(rollout);
        is_asked(id, rollout, &gate, &row)?;
        let again = |vote: &Vote| gate::renews(&approval, &directory, vote, by, at);
        if own_vote(&directory, &row, by).is_some_and(|vote| !again(vote)) {
            let text = format!("{} has already approved {gate}", by.name);
            return Err(Rejected::state(text, Offer::Approvals));
        }
        is_shut(rollout, &directory, &approval, &gate, &row, at)?;
        if let Some(seen) = digest {
            is_the_plan(seen, &rollout.plan.digest)?;
        }
        hands::own_hand(rollout, &directory, by)?;
        if let Some(why) = gate::other_hand(rollout, &approval, &directory, &row, by, at) {
            return Err(hands::refused(by, &why));
        }
        let people = gate::with(rollout, &approval, &directory, &row, by, at);
        let complete = gate::is_quorum(&approval, &directory, &people, at);
        let until = complete.then(|| {
            let runs_out = gate::runs_out(rollout, &approval, &directory, &row, by);
            let lapses = at + approval.valid_for.to_delta();
            runs_out.map_or(lapses, |runs_out| runs_out.min(lapses))
        });
        Ok((id, gate, until))
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
        is_shut(rollout, &directory, approval, &gate, &row, self.at)?;
        let people = gate::counted(rollout, approval, &directory, &row, self.at);
        match gate::is_quorum(approval, &directory, &people, self.at) == back {
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

    /// Whoever could vote against the gate while the files were whole can do so while they are broken, and needs no sign-in:
    /// nobody is kept from stopping anything.
    fn may_reject(
        &self,
        rollout: &Rollout,
        approval: &Approval,
        by: &Actor,
    ) -> Result<(), Rejected> {
        let by = &Actor {
            proof: None,
            ..by.clone()
        };
        let may = |one: &Directory| vote_allowed(rollout, one, approval, by, self.at);
        let refused = match may(&self.state.directory(rollout)) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let last = self
            .state
            .stopping_directories(&[rollout], RoleName::Approver, by);
        match last.iter().any(|one| may(one).is_ok()) {
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
    at: Timestamp,
) -> Result<(), Rejected> {
    match gate::is_open(rollout, approval, directory, row, at) {
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
    at: Timestamp,
) -> Result<(), Rejected> {
    entitled(approval, directory, &rollout.row.starter, by, at).map_err(|why| {
        let text = format!("{} {}", by.name, why.text());
        let way_out: Offers = match why {
            NotEntitled::SignIn => "sign in on the server's page, and vote there".into(),
            NotEntitled::ServiceToken
            | NotEntitled::NoApprover
            | NotEntitled::Starter
            | NotEntitled::Excluded
            | NotEntitled::NotAmong => Offer::Approvals.noted("it names who may").into(),
        };
        Rejected::new(RejectedCode::NotPermitted, text, way_out)
    })
}

/// Refuses whoever has not proved lately enough to the identity provider who they are, where the policy asks for that.
fn signed_in_lately(approval: &Approval, by: &Actor, at: Timestamp) -> Result<(), Rejected> {
    let (Some(limit), Some(proof)) = (approval.auth_time, &by.proof) else {
        return Ok(());
    };
    let signed_in = match proof.kind {
        ProofKind::Oidc => proof.auth_time,
        ProofKind::Account | ProofKind::Token => None,
    };
    let why = match signed_in {
        Some(since) if at <= since + limit.to_delta() => return Ok(()),
        Some(since) => format!("last signed in at {}", crate::show_instant(since)),
        None => match proof.kind {
            ProofKind::Oidc => "the provider does not say when they signed in".to_owned(),
            ProofKind::Account | ProofKind::Token => format!("uses {proof}, which is no sign-in"),
        },
    };
    Err(Rejected::new(
        RejectedCode::NotPermitted,
        format!(
            "{} must have signed in at most {limit} before the vote, and {why}",
            by.name
        ),
        "sign in again on the server's page, and vote there",
    ))
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
