//! How a fleet is cut before anything is frozen: which phase comes after which, and how a phase is cut into batches (R1, R4).

mod order;
mod sizes;
mod weights;

pub(crate) use self::order::narrowed;
pub use self::order::{Cycle, order};
pub use self::sizes::{batch_sizes, resize};
pub(crate) use self::weights::{share, sum};

/// The policy that a hotfix follows; it is no part of the DAG otherwise (R14).
pub const HOTFIX: &str = "hotfix";

/// The role that is mapped for health and recovery, but never deployed.
pub const DATABASE: &str = "database";
