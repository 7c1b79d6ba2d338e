//! What do the variables of this process say?

use std::env;

/// An environment variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes the process die at a place, for tests.
pub(crate) const CRASH_AT: &str = "TRANCHE_CRASH_AT";
