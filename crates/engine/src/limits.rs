//! How much may grow, and for how long things may take: every bound of this crate in one place.

use std::time::Duration;

/// Pending requests taken from the inbox into one commit.
pub const REQUESTS_A_COMMIT: usize = 256;
/// Messages taken from the channel into one commit.
pub const MESSAGES_A_COMMIT: usize = 4096;
/// Notices of the outside that wait to be stored while nothing can be.
pub const NOTICES_KEPT: usize = 64;
/// Events a slow subscriber may lag behind before it must read the journal instead.
pub const EVENTS_BUFFERED: usize = 4096;
/// Problems named by one verification; the rest would follow from these.
pub const PROBLEMS_NAMED: usize = 100;
/// Tokens that are neither revoked nor expired.
pub const TOKENS: usize = 1000;
/// How long a token stays listed after it has expired.
pub const EXPIRED_TOKENS_KEPT: Duration = Duration::from_hours(24 * 90);
/// A token's use is noted once in so long.
pub const TOKEN_USE_NOTED: Duration = Duration::from_mins(1);
/// Attempts to deliver a notification; then it waits for a person.
pub const DELIVERIES: u32 = 20;
/// Notifications that are delivered at the same time, each to another address.
pub const DELIVERIES_AT_ONCE: usize = 64;
/// How many of them are e-mails: they share a server.
pub const EMAILS_AT_ONCE: usize = 8;
/// First and longest pause between attempts to deliver a notification.
pub const DELIVERY_PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(1));
/// How long one attempt may take; a notification whose process died meanwhile is tried again after it.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_mins(2);
/// How often the outbox is looked at.
pub const OUTBOX_LOOK: Duration = Duration::from_secs(1);
/// How often a notification is said again at most.
pub const REMINDERS: u32 = 100;
/// How long delivered notifications stay readable.
pub const NOTIFICATIONS_KEPT: Duration = Duration::from_hours(24 * 90);
/// How long answered requests stay readable.
pub const ANSWERS_KEPT: Duration = Duration::from_hours(24);

/// How long a statement waits for another process's write.
pub const BUSY: Duration = Duration::from_secs(5);
/// The longest sleep of the engine: after it the inbox and the project's files are looked at.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// First and longest wait between attempts to come back after a failed commit.
pub const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Broken invariants after which the engine gives up.
pub const BUGS: u32 = 3;
/// How often the server is asked for its time while the clock is not trusted.
pub const ASK_SERVER_TIME: Duration = Duration::from_secs(5);
/// Replies of the server that must agree with the wall clock (P25).
pub const AGREEING_REPLIES: u32 = 2;
/// How far the wall clock may be from engine time or from the server's (P25).
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);
/// How long a lock held by a running engine is asked for: just long enough for a probe to let go of it.
pub const LOCK_OF_ENGINE: Duration = Duration::from_millis(150);
/// How long a lock held for one request is asked for; a second engine must be refused within 2 s (P40).
pub const LOCK_OF_REQUEST: Duration = Duration::from_millis(1500);
