//! The verbs of people: what was typed becomes one request, and the answer one sentence.

use std::io::{IsTerminal, stdin};

use dialoguer::Input;
use rollout::{RolloutId, Verb};

use crate::args::{
    Abort, Approve, Block, Defer, Freeze, Global, Observe, Override, Pause, Promote, Reject,
    Resume, Retry, Skip, Unblock, Unfreeze, Withdraw,
};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{open, request};

/// A command that is one request.
pub(crate) trait Request {
    /// In which rollout, if it was named.
    fn run(&self) -> Option<RolloutId>;
    /// What is asked for.
    fn verb(self) -> Verb;
}

/// Files the request and says what changed and what comes next.
pub(crate) async fn act(
    global: &Global,
    asked: impl Request,
    out: Output,
) -> Result<Exit, Failure> {
    let requester = open::requester(global, out).await?;
    request::file(&requester, asked.run(), asked.verb(), out).await
}

/// Ends a rollout; rolling everybody back has to be confirmed by its name.
pub(crate) async fn abort(global: &Global, args: Abort, out: Output) -> Result<Exit, Failure> {
    let requester = open::requester(global, out).await?;
    let mut run = args.run.rollout;
    if args.rollback {
        let named = match run {
            Some(run) => run,
            None => requester.only_unfinished().await?,
        };
        let what = "This rolls everybody back";
        confirm(&named.to_string(), args.confirm.as_deref(), what)?;
        run = Some(named);
    }
    let verb = Verb::Abort {
        rollback: args.rollback,
        reason: args.reason,
    };
    request::file(&requester, run, verb, out).await
}

/// Has the name typed, unless it came with `--confirm`.
pub(super) fn confirm(name: &str, given: Option<&str>, what: &str) -> Result<(), Failure> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if stdin().is_terminal() => Input::<String>::new()
            .with_prompt(format!("{what}. Type {name} to go on"))
            .interact_text()
            .map_err(|source| Failure::failed("failed to read the answer").caused_by(source))?,
        None => {
            return Err(Failure::usage(format!("{what}: it has to be confirmed"))
                .or_type(format!("the same command with --confirm {name}")));
        }
    };
    if typed.trim() == name {
        return Ok(());
    }
    Err(
        Failure::usage(format!("`{typed}` is not {name}: nothing was changed"))
            .or_type(format!("the same command with --confirm {name}")),
    )
}

/// The gate or customer is checked by the core, which knows them.
macro_rules! request {
    ($args:ident, |$it:ident| $verb:expr) => {
        impl Request for $args {
            fn run(&self) -> Option<RolloutId> {
                self.run.rollout
            }

            fn verb(self) -> Verb {
                let $it = self;
                $verb
            }
        }
    };
    ($args:ident, product, |$it:ident| $verb:expr) => {
        impl Request for $args {
            fn run(&self) -> Option<RolloutId> {
                None
            }

            fn verb(self) -> Verb {
                let $it = self;
                $verb
            }
        }
    };
}

request!(Approve, |it| Verb::Approve {
    gate: it.gate,
    reason: it.reason,
    digest: it.digest
});
request!(Reject, |it| Verb::Reject {
    gate: it.gate,
    reason: it.reason
});
request!(Withdraw, |it| Verb::Withdraw { gate: it.gate });
request!(Pause, |it| Verb::Pause { reason: it.reason });
request!(Resume, |it| if it.clock {
    Verb::ConfirmClock
} else if it.moved {
    Verb::ResumeMoved
} else {
    Verb::Resume
});
request!(Retry, |it| Verb::Retry {
    target: it.target,
    failed: it.failed
});
request!(Skip, |it| Verb::Skip {
    target: it.target,
    reason: it.reason
});
request!(Defer, |it| Verb::Defer(rollout::request::Defer {
    customer: it.customer,
    until: it.until,
    reason: it.reason
}));
request!(Promote, |it| Verb::Promote {
    phase: it.phase,
    full: it.full
});
request!(Override, |it| Verb::Override {
    name: it.name,
    at: it.at,
    reason: it.reason
});
request!(Observe, product, |it| Verb::Observe {
    customer: it.customer,
    name: it.name,
    value: it.value,
    at: it.at,
    note: it.note
});
request!(Block, product, |it| Verb::Block {
    version: it.version,
    reason: it.reason
});
request!(Unblock, product, |it| Verb::Unblock {
    version: it.version
});
request!(Unfreeze, product, |it| Verb::Unfreeze { name: it.name });
request!(Freeze, product, |it| Verb::Freeze {
    name: it.name,
    until: it.until,
    reason: it.reason,
    customers: it.customers.into_iter().collect(),
});
