//! Commands that people read somewhere, in documents, examples and ways out: each of them can be typed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for the words in capitals; any other becomes `acme`.
const SAMPLES: [(&str, &str); 15] = [
    ("INSTANT", "2027-01-11T09:00:00Z"),
    ("I", "2027-01-11T09:00:00Z"),
    ("D", "1h"),
    ("N", "1"),
    ("ID", "1"),
    ("SEQ", "1"),
    ("VALUE", "1"),
    ("ROLLOUT", "r1"),
    ("SCOPE", "read"),
    ("ADDR", "127.0.0.1:0"),
    ("SHELL", "bash"),
    ("T", "web_service"),
    ("ROLE=ID", "backend=srv-1"),
    ("KEY=TEMPLATE", "KEY=value"),
    ("FAULT", "acme=stuck"),
];

/// What the sources call the name of a rollout.
const RUNS: [&str; 5] = ["{id}", "{run}", "{owner}", "{rollout}", "{0}"];

/// The commands of the command line's own page stand without its name in the first column.
const COMMANDS: &str = "commands.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below a folder that end like this.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.extension().is_some_and(|own| own == end) {
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
    ]
    .iter()
    .map(|name| root().join(name))
    .collect();
    for folder in ["docs", "examples"] {
        found.extend(files(&root().join(folder), "md"));
    }
    // A test of its own reads this one.
    found.retain(|path| !path.ends_with("docs/requirements.md"));
    found
}

/// What stands in backticks, or on a line of a console, and begins with `tranche`.
fn in_document(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("$ ") {
            found.extend(typed.split(" && ").map(str::to_owned));
            continue;
        }
        found.extend(spans(line).map(str::to_owned));
        let first = line
            .strip_prefix("| ")
            .and_then(|row| row.split(" | ").next());
        if let Some(cell) = first.filter(|_| path.ends_with(COMMANDS)) {
            let named =
                spans(cell).filter(|span| span.starts_with(|c: char| c.is_ascii_lowercase()));
            found.extend(named.map(|span| format!("tranche {span}")));
        }
    }
    found
}

/// What stands between backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// What literals of the sources say, line by line: examples of the help, and ways out.
fn in_source(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let literals = text.replace("\\\"", "'").replace("\\n", "\n");
    // What a template fills in.
    let literals = literals.replace("{{ ", "{").replace(" }}", "}");
    // `--rollout r1`, where another could be meant.
    let literals = literals.replace("{within}", "");
    let mut found = Vec::new();
    for line in literals.lines() {
        let line = line.trim_start();
        if line.starts_with("//") {
            continue;
        }
        match line.strip_prefix("tranche ") {
            Some(example) => found.push(format!("tranche {example}")),
            None => found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    found
}

/// The commands of a text, each without what people say around it.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\\|", "|");
    let said = ["; ", ", ", " #", " > ", " | ", "  (", "\")", "\""];
    let mut found = Vec::new();
    let parts = text.split(" or ").flat_map(|part| part.split(" && "));
    for part in parts {
        let part = part.trim();
        let Some(from) = part.find("tranche ").filter(|from| begins(part, *from)) else {
            continue;
        };
        let command = &part[from..];
        let end = said.iter().filter_map(|end| command.find(end)).min();
        let command = command[..end.unwrap_or(command.len())].trim_end_matches([',', ')', '`']);
        // `tranche COMMAND` speaks of any.
        let named = command.split(' ').nth(1).unwrap_or_default();
        if named.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') {
            found.push(command.to_owned());
        }
    }
    found
}

/// At the very beginning, or behind `try:` and the like or an environment.
fn begins(text: &str, from: usize) -> bool {
    let before = text[..from].trim_end();
    before.is_empty()
        || ["try:", "See:", "Then:", "end it:"]
            .iter()
            .any(|word| before.ends_with(word))
        || before.split(' ').all(|word| word.contains('='))
}

/// The words of a command, with samples for what only stands for something; each alternative once.
fn variants(command: &str) -> Vec<Vec<String>> {
    let mut spoken = split(command);
    let ends_with_flag = spoken
        .iter()
        .rev()
        .find(|word| *word != "...")
        .is_some_and(|word| word.starts_with("--"));
    // `--reason ...`: a value is left to whoever reads it.
    spoken.retain(|word| ends_with_flag || word != "...");
    let words: Vec<Vec<String>> = spoken
        .into_iter()
        .skip(1)
        .map(|word| {
            let word = word.replace(['[', ']'], "");
            let word = match word.as_str() {
                "..." => "text",
                word => word.trim_end_matches("..."),
            };
            word.split('|').map(sample).collect()
        })
        .filter(|alternatives: &Vec<String>| alternatives != &[String::new()])
        .collect();
    let most = words.iter().map(Vec::len).max().unwrap_or(1);
    (0..most)
        .map(|n| {
            let chosen = words.iter().map(|of| of[n.min(of.len() - 1)].clone());
            chosen.collect()
        })
        .collect()
}

fn sample(word: &str) -> String {
    if let Some((_, sample)) = SAMPLES.iter().find(|(name, _)| *name == word) {
        return (*sample).to_owned();
    }
    let stands_for = word.starts_with('{')
        || word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    match stands_for {
        true if RUNS.contains(&word) => "r1".to_owned(),
        true => "acme".to_owned(),
        false => word.to_owned(),
    }
}

/// Words as a shell has them.
fn split(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            (Some(_) | None, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What the command line says against these words; nothing, if it knows all of them.
fn against(words: &[String]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .args(words)
        .arg("--help")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then(|| said.lines().next().unwrap_or_default().to_owned())
}

fn check(places: &[PathBuf], read: impl Fn(&Path) -> Vec<String>, at_least: usize) {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in places {
        for command in read(path).iter().flat_map(|text| commands(text)) {
            for words in variants(&command) {
                if !seen.insert(words.clone()) {
                    continue;
                }
                let said = against(&words);
                wrong.extend(said.map(|said| format!("{}: `{command}`: {said}", path.display())));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these cannot be typed:\n{}",
        wrong.join("\n")
    );
    assert!(
        seen.len() >= at_least,
        "only {} commands were found",
        seen.len()
    );
}

#[test]
fn every_command_in_the_documents_can_be_typed() {
    check(&documents(), in_document, 120);
}

#[test]
fn every_example_of_the_help_and_every_way_out_can_be_typed() {
    let crates = ["cli", "engine", "notify", "policy", "render", "rollout"];
    let sources = crates
        .iter()
        .flat_map(|name| files(&root().join("crates").join(name).join("src"), "rs"));
    // What keys are derived for is no command.
    let sources = sources.filter(|path| !path.ends_with("engine/src/vault.rs"));
    check(&sources.collect::<Vec<_>>(), in_source, 120);
}

#[test]
fn what_cannot_be_typed_is_noticed() {
    for wrong in [
        "tranche launch",
        "tranche start v1 --blindly",
        "try: tranche customers remove acme",
    ] {
        let found = commands(wrong);
        assert!(against(&variants(&found[0])[0]).is_some(), "{wrong}");
    }
}
