//! The words of every kind of event: one sentence a kind, without the reason and without a full stop.

use policy::{CustomerId, Timestamp};
use rollout::fact::{
    BatchPlace, CustomerFact, DeployFact, EngineFact, GateFact, HealthFact, HookFact,
    OperationStarted, PeopleChanged, PersonFact, PhaseFact, RecoveryFact, Retried, RollbackFact,
    RolloutFact, ServicePlace, Skipped, VariablesFact,
};
use rollout::view::EndState;
use rollout::{ApplyVariables, Event, Fact, RolloutId, show_instant};
use serde_json::Value;

use super::super::time;

/// What an event says; one that cannot be read is named as the journal names it.
pub(super) fn words(event: &Event) -> String {
    let Ok(fact) = Fact::read(&event.line) else {
        return event.line.kind.as_str().replace('_', " ");
    };
    let (at, run) = (event.at, event.line.rollout);
    match &fact {
        Fact::Rollout(fact) => course(fact),
        Fact::Phase(fact) => phase(fact, at),
        Fact::Gate(fact) => vote(fact, at, run),
        Fact::Customer(fact) => customer(fact, run),
        Fact::Hook(fact) => hook(fact),
        Fact::Variables(fact) => variables(fact),
        Fact::Deploy(fact) => deploy(fact) + &id(event),
        Fact::Health(fact) => health(fact) + &id(event),
        Fact::Rollback(fact) => rollback(fact) + &id(event),
        Fact::Recovery(fact) => recovery(fact),
        Fact::Person(fact) => person(fact, at),
        Fact::Engine(fact) => product(fact).to_owned(),
    }
}

fn course(fact: &RolloutFact) -> String {
    match fact {
        RolloutFact::RolloutStarted(started) => {
            format!("rollout of {} started", started.plan.release.version)
        }
        RolloutFact::RolloutQueued(queued) => {
            format!("rollout of {} queued", queued.input.release.version)
        }
        RolloutFact::Replanned(replanned) => {
            let who = &replanned.actor;
            format!("{who} applied the edited files to what has not started")
        }
        RolloutFact::RolloutDraining(_) => {
            "nothing new starts; what is in flight finishes".to_owned()
        }
        RolloutFact::RolloutSucceeded(end) => format!("rollout {}", outcome(end.outcome)),
        RolloutFact::RolloutHalted(_) => "rollout halted".to_owned(),
        RolloutFact::RolloutAborted(_) => "rollout aborted".to_owned(),
        RolloutFact::RolloutSuperseded(_) => "rollout superseded".to_owned(),
        RolloutFact::RolloutResumed(_) => "the halt is lifted".to_owned(),
        RolloutFact::OperationStarted(started) => format!("operation on {} started", on(started)),
        RolloutFact::OperationEnded(end) => format!("operation {}", outcome(end.outcome)),
    }
}

fn outcome(end: EndState) -> String {
    end.as_str().replace('_', " ")
}

fn on(started: &OperationStarted) -> String {
    match (&started.customer, &started.customers) {
        (Some(customer), _) => customer.to_string(),
        (None, Some(customers)) if !customers.is_empty() => {
            let customers: Vec<&str> = customers.iter().map(CustomerId::as_str).collect();
            customers.join(", ")
        }
        (None, _) => "everything".to_owned(),
    }
}

fn phase(fact: &PhaseFact, at: Timestamp) -> String {
    match fact {
        PhaseFact::PhaseStarted(fact) => format!("phase {} started", fact.place.phase),
        PhaseFact::PhaseSettled(fact) => format!("phase {} settled", fact.place.phase),
        PhaseFact::PhaseOverdue(fact) => format!("phase {} is overdue", fact.place.phase),
        PhaseFact::SoakStarted(fact) => {
            let until = until(fact.until, at);
            format!("phase {} is watched{until}", fact.place.phase)
        }
        PhaseFact::BatchStarted(fact) => format!("batch {} started", batch(&fact.place)),
        PhaseFact::BatchSettled(fact) => format!("batch {} settled", batch(&fact.place)),
        PhaseFact::DelayStarted(fact) => {
            let (batch, until) = (batch(&fact.place), until(fact.until, at));
            format!("the delay after batch {batch} runs{until}")
        }
        PhaseFact::Promoted(fact) => format!("{} promoted {}", fact.actor, fact.place.phase),
        PhaseFact::Skipped(Skipped {
            place,
            batch,
            actor,
            ..
        }) => match batch {
            Some(batch) => format!("{actor} skipped {}/{batch}", place.phase),
            None => format!("{actor} skipped {}", place.phase),
        },
    }
}

fn batch(BatchPlace { phase, batch }: &BatchPlace) -> String {
    format!("{phase}/{batch}")
}

fn vote(fact: &GateFact, at: Timestamp, run: Option<RolloutId>) -> String {
    let what = &fact.place().gate;
    match fact {
        GateFact::ApprovalRequested(_) => {
            let run = run.map_or_else(String::new, |run| run.to_string());
            format!("{what} waits for approval: tranche approve {what} -r {run}")
        }
        GateFact::Approved(vote) => match vote.until {
            Some(end) => {
                let until = until(end, at);
                format!("{} approved {what}; complete, valid{until}", vote.actor)
            }
            None => format!("{} approved {what}", vote.actor),
        },
        GateFact::Rejected(vote) => format!("{} rejected {what}", vote.actor),
        GateFact::Withdrawn(vote) => format!("{} withdrew the vote for {what}", vote.actor),
        GateFact::ApprovalLapsed(_) => format!("the approval of {what} lapsed"),
        GateFact::ApprovalEscalated(_) => format!("nobody has answered for {what}"),
        GateFact::GatePassed(_) => format!("the gate of {what} is passed"),
    }
}

fn customer(fact: &CustomerFact, run: Option<RolloutId>) -> String {
    let (what, said) = match fact {
        CustomerFact::CustomerStarted(fact) => (&fact.place, "started"),
        CustomerFact::CustomerHealthy(fact) => (&fact.place, "is healthy"),
        CustomerFact::CustomerUnchanged(fact) => {
            let place = &fact.place;
            let is_operation = matches!(run, Some(RolloutId::Operation(_)));
            if is_operation && place.phase.as_str() == ApplyVariables::PHASE {
                let what = &place.customer;
                return format!("nothing was deployed at {what}; its variables are as before");
            }
            (place, "failed before it was live; its old version serves")
        }
        CustomerFact::CustomerRolledBack(fact) => (&fact.place, "is rolled back"),
        CustomerFact::CustomerRollbackFailed(fact) => {
            let what = &fact.place.customer;
            return format!("the rollback of {what} failed; a person must look");
        }
        CustomerFact::CustomerExcluded(fact) => (&fact.place, "is excluded"),
        CustomerFact::CustomerSkipped(fact) => (&fact.place, "is skipped"),
        CustomerFact::CustomerHeld(fact) => (&fact.place, "is held until a person decides"),
        CustomerFact::CustomerWaits(fact) => {
            let what = &fact.place.customer;
            return format!("{what} waits: Render gives no usable answer");
        }
        CustomerFact::CustomerStalled(fact) => {
            let what = &fact.place.customer;
            return format!("{what} still waits: Render gives no usable answer");
        }
        CustomerFact::CustomerReleased(fact) => (&fact.place, "is released"),
        CustomerFact::CustomerDeferred(fact) => (&fact.place, "has its date put off"),
        CustomerFact::CustomerWithdrawn(fact) => {
            (&fact.place, "is taken out; what is not live is tidied up")
        }
        CustomerFact::RollbackRequested(fact) => (&fact.place, "is to return to what ran before"),
        CustomerFact::VariablesApplied(fact) => {
            let (version, what) = (&fact.version, &fact.place.customer);
            return format!("the variables of {version} stand at {what}; nothing was deployed");
        }
        CustomerFact::Retried(retried) => return tried_again(retried),
    };
    format!("{} {said}", what.customer)
}

fn tried_again(retried: &Retried) -> String {
    let (who, phase) = (&retried.actor, &retried.place.phase);
    let what = match (&retried.gate, &retried.customer, retried.batch) {
        (Some(gate), _, _) => gate.clone(),
        (None, Some(customer), _) => customer.to_string(),
        (None, None, Some(batch)) => format!("{phase}/{batch}"),
        (None, None, None) => phase.to_string(),
    };
    format!("{who} had {what} tried again")
}

fn hook(fact: &HookFact) -> String {
    let what = &fact.place().customer;
    match fact {
        HookFact::HookStarted(_) => format!("{what}: hook started"),
        HookFact::HookFinished(_) => format!("{what}: hook ended"),
    }
}

fn variables(fact: &VariablesFact) -> String {
    let said = match fact {
        VariablesFact::VariablesIntended(_) => "variables are about to be set",
        VariablesFact::VariablesBackedUp(_) => "variables backed up",
        VariablesFact::VariablesSet(_) => "variables set",
        VariablesFact::RestoreIntended(_) => "variables are about to be restored",
        VariablesFact::VariablesRestored(_) => "variables restored",
        VariablesFact::AutoDeployIntended(_) => "auto-deploy is about to be switched",
        VariablesFact::AutoDeployDisabled(_) => "auto-deploy switched off",
        VariablesFact::AutoDeployRestored(_) => "auto-deploy restored",
    };
    at_service(fact.place(), said)
}

fn deploy(fact: &DeployFact) -> String {
    let said = match fact {
        DeployFact::DeployIntended(_) => "deploy decided",
        DeployFact::DeployCreated(_) => "deploy created",
        DeployFact::DeployAdopted(_) => "deploy found and adopted",
        DeployFact::DeployUnknown(_) => "no answer to the deploy request; looking for it",
        DeployFact::DeployAbsent(_) => "the deploy request had no effect",
        DeployFact::DeployLive(_) => "live",
        DeployFact::DeployFailed(_) => "deploy failed",
        DeployFact::DeployCancelled(_) => "deploy cancelled",
        DeployFact::DeployDuplicate(_) => "one deploy too many",
        DeployFact::CancelIntended(_) => "deploy is about to be cancelled",
    };
    at_service(fact.place(), said)
}

fn health(fact: &HealthFact) -> String {
    let said = match fact {
        HealthFact::HealthPassed(_) => "healthy",
        HealthFact::HealthFailed(_) => "unhealthy",
    };
    at_service(fact.place(), said)
}

fn rollback(fact: &RollbackFact) -> String {
    let said = match fact {
        RollbackFact::RollbackIntended(_) => "rollback decided",
        RollbackFact::RollbackCreated(_) => "rollback created",
        RollbackFact::RollbackAdopted(_) => "rollback found and adopted",
        RollbackFact::RollbackUnknown(_) => "no answer to the rollback request; looking for it",
        RollbackFact::RollbackAbsent(_) => "the rollback request had no effect",
        RollbackFact::RollbackLive(_) => "the old version is live again",
        RollbackFact::RollbackFailed(_) => "rollback failed",
    };
    at_service(fact.place(), said)
}

/// `CUSTOMER/ROLE: what was there`
fn at_service(place: &ServicePlace, said: &str) -> String {
    format!("{}/{}: {said}", place.customer, place.service)
}

/// Render's id behind it, if the event has one.
fn id(event: &Event) -> String {
    let deploy = event.line.deploy.as_ref();
    deploy.map_or_else(String::new, |deploy| format!(" ({deploy})"))
}

fn recovery(fact: &RecoveryFact) -> String {
    let what = &fact.place().customer;
    match fact {
        RecoveryFact::RecoveryIntended(intended) => {
            let to = show_instant(intended.to.0);
            format!("{what}: a database with the data of {to} is about to be asked for")
        }
        RecoveryFact::RecoveryCreated(created) => {
            let database = &created.database;
            format!("{what}: Render makes the new database {database}")
        }
        RecoveryFact::RecoveryUnknown(_) => {
            format!("{what}: no answer to the request for a database; looking for it")
        }
        RecoveryFact::RecoveryAbsent(_) => {
            format!("{what}: the request for a database had no effect")
        }
        RecoveryFact::RecoveryLive(_) => format!("{what}: the data of before is there"),
        RecoveryFact::RecoveryFailed(_) => {
            format!("{what}: the database was not restored; nothing was switched")
        }
        RecoveryFact::DatabaseSwitched(switched) => {
            let (from, to) = (&switched.from, &switched.to);
            format!(
                "{what}: its services read {to} from their next deploy on, instead of {from}; write {to} into customers.yaml and the secrets"
            )
        }
    }
}

fn person(fact: &PersonFact, at: Timestamp) -> String {
    match fact {
        PersonFact::Paused(fact) => format!("{} paused the rollout", fact.actor),
        PersonFact::Resumed(fact) => match fact.moved {
            true => format!("{} let go on what was held", fact.actor),
            false => format!("{} resumed the rollout", fact.actor),
        },
        PersonFact::Frozen(fact) => {
            let until = until(fact.until, at);
            format!("{} froze starts ({}){until}", fact.actor, fact.name)
        }
        PersonFact::Unfrozen(fact) => format!("{} ended the freeze {}", fact.actor, fact.name),
        PersonFact::FreezeOverridden(fact) => {
            let (who, name) = (&fact.actor, &fact.name);
            let begins = fact.occurrence.as_ref();
            let occurrence = begins.map_or_else(String::new, |begins| format!(" of {begins}"));
            match fact.complete {
                true => format!("{who} lifted the freeze {name}{occurrence} for this rollout"),
                false => format!("{who} asked to lift the freeze {name}{occurrence}"),
            }
        }
        PersonFact::Blocked(fact) => format!("{} blocked {}", fact.actor, fact.version),
        PersonFact::Unblocked(fact) => format!("{} unblocked {}", fact.actor, fact.version),
        PersonFact::Observed(fact) => {
            let value = Value::from(fact.value);
            format!(
                "{} noted {} = {value} for {}",
                fact.actor, fact.name, fact.customer
            )
        }
        PersonFact::VariablesRevealed(fact) => {
            let (customer, service) = (&fact.customer, &fact.service);
            format!("{} had variables of {customer}/{service} shown", fact.actor)
        }
        PersonFact::TokenCreated(fact) => format!("{} made a token for {}", fact.actor, fact.owner),
        PersonFact::TokenRevoked(fact) => {
            format!("{} revoked a token of {}", fact.actor, fact.owner)
        }
        PersonFact::PeopleChanged(changed) => format!("in tranche.yaml {}", whom(changed)),
        PersonFact::Denied(fact) => format!("{} was refused", fact.actor),
    }
}

/// What became of each person in the files.
fn whom(changed: &PeopleChanged) -> String {
    let people = changed.whom.iter();
    let people: Vec<String> = people
        .map(|(person, what)| format!("{person} {}", what.join(" and ")))
        .collect();
    people.join("; ")
}

fn product(fact: &EngineFact) -> &'static str {
    match fact {
        EngineFact::EngineStarted(_) => "engine started",
        EngineFact::Restored(_) => {
            "another copy of the database may be in use; everything open waits for `tranche resume --moved`"
        }
        EngineFact::RolloutsHeld(_) => "everything open is held until `tranche resume --moved`",
        EngineFact::ClockSuspected(_) => {
            "the clock is suspected; no timer or window starts anything"
        }
        EngineFact::ClockTrusted(_) => "the clock is trusted",
        EngineFact::WorkspaceHeld(_) => "the workspace is held; nothing starts",
        EngineFact::WorkspaceReleased(_) => "the workspace is released",
        EngineFact::FilesRead(_) => "the files were read again",
    }
}

fn until(end: Timestamp, at: Timestamp) -> String {
    format!(" until {}", time::coming(end, at))
}
