//! How many requests a command takes, as the simulation counts them.

use rollout::{Command, CommandId, CommandKind, Outcome, RolloutId};
use sim::api::Op;

use super::bench::{Bench, CUSTOMER, kept};

const READS: [Op; 4] = [
    Op::GetService,
    Op::ListDomains,
    Op::ListDeploys,
    Op::ListEnvVars,
];

fn arrived(bench: &Bench) -> (u64, u64) {
    let reads = READS.iter().map(|op| bench.reads(*op)).sum();
    let changes = bench.platform.lock().unwrap().requests().changes().len();
    (reads, changes as u64)
}

async fn takes_as_many_as_are_counted(bench: &mut Bench, kind: CommandKind) -> Outcome {
    let command = Command {
        id: CommandId(0),
        rollout: RolloutId::Rollout(1),
        customer: CUSTOMER.into(),
        urgent: false,
        kind: kind.clone(),
    };
    let counted = command.requests();
    let before = arrived(bench);
    let outcome = bench.ask(kind).await;
    let after = arrived(bench);
    let took = (after.0 - before.0, after.1 - before.1);
    let counted = (u64::from(counted.reads), u64::from(counted.changes));
    assert_eq!(took, counted, "{:?}", command.kind);
    outcome
}

#[tokio::test]
async fn the_requests_of_a_customer_are_those_that_are_counted() {
    let mut bench = Bench::new().await;
    let services = vec![bench.target()];
    let preflight = CommandKind::Preflight {
        services,
        variables: [].into(),
        urls: [].into(),
        baseline: None,
    };
    takes_as_many_as_are_counted(&mut bench, preflight).await;
    let service = bench.target();
    takes_as_many_as_are_counted(&mut bench, CommandKind::Inspect { service }).await;
    let back_up = CommandKind::BackUp {
        service: bench.target(),
        variables: [("VERSION".to_owned(), "${version}".to_owned())].into(),
        version: "v1.1.0".to_owned(),
        commit: "c0ffee".to_owned(),
        urls: [].into(),
        left: None,
    };
    let outcome = takes_as_many_as_are_counted(&mut bench, back_up).await;
    let Outcome::BackedUp {
        sealed, differing, ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    let set = CommandKind::SetVariables {
        service: bench.target(),
        backup: kept(&sealed),
        keys: differing.clone(),
    };
    takes_as_many_as_are_counted(&mut bench, set).await;
    let restore = CommandKind::RestoreVariables {
        service: bench.target(),
        backup: kept(&sealed),
        keys: differing,
    };
    takes_as_many_as_are_counted(&mut bench, restore).await;
    let list = CommandKind::ListDeploys {
        service: bench.target(),
        known: Vec::new(),
    };
    takes_as_many_as_are_counted(&mut bench, list).await;
}
