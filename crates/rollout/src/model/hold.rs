//! Why does something wait now, and until when? The decision, `why` and the forecast all ask here (R21).

use policy::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::ids::GateId;
use crate::model::offer::Offers;

/// One reason why a customer does not start now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Which reason.
    pub kind: HoldKind,
    /// The reason as a sentence fragment for people.
    pub text: String,
    /// When it may change by itself; `None`: not known.
    pub until: Option<Timestamp>,
    /// Since when it is so, where that is known.
    pub since: Option<Timestamp>,
    /// Who or what it waits for: a person, a group, Render, the calendar.
    pub owner: HoldOwner,
    /// What to type to change it, if a person can.
    pub way_out: Option<String>,
    /// What that was chosen from, or is.
    #[serde(skip)]
    pub offers: Offers,
    /// Of an approval: the gate.
    #[serde(skip)]
    pub gate: Option<GateId>,
}

words! {
    /// Who or what a hold waits for.
    HoldOwner {
        /// Nobody and nothing: it does not start any more.
        Nobody = "nobody",
        /// Whoever may change how rollouts go on.
        Operators = "operators",
        /// Whoever may open the gate.
        Approvers = "approvers",
        /// Whoever may write the files.
        Admins = "admins",
        /// Somebody outside.
        WhoeverDeployed = "whoever deployed",
        /// Render.
        Render = "Render",
        /// A window, a freeze, a first day.
        Calendar = "the calendar",
        /// Whose turn it is: it has put its date off.
        Customer = "the customer",
        /// A delay.
        Clock = "the clock",
        /// The end of another rollout or operation.
        AnotherRollout = "another rollout",
        /// The phases before.
        EarlierPhases = "earlier phases",
        /// The batch before.
        BatchBefore = "the batch before",
        /// The customer before in a strict order.
        CustomerBefore = "the customer before",
        /// Those who have the slots.
        CustomersBefore = "the customers before",
    }
}

/// The kinds of holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// The rollout waits for another to end.
    Queued,
    /// A person paused it.
    Paused,
    /// It halted after failures, or drains.
    Halted,
    /// The wall clock is not trusted (P25).
    Clock,
    /// The workspace is held (P46).
    Workspace,
    /// The version is blocked.
    Blocked,
    /// Another change of the same customer is under way (R15).
    Owned,
    /// Earlier phases have not settled (R4).
    Phase,
    /// The phase's own `not_before`.
    NotBefore,
    /// An earlier batch is open.
    Batch,
    /// The delay between batches (R3).
    Delay,
    /// The batch before must be seen healthy after a restart (R17).
    Confirm,
    /// Somebody before it in strict order has not started.
    Order,
    /// A gate (R10).
    Approval,
    /// A freeze (R9).
    Freeze,
    /// Outside its window (R7).
    Window,
    /// A pin that was added.
    Pin,
    /// Its date is put off.
    Deferred,
    /// A secret does not resolve.
    Secret,
    /// A deploy of somebody else is under way (R18).
    Foreign,
    /// Render cannot be asked about it (R11).
    Trouble,
    /// One of Render's limits of requests is used up (P44).
    Limit,
    /// All places are taken.
    Slot,
    /// A person must decide.
    Person,
    /// It is being worked on.
    Working,
}

impl Hold {
    pub(crate) fn new(kind: HoldKind, owner: HoldOwner, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            until: None,
            since: None,
            owner,
            way_out: None,
            offers: Offers::default(),
            gate: None,
        }
    }

    pub(crate) fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    pub(crate) fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }

    /// A gate that is not open.
    pub(crate) fn gate(gate: &GateId, owner: HoldOwner, text: String) -> Self {
        Self {
            gate: Some(gate.clone()),
            ..Self::new(HoldKind::Approval, owner, text)
        }
    }

    pub(crate) fn way_out(mut self, offers: impl Into<Offers>) -> Self {
        self.offers = offers.into();
        self.way_out = self.offers.first();
        self
    }
}
