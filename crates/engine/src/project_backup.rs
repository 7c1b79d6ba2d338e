//! How is all that a project needs to go on copied into one file, and put back from it?
//!
//! The file is the database itself as it was at one instant, so that whoever looks on can look at it (`--db FILE`), with one
//! table more: what the monitor has measured and, if that is asked for, the key of the sealed values. Who holds a session of a
//! server is in no such file, and signs in again. A database that is put back has no mark beside it, so that everything open
//! in it is held until a person says that it is the one that counts (P40).

mod error;
mod files;
mod make;
mod parts;
mod restore;
mod sealed;

pub use self::error::BackupError;
pub use self::make::{BackedUp, back_up};
pub use self::restore::{RestoreStep, Restored, restore};
pub use self::sealed::{KeyOnRestore, SealedValues};
