//! Rate limits: fixed windows per class of request.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rollout::Limit;
use serde::{Deserialize, Serialize};

use crate::ids::{ServiceId, Timestamp};
use crate::settings::Limits;

/// What a request is counted with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Class {
    /// Every GET.
    Read,
    /// Trigger, PATCH, suspend and resume of one service.
    Service(ServiceId),
    /// The scale of one service.
    Scale(ServiceId),
    /// New services and databases.
    Creation,
    /// One-off jobs.
    Job,
    /// Every other change.
    Other,
}

impl Class {
    fn limit(&self, limits: &Limits) -> u32 {
        match self {
            Self::Read => limits.reads,
            Self::Service(_) => limits.service,
            Self::Scale(_) => limits.scale,
            Self::Creation => limits.creations,
            Self::Job => limits.jobs,
            Self::Other => limits.others,
        }
    }

    fn window(&self) -> TimeDelta {
        let limit = match self {
            Self::Read => Limit::Reads,
            Self::Service(_) | Self::Scale(_) => Limit::Service,
            Self::Creation => Limit::Creations,
            Self::Job => Limit::Jobs,
            Self::Other => Limit::Changes,
        };
        TimeDelta::from_std(limit.window()).unwrap_or_default()
    }
}

/// What is left of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Whether the request may pass.
    pub granted: bool,
    /// Requests per window.
    pub limit: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// Seconds left of this window.
    pub reset: u32,
}

/// Counts requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(
    from = "Vec<((String, Class), Window)>",
    into = "Vec<((String, Class), Window)>"
)]
pub(crate) struct Limiter {
    windows: BTreeMap<(String, Class), Window>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Window {
    until: Timestamp,
    used: u32,
}

impl Limiter {
    /// Counts one request, unless the window is used up.
    pub(crate) fn spend(
        &mut self,
        now: Timestamp,
        key: &str,
        class: &Class,
        limits: &Limits,
    ) -> Allowance {
        let fresh = Window {
            until: now + class.window(),
            used: 0,
        };
        let window = self
            .windows
            .entry((key.to_owned(), class.clone()))
            .or_insert(fresh);
        if window.until <= now {
            *window = fresh;
        }
        let granted = window.used < class.limit(limits);
        window.used += u32::from(granted);
        Allowance {
            granted,
            ..self.look(now, key, class, limits)
        }
    }

    /// What is left, without counting.
    pub(crate) fn look(
        &self,
        now: Timestamp,
        key: &str,
        class: &Class,
        limits: &Limits,
    ) -> Allowance {
        let limit = class.limit(limits);
        let window = self.windows.get(&(key.to_owned(), class.clone()));
        let window = window.filter(|window| now < window.until);
        let used = window.map_or(0, |window| window.used);
        let left = window.map_or(class.window(), |window| window.until - now);
        let seconds = (left.num_milliseconds() + 999) / 1_000;
        Allowance {
            granted: used < limit,
            limit,
            remaining: limit.saturating_sub(used),
            reset: u32::try_from(seconds).unwrap_or(0),
        }
    }
}

impl From<Vec<((String, Class), Window)>> for Limiter {
    fn from(windows: Vec<((String, Class), Window)>) -> Self {
        Self {
            windows: windows.into_iter().collect(),
        }
    }
}

impl From<Limiter> for Vec<((String, Class), Window)> {
    fn from(limiter: Limiter) -> Self {
        limiter.windows.into_iter().collect()
    }
}
