//! Who is told what, and how is it told at least once?
//!
//! [`Audience`] is what the project's files say; [`letters`] is the pure function from events to [`Letter`]s, whose rows are
//! committed together with the events. The [`Postman`] hands them to a [`Carrier`], again and again if need be, and
//! reminds people of what they have not answered. A letter that cannot be delivered holds nothing up, and stays in the
//! [`Outbox`] until somebody looks.

mod address;
mod audience;
mod lanes;
mod letter;
mod postman;
mod retry;
mod store;
mod unanswered;

pub use self::address::{letters, of_alert};
pub use self::audience::{Audience, Contact, SharedAudience};
pub use self::letter::{Letter, LetterId, Recipient, Sink};
pub use self::postman::{Carrier, Carrying, Postman, Undelivered};
pub(crate) use self::store::write as write_letters;
pub use self::store::{LetterState, Outbox, StoredLetter};
pub use self::unanswered::Alerts;
