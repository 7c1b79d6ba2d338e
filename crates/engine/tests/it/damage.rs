//! Damage is named with its file, says what still works, and never speaks as `SQLite` does (P41).

use std::fs;

use engine::store::Changes;
use engine::{EngineLock, Error, History, LockFor, Problem, Reader, Store, verify};
use rollout::{Event, Line, Product, RolloutId};
use serde_json::json;

use crate::lab::{Lab, block, start};

/// The first refusal that a person meets, whatever is asked.
fn refusals(lab: &Lab) -> Vec<Error> {
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let opened = Store::open(&lab.state, &lock).and_then(|store| store.load().map(drop));
    let read = Reader::open(&lab.state).and_then(|reader| {
        reader.events(None, 0, u32::MAX)?;
        reader.product().map(drop)
    });
    [opened, read].into_iter().filter_map(Result::err).collect()
}

fn overwrite(lab: &Lab, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(lab.state.database()).unwrap();
    change(&mut bytes);
    fs::write(lab.state.database(), bytes).unwrap();
}

#[test]
fn a_damaged_database_is_named_with_its_file_and_a_way_out() {
    type Damage = fn(&Lab);
    let cases: [(&str, Damage); 6] = [
        ("its pages do not fit together", |lab| {
            overwrite(lab, |bytes| {
                let last_page = bytes.len() - 4096;
                bytes[last_page..last_page + 64].fill(0xff);
            });
        }),
        ("it is no SQLite database", |lab| {
            overwrite(lab, |bytes| bytes[..64].fill(0x20));
        }),
        ("a part of it is missing", |lab| {
            lab.tamper().execute_batch("DROP TABLE rows").unwrap();
        }),
        ("a row that it must have is missing", |lab| {
            lab.tamper().execute_batch("DELETE FROM meta").unwrap();
        }),
        ("row `product` cannot be read", |lab| {
            lab.tamper()
                .execute_batch("UPDATE rows SET json = '{}' WHERE key = 'product'")
                .unwrap();
        }),
        ("a value in it has another form", |lab| {
            lab.tamper()
                .execute_batch("UPDATE rows SET json = CAST(x'c328' AS TEXT) WHERE key = 'product'")
                .unwrap();
        }),
    ];
    for (what, damage) in cases {
        let lab = Lab::new();
        lab.ask(start());
        damage(&lab);
        let refusals = refusals(&lab);
        assert!(
            refusals.iter().any(|one| one.to_string().contains(what)),
            "{what}: {refusals:?}"
        );
        for refused in refusals {
            let file = format!("`{}`", lab.state.database().display());
            let said = refused.to_string();
            assert!(said.contains(&file) && !said.contains("***"), "{said}");
            let way_out = refused.way_out().unwrap();
            assert!(way_out.contains("tranche verify"), "{way_out}");
        }
    }
}

#[test]
fn an_event_that_was_written_whole_and_makes_no_sense_is_named() {
    let lab = Lab::new();
    lab.ask(block("v1"));
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let mut store = Store::open(&lab.state, &lock).unwrap();
    let mut product = store.load().unwrap();
    let (seq, hash) = product.head();
    let line = json!({
        "rollout": "r1",
        "kind": "rollout_started",
        "actor": "ann",
        "commit": "c0ffee",
        "data": { "version": "v1", "digest": "0", "plan": "nonsense" },
    });
    let line: Line = serde_json::from_value(line).unwrap();
    let at = "2099-01-11T09:00:00Z".parse().unwrap();
    let event = Event::link(seq + 1, at, line, hash.to_owned());
    let seq = event.seq;
    product.apply(&event);
    store.commit(&all_of(&product, event)).unwrap();
    drop((store, lock));

    let problems = verify(&lab.state, None).unwrap().problems;
    assert!(
        matches!(&problems[..], [Problem::Unreadable { seq: found, what }]
            if *found == seq && what.contains("its `plan` cannot be read")),
        "{problems:?}"
    );
    let history = History::open(&lab.state).unwrap();
    let until = "2099-01-12T09:00:00Z".parse().unwrap();
    let refused = history.report(RolloutId::Rollout(1), until).unwrap_err();
    let what = format!("event {seq} cannot be told");
    assert!(refused.to_string().contains(&what), "{refused}");
}

fn all_of(product: &Product, event: Event) -> Changes {
    let rows = product.row_keys().into_iter();
    Changes {
        events: vec![event],
        rows: rows
            .map(|key| {
                let row = product.row(&key);
                (key, row)
            })
            .collect(),
        ..Changes::default()
    }
}
