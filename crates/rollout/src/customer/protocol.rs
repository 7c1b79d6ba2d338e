//! The deploy protocol (R16), the same for a deploy and for a rollback.
//!
//! Durable intent with the known deploys, then the request. An answer that leaves doubt turns into a look-up; a new
//! attempt follows only the proof that nothing of ours exists (P7-P11). Ids are compared, never clocks.

use policy::{Role, Timestamp};

use crate::customer::adoption;
use crate::customer::ctx::{Ctx, Next};
use crate::model::command::{CommandKind, DeployStatus, DeployView};
use crate::model::fact::{
    CustomerHeld, DeployAbsent, DeployAdopted, DeployCreated, DeployDuplicate, DeployIntended,
    DeployUnknown, Fact, RollbackAbsent, RollbackAdopted, RollbackCreated, RollbackFailed,
    RollbackIntended, RollbackUnknown,
};
use crate::model::ids::DeployId;
use crate::model::state::{Baseline, InDoubt, ServiceState};

/// Which request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeployDirection {
    /// To the release.
    Forward,
    /// To what was live before, by Render's rollback.
    Back,
    /// To what was live before, by a deploy of its commit (R19).
    BackByCommit,
}

impl DeployDirection {
    /// How this service goes back.
    pub(crate) fn back(service: &ServiceState) -> Self {
        let has_target = service
            .baseline
            .as_ref()
            .is_some_and(|baseline| baseline.deploy.is_some());
        if service.target_gone || !has_target {
            Self::BackByCommit
        } else {
            Self::Back
        }
    }

    /// Which attempt is under way.
    fn attempt(self, service: &ServiceState) -> u32 {
        match self {
            Self::Forward => service.attempt,
            Self::Back | Self::BackByCommit => service.rollback_attempt,
        }
    }

    /// What is said of a request, about the deploy or about the rollback.
    pub(crate) fn fact<T: Said>(self, fact: T) -> Fact {
        match self {
            Self::Forward => fact.into(),
            Self::Back | Self::BackByCommit => fact.of_rollback(),
        }
    }
}

/// What is said of a deploy, and alike of a rollback.
pub(crate) trait Said: Into<Fact> {
    /// The same of a rollback.
    fn of_rollback(self) -> Fact;
}

/// What says it of a rollback: the fields that it has in common, and those of its own.
macro_rules! said {
    ($($deploy:ident, $rollback:ident { $($common:ident),+ $(; $($own:ident: $value:expr),+)? })*) => {
        $(impl Said for $deploy {
            fn of_rollback(self) -> Fact {
                let fact = $rollback {
                    $($common: self.$common,)+
                    $($($own: $value,)+)?
                };
                fact.into()
            }
        })*
    };
}

said! {
    DeployCreated, RollbackCreated { place, attempt, deploy, commit, until }
    DeployAdopted, RollbackAdopted { place, attempt, deploy, commit, until }
    DeployUnknown, RollbackUnknown { place, attempt, reason, until, queued }
    DeployAbsent, RollbackAbsent { place, attempt, reason; status: None, gone: false }
}

/// The last look at the list, then the intent.
pub(crate) fn intend(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    way: DeployDirection,
) -> Next {
    let Some((_, listing)) = &ctx.scratch.listing else {
        return Next::Command(CommandKind::ListDeploys {
            service: ctx.target(role),
            known: Vec::new(),
        });
    };
    if let Some(foreign) = listing.iter().find(|deploy| !deploy.status.is_over()) {
        return await_foreign(ctx, role, foreign);
    }
    // Between our variables and our request another engine may have come.
    let unknown = match way {
        DeployDirection::Forward => adoption::unknown(ctx, role, listing),
        DeployDirection::Back | DeployDirection::BackByCommit => Vec::new(),
    };
    if !unknown.is_empty() {
        return Next::fact(adoption::held(ctx, &[(role, unknown)], false));
    }
    let live = listing
        .iter()
        .find(|deploy| deploy.status == DeployStatus::Live);
    let known = listing.iter().map(|deploy| deploy.id.clone()).collect();
    match way {
        DeployDirection::Forward => Next::fact(forward_intent(ctx, role, service, live, known)),
        DeployDirection::Back | DeployDirection::BackByCommit => {
            back_intent(ctx, role, service, live, known)
        }
    }
}

fn forward_intent(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    live: Option<&DeployView>,
    known: Vec<DeployId>,
) -> DeployIntended {
    // A foreign deploy that went live before ours is sent renews the target of a rollback (R19).
    let old = service.baseline.clone().unwrap_or_default();
    let newer = live
        .filter(|live| old.deploy.as_ref() != Some(&live.id) && !live.is_of(&ctx.release().commit));
    let renewed = newer.map(|live| Baseline {
        deploy: Some(live.id.clone()),
        commit: live.exact(),
        version: old.version.filter(|_| live.exact() == old.commit),
        ..old
    });
    DeployIntended {
        place: ctx.service_place(role),
        attempt: service.attempt + 1,
        commit: ctx.release().commit.clone(),
        known,
        baseline: renewed,
    }
}

fn back_intent(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    live: Option<&DeployView>,
    known: Vec<DeployId>,
) -> Next {
    // Where nothing of ours runs, what was live before is what may be replaced by itself.
    let before = service
        .baseline
        .as_ref()
        .and_then(|live| live.deploy.as_ref());
    let ours = service.deploy.id().or(before);
    let foreign = live.filter(|live| Some(&live.id) != ours && !ctx.state.forced);
    if let Some(foreign) = foreign {
        let reason = format!(
            "a newer deploy of somebody else is live on {role}: {} ({})",
            foreign.id, foreign.trigger
        );
        return held_by(ctx, role, foreign, reason);
    }
    let baseline = service.baseline.clone().unwrap_or_default();
    let way = DeployDirection::back(service);
    if way == DeployDirection::BackByCommit && baseline.commit.is_none() {
        return nothing_before(ctx, role);
    }
    Next::fact(RollbackIntended {
        place: ctx.service_place(role),
        attempt: service.rollback_attempt + 1,
        commit: baseline.commit,
        known,
        target: baseline.deploy.filter(|_| way == DeployDirection::Back),
    })
}

/// There is nothing that a rollback could return to.
pub(crate) fn nothing_before(ctx: &Ctx<'_>, role: &Role) -> Next {
    Next::fact(RollbackFailed {
        place: ctx.service_place(role),
        attempt: None,
        deploy: None,
        commit: None,
        reason: "nothing was live before this release".to_owned(),
        status: None,
        cycles: None,
        judged: None,
    })
}

/// A deploy of somebody else is in the way: a person must decide.
fn held_by(ctx: &Ctx<'_>, role: &Role, foreign: &DeployView, reason: String) -> Next {
    Next::fact(CustomerHeld {
        other: Some(foreign.id.clone()),
        ..ctx.held(Some(role), reason)
    })
}

/// A deploy of somebody else is under way: wait for it, at most as long as for one of ours (R18).
pub(crate) fn await_foreign(ctx: &Ctx<'_>, role: &Role, foreign: &DeployView) -> Next {
    if ctx.scratch.foreign_stuck {
        let reason = format!(
            "a deploy of somebody else has been under way too long: {} ({})",
            foreign.id, foreign.trigger
        );
        return held_by(ctx, role, foreign, reason);
    }
    let since = ctx
        .scratch
        .foreign
        .as_ref()
        .map_or(ctx.at, |(since, _)| *since);
    Next::Command(CommandKind::AwaitQuiet {
        service: ctx.target(role),
        deploy: foreign.id.clone(),
        until: Some(since + ctx.timeout()),
    })
}

/// Finds out what became of a request whose answer is missing.
pub(crate) fn look_up(ctx: &Ctx<'_>, role: &Role, doubt: &InDoubt, way: DeployDirection) -> Next {
    let InDoubt {
        at,
        until,
        queued,
        known,
    } = doubt;
    let list = || CommandKind::ListDeploys {
        service: ctx.target(role),
        known: known.clone(),
    };
    let Some((asked_at, listing)) = &ctx.scratch.listing else {
        return Next::Command(list());
    };
    let ours = ours(ctx, role, listing, known, way);
    if let Some((newest, others)) = ours.split_first() {
        return Next::Facts(adopt(ctx, role, newest, others, way, *at, *queued));
    }
    if let Some(ahead) = listing
        .iter()
        .find(|deploy| *queued && !deploy.status.is_over())
    {
        return Next::Command(CommandKind::AwaitQuiet {
            service: ctx.target(role),
            deploy: ahead.id.clone(),
            until: None,
        });
    }
    let settled = match (queued, ctx.scratch.quiet_since) {
        (true, Some(quiet)) => (*until).max(quiet + ctx.settle()),
        (true, None) | (false, _) => *until,
    };
    if ctx.at < settled {
        return Next::Wait(settled);
    }
    if *asked_at < settled {
        return Next::Command(list());
    }
    Next::fact(way.fact(DeployAbsent {
        place: ctx.service_place(role),
        attempt: Some(way.attempt(&ctx.service(role))),
        reason: "no deploy of ours exists, and none can appear any more".to_owned(),
    }))
}

/// Deploys newer than those known at the intent that can only be ours, newest first (T1).
fn ours<'l>(
    ctx: &Ctx<'_>,
    role: &Role,
    listing: &'l [DeployView],
    known: &[DeployId],
    way: DeployDirection,
) -> Vec<&'l DeployView> {
    let before = ctx.service(role).baseline.and_then(|live| live.commit);
    listing
        .iter()
        .filter(|deploy| !known.contains(&deploy.id))
        .filter(|deploy| match way {
            DeployDirection::Forward => {
                deploy.trigger == "api" && deploy.is_of(&ctx.release().commit)
            }
            DeployDirection::Back => deploy.trigger == "rollback",
            DeployDirection::BackByCommit => {
                deploy.trigger == "api"
                    && before.as_ref().is_some_and(|commit| deploy.is_of(commit))
            }
        })
        .collect()
}

fn adopt(
    ctx: &Ctx<'_>,
    role: &Role,
    newest: &DeployView,
    others: &[&DeployView],
    way: DeployDirection,
    intended_at: Timestamp,
    queued: bool,
) -> Vec<Fact> {
    let attempt = way.attempt(&ctx.service(role));
    // A request that was queued behind somebody else's deploy has its time from when it is found.
    let from = if queued { ctx.at } else { intended_at };
    let adopted = way.fact(DeployAdopted {
        place: ctx.service_place(role),
        attempt,
        deploy: newest.id.clone(),
        commit: newest.exact(),
        reason: None,
        until: from + ctx.timeout(),
        found: false,
    });
    let duplicates = others.iter().map(|other| {
        let duplicate = DeployDuplicate {
            place: ctx.service_place(role),
            attempt,
            deploy: other.id.clone(),
            commit: other.exact(),
        };
        duplicate.into()
    });
    [adopted].into_iter().chain(duplicates).collect()
}
