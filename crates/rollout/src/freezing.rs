//! Freezes, their overrides, and blocked versions (R9).

use std::collections::BTreeSet;

use policy::{CustomerId, Timestamp};

use crate::event::{Fact, Kind};
use crate::product::Product;
use crate::request::{Actor, Rejected, RejectedCode, Request};
use crate::verbs::already;

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
                &format!("tranche unblock {version}"),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::Blocked)
        };
        self.emit(fact.with("version", version));
        Ok(())
    }

    pub(crate) fn unblock(&mut self, by: &Actor, version: &str) -> Result<(), Rejected> {
        if !self.state.product.blocks.contains_key(version) {
            return Err(Rejected::state(
                format!("{version} is not blocked"),
                "tranche status",
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unblocked)
            }
            .with("version", version),
        );
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
                "tranche freeze NAME --until INSTANT",
            ));
        }
        let written = self.is_written_freeze(name);
        let planned = self.state.runs.values().any(|run| {
            !run.is_ended() && run.plan.freezes.iter().any(|freeze| freeze.name == name)
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
                &format!("tranche unfreeze {name}"),
            ));
        }
        let fact = Fact {
            actor: Some(by.name.clone()),
            reason: Some(reason.to_owned()),
            until: Some(until),
            ..Fact::new(Kind::Frozen)
        };
        self.emit(fact.with("name", name).with_value("customers", customers));
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
                &format!("tranche override {name} --reason ...  (for one of tranche.yaml)"),
            ));
        }
        self.emit(
            Fact {
                actor: Some(by.name.clone()),
                ..Fact::new(Kind::Unfrozen)
            }
            .with("name", name),
        );
        Ok(())
    }

    pub(crate) fn override_freeze(
        &mut self,
        request: &Request,
        name: &str,
        reason: &str,
    ) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        let run = &self.state.runs[&id];
        let written = self.is_written_freeze(name);
        let planned = run.plan.freezes.iter().any(|freeze| freeze.name == name);
        if !written && !planned && !self.state.product.freezes.contains_key(name) {
            return Err(Rejected::usage(
                format!("there is no freeze {name}"),
                "tranche status",
            ));
        }
        if request.by.service {
            let text = format!(
                "{} is a service, and an override takes two people",
                request.by.name
            );
            return Err(Rejected::new(RejectedCode::NotPermitted, text, ""));
        }
        let voices = run.row.overrides.get(name).cloned().unwrap_or_default();
        if voices.len() >= 2 || voices.contains(&request.by.name) {
            let text = format!(
                "{} has said so already; an override takes a second person",
                request.by.name
            );
            return Err(Rejected::state(
                text,
                &format!("tranche override {name} --reason ...  (by somebody else)"),
            ));
        }
        let complete = voices.len() + 1 >= 2;
        let fact = Fact {
            actor: Some(request.by.name.clone()),
            reason: Some(reason.to_owned()),
            ..Fact::new(Kind::FreezeOverridden)
        };
        self.emit_in(id, fact.with("name", name).with("complete", complete));
        Ok(())
    }
}
