//! What a terminal and a page both show of a product: plain values, read through a [`Backend`](crate::Backend) and the
//! project's files. How they are laid out is for whoever shows them.

mod about;
pub mod at_render;
mod earliest;
mod fleet;
mod frozen;
pub mod gates;
mod plan;
pub mod requests;
mod standing;
mod versions;
mod why;

pub use self::earliest::{BatchTimes, CustomerTime, PhaseTimes, earliest};
pub use self::fleet::{CustomerCard, FleetCustomer};
pub use self::frozen::{FrozenTime, frozen, span};
pub use self::plan::{PhaseView, PlanView};
pub use self::standing::Standing;
pub use self::versions::Tracked;
pub use self::why::{Reasons, stands};
