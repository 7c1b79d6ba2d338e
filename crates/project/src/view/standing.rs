//! Where does one rollout stand, and what concerns all of them?

use policy::{Config, Timestamp};
use rollout::RolloutId;
use rollout::view::{ProductView, RolloutView};
use serde::Serialize;

use super::about::about;
use crate::backend::Backend;
use crate::error::Error;
use crate::moved_windows::{Moved, moved};
use crate::runs;

/// Where a rollout stands.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The rollout, its phases, customers and gates.
    #[serde(flatten)]
    pub run: RolloutView,
    /// What concerns the product.
    pub product: ProductView,
    /// What goes on with it, where it rests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
    /// Windows that an unfinished rollout has frozen in another zone than the files mean.
    #[serde(rename = "moved_windows", skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
    /// The other unfinished rollouts.
    #[serde(skip)]
    pub others: Vec<RolloutView>,
    /// Whether somebody drives the rollouts.
    #[serde(skip)]
    pub is_driven: bool,
}

impl Standing {
    /// The rollout that is named, or the one that goes on. Files that cannot be used change nothing about that.
    pub async fn read(
        backend: &dyn Backend,
        named: Option<RolloutId>,
        files: impl FnOnce() -> Option<Config>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut product = backend.product().await?;
        let mut others = product.overview_at(now);
        let waits = backend.waits().await?;
        for run in &mut others {
            waits.mark(run, now);
        }
        let mut run = runs::choose(others.clone(), named)?;
        for phase in &mut run.phases {
            if let Some(hold) = &mut phase.waits_for {
                product.settle_hold(run.id, now, hold);
            }
        }
        let way_out = product.goes_on_by(run.id, now).map(|(text, _)| text);
        others.retain(|other| other.id != run.id && !other.has_ended());
        let objection = backend.objection().await?;
        let config = files();
        let config = config.as_ref();
        let windows = config.map(|config| moved(config, &product, now));
        let windows = windows.into_iter().flatten();
        Ok(Self {
            product: about(&product, run.id, config, objection, now),
            moved: windows.filter(|one| one.goes_on).collect(),
            is_driven: backend.is_driven().await?,
            run,
            way_out,
            others,
        })
    }
}
