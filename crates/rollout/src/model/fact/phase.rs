//! Facts about phases and batches (R3, R4, R13).

use policy::{CustomerId, PersonId, Timestamp};

use crate::model::fact::place::{BatchPlace, PhasePlace};

payloads! {
    /// Facts about phases and batches.
    enum PhaseFact in Fact::Phase;

    /// Its customers may start, as far as nothing else holds them (R4).
    PhaseStarted(PhasePlace) {} data {}

    /// All its customers have settled and its soak is over, or nobody of it is left to start; the only event of a phase without
    /// customers.
    PhaseSettled(PhasePlace) {} data {}

    /// The watched wait after the last batch; not for a length of 0.
    SoakStarted(PhasePlace) {
        /// its end
        until: Timestamp,
    } data {}

    /// `due` has passed.
    PhaseOverdue(PhasePlace) {} data {}

    /// Its first customer started.
    BatchStarted(BatchPlace) {} data {
        /// whose turn it is
        always customers: Vec<CustomerId>,
    }

    /// Its last customer settled, or nobody of it was left to start.
    BatchSettled(BatchPlace) {} data {}

    /// The wait until the next batch (R3); not for a length of 0.
    DelayStarted(BatchPlace) {
        /// its end
        until: Timestamp,
    } data {
        /// its beginning, if it got a new length
        maybe since: Option<Timestamp>,
    }

    /// A delay or soak was ended by a person (R13).
    Promoted(PhasePlace) {
        /// who asked
        actor: PersonId,
    } data {
        /// all that remain, and every `not_before`
        always full: bool,
    }

    /// A batch or phase was left out by a person; its customers have events of their own (R13).
    Skipped(PhasePlace) {
        /// the batch, if it is not the whole phase
        batch: Option<u32>,
        /// who asked
        actor: PersonId,
        /// why
        reason: String,
    } data {
        /// who is left out
        always customers: Vec<CustomerId>,
    }
}
