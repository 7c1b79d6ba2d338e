//! Facts about the variables of a service, and about its auto-deploy (P27-P29, P32). Names of keys, never values.

use std::collections::BTreeMap;

use crate::model::fact::place::ServicePlace;
use crate::model::fact::written::Nullable;
use crate::model::ids::{AttachmentId, DatabaseId};

payloads! {
    /// Facts about the variables of a service, and about its auto-deploy (P27-P29, P32).
    enum VariablesFact in Fact::Variables at ServicePlace;

    /// Old and new values are sealed beside the journal, which holds the names of keys and never values (P27).
    VariablesBackedUp(ServicePlace) {} data {
        /// under which name they are kept
        always backup: AttachmentId,
        /// every variable's name and keyed digest
        always digests: BTreeMap<String, String>,
        /// the keys that are to be written
        always keys: Vec<String>,
        /// the restored database that they are to name (T15)
        maybe database: Option<DatabaseId>,
    }

    /// The keys are about to be written (P7).
    VariablesIntended(ServicePlace) {} data {
        /// the keys
        always keys: Vec<String>,
        /// the restored database that they are to name (T15)
        maybe database: Option<DatabaseId>,
        /// beside `database`: the one that they name
        maybe from: Option<DatabaseId>,
        /// beside `database`: the same
        maybe to: Option<DatabaseId>,
    }

    /// The keys have their new values.
    VariablesSet(ServicePlace) {} data {
        /// the keys
        always keys: Vec<String>,
        /// the restored database that they name (T15)
        told database: Option<Nullable<DatabaseId>>,
    }

    /// The old values are about to be put back (P7).
    RestoreIntended(ServicePlace) {} data {
        /// the keys
        always keys: Vec<String>,
        /// the old database that they are to name again (T15)
        maybe database: Option<DatabaseId>,
    }

    /// The old values are back.
    VariablesRestored(ServicePlace) {
        /// why they were not put back
        reason: Option<String>,
    } data {
        /// the keys
        maybe keys: Option<Vec<String>>,
        /// those that somebody else has changed since: they keep that
        maybe foreign: Option<Vec<String>>,
        /// the old database that they name again (T15)
        told database: Option<Nullable<DatabaseId>>,
    }

    /// Auto-deploy is about to be switched, with `auto_deploy: manage` (P7, P32).
    AutoDeployIntended(ServicePlace) {} data {
        /// which way
        always on: bool,
    }

    /// Auto-deploy is off (P32).
    AutoDeployDisabled(ServicePlace) {} data {}

    /// Auto-deploy is as it was (P32).
    AutoDeployRestored(ServicePlace) {
        /// why it is not
        reason: Option<String>,
    } data {
        /// Render refused it: it stays off
        unless_default refused: bool,
    }
}
