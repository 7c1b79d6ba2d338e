//! Variables: every page is backed up, only what differs is written, only what is ours goes back.

use std::collections::BTreeMap;

use rollout::{AttachmentId, CommandKind, Outcome};
use sim::api::Op;
use sim::fault::Trouble;
use sim::platform::NewValue;

use super::bench::{Bench, kept};

async fn bench() -> Bench {
    let variables = |seed: &mut sim::platform::ServiceSeed| {
        let many = (0..150).map(|n| (format!("OTHER_{n}"), n.to_string()));
        seed.variables = many.collect();
        seed.variables.insert("VERSION".into(), "v1.0.0".into());
        seed.variables.insert("SAME".into(), "acme".into());
        seed.variables.insert("TOUCHED".into(), "before".into());
    };
    let bench = Bench::with(variables, |_| {}).await;
    let secret = ("JWT".to_owned(), "hush".to_owned());
    bench.shelf.secrets.lock().unwrap().extend([secret]);
    bench
}

async fn back_up(bench: &mut Bench) -> (AttachmentId, Vec<String>) {
    let templates = [
        ("VERSION", "${version}"),
        ("SAME", "${customer}"),
        ("TOUCHED", "${commit}"),
        ("NEW", "${secret:JWT}@${frontend_url}"),
    ];
    let template = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let back_up = CommandKind::BackUp {
        left: None,
        service: bench.target(),
        variables: templates.map(template).into(),
        version: "v1.1.0".to_owned(),
        commit: "c0ffee".to_owned(),
        urls: [("frontend".into(), "https://frontend.example".to_owned())].into(),
    };
    let outcome = bench.ask(back_up).await;
    let Outcome::BackedUp {
        digests,
        differing,
        sealed,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(digests.len(), 153);
    assert_eq!(digests["SAME"], "digest of srv-backend SAME");
    (kept(&sealed), differing)
}

fn set(bench: &Bench, backup: &AttachmentId, keys: &[String]) -> CommandKind {
    CommandKind::SetVariables {
        service: bench.target(),
        backup: backup.clone(),
        keys: keys.to_vec(),
    }
}

fn restore(bench: &Bench, backup: &AttachmentId, keys: &[String]) -> CommandKind {
    CommandKind::RestoreVariables {
        service: bench.target(),
        backup: backup.clone(),
        keys: keys.to_vec(),
    }
}

/// The planned variables as Render has them.
fn stored(bench: &Bench) -> BTreeMap<String, String> {
    let mut platform = bench.platform.lock().unwrap();
    let now = platform.now();
    let stored = platform.env_vars(now, &"srv-backend".into()).unwrap();
    let planned = stored
        .iter()
        .filter(|(key, _)| !key.starts_with("OTHER_"))
        .map(|(key, value)| (key.clone(), value.clone()));
    planned.collect()
}

fn change_by_hand(bench: &Bench, key: &str) {
    let by_hand = NewValue::Text("by hand".to_owned());
    let mut platform = bench.platform.lock().unwrap();
    let now = platform.now();
    let put = platform.put_env_var(now, &"srv-backend".into(), key, by_hand);
    put.unwrap();
}

fn all(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

#[tokio::test]
async fn variables_are_written_and_restored_unless_somebody_else_changed_them() {
    let mut bench = bench().await;
    let before = stored(&bench);
    let (backup, keys) = back_up(&mut bench).await;
    assert_eq!(keys, ["NEW", "TOUCHED", "VERSION"]);

    let set = set(&bench, &backup, &keys);
    assert_eq!(bench.ask(set.clone()).await, Outcome::VariablesSet);
    let released = all(&[
        ("NEW", "hush@https://frontend.example"),
        ("SAME", "acme"),
        ("TOUCHED", "c0ffee"),
        ("VERSION", "v1.1.0"),
    ]);
    assert_eq!(stored(&bench), released);
    assert_eq!(bench.ask(set).await, Outcome::VariablesSet);
    assert_eq!(
        bench.changes(Op::PutEnvVar),
        3,
        "what is as it should be is not written"
    );

    change_by_hand(&bench, "TOUCHED");
    let restore = restore(&bench, &backup, &keys);
    let foreign = vec!["TOUCHED".to_owned()];
    for _ in 0..2 {
        let restored = bench.ask(restore.clone()).await;
        assert_eq!(
            restored,
            Outcome::VariablesRestored {
                foreign: foreign.clone()
            }
        );
    }
    let mut expected = before;
    expected.insert("TOUCHED".to_owned(), "by hand".to_owned());
    assert_eq!(stored(&bench), expected);
    assert_eq!(bench.changes(Op::PutEnvVars), 0);
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_done_again() {
    let mut bench = bench().await;
    let (backup, keys) = back_up(&mut bench).await;
    bench.trouble(Op::PutEnvVar, Trouble::Lost);
    bench.trouble(Op::ListEnvVars, Trouble::Malformed);
    let set = set(&bench, &backup, &keys);
    assert_eq!(bench.ask(set).await, Outcome::VariablesSet);
    assert_eq!(stored(&bench)["VERSION"], "v1.1.0");
}

#[tokio::test]
async fn a_backup_that_does_not_open_fails_and_writes_nothing() {
    let mut bench = bench().await;
    let set = set(
        &bench,
        &AttachmentId("none".to_owned()),
        &["VERSION".to_owned()],
    );
    let outcome = bench.ask(set).await;
    assert!(
        matches!(&outcome, Outcome::Failed { reason } if reason.contains("backup")),
        "{outcome:?}"
    );
    assert_eq!(bench.changes(Op::PutEnvVar), 0);
}
