//! What a gate looks like, and who has voted.

use policy::{CustomerId, PersonId, PolicyId, Timestamp};
use serde::Serialize;

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::actor::{Actor, Proof};
use crate::model::hold::Hold;
use crate::model::ids::{GateId, RolloutId};
use crate::model::standing::GateStanding;
use crate::product::Product;
use crate::progress::asked::approvers;
use crate::progress::gate;

/// A gate.
#[derive(Clone, Debug, Serialize)]
pub struct GateView {
    /// What to type.
    pub gate: String,
    /// Its phase.
    pub phase: PolicyId,
    /// How it stands.
    pub state: GateStanding,
    /// Customers that wait for it.
    pub covers: Vec<CustomerId>,
    /// When it was asked.
    pub requested_at: Option<Timestamp>,
    /// When the request escalates.
    pub expires_at: Option<Timestamp>,
    /// Who has approved, and when.
    pub votes: Vec<VoteView>,
    /// What is missing: `1 of 2 approvals from release-managers`.
    pub missing: String,
    /// Why nobody can fill it, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cannot_be_filled: Option<String>,
    /// When a complete approval lapses.
    pub until: Option<Timestamp>,
    /// When what it covers begins, as far as is known, if it is approved in time.
    pub begins: Option<Timestamp>,
    /// Whether an approval given now would lapse before that.
    pub lapses_before_turn: bool,
    /// Who may open it, as far as the files name people.
    pub approvers: Vec<PersonId>,
    /// What such a person types, while it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
}

/// One vote.
#[derive(Clone, Debug, Serialize)]
pub struct VoteView {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// Whether it counts now: not of somebody who has lost the role, nor beside another of the same hand.
    pub counts: bool,
    /// Until when it can count: so long after the sign-in, where a group asks something of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts_until: Option<Timestamp>,
    /// What proved who voted, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// What the files have changed about the voter since the rollout was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_changed: Option<EntryView>,
}

/// What the files have changed about a person.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// When that was read.
    pub at: Timestamp,
    /// In words that follow the name.
    pub what: String,
}

impl Product {
    pub(crate) fn gate_views(
        &self,
        id: RolloutId,
        run: &Rollout,
        phase: usize,
        at: Timestamp,
    ) -> Vec<GateView> {
        let policy = &run.plan.phases[phase].policy;
        let Some(approval) = &policy.approval else {
            return Vec::new();
        };
        let directory = self.state.directory(run);
        let view = |gate: GateId| {
            let row = run.gates.get(&gate).cloned().unwrap_or_default();
            let covers = run.waiting_for(&gate);
            let open = gate::is_open(run, approval, &directory, &row, at);
            let state = match () {
                () if row.state.is_passed() => GateStanding::Passed,
                () if row.state.is_rejected() => GateStanding::Rejected,
                () if covers.is_empty() => GateStanding::Over,
                () if open => GateStanding::Approved,
                () if row.state.request().is_some() => GateStanding::Asked,
                () => GateStanding::NotAskedYet,
            };
            let cannot_be_filled = gate::unfillable(run, approval, &directory, Some(&row), at)
                .filter(|_| !open && !covers.is_empty());
            let begins = covers
                .first()
                .map(|customer| self.forecast(id, customer, &gate, at).0);
            let way_out = (state == GateStanding::Asked && cannot_be_filled.is_none())
                .then(|| self.approved_by(id, &gate))
                .flatten();
            GateView {
                gate: gate.to_string(),
                phase: policy.name.clone(),
                state,
                covers: covers.clone(),
                requested_at: row.state.request().map(|request| request.since),
                expires_at: row.state.request().map(|request| request.expires_at),
                votes: row
                    .votes
                    .iter()
                    .map(|vote| VoteView {
                        person: vote.person.clone(),
                        at: vote.at,
                        counts: gate::counts(run, approval, &directory, &row, vote, at),
                        counts_until: gate::counts_until(approval, &directory, vote),
                        proof: vote.proof.clone(),
                        entry_changed: self.state.entry_changed(run, &vote.person),
                    })
                    .collect(),
                missing: gate::missing(run, approval, &directory, Some(&row), at),
                cannot_be_filled,
                until: row.granted.map(|granted| granted.until),
                begins,
                lapses_before_turn: begins
                    .is_some_and(|begins| begins >= at + approval.valid_for.to_delta()),
                approvers: approvers(approval, &directory, &run.row.starter),
                way_out,
            }
        };
        run.gates_of(phase).into_iter().map(view).collect()
    }
}

/// What comes after a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateForecast {
    /// Who goes first of those whom the gate covers.
    pub customer: CustomerId,
    /// When it begins, if the gate opens now and what has a known end ends then.
    pub begins: Timestamp,
    /// What has no known end.
    pub after: Vec<Hold>,
    /// When an approval that is complete now lapses.
    pub lapses_at: Timestamp,
}

impl GateForecast {
    /// Whether an approval that is complete now would lapse before it is of use.
    pub fn lapses_before_turn(&self) -> bool {
        self.begins >= self.lapses_at
    }
}

impl Product {
    /// When what a gate covers begins, if it is opened at that instant; `None`: nobody waits for it.
    pub fn forecast_of(&self, id: RolloutId, gate: &str, at: Timestamp) -> Option<GateForecast> {
        let run = self.state.find(id)?;
        let (gate, phase) = run.find_gate(gate)?;
        let approval = run.plan.phases[phase].policy.approval.as_ref()?;
        let customer = run.waiting_for(&gate).into_iter().next()?;
        let at = at.max(self.at);
        let (begins, after) = self.forecast(id, &customer, &gate, at);
        Some(GateForecast {
            customer,
            begins,
            after,
            lapses_at: at + approval.valid_for.to_delta(),
        })
    }

    /// The open requests for approval to which a vote of this person is still missing at an instant, in order.
    pub fn asked_of(&self, by: &Actor, at: Timestamp) -> Vec<(RolloutId, String)> {
        let runs = self.state.rollouts.iter();
        let open = runs.filter(|(_, run)| !run.is_ended());
        let asked = open.flat_map(|(id, run)| {
            let gates = run.gates.iter();
            let asked = gates.filter(|(_, row)| row.state.request().is_some());
            asked.map(move |(gate, _)| (*id, gate.to_string()))
        });
        asked
            .filter(|(id, gate)| self.may_vote(*id, gate, by, at).is_ok())
            .collect()
    }
}

impl State {
    /// What the files have changed about a person since a rollout was asked for.
    fn entry_changed(&self, run: &Rollout, person: &PersonId) -> Option<EntryView> {
        let changed = self.product.files.as_ref()?.changed.get(person)?;
        (changed.at > run.row.requested_at).then(|| EntryView {
            at: changed.at,
            what: changed.what.join(", "),
        })
    }
}
