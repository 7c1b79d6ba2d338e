//! What people ask for: each verb, when it is refused, and the facts that it becomes.
//!
//! Start at [`verbs`]; a file a verb or two. [`trial`] asks the same verbs whether they would be taken.

pub(crate) mod audit;
pub(crate) mod defer;
pub(crate) mod deploys;
pub(crate) mod exposed;
pub(crate) mod force;
pub(crate) mod freezes;
pub(crate) mod in_the_way;
pub(crate) mod operate;
pub(crate) mod override_freeze;
pub(crate) mod pause_abort;
pub mod recover;
pub(crate) mod replan;
pub(crate) mod retry_skip;
pub(crate) mod start_rollout;
pub(crate) mod started;
pub(crate) mod trial;
pub(crate) mod variables;
pub(crate) mod verbs;
pub(crate) mod votes;
