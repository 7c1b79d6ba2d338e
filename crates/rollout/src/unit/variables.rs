//! The planned variables of one service: backed up, intended, written (P27, P28); and a customer that gets nothing else (B12).

use policy::Role;

use super::{Ctx, Next};
use crate::command::CommandKind;
use crate::event::Kind;
use crate::state::{Backup, ServiceState, VariablesState};

/// What is still to be done until the planned keys of a service have their values.
pub(super) fn set(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let Some(backup) = &service.backup else {
        return Some(Next::Command(CommandKind::BackUp {
            service: ctx.target(role),
            variables: ctx.variables(role),
            version: ctx.release().version.clone(),
            commit: ctx.release().commit.clone(),
            urls: ctx.urls(),
            left: ctx.left.cloned(),
        }));
    };
    write(ctx, role, service, backup)
}

/// What is still to be done until the keys of a backup have their new values.
pub(super) fn write(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    backup: &Backup,
) -> Option<Next> {
    let target = ctx.target(role);
    let with_keys = |kind| {
        let fact = ctx.service_fact(kind, role);
        Next::Facts(vec![fact.with_value("keys", &backup.keys)])
    };
    match service.variables {
        VariablesState::Untouched if backup.keys.is_empty() => Some(with_keys(Kind::VariablesSet)),
        VariablesState::Untouched | VariablesState::RestoreIntended | VariablesState::Restored => {
            Some(with_keys(Kind::VariablesIntended))
        }
        VariablesState::Intended => Some(Next::Command(CommandKind::SetVariables {
            service: target,
            backup: backup.id.clone(),
            keys: backup.keys.clone(),
        })),
        VariablesState::Set => None,
    }
}

/// Writes the variables of every service and deploys nothing.
pub(super) fn apply(ctx: &Ctx<'_>) -> Next {
    let mut roles = ctx.planned.services.iter();
    let next = roles.find_map(|role| set(ctx, role, &ctx.service(role)));
    next.unwrap_or_else(|| {
        let fact = ctx.fact(Kind::VariablesApplied);
        Next::Facts(vec![fact.with("version", ctx.release().version.clone())])
    })
}
