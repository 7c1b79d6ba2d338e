//! No text makes the parser panic, hang or grow without bound.

use std::fmt::Write as _;

use policy::parse::scenario::Scenario;
use proptest::prelude::*;

use crate::support::{file, sources};

const SEEDS: [&str; 4] = [
    include_str!("../../../../policies/enterprise.yaml"),
    "customers: {a: {tier: demo, services: {backend: {id: srv-1, url: https://a.example}}, pin: {version: 1.0.x}}}",
    "product: p\nfreezes: [{name: x, from: 2026-12-24, until: 2027-01-02}]\nvariables: {backend: {A: '${version}'}}",
    "version: v1\nstart: 2027-01-11T09:00:00Z\nfleet: {a: &a {tier: b}, c: *a}\nscript: [{at: 2027-01-11T09:00:00Z, do: pause}]",
];

fn read_everywhere(text: &str) {
    for place in 0..3 {
        let mut files = sources();
        match place {
            0 => files.project = file("f", text),
            1 => files.customers = file("f", text),
            _ => files.policies.push(file("f", text)),
        }
        if let Err(problems) = policy::parse::load(&files) {
            assert!(!problems.is_empty());
            assert!(
                problems
                    .iter()
                    .all(|problem| !problem.to_string().is_empty())
            );
        }
    }
    if let Ok(scenario) = Scenario::parse(&file("f", text)) {
        let _ = scenario.config(Some(&sources()));
        let _ = scenario.config(None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        read_everywhere(&text);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        seed in 0..SEEDS.len(),
        at in 0.0..1.0_f64,
        length in 0..12_usize,
        with in "[-:{}\\[\\],&*!|>'\"#%@` \n\ta0~<.?é]{0,6}",
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let start = (at * text.len() as f64) as usize;
        let end = (start + length).min(text.len());
        text.splice(start..end, with.chars());
        read_everywhere(&text.into_iter().collect::<String>());
    }
}

#[test]
fn alias_bombs_and_deep_nests_are_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mappings = format!("{}x", "a: {".repeat(1_000));
    let own = "a: &a [*a]".to_owned();
    for text in [bomb, deep, mappings, own] {
        let mut files = sources();
        files.project = file("f", &text);
        assert!(policy::parse::load(&files).is_err());
    }
}

#[test]
fn very_many_mistakes_are_counted_but_not_all_shown() {
    let mut files = sources();
    let lines: Vec<String> = (0..5_000).map(|n| format!("unknown{n}: 1")).collect();
    let lines = lines.join(
        "
",
    );
    files.project = file("f", &format!("product: p\n{lines}"));
    let problems = policy::parse::load(&files).unwrap_err();
    assert!(problems.len() <= 1_001);
    assert!(problems.last().unwrap().message.contains("4000 more"));
}
