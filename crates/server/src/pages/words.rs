//! In which word, colour and picture does a standing show? Never by its colour alone.

use std::fmt;

use rollout::standing::{
    BatchStanding, CustomerStanding, GateStanding, PhaseStanding, RolloutStanding,
};

/// How something strikes the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As wanted.
    Good,
    /// Being worked on.
    Busy,
    /// Somebody or something is waited for.
    Wait,
    /// Somebody must look.
    Bad,
    /// Nothing to see.
    Idle,
}

impl Tone {
    /// Its class in the style.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }

    /// Its symbol, where a standing has none of its own.
    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Good => "done",
            Self::Busy => "work",
            Self::Wait => "wait",
            Self::Bad => "alarm",
            Self::Idle => "rest",
        }
    }
}

/// A picture and a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) tone: Tone,
    icon: &'static str,
    word: String,
}

impl Badge {
    /// A word in a tone.
    pub(crate) fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self {
            tone,
            icon: tone.icon(),
            word: word.into(),
        }
    }

    fn with(tone: Tone, icon: &'static str, word: &str) -> Self {
        Self {
            tone,
            icon,
            word: word.to_owned(),
        }
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<span class=\"badge {}\"><svg class=\"icon\" aria-hidden=\"true\"><use href=\"#i-{}\"/></svg>{}</span>",
            self.tone.class(),
            self.icon,
            escaped(&self.word)
        )
    }
}

/// Its word is escaped here.
impl askama::filters::HtmlSafe for Badge {}

/// Text as it may stand in markup.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => String::from(other),
    };
    text.chars().map(escape).collect()
}

impl From<RolloutStanding> for Badge {
    fn from(standing: RolloutStanding) -> Self {
        let (tone, icon) = match standing {
            RolloutStanding::Queued => (Tone::Wait, "wait"),
            RolloutStanding::Running => (Tone::Busy, "work"),
            RolloutStanding::Paused => (Tone::Wait, "pause"),
            RolloutStanding::Halting | RolloutStanding::Halted => (Tone::Bad, "stop"),
            RolloutStanding::Aborting | RolloutStanding::Aborted => (Tone::Bad, "no"),
            RolloutStanding::BeingSuperseded | RolloutStanding::Superseded => (Tone::Idle, "rest"),
            RolloutStanding::Succeeded | RolloutStanding::Done => (Tone::Good, "done"),
            RolloutStanding::SucceededWithExclusions => (Tone::Good, "part"),
            RolloutStanding::SucceededWithFailures => (Tone::Wait, "part"),
            RolloutStanding::Failed => (Tone::Bad, "alarm"),
        };
        Self::with(tone, icon, &standing.for_people())
    }
}

impl From<PhaseStanding> for Badge {
    fn from(standing: PhaseStanding) -> Self {
        let (tone, icon) = match standing {
            PhaseStanding::Waiting => (Tone::Idle, "wait"),
            PhaseStanding::Running => (Tone::Busy, "work"),
            PhaseStanding::Soaking => (Tone::Busy, "watch"),
            PhaseStanding::Settled => (Tone::Good, "done"),
            PhaseStanding::Ended => (Tone::Idle, "rest"),
        };
        Self::with(tone, icon, standing.as_str())
    }
}

impl From<BatchStanding> for Badge {
    fn from(standing: BatchStanding) -> Self {
        let (tone, icon) = match standing {
            BatchStanding::Waiting => (Tone::Idle, "wait"),
            BatchStanding::Running => (Tone::Busy, "work"),
            BatchStanding::Settled => (Tone::Good, "done"),
        };
        Self::with(tone, icon, standing.as_str())
    }
}

impl From<CustomerStanding> for Badge {
    fn from(standing: CustomerStanding) -> Self {
        let (tone, icon) = match standing {
            CustomerStanding::Waiting => (Tone::Idle, "wait"),
            CustomerStanding::UnderWay => (Tone::Busy, "work"),
            CustomerStanding::Healthy | CustomerStanding::Prepared => (Tone::Good, "done"),
            CustomerStanding::RollingBack | CustomerStanding::BeingWithdrawn => (Tone::Bad, "back"),
            CustomerStanding::Held => (Tone::Bad, "stop"),
            CustomerStanding::Unchanged => (Tone::Wait, "no"),
            CustomerStanding::RolledBack => (Tone::Wait, "back"),
            CustomerStanding::RollbackFailed => (Tone::Bad, "alarm"),
            CustomerStanding::Excluded | CustomerStanding::Skipped => (Tone::Idle, "no"),
        };
        Self::with(tone, icon, standing.as_str())
    }
}

impl From<GateStanding> for Badge {
    fn from(standing: GateStanding) -> Self {
        let (tone, icon) = match standing {
            GateStanding::NotAskedYet => (Tone::Idle, "wait"),
            GateStanding::Asked => (Tone::Wait, "person"),
            GateStanding::Approved => (Tone::Good, "done"),
            GateStanding::Passed => (Tone::Good, "go"),
            GateStanding::Rejected => (Tone::Bad, "no"),
            GateStanding::Over => (Tone::Idle, "rest"),
        };
        Self::with(tone, icon, standing.as_str())
    }
}
