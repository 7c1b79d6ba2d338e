//! Which rollout is meant, and what runs where as far as rollouts tell?

use policy::plan::RunningVersions;
use rollout::view::RolloutView;
use rollout::{Observed, Product, RolloutId};

use crate::error::Error;

/// The rollout that is looked at: the named one, or the newest that goes on, or else the newest.
pub fn choose(runs: Vec<RolloutView>, named: Option<RolloutId>) -> Result<RolloutView, Error> {
    let goes_on = |run: &RolloutView| run.started_at.is_some() && !run.has_ended();
    chosen(runs, named, |run| (goes_on(run), !run.has_ended()))
}

/// The rollout that is told about: the named one, or the newest.
pub fn newest(runs: Vec<RolloutView>, named: Option<RolloutId>) -> Result<RolloutView, Error> {
    chosen(runs, named, |run| run.started_at.is_some())
}

/// The named rollout, or of those that `rank` puts first the newest.
fn chosen<K: Ord>(
    runs: Vec<RolloutView>,
    named: Option<RolloutId>,
    rank: impl Fn(&RolloutView) -> K,
) -> Result<RolloutView, Error> {
    let mut runs = runs.into_iter();
    let chosen = match named {
        Some(id) => runs.find(|run| run.id == id),
        None => runs.max_by_key(|run| (rank(run), run.requested_at, run.id)),
    };
    chosen.ok_or_else(|| named.map_or(Error::NothingStarted, Error::UnknownRollout))
}

/// The one unfinished rollout; an error if there is none, or more than one.
pub fn only_unfinished(product: &Product) -> Result<RolloutId, Error> {
    let runs = product.overview();
    let mut unfinished = runs.iter().filter(|run| !run.has_ended()).map(|run| run.id);
    match (unfinished.next(), unfinished.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => Err(Error::SeveralUnfinished),
        (None, _) => Err(Error::NoneUnfinished),
    }
}

/// What runs where, as far as the rollouts so far tell.
pub fn running(product: &Product) -> RunningVersions {
    product.running(&Observed::new())
}
