//! What was read for a customer and is not stored, and which facts make it worthless.

use std::mem::Discriminant;

use chrono::TimeDelta;
use policy::Timestamp;

use crate::model::command::{CommandKind, DeployView, ServiceView};
use crate::model::ids::{DatabaseId, DeployId};

/// What was read for a customer and is not worth storing: a restart reads it again.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that this process has seen or done, independent of the others"
)]
pub(crate) struct Scratch {
    /// The tick let the current service go.
    pub(crate) go: bool,
    /// The current service as last read.
    pub(crate) view: Option<ServiceView>,
    /// The databases of the name that is looked up, and when they were asked for.
    pub(crate) databases: Option<(Timestamp, Vec<DatabaseId>)>,
    /// The newest deploys of the current service, and when they were asked for.
    pub(crate) listing: Option<(Timestamp, Vec<DeployView>)>,
    /// Since when a deploy of somebody else is waited for, and which.
    pub(crate) foreign: Option<(Timestamp, DeployId)>,
    /// The wait for it was given up.
    pub(crate) foreign_stuck: bool,
    /// When the last unfinished deploy before our queued one ended.
    pub(crate) quiet_since: Option<Timestamp>,
    /// The request of this intent was begun by this very process.
    pub(crate) fresh: bool,
    /// The cancel request was answered.
    pub(crate) cancel_sent: bool,
    /// A secret that did not resolve, and when it is asked for again.
    pub(crate) secret: Option<(String, Timestamp)>,
    /// The planned variables of the current service were compared with what is stored.
    pub(crate) compared: bool,
    /// Before its start: services with deploys that this journal did not ask for.
    pub(crate) met: Vec<ServiceView>,
    /// The last inspection said it cannot be done.
    pub(crate) refused: Option<String>,
    /// What Render gives no usable answer to (R11).
    pub(crate) trouble: Option<Trouble>,
    /// Asked after a restart, it was not healthy (R17).
    pub(crate) unfit: Option<Unfit>,
}

impl Scratch {
    /// Moves what is waited for along when engine time jumps (P22).
    pub(crate) fn move_along(&mut self, by: chrono::TimeDelta) {
        let trouble = self.trouble.as_mut();
        let trouble = trouble.map(|one| [&mut one.since, &mut one.again_at]);
        let unfit = self.unfit.as_mut();
        let unfit = unfit.map(|one| [&mut one.since, &mut one.again_at]);
        let foreign = self.foreign.as_mut().map(|(since, _)| since);
        let secret = self.secret.as_mut().map(|(_, again_at)| again_at);
        let pairs = trouble.into_iter().chain(unfit).flatten();
        let alone = [foreign, secret, self.quiet_since.as_mut()];
        for at in pairs.chain(alone.into_iter().flatten()) {
            *at += by;
        }
    }

    /// Forgets what was read: it is for another service or attempt.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            go: self.go,
            trouble: self.trouble.take(),
            ..Self::default()
        };
    }

    /// Forgets everything: the customer goes another way.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// A deploy or rollback is about to be requested, by this very process.
    pub(crate) fn begins_request(&mut self) {
        self.listing = None;
        self.foreign = None;
        self.foreign_stuck = false;
        self.quiet_since = None;
        self.fresh = true;
    }

    /// Something else is about to be changed, by this very process.
    pub(crate) fn begins_change(&mut self) {
        self.cancel_sent = false;
        self.fresh = true;
    }

    /// Waits for a deploy of somebody else from now on.
    pub(crate) fn awaits(&mut self, deploy: &DeployId, at: Timestamp) {
        self.foreign.get_or_insert((at, deploy.clone()));
    }
}

/// Why a customer could not be confirmed after a restart, and when it is asked again.
#[derive(Clone, Debug)]
pub(crate) struct Unfit {
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
    pub(crate) again_at: Timestamp,
}

/// A question that Render does not answer.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) asked: Discriminant<CommandKind>,
    /// What came instead of an answer.
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
    pub(crate) again_at: Timestamp,
    pub(crate) distance: TimeDelta,
    /// A person was told.
    pub(crate) is_told: bool,
}
