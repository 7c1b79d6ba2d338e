//! For which gates are people asked?

use policy::Timestamp;
use rollout::standing::GateStanding;
use rollout::view::GateView;

use crate::backend::Backend;
use crate::error::Error;

/// The gates that wait for people; with `all` every gate of every rollout.
pub async fn read(
    backend: &dyn Backend,
    all: bool,
    now: Timestamp,
) -> Result<Vec<GateView>, Error> {
    let runs = backend.product().await?.overview_at(now).into_iter();
    let meant = runs.filter(|run| all || !run.has_ended());
    let gates = meant.flat_map(|run| run.gates);
    Ok(gates.filter(|gate| all || is_open(gate)).collect())
}

/// Whether people are still asked for this gate.
pub fn is_open(gate: &GateView) -> bool {
    gate.state == GateStanding::Asked
}
