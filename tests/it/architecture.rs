//! ARCHITECTURE.md names files, modules and items: all of them exist, and no crate is left out.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use crate::imports::crates;
use crate::imports::graph::Crate;
use crate::source::root;

static CRATES: LazyLock<BTreeMap<String, Crate>> = LazyLock::new(|| {
    let all = crates().into_iter();
    all.map(|krate| (krate.clone(), Crate::read(&krate)))
        .collect()
});

#[test]
fn every_file_and_module_of_the_architecture_exists() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing = missing(&page);
    assert!(
        missing.is_empty(),
        "these do not exist:\n{}",
        missing.join("\n")
    );
}

/// The first page of the core says where each rule stands, the head of the product where its questions are answered.
#[test]
fn every_file_of_the_tables_in_the_core_exists() {
    let core = root().join("crates/rollout/src");
    let mut missing = Vec::new();
    for page in ["lib.rs", "product.rs"] {
        let text = fs::read_to_string(core.join(page)).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("//! |"));
        for row in rows {
            let below = match row.contains("`render`") {
                true => root().join("crates/render/src"),
                false => core.clone(),
            };
            let files = row.split('`').skip(1).step_by(2);
            let files = files.filter(|words| words.contains('/') || words.contains(".rs"));
            let gone = files.filter(|file| !below.join(file).exists() && !core.join(file).exists());
            missing.extend(gone.map(|file| format!("{page}: {file}")));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_crate_has_its_row() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let has_row = |krate: &&String| page.contains(&format!("\n| `{krate}` | "));
    let missing: Vec<&String> = CRATES.keys().filter(|krate| !has_row(krate)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What a page names and the project lacks. What stands in a block of code is not looked at.
fn missing(page: &str) -> Vec<String> {
    let blocks = page.split("\n```").step_by(2);
    let text: Vec<&str> = blocks.collect();
    let text = text.join("\n");
    let quoted = text.split('`').skip(1).step_by(2);
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|link| link.split([')', '#']).next());
    let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
    let missing = quoted
        .filter(|words| !exists(words))
        .chain(links.filter(|link| !is_there(link)));
    missing.map(str::to_owned).collect()
}

/// Whether the words between backticks, if they look like a path, lead somewhere.
fn exists(words: &str) -> bool {
    let is_path = |mark: &str| words.contains(mark) && !words.contains([' ', '<', '(']);
    if is_path("::") {
        is_item(words)
    } else if is_path("/") || is_path(".rs") {
        is_there(words)
    } else {
        true
    }
}

fn is_there(path: &str) -> bool {
    root().join(path).exists()
}

/// `render::executor` from the name of a crate on, `unit::next` from a module's, `Product::step` from a type's.
fn is_item(words: &str) -> bool {
    let path: Vec<String> = words.split("::").map(str::to_owned).collect();
    let [first, rest @ ..] = path.as_slice() else {
        return false;
    };
    if let Some(krate) = CRATES.get(first) {
        return krate.has_from_root(rest);
    }
    let is_type = first.starts_with(char::is_uppercase);
    CRATES.values().any(|krate| match rest {
        [member] if is_type => krate.has_member(first, member),
        _ => krate.has(&path),
    })
}

#[test]
fn what_does_not_exist_is_named() {
    let page = "\
`policy::plan`, `policy::plan::compile`, `policy::parse::load` and `plan::Plan` are there,
`crates/policy/src/plan.rs` and [the rules](docs/rules.md#r7) too, `a word`, `B::<C>` and `x` are no paths.

```
`policy::nowhere`
```

`policy::nowhere`, `nowhere::plan`, `plan::nothing`, `Plan::nothing`, `policy::parse::load::nothing`,
`crates/policy/src/nowhere.rs`, `nowhere.rs` and [a page](docs/nowhere.md) are not.
";
    assert_eq!(
        missing(page),
        [
            "policy::nowhere",
            "nowhere::plan",
            "plan::nothing",
            "Plan::nothing",
            "policy::parse::load::nothing",
            "crates/policy/src/nowhere.rs",
            "nowhere.rs",
            "docs/nowhere.md",
        ]
    );
}
