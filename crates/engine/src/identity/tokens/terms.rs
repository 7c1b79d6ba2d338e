//! For what is a token made, and until when is it good?

use std::collections::BTreeSet;

use policy::Timestamp;
use rollout::request::Scope;
use serde::Serialize;

use super::TokenOwner;

/// What a token may be used for, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenTerms {
    /// For what; absent: for what a token of that owner is unless somebody says otherwise.
    pub scopes: Option<BTreeSet<Scope>>,
    /// Until when; absent: until it is revoked.
    pub expires_at: Option<Timestamp>,
}

impl TokenTerms {
    /// For what a token of that owner may be used. To push files, a service is told so expressly.
    pub fn scopes_of(&self, owner: &TokenOwner) -> BTreeSet<Scope> {
        if let Some(scopes) = &self.scopes {
            return scopes.clone();
        }
        let unless_told = Scope::ALL.into_iter().filter(|scope| match scope {
            Scope::Read | Scope::Request | Scope::Vote | Scope::Admin => true,
            Scope::Push => matches!(owner, TokenOwner::Person(_)),
            // That goes with `request`.
            Scope::Start | Scope::Metrics | Scope::Calendar => false,
        });
        unless_told.collect()
    }

    /// Whether nothing is said, so that a release that knows no terms goes by them too.
    pub(super) fn is_default(&self) -> bool {
        self.scopes.is_none() && self.expires_at.is_none()
    }

    /// Whether a token with these terms is good at that instant.
    pub(super) fn are_good_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// As stored.
pub(super) fn scopes_as_text(scopes: &BTreeSet<Scope>) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

/// A scope that this release does not know is none that it grants.
pub(super) fn scopes_in(text: &str) -> BTreeSet<Scope> {
    text.split(' ')
        .filter_map(|name| name.parse().ok())
        .collect()
}
