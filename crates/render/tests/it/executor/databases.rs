//! A database of before: asked for once, found by its name, awaited; and the variables that connect to it (T15).

use policy::{Span, Timestamp};
use rollout::{CommandKind, DatabaseId, Outcome};
use sim::api::Op;
use sim::fault::Trouble;
use sim::platform::{Connection, DEFAULT_OWNER, DatabaseSeed, NewValue};

use super::bench::{Bench, kept};

const NAME: &str = "acme-o1-1";

fn seed() -> DatabaseSeed {
    DatabaseSeed {
        id: "dpg-old".into(),
        name: "acme".to_owned(),
        owner: DEFAULT_OWNER.into(),
        plan: "pro".to_owned(),
        age: Span::from_secs(3 * 24 * 60 * 60),
        data: Vec::new(),
    }
}

/// A service with two connections to its database and one variable that has nothing to do with it.
async fn bench() -> Bench {
    let connection = seed().connection();
    let variables = |service: &mut sim::platform::ServiceSeed| {
        let pool = format!("{}?sslmode=require", connection.external);
        service.variables = [
            ("DATABASE_URL".to_owned(), connection.internal),
            ("POOL_URL".to_owned(), pool),
            ("SLUG".to_owned(), "acme".to_owned()),
        ]
        .into();
    };
    let bench = Bench::with(variables, |_| {}).await;
    let at = now(&bench);
    bench.platform.lock().unwrap().add_database(at, seed());
    bench
}

fn old() -> DatabaseId {
    DatabaseId("dpg-old".to_owned())
}

fn now(bench: &Bench) -> Timestamp {
    bench.platform.lock().unwrap().now()
}

fn recover(bench: &Bench, ago: Span) -> CommandKind {
    CommandKind::Recover {
        database: old(),
        to: now(bench) - ago.to_delta(),
        name: NAME.to_owned(),
    }
}

fn find(name: &str) -> CommandKind {
    CommandKind::FindDatabases {
        name: name.to_owned(),
    }
}

async fn recovered(bench: &mut Bench) -> DatabaseId {
    let hour = recover(bench, Span::from_secs(3600));
    let outcome = bench.ask(hour).await;
    let Outcome::DatabaseCreated { database } = outcome else {
        panic!("{outcome:?}")
    };
    database
}

#[tokio::test]
async fn a_recovery_without_an_answer_is_found_by_its_name_and_not_sent_again() {
    let mut bench = bench().await;
    bench.trouble(Op::Recover, Trouble::Lost);
    let hour = recover(&bench, Span::from_secs(3600));
    let outcome = bench.ask(hour).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let Outcome::DatabasesFound { databases } = bench.ask(find(NAME)).await else {
        panic!("the databases are listed")
    };
    assert_eq!(databases.len(), 1);
    let others = bench.ask(find("acme-o1")).await;
    assert_eq!(others, Outcome::DatabasesFound { databases: vec![] });
    assert_eq!(bench.changes(Op::Recover), 1);
    let wait = CommandKind::AwaitDatabase {
        database: databases[0].clone(),
        until: chrono::Utc::now() + chrono::TimeDelta::hours(1),
    };
    assert_eq!(bench.ask(wait).await, Outcome::DatabaseReady);
}

#[tokio::test]
async fn an_instant_that_render_does_not_restore_is_refused() {
    let mut bench = bench().await;
    let minute = recover(&bench, Span::from_secs(60));
    let outcome = bench.ask(minute).await;
    assert!(
        matches!(outcome, Outcome::Refused { status: 400, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_database_that_takes_too_long_is_told_by_its_status() {
    let mut bench = bench().await;
    bench.platform.lock().unwrap().settings_mut().recovery = Span::from_secs(24 * 3600);
    let database = recovered(&mut bench).await;
    let wait = CommandKind::AwaitDatabase {
        database,
        until: chrono::Utc::now(),
    };
    let status = "creating".to_owned();
    let outcome = bench.ask(wait).await;
    assert_eq!(outcome, Outcome::DatabaseUnfinished { status });
}

fn connections(bench: &Bench, to: &DatabaseId) -> CommandKind {
    CommandKind::BackUpConnections {
        service: bench.target(),
        from: old(),
        to: to.clone(),
    }
}

fn stored(bench: &Bench) -> Vec<(String, String)> {
    let mut platform = bench.platform.lock().unwrap();
    let now = platform.now();
    let stored = platform.env_vars(now, &"srv-backend".into()).unwrap();
    let pair = |(key, value): (&String, &String)| (key.clone(), value.clone());
    stored.iter().map(pair).collect()
}

fn put(bench: &Bench, key: &str, value: NewValue) {
    let mut platform = bench.platform.lock().unwrap();
    let now = platform.now();
    let put = platform.put_env_var(now, &"srv-backend".into(), key, value);
    put.unwrap();
}

fn connection(bench: &Bench, id: &DatabaseId) -> Connection {
    let mut platform = bench.platform.lock().unwrap();
    let now = platform.now();
    let id = id.0.as_str().into();
    platform.database(now, &id).unwrap().connection()
}

#[tokio::test]
async fn every_connection_follows_and_nothing_else() {
    let mut bench = bench().await;
    let before = stored(&bench);
    let database = recovered(&mut bench).await;
    let sealing = connections(&bench, &database);
    let mut backups = Vec::new();
    // The second time they read the new one already: they count all the same, and stay.
    for _ in 0..2 {
        let outcome = bench.ask(sealing.clone()).await;
        let Outcome::BackedUp {
            digests,
            differing,
            sealed,
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!(digests.len(), 3);
        assert_eq!(differing, ["DATABASE_URL", "POOL_URL"]);
        let set = CommandKind::SetVariables {
            service: bench.target(),
            backup: kept(&sealed),
            keys: differing.clone(),
        };
        assert_eq!(bench.ask(set).await, Outcome::VariablesSet);
        backups.push((kept(&sealed), differing));
        let new = connection(&bench, &database);
        let expected = [
            ("DATABASE_URL".to_owned(), new.internal),
            (
                "POOL_URL".to_owned(),
                format!("{}?sslmode=require", new.external),
            ),
            ("SLUG".to_owned(), "acme".to_owned()),
        ];
        assert_eq!(stored(&bench), expected);
    }
    let (backup, keys) = backups.swap_remove(0);
    let restore = CommandKind::RestoreVariables {
        service: bench.target(),
        backup,
        keys,
    };
    let outcome = bench.ask(restore).await;
    assert_eq!(outcome, Outcome::VariablesRestored { foreign: vec![] });
    assert_eq!(stored(&bench), before);
}

#[tokio::test]
async fn a_connection_in_another_spelling_is_left_to_a_person_and_its_secret_untold() {
    let mut bench = bench().await;
    let database = recovered(&mut bench).await;
    let jdbc = "jdbc:postgresql://acme:pw-dpg-old@dpg-old:5432/acme";
    let value = NewValue::Text(jdbc.to_owned());
    put(&bench, "JDBC", value);
    let sealing = connections(&bench, &database);
    let Outcome::Failed { reason } = bench.ask(sealing).await else {
        panic!("nobody can translate it")
    };
    assert!(
        reason.contains("`JDBC`") && !reason.contains("pw-"),
        "{reason}"
    );
}
