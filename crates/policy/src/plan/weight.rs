//! How much hangs on a phase: the weights of its customers, and how much of that may fail (R1, R12).

use super::{Phase, Plan};
use crate::ids::CustomerId;
use crate::phases::{share, sum};
use crate::rules::Tolerance;
use crate::settings::Customer;

impl Plan {
    /// The weight of a planned customer.
    pub fn weight_of(&self, customer: &CustomerId) -> u64 {
        let planned = self.customers.get(customer);
        planned.map_or(Customer::WEIGHT, |planned| planned.customer.weight)
    }

    /// The weights of a phase's customers, in their order.
    pub fn weights(&self, phase: &Phase) -> Vec<u64> {
        let customers = phase.customers.iter();
        customers.map(|customer| self.weight_of(customer)).collect()
    }

    /// The weight of some customers together.
    pub fn weight_together<'c>(&self, customers: impl IntoIterator<Item = &'c CustomerId>) -> u64 {
        let weights = customers
            .into_iter()
            .map(|customer| self.weight_of(customer));
        weights.fold(0, u64::saturating_add)
    }

    /// Whether weights say something about a phase that the number of customers does not: its policy asks for them, or a
    /// customer has one.
    pub fn weighs(&self, phase: &Phase) -> bool {
        let mut customers = phase.customers.iter();
        phase.policy.weighs()
            || customers.any(|customer| self.weight_of(customer) != Customer::WEIGHT)
    }
}

impl Phase {
    /// Whether no more has failed than is tolerated (R12): by weight where the policy says so, else by number.
    pub fn tolerates(&self, failures: u32, failed_weight: u64) -> bool {
        match self.tolerated_weight {
            Some(tolerated) => failed_weight <= tolerated,
            None => failures <= self.tolerated,
        }
    }

    /// How many failures are tolerated; `None`: their weight decides.
    pub fn tolerated_number(&self) -> Option<u32> {
        match self.tolerated_weight {
            Some(_) => None,
            None => Some(self.tolerated),
        }
    }

    /// Resolves the policy's tolerance for customers of these weights, fractions dropped.
    pub fn resolve_tolerance(&mut self, weights: &[u64]) {
        (self.tolerated, self.tolerated_weight) = match self.policy.max_failures {
            Tolerance::Count(count) => (count, None),
            Tolerance::Percent(percent) => {
                let number = share(weights.len() as u64, percent);
                (u32::try_from(number).unwrap_or(u32::MAX), None)
            }
            Tolerance::Weight(percent) => (0, Some(share(sum(weights), percent))),
        };
    }
}
