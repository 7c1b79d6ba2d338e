//! What does one customer need next, and what does an answer about it mean?
//!
//! [`next`] reads the state of a customer and says what is wanted; [`protocol`] is how a deploy or rollback is asked for
//! without ever asking twice; [`record`] turns reports into facts; [`advance_customer`] goes from one to the next. What a
//! decision may look at is [`ctx`].

pub(crate) mod adoption;
pub(crate) mod advance_customer;
pub(crate) mod answer;
pub(crate) mod closing;
pub(crate) mod confirm;
pub(crate) mod ctx;
pub(crate) mod elsewhere;
pub(crate) mod hooks;
pub(crate) mod next;
pub(crate) mod protocol;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod restart;
pub(crate) mod targets;
pub(crate) mod trouble;
pub(crate) mod variables;
