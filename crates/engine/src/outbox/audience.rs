//! What the project's files say about who is told what. Edits take effect at once, as those of people do (R6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use policy::settings::{Notify, Person};
use policy::{Config, CustomerId, GroupId, PersonId};

/// Who is told what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audience {
    /// What is released.
    pub product: String,
    /// The entries of `notify:`.
    pub notify: Vec<Notify>,
    /// People with their addresses.
    pub people: BTreeMap<PersonId, Person>,
    /// Named sets of people.
    pub groups: BTreeMap<GroupId, BTreeSet<PersonId>>,
    /// How customers are reached.
    pub contacts: BTreeMap<CustomerId, Contact>,
}

/// How a customer is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The name people know.
    pub name: String,
    /// Addresses by what they are called: `email`, `webhook`, `slack`.
    pub addresses: BTreeMap<String, String>,
}

impl Audience {
    /// As the files say.
    pub fn of(config: &Config) -> Self {
        let contacts = config.fleet.customers.iter().map(|(id, customer)| {
            let contact = Contact {
                name: customer.name.clone(),
                addresses: customer.contacts.clone(),
            };
            (id.clone(), contact)
        });
        Self {
            product: config.project.product.clone(),
            notify: config.project.notify.clone(),
            people: config.project.people.clone(),
            groups: config.project.groups.clone(),
            contacts: contacts.collect(),
        }
    }
}

/// An audience that whoever reads the files renews, and the engine looks at.
#[derive(Clone, Debug, Default)]
pub struct SharedAudience(Arc<RwLock<Audience>>);

impl SharedAudience {
    /// Begins with this one.
    pub fn new(audience: Audience) -> Self {
        Self(Arc::new(RwLock::new(audience)))
    }

    /// Takes it as it was read anew.
    pub fn renew(&self, audience: Audience) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = audience;
    }

    /// Looks at it.
    pub fn look<T>(&self, look: impl FnOnce(&Audience) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
