//! Freezes made by a person, and blocked versions (R9).

use std::collections::BTreeSet;

use policy::{CustomerId, Timestamp};

use crate::model::actor::Actor;
use crate::model::fact::{Blocked, Frozen, Unblocked, Unfrozen};
use crate::model::offer::Offer;
use crate::model::request::Rejected;
use crate::product::Product;
use crate::requests::verbs::already;

impl Product {
    pub(crate) fn block(
        &mut self,
        by: &Actor,
        version: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        if self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is blocked already"),
                Offer::Unblock(version.to_owned()),
            ));
        }
        self.emit(Blocked {
            actor: by.name.clone(),
            reason: reason.to_owned(),
            version: version.to_owned(),
        });
        Ok(())
    }

    pub(crate) fn unblock(&mut self, by: &Actor, version: &str) -> Result<(), Rejected> {
        if !self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is not blocked"),
                Offer::Status(None),
            ));
        }
        self.emit(Unblocked {
            actor: by.name.clone(),
            version: version.to_owned(),
        });
        Ok(())
    }

    pub(crate) fn freeze(
        &mut self,
        by: &Actor,
        name: &str,
        until: Timestamp,
        reason: &str,
        customers: &BTreeSet<CustomerId>,
    ) -> Result<(), Rejected> {
        if until <= self.at {
            return Err(Rejected::usage(
                format!("{} has passed", crate::show_instant(until)),
                "tranche freeze NAME --until INSTANT --reason ...",
            ));
        }
        let written = self.is_written_freeze(name);
        let planned = self.state.rollouts.values().any(|rollout| {
            !rollout.is_ended()
                && rollout
                    .plan
                    .freezes
                    .iter()
                    .any(|freeze| freeze.name == name)
        });
        if written || planned {
            return Err(Rejected::state(
                format!("tranche.yaml has a freeze {name}"),
                "choose another name",
            ));
        }
        if self
            .state
            .product
            .freezes
            .get(name)
            .is_some_and(|freeze| freeze.until > self.at)
        {
            return Err(already(
                format!("the freeze {name} is on already"),
                Offer::Unfreeze(name.to_owned()),
            ));
        }
        self.emit(Frozen {
            actor: by.name.clone(),
            reason: reason.to_owned(),
            until,
            name: name.to_owned(),
            customers: customers.clone(),
        });
        Ok(())
    }

    /// Whether tranche.yaml, as last read, has such a freeze.
    fn is_written_freeze(&self, name: &str) -> bool {
        let mut read = self.state.product.read_files().into_iter();
        read.any(|files| files.freezes.iter().any(|freeze| freeze.name == name))
    }

    pub(crate) fn unfreeze(&mut self, by: &Actor, name: &str) -> Result<(), Rejected> {
        if !self.state.product.freezes.contains_key(name) {
            let text = format!("no freeze {name} was made by `tranche freeze`");
            return Err(Rejected::state(
                text,
                Offer::Override(name.to_owned(), None).noted("for one of tranche.yaml"),
            ));
        }
        self.emit(Unfrozen {
            actor: by.name.clone(),
            name: name.to_owned(),
        });
        Ok(())
    }
}
