//! Does anything answer at all? While nothing does, nothing is judged (R20), and somebody should know.

use std::collections::BTreeSet;

use tokio::sync::watch;

use super::probe::{Observed, Sample, ServiceKey};

/// Whether the monitor sees anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// It does.
    #[default]
    Clear,
    /// The last answers of all services say nothing about them.
    Blind {
        /// Why the last of them does.
        reason: String,
    },
}

/// Tells when visibility is lost and found.
#[derive(Debug, Default)]
pub(super) struct VisibilityTracker {
    /// The services whose last answer says nothing.
    unseen: BTreeSet<ServiceKey>,
    visibility: watch::Sender<Visibility>,
}

impl VisibilityTracker {
    pub(super) fn subscribe(&self) -> watch::Receiver<Visibility> {
        self.visibility.subscribe()
    }

    /// Takes in what was seen of one service, of so many.
    pub(super) fn take(&mut self, sample: &Sample, services: usize) {
        let visibility = match &sample.observed {
            Observed::Up { .. } | Observed::Down { .. } => {
                self.unseen.clear();
                Visibility::Clear
            }
            Observed::NoData { reason } => {
                self.unseen.insert(sample.key.clone());
                if self.unseen.len() < services {
                    return;
                }
                let reason = reason.clone();
                Visibility::Blind { reason }
            }
        };
        self.visibility.send_if_modified(|known| {
            let is_news = (*known == Visibility::Clear) != (visibility == Visibility::Clear);
            if is_news {
                *known = visibility;
            }
            is_news
        });
    }

    /// A service that is watched no longer is not missed.
    pub(super) fn forget(&mut self, key: &ServiceKey) {
        self.unseen.remove(key);
    }
}
