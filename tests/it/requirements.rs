//! `docs/requirements.md` names commands, library items and tests: all of them exist.

use std::collections::BTreeSet;
use std::fs;

use crate::source::{files, root};

/// One row of the table.
struct Row {
    id: String,
    commands: Vec<String>,
    items: Vec<String>,
    proofs: Vec<String>,
}

/// What stands between backticks, in order.
fn quoted(cell: &str) -> Vec<String> {
    let pieces = cell.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, commands, items, proofs] = cells[..] else {
            return None;
        };
        let is_id = id.starts_with(['A', 'B']) && id[1..].parse::<u8>().is_ok();
        is_id.then(|| Row {
            id: id.to_owned(),
            commands: quoted(commands),
            items: quoted(items),
            proofs: quoted(proofs),
        })
    });
    rows.collect()
}

/// The sources below a folder, as one text.
fn text(folder: &str) -> String {
    let sources = files(&root().join(folder), &["rs"]).into_iter();
    sources
        .map(|path| fs::read_to_string(path).unwrap() + "\n")
        .collect()
}

/// `customers-of` as a variant of an enum is `CustomersOf`.
fn variant(word: &str) -> String {
    let parts = word.split('-').filter_map(|part| {
        let (first, rest) = part.split_at_checked(1)?;
        Some(first.to_uppercase() + rest)
    });
    parts.collect()
}

/// The part of the sources in which an enum lists its variants.
fn body<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let begin = text.find(&format!("enum {name} {{"))?;
    text[begin..].split("\n}").next()
}

/// Whether a command of these words and flags can be typed.
fn can_be_typed(command: &str, args: &str) -> bool {
    let (flags, words): (Vec<&str>, Vec<&str>) = command
        .split(' ')
        .skip(1)
        .partition(|word| word.starts_with("--"));
    let mut list = "Command".to_owned();
    for word in words {
        let variant = variant(word);
        let listed = body(args, &list).is_some_and(|body| {
            body.lines().any(|line| {
                let line = line.trim();
                line.strip_prefix(&variant)
                    .is_some_and(|rest| rest.starts_with([',', '(', ' ']))
            })
        });
        if !listed {
            return false;
        }
        list = format!("{variant}Command");
    }
    flags.iter().all(|flag| {
        let field = flag.trim_start_matches('-').replace('-', "_");
        args.contains(&format!(" {field}: "))
    })
}

/// Whether `krate::module::Type::item` names things that are public there, each in its crate.
fn is_public(item: &str) -> bool {
    let mut parts = item.split("::");
    let krate = parts.next().unwrap_or_default();
    let source = text(&format!("crates/{krate}/src"));
    let mut parts = parts.peekable();
    parts.peek().is_some() && parts.all(|part| declares(&source, part))
}

fn declares(source: &str, name: &str) -> bool {
    let kinds = [
        "fn", "async fn", "const fn", "struct", "enum", "trait", "mod", "const", "type",
    ];
    let declared = kinds.iter().any(|kind| {
        let declaration = format!("pub {kind} {name}");
        source.match_indices(&declaration).any(|(at, _)| {
            let next = source[at + declaration.len()..].chars().next();
            next.is_none_or(|next| !(next.is_alphanumeric() || next == '_'))
        })
    });
    // Names of ids and kinds come from macros.
    declared || source.contains(&format!("    {name}\n);"))
}

/// The names of all tests of the workspace.
fn tests() -> BTreeSet<String> {
    let source = text("crates") + &text("tests");
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && line.contains("fn ") {
            let name = line.split("fn ").nth(1).unwrap_or_default();
            names.insert(name.split('(').next().unwrap_or_default().to_owned());
            is_test = false;
        }
    }
    names
}

#[test]
fn every_requirement_has_its_row() {
    let ids: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    let expected = (1..=18).map(|n| format!("A{n}"));
    let expected = expected.chain((1..=16).map(|n| format!("B{n}")));
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[test]
fn every_command_item_and_test_of_the_table_exists() {
    let args = text("crates/cli/src");
    let tests = tests();
    let mut missing = Vec::new();
    for row in rows() {
        assert!(!row.proofs.is_empty(), "{}: nothing proves it", row.id);
        let commands = row.commands.iter().filter(|one| !can_be_typed(one, &args));
        let items = row.items.iter().filter(|one| !is_public(one));
        let proofs = row.proofs.iter().filter(|one| {
            let is_file = one.contains('/') && root().join(one).is_file();
            !is_file && !tests.contains(*one)
        });
        let all = commands.chain(items).chain(proofs);
        missing.extend(all.map(|one| format!("{}: {one}", row.id)));
    }
    assert!(
        missing.is_empty(),
        "these do not exist:\n{}",
        missing.join("\n")
    );
}

#[test]
fn what_does_not_exist_is_noticed() {
    let args = text("crates/cli/src");
    assert!(can_be_typed("tranche token create", &args));
    assert!(can_be_typed("tranche start --dry-run", &args));
    assert!(!can_be_typed("tranche token destroy", &args));
    assert!(!can_be_typed("tranche launch", &args));
    assert!(!can_be_typed("tranche start --blindly", &args));
    assert!(is_public("render::Client::services"));
    assert!(!is_public("render::Client::explode"));
    assert!(!tests().contains("quoted"));
}
