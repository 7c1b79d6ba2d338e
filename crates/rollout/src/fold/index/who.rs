//! Who waits, who is at work, who is watched?

use std::collections::BTreeSet;

use policy::CustomerId;

use crate::fold::index::{Position, Rollout};
use crate::model::state::{AutoDeployState, CustomerState};

impl Rollout {
    /// Waiting customers of a phase, by place.
    pub(crate) fn waiting(&self, phase: usize) -> &BTreeSet<usize> {
        &self.waiting[phase]
    }

    /// Waiting customers of a batch with fixed members, by place.
    pub(crate) fn waiting_in(&self, phase: usize, batch: u32) -> impl Iterator<Item = usize> {
        self.waiting[phase]
            .range(self.batch_places(phase, batch))
            .copied()
    }

    /// How many customers of a begun batch are in work.
    pub(crate) fn at_work(&self, phase: usize, batch: u32) -> usize {
        let range = (phase, batch, 0)..=(phase, batch, usize::MAX);
        self.at_work.range(range).count()
    }

    /// Customers in work, by phase and place.
    pub(crate) fn working(&self) -> &BTreeSet<(usize, usize)> {
        &self.working
    }

    /// The same customers by name.
    pub(crate) fn working_customers(&self) -> impl Iterator<Item = &CustomerId> {
        self.working
            .iter()
            .map(|(phase, place)| self.at_place(*phase, *place))
    }

    /// Customers in work of one phase.
    pub(crate) fn working_in(&self, phase: usize) -> impl Iterator<Item = &CustomerId> {
        self.working
            .range((phase, 0)..=(phase, usize::MAX))
            .map(move |(phase, place)| self.at_place(*phase, *place))
    }

    /// Healthy customers by phase, batch and place.
    pub(crate) fn healthy(&self) -> &BTreeSet<(usize, u32, usize)> {
        &self.healthy
    }

    /// Healthy customers of one batch.
    pub(crate) fn healthy_in(&self, phase: usize, batch: u32) -> impl Iterator<Item = &CustomerId> {
        let range = (phase, batch, 0)..=(phase, batch, usize::MAX);
        self.healthy
            .range(range)
            .map(move |(phase, _, place)| self.at_place(*phase, *place))
    }

    /// Customers whose auto-deploy is to be restored.
    pub(crate) fn managed(&self) -> impl Iterator<Item = Position> {
        self.managed.iter().map(|&(phase, place)| Position {
            phase,
            index: place,
        })
    }

    /// Whether this customer's auto-deploy is to be restored.
    pub(crate) fn is_managed(&self, place: Position) -> bool {
        self.managed.contains(&(place.phase, place.index))
    }

    /// Customers whose rollback failed.
    pub(crate) fn stuck(&self) -> impl Iterator<Item = &CustomerId> {
        self.stuck
            .iter()
            .map(|(phase, place)| self.at_place(*phase, *place))
    }

    /// Customers a person must decide about.
    pub(crate) fn held(&self) -> impl Iterator<Item = &CustomerId> {
        self.held
            .iter()
            .map(|(phase, place)| self.at_place(*phase, *place))
    }
}

pub(crate) fn has_managed(state: &CustomerState) -> bool {
    let managed = |state| {
        matches!(
            state,
            AutoDeployState::OffIntended | AutoDeployState::Off | AutoDeployState::OnIntended
        )
    };
    state
        .services
        .values()
        .any(|service| managed(service.auto_deploy))
}
