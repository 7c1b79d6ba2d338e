//! What is only written down: figures from outside, who had secrets shown, and tokens. Nothing follows from it.

use policy::{CustomerId, PersonId, Role, Timestamp};

use crate::model::actor::Actor;
use crate::model::fact::{Millis, Observed, TokenCreated, TokenRevoked, VariablesRevealed};
use crate::model::offer::Offer;
use crate::model::request::Rejected;
use crate::model::verb::TokenChange;
use crate::product::Product;

/// The longest name of a figure.
const MAX_NAME: usize = 64;

impl Product {
    /// Takes a figure from outside, with the instant it is of.
    pub(crate) fn observe(
        &mut self,
        by: &Actor,
        customer: &CustomerId,
        name: &str,
        (value, of): (f64, Option<Timestamp>),
        note: Option<String>,
    ) -> Result<(), Rejected> {
        let usage = "tranche observe CUSTOMER NAME VALUE [--at INSTANT]";
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control)
        {
            let text = format!("a figure's name has 1 to {MAX_NAME} characters, all printable");
            return Err(Rejected::usage(text, usage));
        }
        if !value.is_finite() {
            return Err(Rejected::usage(format!("{name} is no number"), usage));
        }
        if let Some(of) = of.filter(|of| *of > self.at) {
            let text = format!("{} has not come yet", crate::show_instant(of));
            return Err(Rejected::usage(text, usage));
        }
        self.is_known(customer)?;
        self.emit(Observed {
            customer: customer.clone(),
            actor: by.name.clone(),
            reason: note,
            name: name.to_owned(),
            value,
            at: Millis(of.unwrap_or(self.at)),
        });
        Ok(())
    }

    /// Takes note that a person had values shown in full (P49).
    pub(crate) fn reveal(
        &mut self,
        by: &Actor,
        customer: &CustomerId,
        service: &Role,
        keys: &[String],
    ) {
        self.emit(VariablesRevealed {
            customer: customer.clone(),
            service: service.clone(),
            actor: by.name.clone(),
            keys: keys.to_vec(),
        });
    }

    /// Takes note of a token that is made or revoked (P49).
    pub(crate) fn note_token(
        &mut self,
        by: &Actor,
        change: TokenChange,
        id: &str,
        owner: &PersonId,
    ) {
        let (actor, token, owner) = (by.name.clone(), id.to_owned(), owner.clone());
        match change {
            TokenChange::Create => self.emit(TokenCreated {
                actor,
                token,
                owner,
            }),
            TokenChange::Revoke => self.emit(TokenRevoked {
                actor,
                token,
                owner,
            }),
        }
    }

    /// Refuses a customer that neither the files nor any rollout knows.
    pub(crate) fn is_known(&self, customer: &CustomerId) -> Result<(), Rejected> {
        let rollouts = &self.state.rollouts;
        let in_files = match self.state.product.read_files() {
            Some(files) => files.customers.contains(customer),
            None => false,
        };
        let mut plans = rollouts.values().map(|rollout| &rollout.plan);
        if in_files
            || plans.any(|plan| {
                plan.customers.contains_key(customer) || plan.left_out.contains_key(customer)
            })
        {
            return Ok(());
        }
        let text = format!("there is no customer {customer}");
        Err(Rejected::usage(text, Offer::Customers))
    }
}
