//! The planned variables of one service: backed up, intended, written (P27, P28); and a customer that gets nothing else (B12).

use policy::Role;

use crate::customer::ctx::{Ctx, Next};
use crate::model::command::CommandKind;
use crate::model::fact::{
    Nullable, RestoreIntended, VariablesApplied, VariablesIntended, VariablesSet,
};
use crate::model::ids::DatabaseId;
use crate::model::state::{Backup, ServiceState, VariablesState};

/// What is still to be done until the planned keys of a service have their values.
pub(crate) fn set(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let Some(backup) = &service.backup else {
        return Some(Next::Command(back_up(ctx, role)));
    };
    write(ctx, role, (backup, &service.variables), None)
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

/// What is still to be done until the keys of a backup have their new values; `moved` from one database to another (T15).
pub(crate) fn write(
    ctx: &Ctx<'_>,
    role: &Role,
    (backup, state): (&Backup, &VariablesState),
    moved: Option<(&DatabaseId, &DatabaseId)>,
) -> Option<Next> {
    let to = moved.map(|(_, to)| to.clone());
    match state {
        VariablesState::Untouched if backup.keys.is_empty() => Some(Next::fact(VariablesSet {
            place: ctx.service_place(role),
            keys: backup.keys.clone(),
            database: to.map(|to| Nullable(Some(to))),
        })),
        VariablesState::Untouched | VariablesState::RestoreIntended | VariablesState::Restored => {
            // From here on the old address must not come back.
            Some(Next::fact(VariablesIntended {
                place: ctx.service_place(role),
                keys: backup.keys.clone(),
                database: to.clone(),
                from: moved.map(|(from, _)| from.clone()),
                to,
            }))
        }
        VariablesState::Intended => Some(Next::Command(CommandKind::SetVariables {
            service: ctx.target(role),
            backup: backup.id.clone(),
            keys: backup.keys.clone(),
        })),
        VariablesState::Set => None,
    }
}

/// What is still to be done until the keys of a backup have their old values (P29), which name the `old` database (T15).
pub(crate) fn restore(
    ctx: &Ctx<'_>,
    role: &Role,
    (backup, state): (&Backup, &VariablesState),
    old: Option<&DatabaseId>,
) -> Option<Next> {
    match state {
        VariablesState::Untouched | VariablesState::Restored => None,
        VariablesState::Intended | VariablesState::Set if backup.keys.is_empty() => None,
        VariablesState::Intended | VariablesState::Set => Some(Next::fact(RestoreIntended {
            place: ctx.service_place(role),
            keys: backup.keys.clone(),
            database: old.cloned(),
        })),
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
        Next::fact(VariablesApplied {
            place: ctx.place(),
            version: ctx.release().version.clone(),
        })
    })
}
