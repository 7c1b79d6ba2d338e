//! What is stored about a project on this machine?

use engine::error::with_causes;
use engine::{EngineLock, Error, Reader, StateDir};
use rollout::Product;

use crate::caller::Caller;

/// The state as committed last; a project in which nothing has happened has an empty one. What somebody has changed by
/// hand can be looked at, and that is said.
pub(crate) fn product(state: &StateDir, caller: &dyn Caller) -> Result<Product, Error> {
    match Reader::open(state) {
        Ok(reader) => read(&reader, caller),
        Err(Error::Absent { .. }) => Ok(Product::new()),
        Err(error) => Err(error),
    }
}

/// The same through a reader that is open.
pub(crate) fn read(reader: &Reader, caller: &dyn Caller) -> Result<Product, Error> {
    let (product, damage) = reader.examined()?;
    if let Some(damage) = damage {
        let damage = with_causes(&damage);
        caller.warn_of_damage(&format!(
            "{damage}; what is shown may be wrong, and no engine goes on with it"
        ));
    }
    Ok(product)
}

/// Why everything open is held, or would be by an engine that opened this database: it is a copy, or an older state.
pub(crate) fn objection(state: &StateDir) -> Option<String> {
    let reader = Reader::open(state).ok()?;
    reader.objection(state).ok().flatten()
}

/// Whether a process drives the rollouts; where that cannot be found out, one may.
pub(crate) fn is_driven(state: &StateDir) -> bool {
    let holder = EngineLock::holder(state);
    holder.map_or(true, |holder| holder.is_some_and(|holder| holder.is_engine))
}
