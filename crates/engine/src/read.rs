//! What do other processes see of what is stored? Nothing here writes to the database.

pub(crate) mod attachments;
pub(crate) mod history;
pub(crate) mod waits;
