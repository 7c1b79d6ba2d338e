//! P35, P43: whoever stops an engine in good order leaves nothing in doubt, at whatever instant; and an engine that stood
//! still, or does not answer, misleads nobody.
//!
//! A few stops run with every test; `TRANCHE_STOPS=200` makes it so many.

use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use policy::ServiceId;

use crate::lab::{Files, Lab, RELEASE, wait_for};

/// So many stops run with every test.
const FEW: usize = 5;

/// Labs at the same time, if many stops were asked for.
const WORKERS: usize = 6;

/// The instants follow from it.
const SEED: u64 = 8;

/// Every hook leaves a line, and none may run twice.
const POLICY: &str = "
policy: all
batch: 1
delay: 50ms
hooks:
  before:
    - { run: 'sleep 0.05; echo $TRANCHE_CUSTOMER check >> hooks.log' }
    - { run: 'echo $TRANCHE_CUSTOMER migrate >> hooks.log; sleep 0.05' }
  after:
    - { run: 'sleep 0.05; echo $TRANCHE_CUSTOMER announce >> hooks.log' }
    - { run: 'echo $TRANCHE_CUSTOMER celebrate >> hooks.log; sleep 0.05' }
";

/// What the hooks of a customer leave, in order.
const LINES: [&str; 4] = ["check", "migrate", "announce", "celebrate"];

/// Always the same instants for one seed.
struct Dice(u64);

impl Dice {
    /// A number below `limit`.
    fn roll(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn files() -> Files {
    Files {
        policies: vec![("all", POLICY.to_owned())],
        ..Files::small()
    }
}

fn signal(child: &Child, name: &str) {
    // Whoever has ended already needs no signal.
    let _ = Command::new("kill")
        .args([name, &child.id().to_string()])
        .output()
        .unwrap();
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Lets it run for so long; says how it ended, if it did.
fn let_run(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let since = Instant::now();
    let mut ended = None;
    wait_for("time has passed", || {
        ended = child.try_wait().unwrap();
        ended.is_some() || since.elapsed() >= time
    });
    ended
}

#[test]
fn stopped_at_any_instants_each_hook_runs_once_and_nobody_is_held() {
    let wanted = env::var("TRANCHE_STOPS").map_or(FEW, |text| text.parse().unwrap());
    let (stops, seeds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let workers = if wanted > FEW { WORKERS } else { 1 };
        for _ in 0..workers {
            scope.spawn(|| {
                while stops.load(Ordering::SeqCst) < wanted {
                    let seed = SEED + seeds.fetch_add(1, Ordering::SeqCst) as u64;
                    one_rollout(seed, &|| stops.fetch_add(1, Ordering::SeqCst) + 1 >= wanted);
                }
            });
        }
    });
}

/// One rollout, stopped again and again until it is over, or there have been enough stops.
fn one_rollout(seed: u64, stopped: &dyn Fn() -> bool) {
    let (lab, mut dice) = (Lab::of(&files()), Dice(seed));
    let started = lab.tranche(&["start", RELEASE, "--yes", "--detach"]);
    assert!(started.status.success(), "{}", text(&started));
    let mut is_enough = false;
    loop {
        let mut engine = lab.spawn(&["run", "--until-idle"]);
        // Most of the time passes before anything is sent; the stops are to fall behind that.
        let time = Duration::from_millis(150 + dice.roll(900));
        let ended = if is_enough {
            Some(engine.wait().unwrap())
        } else {
            let_run(&mut engine, time)
        };
        if let Some(status) = ended {
            assert_eq!(status.code(), Some(0), "seed {seed}: somebody is held");
            break;
        }
        stop(&mut engine, &mut dice, seed);
        is_enough = stopped();
    }
    check(&lab, seed);
}

fn stop(engine: &mut Child, dice: &mut Dice, seed: u64) {
    let (name, code) = match dice.roll(4) {
        0 => ("-INT", 130),
        _ => ("-TERM", 0),
    };
    signal(engine, name);
    if dice.roll(2) == 0 {
        let_run(engine, Duration::from_millis(dice.roll(60)));
        signal(engine, name);
    }
    let status = engine.wait().unwrap();
    // One that had not yet begun to listen had not begun anything; one that was just ending had nothing left to do.
    let too_early = status.signal().is_some();
    assert!(
        too_early || [Some(code), Some(0)].contains(&status.code()),
        "seed {seed}: {status:?}"
    );
}

fn check(lab: &Lab, seed: u64) {
    let events = lab.tranche(&["events", "-o", "json"]);
    let events = String::from_utf8(events.stdout).unwrap();
    let count = |kind: &str| events.matches(&format!("\"kind\":\"{kind}\"")).count();
    assert_eq!(count("rollout_succeeded"), 1, "seed {seed}: {events}");
    assert_eq!(count("customer_held"), 0, "seed {seed}");
    let mut expected = Vec::new();
    for customer in ["acme", "beta"] {
        expected.extend(LINES.map(|line| format!("{customer} {line}")));
    }
    let log = lab.read("hooks.log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines, expected, "seed {seed}: each hook once, in order");
    assert_eq!(count("hook_started"), expected.len(), "seed {seed}");
    assert_eq!(count("hook_finished"), expected.len(), "seed {seed}");
    for service in crate::lab::SERVICES {
        let deploys = lab
            .platform()
            .requests()
            .deploys_of(&ServiceId::new(service))
            .count();
        assert_eq!(deploys, 1, "seed {seed}: {service}");
    }
    let verified = lab.tranche(&["verify"]);
    assert!(
        verified.status.success(),
        "seed {seed}: {}",
        text(&verified)
    );
}

#[test]
fn an_engine_that_stood_still_reads_first_how_a_hook_ended() {
    // It ends while the engine stands still; what it prints does not fit into the pipe.
    let hook =
        "touch begun; sleep 0.2; head -c 200000 /dev/zero; echo $TRANCHE_CUSTOMER >> hooks.log";
    let policy = format!(
        "policy: all\nbatch: 1\nhooks:\n  before:\n    - {{ run: '{hook}', timeout: 1s }}\n"
    );
    let lab = Lab::of(&Files {
        policies: vec![("all", policy)],
        ..Files::small()
    });
    let started = lab.tranche(&["start", RELEASE, "--yes", "--detach"]);
    assert!(started.status.success(), "{}", text(&started));
    let mut engine = lab.spawn(&["run", "--until-idle"]);
    wait_for("the hook runs", || lab.has("begun"));
    signal(&engine, "-STOP");
    let_run(&mut engine, Duration::from_millis(1_500));
    signal(&engine, "-CONT");
    assert_eq!(engine.wait().unwrap().code(), Some(0));
    assert_eq!(lab.read("hooks.log"), "acme\nbeta\n");
}

/// A rollout that waits, and its engine.
fn waiting() -> (Lab, Child) {
    let lab = Lab::of(&Files {
        policies: vec![("all", "policy: all\nbatch: 1\ndelay: 1h\n".to_owned())],
        ..Files::small()
    });
    let started = lab.tranche(&["start", RELEASE, "--yes", "--detach"]);
    assert!(started.status.success(), "{}", text(&started));
    let engine = lab.spawn(&["run"]);
    wait_for("it waits for the delay", || {
        kinds(&lab).contains("customer_healthy")
    });
    (lab, engine)
}

fn kinds(lab: &Lab) -> String {
    let events = lab.tranche(&["events", "-o", "json"]);
    String::from_utf8(events.stdout).unwrap()
}

/// Somebody asks while the engine stands still; their request is filed when this is back.
fn asking(lab: &Lab) -> Child {
    let asker = lab.spawn_heard(&["pause", "--reason", "wait"]);
    wait_for("the request is filed", || lab.waiting() == 1);
    asker
}

/// The engine goes on, and has seen by the end of this what was filed before.
fn goes_on(lab: &Lab, engine: &Child) {
    signal(engine, "-CONT");
    let asked = lab.tranche(&["block", "v9.9.9", "--reason", "it is bad"]);
    assert!(asked.status.success(), "{}", text(&asked));
}

#[test]
fn what_failed_for_the_person_who_asked_does_not_happen_later() {
    let (lab, mut engine) = waiting();
    signal(&engine, "-STOP");
    let late = lab.tranche_with(
        ("TRANCHE_PATIENCE", "300ms"),
        &["pause", "--reason", "wait"],
    );
    assert_eq!(late.status.code(), Some(6), "{}", text(&late));
    assert!(text(&late).contains("was not carried out and will not be"));

    let interrupted = asking(&lab);
    signal(&interrupted, "-INT");
    let interrupted = interrupted.wait_with_output().unwrap();
    assert_eq!(interrupted.status.code(), Some(130));
    assert!(text(&interrupted).contains("was not carried out and will not be"));
    goes_on(&lab, &engine);
    assert!(!kinds(&lab).contains("\"paused\""), "{}", kinds(&lab));

    // Whoever is killed cannot take anything back: a request that was filed is carried out, if an engine sees it in time.
    signal(&engine, "-STOP");
    let mut killed = asking(&lab);
    killed.kill().unwrap();
    killed.wait().unwrap();
    signal(&engine, "-CONT");
    wait_for("the request is carried out", || {
        kinds(&lab).contains("\"paused\"")
    });
    signal(&engine, "-TERM");
    assert_eq!(engine.wait().unwrap().code(), Some(0));
}

#[test]
fn an_engine_whose_output_nobody_reads_ends_in_good_order() {
    let lab = Lab::of(&files());
    let mut engine = lab.spawn_heard(&["start", RELEASE, "--yes"]);
    // Its first line is read, and then nothing.
    let out = engine.stdout.take().unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut first).unwrap();
    assert_eq!(engine.wait().unwrap().code(), Some(0));
    let ended = lab.tranche(&["run", "--until-idle"]);
    assert!(ended.status.success(), "{}", text(&ended));
    check(&lab, 0);
}
