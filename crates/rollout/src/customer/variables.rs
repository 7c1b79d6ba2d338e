//! The planned variables of one service: backed up, intended, written (P27, P28); and a customer that gets nothing else (B12).

use policy::Role;

use crate::customer::ctx::{Ctx, Next};
use crate::model::command::CommandKind;
use crate::model::event::Kind;
use crate::model::state::{Backup, ServiceState, VariablesState};

/// What is still to be done until the planned keys of a service have their values.
pub(crate) fn set(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let Some(backup) = &service.backup else {
        return Some(Next::Command(back_up(ctx, role)));
    };
    write(ctx, role, (backup, &service.variables))
}

/// Reads the variables of a service, and which of the planned ones differ.
pub(crate) fn back_up(ctx: &Ctx<'_>, role: &Role) -> CommandKind {
    CommandKind::BackUp {
        service: ctx.target(role),
        variables: ctx.variables(role),
        version: ctx.release().version.clone(),
        commit: ctx.release().commit.clone(),
        urls: ctx.urls(),
        left: ctx.left.cloned(),
    }
}

/// What is still to be done until the keys of a backup have their new values.
pub(crate) fn write(
    ctx: &Ctx<'_>,
    role: &Role,
    (backup, state): (&Backup, &VariablesState),
) -> Option<Next> {
    let with_keys = |kind| {
        let fact = ctx.service_fact(kind, role);
        Next::Facts(vec![fact.with_value("keys", &backup.keys)])
    };
    match state {
        VariablesState::Untouched if backup.keys.is_empty() => Some(with_keys(Kind::VariablesSet)),
        VariablesState::Untouched | VariablesState::RestoreIntended | VariablesState::Restored => {
            Some(with_keys(Kind::VariablesIntended))
        }
        VariablesState::Intended => Some(Next::Command(CommandKind::SetVariables {
            service: ctx.target(role),
            backup: backup.id.clone(),
            keys: backup.keys.clone(),
        })),
        VariablesState::Set => None,
    }
}

/// What is still to be done until the keys of a backup have their old values (P29).
pub(crate) fn restore(
    ctx: &Ctx<'_>,
    role: &Role,
    (backup, state): (&Backup, &VariablesState),
) -> Option<Next> {
    match state {
        VariablesState::Untouched | VariablesState::Restored => None,
        VariablesState::Intended | VariablesState::Set if backup.keys.is_empty() => None,
        VariablesState::Intended | VariablesState::Set => {
            let fact = ctx.service_fact(Kind::RestoreIntended, role);
            Some(Next::Facts(vec![fact.with_value("keys", &backup.keys)]))
        }
        VariablesState::RestoreIntended => Some(Next::Command(CommandKind::RestoreVariables {
            service: ctx.target(role),
            backup: backup.id.clone(),
            keys: backup.keys.clone(),
        })),
    }
}

/// Writes the variables of every service and deploys nothing.
pub(crate) fn apply(ctx: &Ctx<'_>) -> Next {
    let mut roles = ctx.planned.services.iter();
    let next = roles.find_map(|role| set(ctx, role, &ctx.service(role)));
    next.unwrap_or_else(|| {
        let fact = ctx.fact(Kind::VariablesApplied);
        Next::Facts(vec![fact.with("version", ctx.release().version.clone())])
    })
}
