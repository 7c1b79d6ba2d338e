//! Hooks: commands on this machine and jobs at Render.

use std::collections::BTreeMap;
use std::time::Duration;

use policy::Span;
use policy::rules::{Hook, HookCommand};
use render::executor::ExecutorSettings;
use rollout::{CommandKind, Outcome};
use sim::api::Op;
use sim::fault::{Fault, FaultKind, JobOutcome, Trouble};

use super::bench::{Bench, until};

fn hook(bench: &Bench, run: HookCommand, timeout: Span) -> CommandKind {
    CommandKind::RunHook {
        hook: Hook {
            run,
            timeout,
            repeatable: false,
        },
        service: Some(bench.target()),
        environment: BTreeMap::from([("TRANCHE_VERSION".to_owned(), "v1.1.0".to_owned())]),
    }
}

async fn run(bench: &mut Bench, script: &str) -> Outcome {
    let hook = hook(
        bench,
        HookCommand::Run(script.to_owned()),
        Span::from_secs(10),
    );
    bench.ask(hook).await
}

fn finished(ok: bool, output: &str) -> Outcome {
    Outcome::HookFinished {
        ok,
        output: output.to_owned(),
    }
}

fn job(bench: &Bench) -> CommandKind {
    let job = HookCommand::Job {
        service: "backend".into(),
        command: "npm run migrate".to_owned(),
    };
    hook(bench, job, Span::from_secs(10))
}

#[tokio::test]
async fn a_command_runs_in_the_project_and_says_how_it_ended() {
    let mut bench = Bench::new().await;
    std::fs::write(bench.dir.path().join("note"), "here").unwrap();
    let printed = run(
        &mut bench,
        "cat note; echo \" $TRANCHE_VERSION\"; echo no >&2",
    )
    .await;
    assert_eq!(printed, finished(true, "here v1.1.0\nno"));
    assert_eq!(
        run(&mut bench, "echo bad; exit 3").await,
        finished(false, "bad")
    );
}

#[tokio::test]
async fn a_command_sees_none_of_our_secrets_and_prints_none() {
    let mut bench = Bench::new().await;
    let secret = ("JWT".to_owned(), "hush-hush".to_owned());
    bench.shelf.secrets.lock().unwrap().extend([secret]);
    assert_eq!(
        run(&mut bench, "env | grep -c CARGO").await,
        finished(false, "0")
    );
    let printed = run(&mut bench, "printf 'a hush-hush \\033[31m b'").await;
    assert_eq!(printed, finished(true, "a [redacted]  b"));
}

#[tokio::test]
async fn a_secret_is_masked_where_it_was_cut_and_with_other_line_ends() {
    let mut bench = Bench::new().await;
    let long: String = ('a'..='z').cycle().step_by(3).take(100).collect();
    let secrets = [
        ("LONG".to_owned(), long.clone()),
        ("LINES".to_owned(), "one fish\ntwo fish".to_owned()),
    ];
    bench.shelf.secrets.lock().unwrap().extend(secrets);
    let script = format!("i=0; while [ $i -lt 999 ]; do echo {long}; i=$((i+1)); done");
    let Outcome::HookFinished { ok: true, output } = run(&mut bench, &script).await else {
        panic!("it ends well")
    };
    assert_eq!(output.replace("[redacted]", "").trim(), "");
    let printed = run(&mut bench, "printf 'is one fish\\r\\ntwo fish.'").await;
    assert_eq!(printed, finished(true, "is [redacted]."));
}

#[tokio::test]
async fn only_the_end_of_a_long_output_is_kept() {
    let mut bench = Bench::new().await;
    let script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done";
    let Outcome::HookFinished { ok: true, output } = run(&mut bench, script).await else {
        panic!("it ends well")
    };
    assert!(output.len() <= 4096 && output.ends_with("line 2999"));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_it_began() {
    let mut bench = Bench::new().await;
    let script = "sleep 60 & echo $! > child; wait";
    let limit = Span::from_millis(500);
    let hook = hook(&bench, HookCommand::Run(script.to_owned()), limit);
    let outcome = bench.ask(hook).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let is_gone = async || {
        let asked = run(&mut bench, "kill -0 $(cat child)").await;
        matches!(asked, Outcome::HookFinished { ok: false, .. })
    };
    until(is_gone).await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_does_not_hold_it_up() {
    let mut bench = Bench::new().await;
    let started = std::time::Instant::now();
    assert_eq!(
        run(&mut bench, "sleep 5 & echo done").await,
        finished(true, "done")
    );
    assert!(started.elapsed() < std::time::Duration::from_secs(4));
}

#[tokio::test]
async fn a_command_that_cannot_begin_has_failed() {
    let mut bench = Bench::new().await;
    std::fs::remove_dir(bench.dir.path()).unwrap();
    let outcome = run(&mut bench, "true").await;
    assert!(
        matches!(outcome, Outcome::HookFinished { ok: false, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_job_runs_to_its_end() {
    let mut bench = Bench::new().await;
    let kind = job(&bench);
    let outcome = bench.ask(kind).await;
    assert!(
        matches!(&outcome, Outcome::HookFinished { ok: true, output } if output.ends_with("succeeded")),
        "{outcome:?}"
    );
    bench.arm(Fault::everywhere(FaultKind::Job(JobOutcome::Failed)));
    let kind = job(&bench);
    let outcome = bench.ask(kind).await;
    assert!(
        matches!(outcome, Outcome::HookFinished { ok: false, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_job_is_read_once_more_before_its_time_is_over() {
    let slow = |settings: &mut ExecutorSettings| {
        settings.poll_from = Duration::from_mins(1);
        settings.poll_to = Duration::from_mins(1);
    };
    let mut bench = Bench::with(|_| {}, slow).await;
    let run = HookCommand::Job {
        service: "backend".into(),
        command: "npm run migrate".to_owned(),
    };
    let kind = hook(&bench, run, Span::from_secs(1));
    let outcome = bench.ask(kind).await;
    assert!(
        matches!(outcome, Outcome::HookFinished { ok: true, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_job_whose_reply_is_lost_is_not_started_again() {
    let mut bench = Bench::new().await;
    bench.trouble(Op::CreateJob, Trouble::Lost);
    let kind = job(&bench);
    let outcome = bench.ask(kind).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(bench.changes(Op::CreateJob), 1);
}

#[tokio::test]
async fn a_job_that_never_ends_is_cancelled_at_its_time_limit() {
    let mut bench = Bench::new().await;
    bench.arm(Fault::everywhere(FaultKind::Job(JobOutcome::Stuck)));
    let stuck = HookCommand::Job {
        service: "backend".into(),
        command: "true".to_owned(),
    };
    let hook = hook(&bench, stuck, Span::from_millis(200));
    let outcome = bench.ask(hook).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(bench.changes(Op::CancelJob), 1);
}
