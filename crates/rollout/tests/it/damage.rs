//! Stored data that makes no sense is named, never passed over (P41): in an event, and in a row.

use rollout::{Event, Kind, Line, Product, RowKey, event};
use serde_json::{Value, json};

use crate::journal;
use crate::script::Story;

const PROJECT: &str = "\
fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo } ]";

fn story() -> Story {
    let mut story = Story::new(PROJECT);
    story.tell("start\ngood acme until create_deploy");
    story
}

/// The journal with one event told otherwise, linked anew so that nothing but its contents is wrong.
fn retold(kind: Kind, change: impl Fn(&mut Line)) -> (u64, Product) {
    let (mut product, mut before, mut changed) = (Product::new(), event::GENESIS.to_owned(), 0);
    for event in story().lab.journal {
        let mut fact = event.line;
        if fact.kind == kind && changed == 0 {
            change(&mut fact);
            changed = event.seq;
        }
        let event = Event::link(event.seq, event.at, fact, before);
        product.apply(&event);
        before = event.hash;
    }
    (changed, product)
}

fn set(key: &'static str, value: Value) -> Box<dyn Fn(&mut Line)> {
    Box::new(move |fact| {
        fact.data.insert(key.to_owned(), value.clone());
    })
}

fn remove(key: &'static str) -> Box<dyn Fn(&mut Line)> {
    Box::new(move |fact| {
        fact.data.remove(key).expect("it was there");
    })
}

fn in_plan(change: fn(&mut Value)) -> Box<dyn Fn(&mut Line)> {
    Box::new(move |fact| change(fact.data.get_mut("plan").expect("a plan")))
}

#[test]
fn an_event_that_does_not_fold_as_it_was_meant_is_named() {
    type Case = (Kind, Box<dyn Fn(&mut Line)>, &'static str);
    let cases: Vec<Case> = vec![
        (
            Kind::RolloutStarted,
            set("plan", json!("nonsense")),
            "its `plan` cannot be read",
        ),
        (
            Kind::RolloutStarted,
            remove("plan"),
            "its `plan` is missing",
        ),
        (
            Kind::RolloutStarted,
            in_plan(|plan| plan["customers"] = json!({})),
            "names `acme`, which is not planned",
        ),
        (
            Kind::RolloutStarted,
            in_plan(|plan| plan["customers"]["beta"]["phase"] = json!(7)),
            "`beta` stands in a phase that does not exist",
        ),
        (
            Kind::RolloutStarted,
            in_plan(|plan| plan["customers"]["beta"]["customer"]["services"] = json!({})),
            "`beta` has no service `backend`",
        ),
        (
            Kind::RolloutStarted,
            Box::new(|fact| fact.actor = None),
            "its `actor` is missing",
        ),
        (
            Kind::RolloutStarted,
            Box::new(|fact| fact.rollout = None),
            "its `rollout` is missing",
        ),
        (
            Kind::PhaseStarted,
            Box::new(|fact| fact.rollout = "r7".parse().ok()),
            "nothing says that r7 was ever asked for",
        ),
        (
            Kind::CustomerStarted,
            set("services", json!([1])),
            "its `services` cannot be read",
        ),
        (
            Kind::VariablesBackedUp,
            remove("backup"),
            "its `backup` is missing",
        ),
        (
            Kind::DeployIntended,
            set("known", json!("nobody")),
            "its `known` cannot be read",
        ),
    ];
    for (kind, change, what) in cases {
        let (seq, product) = retold(kind, change);
        let damage = product.damage().expect(what);
        assert!(
            damage.seq == seq && damage.what.contains(what),
            "{kind}: {damage:?} instead of event {seq}: {what}"
        );
    }
    assert_eq!(retold(Kind::Denied, |_| {}).1.damage(), None);
}

#[test]
fn nothing_in_a_journal_of_before_counts_as_damage() {
    for number in 1..=journal::NEWEST {
        let mut product = Product::new();
        for event in journal::sample(number) {
            product.apply(&event);
            assert_eq!(event.damage(), None);
        }
        assert_eq!(product.damage(), None);
    }
}

#[test]
fn a_row_that_makes_no_sense_is_named() {
    let product = story().lab.product;
    let rows = || product.row_keys().into_iter();
    let rows = || rows().map(|key| (key.clone(), product.row(&key).expect("a row")));
    assert!(Product::load(rows()).is_ok());
    let cases = [
        ("customer/r1/acme", "7", "cannot be read"),
        ("plan/r1", "{}", "cannot be read"),
        ("plan/r9", "", "belongs to no rollout"),
        ("phase/r9/demo", "{}", "belongs to no rollout"),
        ("rollout/nonsense", "{}", "is unknown"),
        ("nonsense/r1", "{}", "is unknown"),
        ("nonsense", "{}", "is unknown"),
    ];
    for (key, json, what) in cases {
        let json = match json {
            "" => product.row(&RowKey("plan/r1".to_owned())).expect("a plan"),
            json => json.to_owned(),
        };
        let mut rows: std::collections::BTreeMap<_, _> = rows().collect();
        rows.insert(RowKey(key.to_owned()), json);
        let refused = Product::load(rows).expect_err(key).to_string();
        assert!(
            refused.contains(key) && refused.contains(what),
            "{key}: {refused}"
        );
    }
}
