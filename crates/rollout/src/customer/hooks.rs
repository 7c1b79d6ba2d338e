//! Which hook of a policy is run next, and which list is in hand?

use std::collections::BTreeMap;

use policy::rules::HookCommand;

use crate::customer::ctx::{Ctx, Next, current};
use crate::model::command::CommandKind;
use crate::model::fact::HookStarted;
use crate::model::state::{CustomerStatus, HookList};

/// The next hook of a list, its outcome unknown, or nothing.
pub(crate) fn hooks(ctx: &Ctx<'_>, when: HookList) -> Option<Next> {
    let lists = &ctx.policy().hooks;
    let list = match when {
        HookList::Before => &lists.before,
        HookList::After => &lists.after,
        HookList::OnRollback => &lists.on_rollback,
        HookList::RestoreDatabase => &lists.restore_database,
    };
    let state = ctx.state.hooks.of(when);
    let hook = list.get(state.done)?;
    let number = state.done + 1;
    if !state.begun {
        return Some(Next::fact(HookStarted {
            place: ctx.place(),
            when,
            number,
        }));
    }
    if !ctx.scratch.fresh && !hook.repeatable {
        let reason = format!("it is not known whether the {when} hook {number} took effect");
        return Some(Next::fact(ctx.held(None, reason)));
    }
    let service = match &hook.run {
        HookCommand::Job { service, .. } => {
            let target = ctx.find_target(service);
            if target.is_none() {
                let reason = format!(
                    "the {when} hook {number} is a job of its {service}, and it has no such service"
                );
                return Some(Next::fact(ctx.held(None, reason)));
            }
            target
        }
        HookCommand::Run(_) => None,
    };
    let mut environment = BTreeMap::from([
        ("TRANCHE_CUSTOMER".to_owned(), ctx.customer.to_string()),
        ("TRANCHE_VERSION".to_owned(), ctx.release().version.clone()),
        ("TRANCHE_COMMIT".to_owned(), ctx.release().commit.clone()),
        ("TRANCHE_HOOK".to_owned(), when.to_string()),
    ]);
    if let Some(recovery) = &ctx.state.recovery {
        let to = crate::show_instant(recovery.to);
        environment.insert("TRANCHE_RESTORE_TO".to_owned(), to);
    }
    Some(Next::Command(CommandKind::RunHook {
        hook: hook.clone(),
        service,
        environment,
    }))
}

/// Which hook list is being worked on.
pub(crate) fn hook_in_hand(ctx: &Ctx<'_>) -> HookList {
    let recovery = ctx.state.recovery.as_ref();
    if ctx.state.status == CustomerStatus::Backward && recovery.is_some_and(|one| !one.is_done()) {
        HookList::RestoreDatabase
    } else if ctx.state.status == CustomerStatus::Backward {
        HookList::OnRollback
    } else if current(ctx.state, ctx.planned).is_none() {
        HookList::After
    } else {
        HookList::Before
    }
}
