//! Facts about the return of a customer's database to an earlier instant (R19, T15).

use std::collections::BTreeMap;

use policy::{Role, Timestamp};

use crate::model::fact::place::CustomerPlace;
use crate::model::fact::written::Millis;
use crate::model::ids::DatabaseId;

payloads! {
    /// Facts about the return of a customer's database to an earlier instant (R19, T15).
    enum RecoveryFact in Fact::Recovery at CustomerPlace;

    /// A new database with the data of `data.to` is about to be asked for (P7, R19).
    RecoveryIntended(CustomerPlace) {
        /// the attempt, from 1
        attempt: u32,
    } data {
        /// the old database
        nullable database: Option<DatabaseId>,
        /// the instant whose data is wanted
        always to: Millis,
        /// the new database's name, which is ours alone
        always name: String,
    }

    /// Render makes it.
    RecoveryCreated(CustomerPlace) {
        /// the attempt
        attempt: u32,
    } data {
        /// the new database
        always database: DatabaseId,
        /// it was found by its name
        unless_default adopted: bool,
    }

    /// As `deploy_unknown`; a database is found by its name.
    RecoveryUnknown(CustomerPlace) {
        /// the attempt
        attempt: u32,
        /// what came instead of an answer
        reason: String,
        /// from when on its absence is a proof
        until: Timestamp,
    } data {}

    /// As `deploy_absent`.
    RecoveryAbsent(CustomerPlace) {
        /// the attempt
        attempt: u32,
        /// how that is known
        reason: String,
    } data {}

    /// The new database can be used, or the hooks have restored the old one.
    RecoveryLive(CustomerPlace) {
        /// the attempt; absent where hooks did it
        attempt: Option<u32>,
    } data {}

    /// The new database never came; nothing was switched.
    RecoveryFailed(CustomerPlace) {
        /// the attempt
        attempt: u32,
        /// why
        reason: String,
    } data {}

    /// The variables of every service name the new database.
    DatabaseSwitched(CustomerPlace) {} data {
        /// the old database
        always from: DatabaseId,
        /// the new one
        always to: DatabaseId,
        /// the keys that name it, by role
        always keys: BTreeMap<Role, Vec<String>>,
    }
}
