//! No file of a crate uses another that uses it in turn, and folders are used downwards only.
//!
//! An arrow is a `use` line, or a path that begins with `crate` or with what was imported; calls of methods are none.
//! Between a module and what lies below it arrows may run both ways.

use std::collections::BTreeSet;
use std::fs;

pub(crate) mod graph;
mod paths;
mod words;

use crate::source::root;
use graph::{Arrows, Crate, circles, way_round};
use paths::Module;

/// Crates whose folders say the order of reading, the lowest first: a folder, with the file of its name, uses those before it.
/// What stands beside the folders may use all, and be used by all.
const WINGS: &[(&str, &[&str])] = &[(
    "rollout",
    &[
        "model", "fold", "product", "customer", "progress", "requests", "read",
    ],
)];

#[test]
fn no_files_use_one_another_in_a_circle() {
    let mut found = Vec::new();
    for krate in crates() {
        let arrows = Crate::read(&krate).arrows();
        let circles = circles(&arrows);
        found.extend(
            circles
                .iter()
                .map(|circle| described(&krate, &arrows, circle)),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn wings_use_only_those_below_them() {
    for (krate, wings) in WINGS {
        let source = root().join("crates").join(krate).join("src");
        let missing: Vec<_> = wings
            .iter()
            .filter(|wing| !source.join(wing).is_dir())
            .collect();
        assert!(missing.is_empty(), "{krate} has no folders {missing:?}");
        let up = upward(&Crate::read(krate).arrows(), wings);
        assert!(up.is_empty(), "{krate}:\n{}", up.join("\n"));
    }
}

/// The arrows that run from a folder to one above it: who uses what, and where.
fn upward(arrows: &Arrows, wings: &[&str]) -> Vec<String> {
    let height = |module: &Module| {
        let first = module.first()?;
        wings.iter().position(|wing| wing == first)
    };
    let all = arrows
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |(to, arrow)| (from, to, arrow)));
    let up = all.filter(|(from, to, _)| {
        height(from).is_some_and(|from| height(to).is_some_and(|to| from < to))
    });
    let up = up.map(|(from, to, arrow)| {
        let (from, to) = (file_name(from), file_name(to));
        format!("{from}:{}: uses {to} by `{}`", arrow.line, arrow.path)
    });
    up.collect()
}

/// The folders below `crates/`.
pub(crate) fn crates() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("crates")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn file_name(module: &Module) -> String {
    if module.is_empty() {
        return "the root".to_owned();
    }
    format!("{}.rs", module.join("/"))
}

/// A circle for people: the shortest way round, and all that hang together.
fn described(krate: &str, arrows: &Arrows, circle: &BTreeSet<Module>) -> String {
    let way = way_round(arrows, circle);
    let steps = way.windows(2).map(|step| {
        let (from, to, arrow) = (&step[0], &step[1], &arrows[&step[0]][&step[1]]);
        let (from, to) = (file_name(from), file_name(to));
        format!("\n  {from}:{} uses {to} by `{}`", arrow.line, arrow.path)
    });
    let steps: String = steps.collect();
    let files: Vec<String> = circle.iter().map(file_name).collect();
    format!("{krate}: these lead to one another: {files:?}, for example{steps}")
}

mod of_small_texts {
    use std::collections::BTreeMap;

    use super::*;

    fn arrows(texts: &[(&str, &str)]) -> Arrows {
        let texts = texts.iter().map(|(file, text)| {
            let module = file.trim_end_matches(".rs").split('/').map(str::to_owned);
            (module.collect(), (*text).to_owned())
        });
        Crate::of(&texts.collect::<BTreeMap<Module, String>>()).arrows()
    }

    /// The arrows of a crate, each as `from -> to`.
    fn drawn(texts: &[(&str, &str)]) -> Vec<String> {
        let arrows = arrows(texts);
        let all = arrows
            .iter()
            .flat_map(|(from, to)| to.keys().map(move |to| (from, to)));
        all.map(|(from, to)| format!("{} -> {}", from.join("/"), to.join("/")))
            .collect()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; mod c;");

    #[test]
    fn a_circle_is_found_and_named() {
        let texts = [
            ROOT,
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "\nuse crate::c::C;"),
            ("c.rs", "fn f() -> crate::a::A {}"),
            ("d.rs", "use crate::a::A;"),
        ];
        let arrows = arrows(&texts);
        let [circle] = circles(&arrows).try_into().unwrap();
        let text = described("x", &arrows, &circle);
        assert_eq!(
            text,
            "x: these lead to one another: [\"a.rs\", \"b.rs\", \"c.rs\"], for example\
             \n  a.rs:1 uses b.rs by `b::B`\
             \n  b.rs:2 uses c.rs by `c::C`\
             \n  c.rs:1 uses a.rs by `a::A`"
        );
    }

    #[test]
    fn two_circles_are_two() {
        let texts = [
            ROOT,
            ("a.rs", "use crate::b;"),
            ("b.rs", "use super::a; use crate::c;"),
            ("c.rs", "use crate::d;"),
            ("d.rs", "use crate::c;"),
        ];
        assert_eq!(circles(&arrows(&texts)).len(), 2);
    }

    #[test]
    fn parent_and_child_may_use_one_another() {
        let texts = [
            ROOT,
            ("a.rs", "mod deep; use deep::D; use self::deep::Other;"),
            (
                "a/deep.rs",
                "use super::A; use crate::a::Another; use crate::Top;",
            ),
        ];
        assert_eq!(drawn(&texts), Vec::<String>::new());
    }

    #[test]
    fn children_of_one_parent_are_two_files() {
        let texts = [
            ROOT,
            ("a/one.rs", "use super::two::Two;"),
            ("a/two.rs", "use crate::a::one::One;"),
            ("a.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a/one -> a/two", "a/two -> a/one"]);
    }

    #[test]
    fn what_only_tests_compile_does_not_count() {
        let texts = [
            ROOT,
            (
                "a.rs",
                "#[cfg(test)] use crate::b::{B, C};
                 #[cfg(test)] mod tests { use crate::b; fn f() { crate::b::g() } }
                 #[cfg(test)] #[expect(dead_code, reason = \"\")] fn f(x: [u8; 3]) { crate::b::g() }
                 struct S { #[cfg(test)] x: crate::b::X, y: crate::c::Y }
                 #[cfg(test)] mod apart;",
            ),
            ("a/apart.rs", "use crate::b;"),
            ("a/apart/more.rs", "use crate::b;"),
            ("b.rs", "#![cfg(test)] use crate::c;"),
            ("c.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a -> c"]);
    }

    #[test]
    fn what_is_compiled_without_tests_counts() {
        let texts = [
            ROOT,
            ("a.rs", "#[cfg(not(test))] use crate::b;"),
            ("b.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a -> b"]);
    }

    #[test]
    fn a_tree_of_uses_has_many_ends() {
        let texts = [
            ROOT,
            (
                "a.rs",
                "use crate::{\n    b::{self, B as Other},\n    c,\n    d::{e::*, f::{G}},\n};",
            ),
            ("b.rs", ""),
            ("c.rs", ""),
            ("d.rs", ""),
            ("d/e.rs", ""),
            ("d/f.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a -> b", "a -> c", "a -> d/e", "a -> d/f"]);
        assert_eq!(
            arrows(&texts)
                .values()
                .next()
                .unwrap()
                .values()
                .last()
                .unwrap()
                .line,
            4
        );
    }

    #[test]
    fn comments_texts_and_visibility_are_no_arrows() {
        let texts = [
            ROOT,
            (
                "a.rs",
                "//! [`crate::b`]\n/* use crate::b; /* crate::b::x */ crate::b::y */
                 pub(in crate::b) fn f<'b>(x: &'b str) -> char { \"crate::b::g()\"; r#\"\" crate::b::h\"#; '\"' }
                 pub(crate) const Q: char = '\\''; pub(super) struct X;",
            ),
            ("b.rs", ""),
        ];
        assert_eq!(drawn(&texts), Vec::<String>::new());
    }

    #[test]
    fn what_is_exported_again_is_found_where_it_stands() {
        let texts = [
            (
                "lib.rs",
                "mod a; mod b; pub use b::B; pub use b::deep::*; pub use other::Foreign;",
            ),
            ("a.rs", "use crate::{B, Deep, Foreign, Unknown};"),
            ("b.rs", "mod deep; struct B;"),
            ("b/deep.rs", "pub enum Deep {}"),
        ];
        assert_eq!(drawn(&texts), ["a -> b", "a -> b/deep"]);
    }

    #[test]
    fn a_path_leads_on_from_what_is_imported() {
        let texts = [
            ROOT,
            (
                "a.rs",
                "fn f() { b::deep::g(); c::h(); Vec::new() } use crate::b;",
            ),
            ("b.rs", "pub mod deep;"),
            ("b/deep.rs", ""),
            ("c.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a -> b", "a -> b/deep"]);
    }

    #[test]
    fn inline_modules_belong_to_their_file() {
        let texts = [
            ROOT,
            (
                "a.rs",
                "mod inner { use super::super::b::B; use super::A; } use super::c::C;",
            ),
            ("b.rs", ""),
            ("c.rs", ""),
        ];
        assert_eq!(drawn(&texts), ["a -> b", "a -> c"]);
    }

    #[test]
    fn arrows_between_wings_run_down() {
        let texts = [
            ("lib.rs", ""),
            ("low.rs", "mod one;"),
            (
                "low/one.rs",
                "use crate::high::two::Two; use crate::beside::Beside;",
            ),
            ("high/two.rs", "use crate::low::one::One;"),
            ("high.rs", "mod two;"),
            ("beside.rs", "use crate::high::two::Two;"),
        ];
        let up = upward(&arrows(&texts), &["low", "high"]);
        let text = "low/one.rs:1: uses high/two.rs by `high::two::Two`";
        assert_eq!(up, [text]);
    }
}
