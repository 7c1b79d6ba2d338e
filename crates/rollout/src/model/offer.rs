//! What can a person type next, and would it be taken? Whoever refuses, holds or answers names what may help, in order; what
//! is shown is the first of these that the verb itself takes in the present state. It is asked by a trial: the verb runs
//! as always, and its facts are dropped. So no offer can be forgotten when a verb learns a new refusal.
//!
//! [`Form`] lists every template; a test brings the product to where each is offered, and types it.

pub(crate) mod form;

use std::fmt::Write as _;

use policy::CustomerId;
use policy::calendar::Boundary;

use crate::model::ids::{GateId, RolloutId};
pub use crate::model::offer::form::Form;
use crate::model::verb::Verb;

/// What is left to whoever types it.
pub(crate) const REASON: &str = "...";

/// With it a start waits for what is in its way.
pub(crate) const QUEUE: &str = "--queue";

/// Something that helps, as a person can type it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `approve GATE`
    Approve(String),
    /// `withdraw GATE`
    Withdraw(String),
    /// `retry` of a customer, batch or phase.
    Retry(String),
    /// `retry --failed`
    RetryFailed,
    /// `skip` of a customer, batch or phase.
    Skip(String),
    /// `skip` of some customer that has failed.
    SkipFailed,
    /// `resume`
    Resume,
    /// `resume --clock`
    ResumeClock,
    /// `resume --moved`
    ResumeMoved,
    /// `promote`
    Promote,
    /// `replan`, once the files are mended.
    Replan,
    /// `abort`
    Abort,
    /// `unblock VERSION`
    Unblock(String),
    /// `unfreeze NAME`
    Unfreeze(String),
    /// `override NAME`, of a freeze that repeats the occurrence that begins then.
    Override(String, Option<Boundary>),
    /// `rollback CUSTOMER`
    Rollback(CustomerId),
    /// `rollback CUSTOMER --to` some version.
    RollbackTo(CustomerId),
    /// `rollback CUSTOMER --force`
    RollbackByForce(CustomerId),
    /// `env apply CUSTOMER --undo`
    UndoVariables(CustomerId),
    /// `start`
    Start(Begin),
    /// `status`
    Status(Option<RolloutId>),
    /// `why CUSTOMER`
    Why(CustomerId),
    /// `watch ROLLOUT`
    Watch(RolloutId),
    /// `approvals`
    Approvals,
    /// `approvals --all`
    AllApprovals,
    /// `list`
    List,
    /// `customers`
    Customers,
    /// `customers show CUSTOMER`
    Customer(CustomerId),
    /// `env diff CUSTOMER`
    EnvDiff(CustomerId),
    /// `plan VERSION`, perhaps written into a file that a start can be bound to.
    Plan {
        /// Which version.
        version: String,
        /// Whether into a file.
        out: bool,
    },
    /// `validate`
    Validate,
    /// `render check`
    RenderCheck,
    /// What to do, where no command by itself helps.
    Advice(String),
    /// Either of two helps.
    Either(Box<Offer>, Box<Offer>),
    /// With what a person should know of it.
    Noted(Box<Offer>, &'static str),
    /// In this rollout, which is named where another could be meant.
    In(RolloutId, Box<Offer>),
}

/// A start that is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// Which version; `None`: whichever a person means.
    pub version: Option<String>,
    /// Whom, if not all.
    pub customers: Vec<CustomerId>,
    /// What else it needs, as it is typed.
    pub flag: Option<&'static str>,
}

/// Offers in order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers(pub(crate) Vec<Offer>);

impl From<Offer> for Offers {
    fn from(offer: Offer) -> Self {
        Self(vec![offer])
    }
}

impl<const N: usize> From<[Offer; N]> for Offers {
    fn from(offers: [Offer; N]) -> Self {
        Self(offers.into())
    }
}

impl From<&str> for Offers {
    fn from(advice: &str) -> Self {
        let advice = (!advice.is_empty()).then(|| Offer::Advice(advice.to_owned()));
        Self(advice.into_iter().collect())
    }
}

impl From<&String> for Offers {
    fn from(advice: &String) -> Self {
        Self::from(advice.as_str())
    }
}

impl From<String> for Offers {
    fn from(advice: String) -> Self {
        Self::from(advice.as_str())
    }
}

impl Offers {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Offer> {
        self.0.iter()
    }

    /// All of them in a rollout.
    pub(crate) fn within(self, rollout: RolloutId) -> Self {
        Self(
            self.0
                .into_iter()
                .map(|offer| offer.within(rollout))
                .collect(),
        )
    }

    /// The first of them, without asking whether it would be taken.
    pub(crate) fn first(&self) -> Option<String> {
        self.0.first().map(|offer| offer.text(None))
    }
}

impl Offer {
    /// A start of whichever version a person means, at once.
    pub(crate) fn start() -> Self {
        Self::Start(Begin::default())
    }

    /// A start of whichever version a person means, when what goes on has ended.
    pub(crate) fn start_later() -> Self {
        Self::Start(Begin {
            flag: Some(QUEUE),
            ..Begin::default()
        })
    }

    pub(crate) fn plan(version: &str) -> Self {
        Self::Plan {
            version: version.to_owned(),
            out: false,
        }
    }

    pub(crate) fn rollback(customer: &CustomerId) -> Self {
        Self::Rollback(customer.clone())
    }

    pub(crate) fn why(customer: &CustomerId) -> Self {
        Self::Why(customer.clone())
    }

    pub(crate) fn retry(target: &impl ToString) -> Self {
        Self::Retry(target.to_string())
    }

    pub(crate) fn skip(target: &impl ToString) -> Self {
        Self::Skip(target.to_string())
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self::Either(Box::new(self), Box::new(other))
    }

    pub(crate) fn noted(self, note: &'static str) -> Self {
        Self::Noted(Box::new(self), note)
    }

    pub(crate) fn within(self, rollout: RolloutId) -> Self {
        Self::In(rollout, Box::new(self))
    }

    /// To vote for a gate; where every vote stands already and they did not count together when they were given, one of them
    /// has to be given once more.
    pub(crate) fn votes(gate: &GateId) -> [Self; 2] {
        [
            Self::Approve(gate.to_string()),
            Self::Withdraw(gate.to_string()).noted("and approve it again"),
        ]
    }

    /// The templates it is made of.
    pub fn forms(&self) -> Vec<Form> {
        let form = match self {
            Self::Either(one, other) => return [one.forms(), other.forms()].concat(),
            Self::Noted(offer, _) | Self::In(_, offer) => return offer.forms(),
            Self::Approve(_) => Form::Approve,
            Self::Withdraw(_) => Form::Withdraw,
            Self::Retry(_) => Form::Retry,
            Self::RetryFailed => Form::RetryFailed,
            Self::Skip(_) => Form::Skip,
            Self::SkipFailed => Form::SkipFailed,
            Self::Resume => Form::Resume,
            Self::ResumeClock => Form::ResumeClock,
            Self::ResumeMoved => Form::ResumeMoved,
            Self::Promote => Form::Promote,
            Self::Replan => Form::Replan,
            Self::Abort => Form::Abort,
            Self::Unblock(_) => Form::Unblock,
            Self::Unfreeze(_) => Form::Unfreeze,
            Self::Override(..) => Form::Override,
            Self::Rollback(_) => Form::Rollback,
            Self::RollbackTo(_) => Form::RollbackTo,
            Self::RollbackByForce(_) => Form::RollbackByForce,
            Self::UndoVariables(_) => Form::UndoVariables,
            Self::Start(_) => Form::Start,
            Self::Status(_) => Form::Status,
            Self::Why(_) => Form::Why,
            Self::Watch(_) => Form::Watch,
            Self::Approvals => Form::Approvals,
            Self::AllApprovals => Form::AllApprovals,
            Self::List => Form::List,
            Self::Customers => Form::Customers,
            Self::Customer(_) => Form::Customer,
            Self::EnvDiff(_) => Form::EnvDiff,
            Self::Plan { .. } => Form::Plan,
            Self::Validate => Form::Validate,
            Self::RenderCheck => Form::RenderCheck,
            Self::Advice(_) => Form::Advice,
        };
        vec![form]
    }

    /// As it is typed; a rollout is named where it has to be.
    pub(crate) fn text(&self, named: Option<RolloutId>) -> String {
        let within = named.map_or_else(String::new, |rollout| format!(" --rollout {rollout}"));
        match self {
            Self::Approve(gate) => format!("tranche approve {gate}{within}"),
            Self::Withdraw(gate) => format!("tranche withdraw {gate}{within}"),
            Self::Retry(target) => format!("tranche retry {target}{within}"),
            Self::RetryFailed => format!("tranche retry --failed{within}"),
            Self::Skip(target) => format!("tranche skip {target}{within} --reason {REASON}"),
            Self::SkipFailed => format!("tranche skip CUSTOMER{within} --reason {REASON}"),
            Self::Resume => format!("tranche resume{within}"),
            Self::ResumeClock => "tranche resume --clock".to_owned(),
            Self::ResumeMoved => "tranche resume --moved".to_owned(),
            Self::Promote => format!("tranche promote{within}"),
            Self::Replan => format!("tranche replan{within}"),
            Self::Abort => format!("tranche abort{within}"),
            Self::Unblock(version) => format!("tranche unblock {version}"),
            Self::Unfreeze(name) => format!("tranche unfreeze {name}"),
            Self::Override(name, occurrence) => {
                let at = occurrence.map_or_else(String::new, |begins| format!(" --at {begins}"));
                format!("tranche override {name}{at}{within} --reason {REASON}")
            }
            Self::Rollback(customer) => format!("tranche rollback {customer} --reason {REASON}"),
            Self::RollbackTo(customer) => {
                format!("tranche rollback {customer} --to VERSION --reason {REASON}")
            }
            Self::RollbackByForce(customer) => {
                format!("tranche rollback {customer} --force --reason {REASON}")
            }
            Self::UndoVariables(customer) => {
                format!("tranche env apply {customer} --undo --reason {REASON}")
            }
            Self::Start(begin) => begin.text(),
            Self::Status(None) => "tranche status".to_owned(),
            Self::Status(Some(rollout)) => format!("tranche status {rollout}"),
            Self::Why(customer) => format!("tranche why {customer}"),
            Self::Watch(rollout) => format!("tranche watch {rollout}"),
            Self::Approvals => "tranche approvals".to_owned(),
            Self::AllApprovals => "tranche approvals --all".to_owned(),
            Self::List => "tranche list".to_owned(),
            Self::Customers => "tranche customers".to_owned(),
            Self::Customer(customer) => format!("tranche customers show {customer}"),
            Self::EnvDiff(customer) => format!("tranche env diff {customer}"),
            Self::Plan { version, out } => {
                let out = if *out { " --out FILE" } else { "" };
                format!("tranche plan {version}{out}")
            }
            Self::Validate => "tranche validate".to_owned(),
            Self::RenderCheck => "tranche render check".to_owned(),
            Self::Advice(advice) => advice.clone(),
            Self::Either(one, other) => format!("{}  (or: {})", one.text(named), other.text(named)),
            Self::Noted(offer, note) => format!("{}  ({note})", offer.text(named)),
            Self::In(_, offer) => offer.text(named),
        }
    }

    /// Whether it is asked of one rollout, which may have to be named.
    pub(crate) fn is_of_a_rollout(&self) -> bool {
        matches!(
            self,
            Self::Approve(_)
                | Self::Withdraw(_)
                | Self::Retry(_)
                | Self::RetryFailed
                | Self::Skip(_)
                | Self::SkipFailed
                | Self::Resume
                | Self::Promote
                | Self::Replan
                | Self::Abort
                | Self::Override(..)
        )
    }
}

impl Begin {
    fn text(&self) -> String {
        let mut text = format!(
            "tranche start {}",
            self.version.as_deref().unwrap_or("VERSION")
        );
        if !self.customers.is_empty() {
            let customers: Vec<&str> = self.customers.iter().map(CustomerId::as_str).collect();
            let _ = write!(text, " --customers {}", customers.join(","));
        }
        if let Some(flag) = self.flag {
            let _ = write!(text, " {flag}");
        }
        text
    }
}

pub(crate) fn skip(target: &str) -> Verb {
    Verb::Skip {
        target: target.to_owned(),
        reason: REASON.to_owned(),
    }
}

impl Offer {
    /// What it asks for, where that needs nothing that only the files know.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others only show something, or are asked in their own way"
    )]
    pub(crate) fn verb(&self) -> Option<Verb> {
        let reason = || REASON.to_owned();
        Some(match self {
            Self::Retry(target) => Verb::Retry {
                target: Some(target.clone()),
                failed: false,
            },
            Self::RetryFailed => Verb::Retry {
                target: None,
                failed: true,
            },
            Self::Skip(target) => skip(target),
            Self::Resume => Verb::Resume,
            Self::ResumeClock => Verb::ConfirmClock,
            Self::ResumeMoved => Verb::ResumeMoved,
            Self::Promote => Verb::Promote {
                phase: None,
                full: false,
            },
            Self::Abort => Verb::Abort {
                rollback: false,
                reason: None,
            },
            Self::Unblock(version) => Verb::Unblock {
                version: version.clone(),
            },
            Self::Unfreeze(name) => Verb::Unfreeze { name: name.clone() },
            Self::Override(name, occurrence) => Verb::Override {
                name: name.clone(),
                at: *occurrence,
                reason: reason(),
            },
            Self::Rollback(customer) => Verb::Rollback {
                customer: customer.clone(),
                to: None,
                reason: reason(),
                force: false,
            },
            Self::RollbackByForce(customer) => Verb::Rollback {
                customer: customer.clone(),
                to: None,
                reason: reason(),
                force: true,
            },
            Self::UndoVariables(customer) => Verb::UndoVariables {
                customer: customer.clone(),
                reason: reason(),
            },
            _ => return None,
        })
    }
}
