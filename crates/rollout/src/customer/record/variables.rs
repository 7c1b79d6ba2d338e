//! What the answers about variables mean: taken, written, put back.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use policy::Role;

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::Ctx;
use crate::model::command::Outcome;
use crate::model::event::{Kind, Line};
use crate::model::ids::AttachmentId;
use crate::model::state::CustomerStatus;

pub(crate) fn backed_up(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::BackedUp {
            digests,
            differing,
            sealed,
        } => {
            let id = AttachmentId(format!("variables/{}/{role}/{}", ctx.customer, ctx.seq + 1));
            let fact = ctx
                .service_fact(Kind::VariablesBackedUp, role)
                .with("backup", id.0.clone())
                .with_value("digests", &digests)
                .with_value("keys", &differing);
            Recorded {
                facts: vec![fact],
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
        other => ctx
            .held(
                Some(role),
                format!("the variables of {role} cannot be read: {}", say(&other)),
            )
            .into(),
    }
}

/// Facts about the connections to a recovered database name the one that is read from then on (T15).
pub(crate) fn of_backup(
    ctx: &Ctx<'_>,
    role: &Role,
    id: &AttachmentId,
    recorded: Recorded,
) -> Recorded {
    let service = ctx.service(role);
    let connections = service.connections.filter(|known| known.backup.id == *id);
    let (Some(_), Some(recovery)) = (connections, &ctx.unit.recovery) else {
        return recorded;
    };
    let named = recorded.facts.into_iter().map(|fact| match fact.kind {
        Kind::VariablesSet => fact.with_value("database", &recovery.new_database()),
        Kind::VariablesRestored => fact.with_value("database", &recovery.database),
        _ => fact,
    });
    Recorded {
        facts: named.collect(),
        attachment: recorded.attachment,
    }
}

pub(crate) fn set(ctx: &Ctx<'_>, role: &Role, keys: &[String], outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::VariablesSet => ctx
            .service_fact(Kind::VariablesSet, role)
            .with_value("keys", &keys)
            .into(),
        other => ctx
            .held(
                Some(role),
                format!("the variables of {role} cannot be written: {}", say(&other)),
            )
            .into(),
    }
}

pub(crate) fn put_back(ctx: &Ctx<'_>, role: &Role, keys: &[String], outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::VariablesRestored { foreign } => ctx
            .service_fact(Kind::VariablesRestored, role)
            .with_value("keys", &keys)
            .with_value("foreign", &foreign)
            .into(),
        // A person has left the customer out: nothing is waited for any more, and the journal says what stays.
        Outcome::Failed { reason } if ctx.unit.state == CustomerStatus::Withdrawing => Line {
            reason: Some(format!("not put back: {reason}")),
            ..ctx.service_fact(Kind::VariablesRestored, role)
        }
        .into(),
        other => ctx
            .held(
                Some(role),
                format!(
                    "the variables of {role} cannot be put back: {}",
                    say(&other)
                ),
            )
            .into(),
    }
}
