//! Whatever is altered is found, and named (P36, P37).

use engine::{Head, Problem, Reader, verify};
use rusqlite::params;

use crate::lab::{Lab, block, unblock};

/// The files, three blocks, one refusal.
fn lab() -> Lab {
    let lab = Lab::new();
    for version in ["v1", "v2", "v3"] {
        assert!(lab.ask(block(version)).rejected.is_none());
    }
    assert!(lab.ask(unblock("v9")).rejected.is_some());
    lab
}

fn problems(lab: &Lab) -> Vec<Problem> {
    verify(&lab.state, None).unwrap().problems
}

fn unlock(lab: &Lab) -> rusqlite::Connection {
    let tamper = lab.tamper();
    tamper
        .execute_batch("DROP TRIGGER events_never_change; DROP TRIGGER events_never_go")
        .unwrap();
    tamper
}

#[test]
fn the_journal_folds_to_the_stored_rows() {
    let lab = lab();
    let verified = verify(&lab.state, None).unwrap();
    assert_eq!(verified.problems, []);
    assert_eq!(verified.events, 5);
    assert!(verified.rows > 0);
    assert_eq!(
        verified.head,
        Reader::open(&lab.state)
            .unwrap()
            .head()
            .unwrap()
            .to_string()
    );
}

#[test]
fn every_flipped_byte_of_an_event_is_found_and_only_that_event_named() {
    let lab = lab();
    let tamper = unlock(&lab);
    let json: String = tamper
        .query_row("SELECT json FROM events WHERE seq = 2", [], |row| {
            row.get(0)
        })
        .unwrap();
    let mut write = tamper
        .prepare("UPDATE events SET json = CAST(?1 AS TEXT) WHERE seq = 2")
        .unwrap();
    for place in 0..json.len() {
        let mut bytes = json.clone().into_bytes();
        bytes[place] ^= 1;
        write.execute(params![bytes]).unwrap();
        let found = problems(&lab);
        let named = matches!(found[..], [Problem::Altered { seq: 2, .. }]);
        assert!(named, "byte {place}: {found:?}");
    }
    write.execute(params![json.into_bytes()]).unwrap();
    assert_eq!(problems(&lab), []);
}

#[test]
fn white_space_that_changes_no_value_is_found() {
    let lab = lab();
    unlock(&lab)
        .execute(
            "UPDATE events SET json = replace(json, ',', ', ') WHERE seq = 3",
            [],
        )
        .unwrap();
    assert!(
        matches!(problems(&lab)[..], [Problem::Altered { seq: 3, .. }]),
        "{:?}",
        problems(&lab)
    );
}

#[test]
fn altered_columns_are_found() {
    let lab = lab();
    unlock(&lab)
        .execute("UPDATE events SET kind = 'paused' WHERE seq = 1", [])
        .unwrap();
    assert!(
        matches!(problems(&lab)[..], [Problem::Altered { seq: 1, .. }]),
        "{:?}",
        problems(&lab)
    );
}

#[test]
fn a_missing_event_is_found() {
    let lab = lab();
    unlock(&lab)
        .execute("DELETE FROM events WHERE seq = 2", [])
        .unwrap();
    let missing = Problem::Missing {
        expected: 2,
        found: 3,
    };
    assert_eq!(problems(&lab), [missing]);
}

#[test]
fn a_journal_without_its_end_is_found() {
    let lab = lab();
    unlock(&lab)
        .execute("DELETE FROM events WHERE seq = 4", [])
        .unwrap();
    assert!(!problems(&lab).is_empty());
}

#[test]
fn altered_missing_and_invented_rows_are_found() {
    for sql in [
        "UPDATE rows SET json = json || ' '",
        "DELETE FROM rows",
        "INSERT INTO rows (key, json) VALUES ('phase/r9/x', '{}')",
    ] {
        let lab = lab();
        lab.tamper().execute(sql, []).unwrap();
        assert!(
            matches!(problems(&lab)[..], [Problem::Row { .. }, ..]),
            "{sql}: {:?}",
            problems(&lab)
        );
    }
}

#[test]
fn an_anchor_reveals_a_journal_that_was_written_anew() {
    let lab = lab();
    let anchor = Reader::open(&lab.state).unwrap().head().unwrap();
    lab.ask(block("v4"));
    assert_eq!(verify(&lab.state, Some(&anchor)).unwrap().problems, []);

    let other = Head {
        hash: "0".repeat(64),
        ..anchor
    };
    let verified = verify(&lab.state, Some(&other)).unwrap();
    assert_eq!(
        verified.problems,
        [Problem::Anchor {
            anchor: other.to_string()
        }]
    );
}

#[test]
fn an_anchor_is_read_as_it_is_printed() {
    let head = Head {
        seq: 7,
        hash: "ab".repeat(32),
    };
    assert_eq!(head.to_string().parse(), Ok(head));
    for bad in ["", "7", "7:", "7:abc", "x:0", ":"] {
        assert!(bad.parse::<Head>().is_err(), "{bad}");
    }
}
