//! What concerns the product now, whichever rollout is looked at?

use policy::{Config, Timestamp};
use rollout::view::ProductView;
use rollout::{Product, RolloutId};

use crate::files_read::unapplied;

/// With the edits that a rollout does not know yet, whether or not an engine has seen them.
pub(super) fn about(
    product: &Product,
    run: RolloutId,
    config: Option<&Config>,
    objection: Option<String>,
    now: Timestamp,
) -> ProductView {
    let mut view = product.product_view();
    view.moved = view.moved.or(objection);
    view.freezes.retain(|(_, until)| *until > now);
    let is_unfinished = product
        .rollout_view(run)
        .is_some_and(|view| !view.has_ended() && matches!(run, RolloutId::Rollout(_)));
    if !is_unfinished {
        // A replan could not bring it an edit any more.
        view.unapplied.clear();
        return view;
    }
    if let (Some(config), Some(plan)) = (config, product.plan(run)) {
        view.unapplied = unapplied(config, plan);
    }
    view
}
