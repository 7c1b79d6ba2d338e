//! Who is told what, and how is it told at least once?
//!
//! [`Audience`] is what the project's files say; [`notifications_of_events`] is the pure function from events to
//! [`Notification`]s, whose rows are committed together with the events. The [`OutboxWorker`] hands them to a [`Transport`],
//! again and again if need be, and reminds people of what they have not answered. A notification that cannot be delivered
//! holds nothing up, and stays in the [`Outbox`] until somebody looks. Start reading at [`Notification`].

mod audience;
mod destinations;
mod notification;
mod retry;
mod routing;
mod table;
mod transport;
mod unanswered;
mod worker;

pub use self::audience::{Audience, Contact, SharedAudience};
pub use self::notification::{
    ALERT_RAISED, ALERT_RECOVERED, Notification, NotificationId, Recipient, Sink,
};
pub use self::routing::{notifications_of_alert, notifications_of_events};
pub use self::table::{
    Listed, NotificationState, Outbox, StoredNotification, UnreadableNotification,
};
pub use self::transport::{Delivering, Transport, Undelivered};
pub use self::unanswered::Alerts;
pub use self::worker::OutboxWorker;
