//! Journals of this and every earlier release fold for ever (P36). How the next one is added stands in `tests/data/README.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::Once;

use rollout::{Event, HoldKind, Kind, Product, RolloutId, event};

use crate::script::Story;
use crate::show;
use crate::transcripts::{compare, data};

/// The newest sample; the ones before it are never written again.
pub(crate) const NEWEST: u32 = 4;

/// What the newest sample tells.
const STORY: &str = "stories/88_what_the_journal_tells_of_sign_ins_and_dates_put_off.script";

static RECORDED: Once = Once::new();

/// Kinds that the samples may lack, because one process cannot meet all of them in one history.
const RARE: &[Kind] = &[
    Kind::VariablesApplied,
    Kind::VariablesRevealed,
    Kind::Restored,
    Kind::RolloutsHeld,
    Kind::TokenCreated,
    Kind::TokenRevoked,
    Kind::Observed,
    Kind::RecoveryIntended,
    Kind::RecoveryCreated,
    Kind::RecoveryUnknown,
    Kind::RecoveryAbsent,
    Kind::RecoveryLive,
    Kind::RecoveryFailed,
    Kind::DatabaseSwitched,
];

pub(crate) fn path(number: u32, end: &str) -> PathBuf {
    data().join(format!("journal-{number:04}.{end}"))
}

/// Records the newest sample from its story, if it does not exist yet.
fn record() {
    let path = path(NEWEST, "jsonl");
    if path.exists() || std::env::var_os("UPDATE").is_none() {
        return;
    }
    let text = fs::read_to_string(data().join(STORY)).unwrap();
    let (project, lines) = text.split_once("\n---\n").unwrap();
    let mut story = Story::new(project);
    story.tell(lines);
    let lost = story
        .transcript
        .iter()
        .find(|line| line.starts_with("  ??"));
    assert_eq!(lost, None, "{}", story.transcript.join("\n"));
    let events = story.lab.journal.iter();
    let lines = events.map(|event| serde_json::to_string(event).unwrap() + "\n");
    fs::write(path, lines.collect::<String>()).unwrap();
}

pub(crate) fn sample(number: u32) -> Vec<Event> {
    RECORDED.call_once(record);
    let text = fs::read_to_string(path(number, "jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

/// What the journal leads to, as people see it.
fn end(product: &Product) -> String {
    let mut text = show::status(product).join("\n") + "\n";
    for service in product.running_versions() {
        let version = service.version.unwrap_or_default();
        writeln!(
            text,
            "  = {}:{} {version}",
            service.customer, service.service
        )
        .unwrap();
    }
    text
}

#[test]
fn every_sample_folds_to_what_it_always_folded_to() {
    for number in 1..=NEWEST {
        let mut product = Product::new();
        let mut head = (0, event::GENESIS.to_owned());
        for event in sample(number) {
            assert_eq!((event.seq, &event.prev), (head.0 + 1, &head.1));
            assert_eq!(event.digest(), event.hash, "event {}", event.seq);
            product.apply(&event);
            head = (event.seq, event.hash);
        }
        assert_eq!(product.head(), (head.0, head.1.as_str()));
        let rows = product.row_keys().into_iter();
        let rows = rows.map(|key| (key.clone(), product.row(&key).unwrap()));
        let loaded = Product::load(rows).unwrap();
        assert_eq!(end(&loaded), end(&product));
        compare(&path(number, "end"), &end(&product)).unwrap();
    }
}

#[test]
fn the_samples_have_every_kind_of_event() {
    let events = (1..=NEWEST).flat_map(sample);
    let seen: BTreeSet<Kind> = events.map(|event| event.line.kind).collect();
    let lacks: Vec<&Kind> = Kind::ALL
        .iter()
        .filter(|kind| !seen.contains(kind) && !RARE.contains(kind))
        .collect();
    assert_eq!(lacks, Vec::<&Kind>::new());
}

#[test]
fn an_altered_event_is_found() {
    let mut events = sample(NEWEST);
    events[3].line.reason = Some("rewritten".to_owned());
    assert_ne!(events[3].digest(), events[3].hash);
}

/// As a release wrote it that stored no more than a freeze's name with a voice.
fn without_freezes(journal: &[Event]) -> Product {
    let mut product = Product::new();
    for event in journal {
        let mut event = event.clone();
        event.line.data.remove("freezes");
        product.apply(&event);
    }
    product
}

#[test]
fn an_old_override_counts_for_the_freeze_that_bore_its_name_then() {
    let project = "fleet: { acme: { tier: demo } }\npolicies: [ { policy: demo } ]";
    let lifted = "start\nfreeze fire +3h\noverride fire\noverride fire by bob";
    let again = format!("{lifted}\nunfreeze fire\nfreeze fire +5h by bob");
    for (lines, frozen) in [(lifted, false), (again.as_str(), true)] {
        let mut story = Story::new(project);
        story.tell(lines);
        let folded = without_freezes(&story.lab.journal);
        let holds = |product: &Product| {
            let holds = product.holds(RolloutId::Rollout(1), &"acme".into(), story.lab.now);
            holds.iter().any(|hold| hold.kind == HoldKind::Freeze)
        };
        assert_eq!(holds(&folded), frozen, "{lines}");
        // Rows alone do not say which freeze it was: until the journal has said so, it holds.
        let rows = folded.row_keys().into_iter();
        let rows = rows.map(|key| (key.clone(), folded.row(&key).unwrap()));
        let mut loaded = Product::load(rows).unwrap();
        assert!(loaded.has_old_overrides() && holds(&loaded));
        loaded.recall(&folded);
        assert_eq!(holds(&loaded), frozen, "{lines}");
    }
}
