//! What clippy cannot hold: the direction of dependencies, the length of functions, words that promise later work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use policy::parse::{File, Sources, calendars_named};

use crate::source::{files, name, root};

/// Which of our crates each may use; no other arrows (ARCHITECTURE.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("policy", &[]),
    ("machine", &[]),
    ("calendars", &["policy"]),
    ("rollout", &["policy"]),
    ("engine", &["policy", "rollout"]),
    ("monitor", &["engine", "policy"]),
    ("render", &["machine", "policy", "rollout"]),
    ("sim", &["policy", "rollout"]),
    ("notify", &["machine", "policy", "rollout"]),
    (
        "project",
        &[
            "calendars",
            "engine",
            "machine",
            "monitor",
            "notify",
            "policy",
            "render",
            "rollout",
            "sim",
        ],
    ),
    ("server", &["policy", "project", "rollout"]),
    (
        "cli",
        &[
            "machine", "policy", "project", "render", "rollout", "server", "sim",
        ],
    ),
];

/// No function is longer than this, its signature and braces included.
const LONGEST_FUNCTION: usize = 70;

/// A file that is longer answers two questions.
const LONGEST_FILE: usize = 500;

#[test]
fn crates_depend_in_one_direction_only() {
    for (krate, allowed) in ARROWS {
        let manifest =
            fs::read_to_string(root().join("crates").join(krate).join("Cargo.toml")).unwrap();
        let uses = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let uses = uses.split("\n[").next().unwrap_or_default();
        for (other, _) in ARROWS {
            let depends = uses.lines().any(|line| {
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            });
            assert!(
                !depends || allowed.contains(other),
                "{krate} must not depend on {other}"
            );
        }
    }
}

/// What the command line asks of the state goes through `project::Backend`: it can name neither the crates that keep the state,
/// nor, should `project` hand them on some day, what their stores are made of.
#[test]
fn the_command_line_reaches_the_state_through_the_project() {
    let crates = ["engine", "monitor", "notify", "rusqlite"];
    let types = [
        "LocalBackend",
        "MonitorStore",
        "Outbox",
        "Reader",
        "StateDir",
        "Store",
        "Tokens",
    ];
    let manifest = fs::read_to_string(root().join("crates/cli/Cargo.toml")).unwrap();
    let uses = manifest.split("\n[dev-dependencies]").next().unwrap();
    let depends = crates.iter().filter(|krate| {
        let mut lines = uses.lines();
        lines.any(|line| line.starts_with(&format!("{krate}.")))
    });
    let mut found: Vec<String> = depends
        .map(|krate| format!("Cargo.toml: {krate}"))
        .collect();
    for path in files(&root().join("crates/cli/src"), &["rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named = words.filter(|word| types.contains(word));
        found.extend(named.map(|word| format!("{}: {word}", name(&path))));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_promises_later_work() {
    let words = [
        "FIX".to_owned() + "ME",
        "TO".to_owned() + "DO",
        "todo".to_owned() + "!(",
        "unimplemented".to_owned() + "!(",
    ];
    let mut found = Vec::new();
    for path in files(&root(), &["rs", "toml", "yaml", "md"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        found.extend(
            lines.map(|(number, line)| format!("{}:{}: {}", name(&path), number + 1, line.trim())),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    for path in files(&root().join("crates"), &["rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        long.extend(
            functions(&text)
                .into_iter()
                .filter(|(_, _, length)| *length > LONGEST_FUNCTION)
                .map(|(function, line, length)| {
                    format!("{}:{line}: {function} has {length} lines", name(&path))
                }),
        );
    }
    assert!(
        long.is_empty(),
        "split these, or say why the limit is wrong:\n{}",
        long.join("\n")
    );
}

/// Name, first line and length of every function of a formatted file that has more than one line: the closing brace
/// stands under the first letter.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let Some((_, rest)) = words
            .split_once("fn ")
            .filter(|(before, _)| are_qualifiers(before))
        else {
            continue;
        };
        // A function of a trait may end with its signature, and a short one with its line.
        let signature = lines[start..]
            .iter()
            .find(|line| line.ends_with(['{', ';', '}']));
        if !signature.is_some_and(|line| line.ends_with('{')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|line| **line == close) {
            let function = rest.split(['(', '<']).next().unwrap_or_default();
            found.push((function.to_owned(), start + 1, length + 1));
        }
    }
    found
}

/// Whether this is all that may stand before `fn`: `pub(in crate::parse) async`, `unsafe extern "C"`.
fn are_qualifiers(before: &str) -> bool {
    let after_visibility = match before.strip_prefix("pub(") {
        Some(inside) => inside.split_once(')').map(|(_, after)| after),
        None => Some(before),
    };
    after_visibility.is_some_and(|words| {
        words.split_whitespace().all(|word| {
            matches!(
                word,
                "pub" | "default" | "async" | "const" | "unsafe" | "extern"
            ) || word.starts_with('"')
        })
    })
}

#[test]
fn functions_are_seen_whatever_stands_before_them() {
    let text = "
pub(in crate::parse) async fn one(
    a: u8,
) {
}

impl X {
    pub(super) const unsafe extern \"C\" fn two<T>() {
        let closure = |x: fn (u8)| {};
    }

    // What fn three would do {
    fn without_body(
        &self,
    );
    fn on_one_line() {}
    fn three() {
    }
}
";
    let found = functions(text);
    let found: Vec<_> = found
        .iter()
        .map(|(name, line, length)| (name.as_str(), *line, *length))
        .collect();
    assert_eq!(found, [("one", 2, 4), ("two", 8, 3), ("three", 17, 2)]);
}

#[test]
fn files_answer_one_question() {
    // A test has as many cases as there are; its file may be long.
    let sources = files(&root().join("crates"), &["rs"])
        .into_iter()
        .filter(|path| !name(path).contains("/tests/"));
    let long = sources.filter_map(|path| {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", name(&path)))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn modules_say_what_they_are_for() {
    let sources = files(&root().join("crates"), &["rs"])
        .into_iter()
        .filter(|path| name(path).contains("/src/"));
    let silent = sources.filter(|path| {
        let text = fs::read_to_string(path).unwrap();
        !text.starts_with("//!")
    });
    let silent: Vec<String> = silent.map(|path| name(&path)).collect();
    assert!(
        silent.is_empty(),
        "these begin without `//!`:\n{}",
        silent.join("\n")
    );
}

#[test]
fn every_rule_promise_and_trap_that_is_cited_exists() {
    let page = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let rules = defined(&page("docs/rules.md"), 'R', "### ");
    let promises = defined(&page("docs/promises.md"), 'P', "- **");
    let traps = defined(&page("docs/render.md"), 'T', "| ");
    assert_eq!((rules.len(), promises.len(), traps.len()), (24, 53, 31));
    let defined: BTreeSet<String> = [rules, promises, traps].into_iter().flatten().collect();
    let mut unknown = BTreeMap::new();
    for path in files(&root(), &["rs", "md", "script", "yaml"]) {
        let text = fs::read_to_string(&path).unwrap();
        let cited = citations(&text, path.extension().is_some_and(|end| end == "rs"));
        let cited = cited.into_iter().filter(|cited| !defined.contains(cited));
        unknown.extend(cited.map(|cited| (cited, name(&path))));
    }
    assert!(unknown.is_empty(), "cited, but not in docs/: {unknown:?}");
}

/// The numbers that a page defines: each at the beginning of a line, after `mark`.
fn defined(page: &str, letter: char, mark: &str) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix(mark));
    let words = lines.filter_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next());
    let numbers = words.filter(|word| is_citation(word) && word.starts_with(letter));
    numbers.map(str::to_owned).collect()
}

/// `R7`, `P25`, `T15` and the like; of a program in its comments alone.
fn citations(text: &str, is_program: bool) -> Vec<String> {
    let comments = text.lines().filter_map(|line| match is_program {
        true => line.split_once("//").map(|(_, comment)| comment),
        false => Some(line),
    });
    let words = comments.flat_map(|comment| comment.split(|c: char| !c.is_ascii_alphanumeric()));
    let cited = words.filter(|word| is_citation(word));
    cited.map(str::to_owned).collect()
}

fn is_citation(word: &str) -> bool {
    let number = word.strip_prefix(['R', 'P', 'T']).unwrap_or_default();
    (1..=2).contains(&number.len())
        && !number.starts_with('0')
        && number.chars().all(|c| c.is_ascii_digit())
}

#[test]
fn every_example_project_is_valid() {
    let projects = files(&root().join("examples"), &["yaml"]);
    let projects: Vec<_> = projects
        .iter()
        .filter(|path| path.ends_with("tranche.yaml"))
        .collect();
    assert!(!projects.is_empty());
    for project in projects {
        let folder = project.parent().unwrap();
        let read = |path: &std::path::Path| File {
            path: name(path),
            text: fs::read_to_string(path).unwrap(),
        };
        let project = read(project);
        let calendars = calendars_named(&project).into_iter().map(|name| {
            let bytes = fs::read(folder.join(&name)).unwrap();
            calendars::read(&name, &bytes, "2027-01-11T09:00:00Z".parse().unwrap())
        });
        let sources = Sources {
            calendars: calendars.collect(),
            project: project.clone(),
            customers: read(&folder.join("customers.yaml")),
            policies: files(&folder.join("policies"), &["yaml"])
                .iter()
                .map(|path| read(path))
                .collect(),
            unread: Vec::new(),
        };
        let mistakes = policy::parse::load(&sources).err().unwrap_or_default();
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    }
}
