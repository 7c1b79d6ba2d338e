//! What the answers about variables mean: taken, written, put back.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use policy::Role;

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::Ctx;
use crate::model::command::Outcome;
use crate::model::fact::{Nullable, VariablesBackedUp, VariablesRestored, VariablesSet};
use crate::model::ids::{AttachmentId, DatabaseId};
use crate::model::recovery::Recovery;
use crate::model::state::CustomerStatus;

pub(crate) fn backed_up(
    ctx: &Ctx<'_>,
    role: &Role,
    outcome: Outcome,
    database: Option<&DatabaseId>,
) -> Recorded {
    match outcome {
        Outcome::BackedUp {
            digests,
            differing,
            sealed,
        } => {
            let id = AttachmentId(format!("variables/{}/{role}/{}", ctx.customer, ctx.seq + 1));
            let fact = VariablesBackedUp {
                place: ctx.service_place(role),
                backup: id.clone(),
                digests,
                keys: differing,
                database: database.cloned(),
            };
            Recorded {
                facts: vec![fact.into()],
                attachment: Some((id, sealed)),
            }
        }
        Outcome::SecretMissing { name } => ctx
            .held(Some(role), format!("secret {name} does not resolve"))
            .into(),
        Outcome::NamesLeft { key } => {
            let left = ctx.left.map(ToString::to_string).unwrap_or_default();
            let reason = format!(
                "`{key}` of {role} would name {left} again, which its services do not read any more: its template or secret has to name the restored database"
            );
            ctx.held(Some(role), reason).into()
        }
        other => cannot_be("read", ctx, role, &other),
    }
}

/// Of a backup of the connections to a restored database: the recovery, by which facts name the database that is read from
/// then on (T15).
pub(crate) fn recovery_of<'c>(
    ctx: &Ctx<'c>,
    role: &Role,
    id: &AttachmentId,
) -> Option<&'c Recovery> {
    let connections = ctx.service(role).connections;
    connections.filter(|known| known.backup.id == *id)?;
    ctx.state.recovery.as_ref()
}

pub(crate) fn set(
    ctx: &Ctx<'_>,
    role: &Role,
    backup: &AttachmentId,
    keys: &[String],
    outcome: Outcome,
) -> Recorded {
    match outcome {
        Outcome::VariablesSet => {
            let recovery = recovery_of(ctx, role, backup);
            let set = VariablesSet {
                place: ctx.service_place(role),
                keys: keys.to_vec(),
                database: recovery.map(|recovery| Nullable(recovery.new_database().cloned())),
            };
            set.into()
        }
        other => cannot_be("written", ctx, role, &other),
    }
}

pub(crate) fn put_back(
    ctx: &Ctx<'_>,
    role: &Role,
    backup: &AttachmentId,
    keys: &[String],
    outcome: Outcome,
) -> Recorded {
    match outcome {
        Outcome::VariablesRestored { foreign } => {
            let recovery = recovery_of(ctx, role, backup);
            let restored = VariablesRestored {
                place: ctx.service_place(role),
                reason: None,
                keys: Some(keys.to_vec()),
                foreign: Some(foreign),
                database: recovery.map(|recovery| Nullable(recovery.database.clone())),
            };
            restored.into()
        }
        // A person has left the customer out: nothing is waited for any more, and the journal says what stays.
        Outcome::Failed { reason } if ctx.state.status == CustomerStatus::Withdrawing => {
            not_restored(ctx, role, backup, &reason).into()
        }
        other => cannot_be("put back", ctx, role, &other),
    }
}

/// The old values of a backup cannot be put back, and nothing waits for that.
pub(crate) fn not_restored(
    ctx: &Ctx<'_>,
    role: &Role,
    backup: &AttachmentId,
    reason: &str,
) -> VariablesRestored {
    let recovery = recovery_of(ctx, role, backup);
    VariablesRestored {
        place: ctx.service_place(role),
        reason: Some(format!("not put back: {reason}")),
        keys: None,
        foreign: None,
        database: recovery.map(|recovery| Nullable(recovery.database.clone())),
    }
}

/// The variables cannot be read, written or put back: a person must see to it.
fn cannot_be(what: &str, ctx: &Ctx<'_>, role: &Role, outcome: &Outcome) -> Recorded {
    let reason = format!("the variables of {role} cannot be {what}: {}", say(outcome));
    ctx.held(Some(role), reason).into()
}
