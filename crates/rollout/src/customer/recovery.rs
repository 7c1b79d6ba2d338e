//! The database of before: a new one with the data of an earlier instant, asked for once (T15, R16). Only a person asks
//! for it; the old one stays untouched.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use std::collections::BTreeMap;

use policy::Role;

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::{Ctx, Next};
use crate::customer::hooks::hooks;
use crate::customer::variables;
use crate::fold::scratch::Scratch;
use crate::model::command::{CommandKind, Outcome};
use crate::model::fact::{
    DatabaseSwitched, Millis, RecoveryAbsent, RecoveryCreated, RecoveryFailed, RecoveryIntended,
    RecoveryLive, RecoveryUnknown,
};
use crate::model::ids::DatabaseId;
use crate::model::recovery::{Recovery, RecoveryState};
use crate::model::state::{HookList, ServiceState};

/// A restoration may take hours; after this long a person looks at it.
const PATIENCE: chrono::TimeDelta = chrono::TimeDelta::hours(6);

/// What is still to be done until the new database can be used; `None`: nothing, or none was asked for.
pub(crate) fn next(ctx: &Ctx<'_>) -> Option<Next> {
    let recovery = ctx.state.recovery.as_ref()?;
    if recovery.is_done() {
        return None;
    }
    // Whoever takes the request may have nothing to do it with: it begins at a tick, like every other work (R24).
    if recovery.state == RecoveryState::Wanted && !ctx.scratch.go {
        return Some(Next::Tick);
    }
    let Some(old) = &recovery.database else {
        return Some(by_hooks(ctx));
    };
    Some(match &recovery.state {
        RecoveryState::Wanted => Next::fact(intended(ctx, recovery)),
        RecoveryState::Intended => Next::Command(CommandKind::Recover {
            database: old.clone(),
            to: recovery.to,
            name: recovery.name.clone(),
        }),
        RecoveryState::Unknown { until } => look_up(ctx, recovery, *until),
        RecoveryState::Created { database } => Next::Command(CommandKind::AwaitDatabase {
            database: database.clone(),
            until: ctx.state.since.unwrap_or(ctx.at) + PATIENCE,
        }),
        RecoveryState::Failed => {
            let reason = ctx.state.reason.clone().unwrap_or_default();
            let reason =
                format!("the database could not be restored, nothing was switched: {reason}");
            Next::fact(ctx.held(None, reason))
        }
        RecoveryState::Live { database } => switch(ctx, old, database),
        RecoveryState::Switched { .. } | RecoveryState::Recovered => return None,
    })
}

/// The policy's own way: its hooks bring the data back, wherever it lies.
fn by_hooks(ctx: &Ctx<'_>) -> Next {
    let hook = hooks(ctx, HookList::RestoreDatabase);
    hook.unwrap_or_else(|| {
        Next::fact(RecoveryLive {
            place: ctx.place(),
            attempt: None,
        })
    })
}

fn intended(ctx: &Ctx<'_>, recovery: &Recovery) -> RecoveryIntended {
    let attempt = recovery.attempt + 1;
    RecoveryIntended {
        place: ctx.place(),
        attempt,
        database: recovery.database.clone(),
        to: Millis(recovery.to),
        name: Recovery::name_at(ctx.customer, ctx.rollout, attempt, ctx.at),
    }
}

/// The name is ours alone: whatever bears it came of our request, and after `settle` its absence is proved (P9).
fn look_up(ctx: &Ctx<'_>, recovery: &Recovery, until: policy::Timestamp) -> Next {
    let list = || {
        Next::Command(CommandKind::FindDatabases {
            name: recovery.name.clone(),
        })
    };
    let Some((asked_at, found)) = &ctx.scratch.databases else {
        return list();
    };
    if let Some(database) = found.first() {
        return Next::fact(RecoveryCreated {
            place: ctx.place(),
            attempt: recovery.attempt,
            database: database.clone(),
            adopted: true,
        });
    }
    if ctx.at < until {
        return Next::Wait(until);
    }
    if *asked_at < until {
        return list();
    }
    Next::fact(RecoveryAbsent {
        place: ctx.place(),
        attempt: recovery.attempt,
        reason: "no database of that name exists, and none can appear any more".to_owned(),
    })
}

/// Points every service at the new database before any code goes back: a deploy reads the variables as they are then.
fn switch(ctx: &Ctx<'_>, old: &DatabaseId, new: &DatabaseId) -> Next {
    for role in ctx.planned.services.iter().rev() {
        let service = ctx.service(role);
        if let Some(next) = redirect(ctx, role, &service, (old, new)) {
            return next;
        }
    }
    let keys: BTreeMap<Role, Vec<String>> = (ctx.state.services.iter())
        .filter_map(|(role, service)| Some((role.clone(), service.redirected_keys()?.to_vec())))
        .collect();
    if keys.is_empty() {
        let reason = format!(
            "no variable of its services holds the connection of {old}, so nothing reads {new}; set one by hand"
        );
        return Next::fact(ctx.held(None, reason));
    }
    Next::fact(DatabaseSwitched {
        place: ctx.place(),
        from: old.clone(),
        to: new.clone(),
        keys,
    })
}

fn redirect(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    (old, new): (&DatabaseId, &DatabaseId),
) -> Option<Next> {
    let Some(connections) = &service.connections else {
        return Some(Next::Command(CommandKind::BackUpConnections {
            service: ctx.target(role),
            from: old.clone(),
            to: new.clone(),
        }));
    };
    let progress = (&connections.backup, &connections.state);
    variables::write(ctx, role, progress, Some((old, new)))
}

/// Points a service at its old database again.
pub(crate) fn restore(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let connections = service.connections.as_ref()?;
    let old = ctx.state.recovery.as_ref()?.database.as_ref()?;
    let progress = (&connections.backup, &connections.state);
    variables::restore(ctx, role, progress, Some(old))
}

/// Which attempt is under way.
fn attempt(ctx: &Ctx<'_>) -> u32 {
    let recovery = ctx.state.recovery.as_ref();
    recovery.map_or(0, |recovery| recovery.attempt)
}

/// A request whose effect is unknown; `settle` counts from here (R16).
pub(crate) fn in_doubt(ctx: &Ctx<'_>, reason: String) -> RecoveryUnknown {
    RecoveryUnknown {
        place: ctx.place(),
        attempt: attempt(ctx),
        reason,
        until: ctx.at + ctx.settle(),
    }
}

/// The answer of the POST.
pub(crate) fn requested(ctx: &Ctx<'_>, outcome: &Outcome) -> Recorded {
    match outcome {
        Outcome::DatabaseCreated { database } => RecoveryCreated {
            place: ctx.place(),
            attempt: attempt(ctx),
            database: database.clone(),
            adopted: false,
        }
        .into(),
        Outcome::NotSent { reason } => RecoveryAbsent {
            place: ctx.place(),
            attempt: attempt(ctx),
            reason: format!("not sent: {reason}"),
        }
        .into(),
        Outcome::Refused { .. } => failed(ctx, say(outcome)),
        other => in_doubt(ctx, say(other)).into(),
    }
}

/// The answer of the look-up.
pub(crate) fn found(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    asked_at: policy::Timestamp,
    outcome: Outcome,
) -> Recorded {
    match outcome {
        Outcome::DatabasesFound { databases } => {
            scratch.databases = Some((asked_at, databases));
            Recorded::default()
        }
        other => {
            let reason = format!("the databases cannot be listed: {}", say(&other));
            ctx.held(None, reason).into()
        }
    }
}

/// The answer of the wait.
pub(crate) fn awaited(ctx: &Ctx<'_>, outcome: &Outcome) -> Recorded {
    match outcome {
        Outcome::DatabaseReady => RecoveryLive {
            place: ctx.place(),
            attempt: Some(attempt(ctx)),
        }
        .into(),
        Outcome::DatabaseUnfinished { status } => {
            let reason = format!("Render has not made the new database usable yet: it is {status}");
            ctx.held(None, reason).into()
        }
        Outcome::DatabaseFailed => failed(ctx, "Render could not restore it".to_owned()),
        // It cannot be read now: that proves nothing.
        other => {
            let reason = format!("the new database cannot be read: {}", say(other));
            ctx.held(None, reason).into()
        }
    }
}

fn failed(ctx: &Ctx<'_>, reason: String) -> Recorded {
    RecoveryFailed {
        place: ctx.place(),
        attempt: attempt(ctx),
        reason,
    }
    .into()
}
