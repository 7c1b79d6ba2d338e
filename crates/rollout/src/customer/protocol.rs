//! The deploy protocol (R16), the same for a deploy and for a rollback.
//!
//! Durable intent with the known deploys, then the request. An answer that leaves doubt turns into a look-up; a new
//! attempt follows only the proof that nothing of ours exists (P7-P11). Ids are compared, never clocks.

use policy::{Role, Timestamp};

use crate::customer::adoption;
use crate::customer::ctx::{Ctx, Next};
use crate::model::command::{CommandKind, DeployStatus, DeployView};
use crate::model::event::{Kind, Line};
use crate::model::ids::DeployId;
use crate::model::state::{Baseline, DeployState, ServiceState};

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

    fn adopted(self) -> Kind {
        match self {
            Self::Forward => Kind::DeployAdopted,
            Self::Back | Self::BackByCommit => Kind::RollbackAdopted,
        }
    }

    fn absent(self) -> Kind {
        match self {
            Self::Forward => Kind::DeployAbsent,
            Self::Back | Self::BackByCommit => Kind::RollbackAbsent,
        }
    }

    /// The event of a request whose outcome is unknown.
    pub(crate) fn unknown(self) -> Kind {
        match self {
            Self::Forward => Kind::DeployUnknown,
            Self::Back | Self::BackByCommit => Kind::RollbackUnknown,
        }
    }

    /// The event of a 201.
    pub(crate) fn created(self) -> Kind {
        match self {
            Self::Forward => Kind::DeployCreated,
            Self::Back | Self::BackByCommit => Kind::RollbackCreated,
        }
    }
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
        return Next::Facts(vec![adoption::held(ctx, &[(role, unknown)], false)]);
    }
    let live = listing
        .iter()
        .find(|deploy| deploy.status == DeployStatus::Live);
    let fact = match way {
        DeployDirection::Forward => forward_intent(ctx, role, service, live),
        DeployDirection::Back | DeployDirection::BackByCommit => {
            match back_intent(ctx, role, service, live) {
                Ok(fact) => fact,
                Err(facts) => return Next::Facts(facts),
            }
        }
    };
    let known: Vec<&DeployId> = listing.iter().map(|deploy| &deploy.id).collect();
    Next::Facts(vec![fact.with_value("known", &known)])
}

fn forward_intent(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    live: Option<&DeployView>,
) -> Line {
    let fact = Line {
        attempt: Some(service.attempt + 1),
        commit: Some(ctx.release().commit.clone()),
        ..ctx.service_fact(Kind::DeployIntended, role)
    };
    // A foreign deploy that went live before ours is sent renews the target of a rollback (R19).
    let old = service.baseline.clone().unwrap_or_default();
    match live {
        Some(live)
            if old.deploy.as_ref() != Some(&live.id) && !live.is_of(&ctx.release().commit) =>
        {
            let renewed = Baseline {
                deploy: Some(live.id.clone()),
                commit: live.exact(),
                version: if live.exact() == old.commit {
                    old.version
                } else {
                    None
                },
                ..old
            };
            fact.with_value("baseline", &renewed)
        }
        Some(_) | None => fact,
    }
}

fn back_intent(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    live: Option<&DeployView>,
) -> Result<Line, Vec<Line>> {
    // Where nothing of ours runs, what was live before is what may be replaced by itself.
    let before = service
        .baseline
        .as_ref()
        .and_then(|live| live.deploy.as_ref());
    let ours = service.deploy.id().or(before);
    let foreign = live.filter(|live| Some(&live.id) != ours && !ctx.unit.forced);
    if let Some(foreign) = foreign {
        let reason = format!(
            "a newer deploy of somebody else is live on {role}: {} ({})",
            foreign.id, foreign.trigger
        );
        return Err(vec![
            ctx.held(Some(role), reason)
                .with("other", foreign.id.0.clone()),
        ]);
    }
    let baseline = service.baseline.clone().unwrap_or_default();
    let way = DeployDirection::back(service);
    if way == DeployDirection::BackByCommit && baseline.commit.is_none() {
        let failed = Line {
            reason: Some("nothing was live before this release".to_owned()),
            ..ctx.service_fact(Kind::RollbackFailed, role)
        };
        return Err(vec![failed]);
    }
    let target = baseline.deploy.filter(|_| way == DeployDirection::Back);
    Ok(Line {
        attempt: Some(service.rollback_attempt + 1),
        commit: baseline.commit,
        ..ctx.service_fact(Kind::RollbackIntended, role)
    }
    .with_value("target", &target))
}

/// A deploy of somebody else is under way: wait for it, at most as long as for one of ours (R18).
pub(crate) fn await_foreign(ctx: &Ctx<'_>, role: &Role, foreign: &DeployView) -> Next {
    if ctx.scratch.foreign_stuck {
        let reason = format!(
            "a deploy of somebody else has been under way too long: {} ({})",
            foreign.id, foreign.trigger
        );
        return Next::Facts(vec![
            ctx.held(Some(role), reason)
                .with("other", foreign.id.0.clone()),
        ]);
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
pub(crate) fn look_up(
    ctx: &Ctx<'_>,
    role: &Role,
    state: &DeployState,
    way: DeployDirection,
) -> Next {
    let DeployState::Unknown {
        at,
        until,
        queued,
        known,
    } = state
    else {
        return Next::Rest;
    };
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
    let reason = Some("no deploy of ours exists, and none can appear any more".to_owned());
    Next::Facts(vec![Line {
        reason,
        attempt: Some(way.attempt(&ctx.service(role))),
        ..ctx.service_fact(way.absent(), role)
    }])
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
) -> Vec<Line> {
    let attempt = way.attempt(&ctx.service(role));
    // A request that was queued behind somebody else's deploy has its time from when it is found.
    let from = if queued { ctx.at } else { intended_at };
    let about = |kind, deploy: &DeployView| Line {
        attempt: Some(attempt),
        deploy: Some(deploy.id.clone()),
        commit: deploy.exact(),
        ..ctx.service_fact(kind, role)
    };
    let mut facts = vec![Line {
        until: Some(from + ctx.timeout()),
        ..about(way.adopted(), newest)
    }];
    facts.extend(
        others
            .iter()
            .map(|other| about(Kind::DeployDuplicate, other)),
    );
    facts
}
