//! Which paths does a file name, and which names does it declare or import?

use std::collections::BTreeMap;

use super::words::{Word, change_of_depth, words};

/// A module's path from the root of its crate: `["store", "schema"]`.
pub(crate) type Module = Vec<String>;

/// What one file says of others.
#[derive(Default)]
pub(crate) struct File {
    /// Every path that it names, from the root of the crate, with its line.
    pub paths: Vec<(Vec<String>, usize)>,
    /// What its own `use` lines call things: the name, and the path behind it.
    pub imports: BTreeMap<String, Vec<String>>,
    /// The modules that it imports whole, with `*`.
    pub globs: Vec<Vec<String>>,
    /// Types, functions, traits and the like, and macros.
    pub declared: Vec<String>,
    /// The same within braces: methods above all.
    pub within: Vec<String>,
}

/// One `use` at its end: the path, the name that it gets here (`*` for all), and the line.
struct Leaf {
    path: Vec<String>,
    name: String,
    line: usize,
}

pub(crate) fn file(module: &[String], text: &str) -> File {
    let words = words(text);
    let mut file = File::default();
    // The inline modules around a word, each with the depth at which it stands.
    let mut inline: Vec<(String, i32)> = Vec::new();
    let mut relative: Vec<(Vec<String>, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < words.len() {
        let text = |more: usize| words.get(at + more).map_or("", |word| &word.text);
        let top = depth == 0;
        depth += change_of_depth(&words[at]);
        inline.retain(|(_, stands)| depth > *stands);
        at += match text(0) {
            "mod" if text(2) == "{" => {
                inline.push((text(1).to_owned(), depth));
                depth += 1;
                3
            }
            "use" if text(1) != "<" => {
                let rest = &words[at + 1..];
                let end = rest.iter().position(|word| word.text == ";");
                let end = end.unwrap_or(rest.len());
                for leaf in leaves(&rest[..end]) {
                    file.take(leaf, &within(module, &inline), top);
                }
                end + 2
            }
            kind if is_declaration(kind) => {
                let name = if text(1) == "!" { text(2) } else { text(1) };
                let list = if top {
                    &mut file.declared
                } else {
                    &mut file.within
                };
                list.push(name.to_owned());
                1
            }
            _ => {
                let (path, length) = inline_path(&words, at);
                let line = words[at].line;
                if path.is_empty() {
                    // A single name says nothing of another file.
                } else if let Some(path) = absolute(&path, &within(module, &inline)) {
                    file.paths.push((path, line));
                } else {
                    relative.push((path, line));
                }
                length
            }
        };
    }
    // Such a path leads on from what the file imports.
    for (path, line) in relative {
        let import = path.first().and_then(|name| file.imports.get(name));
        if let Some(import) = import {
            file.paths.push(([import, &path[1..]].concat(), line));
        }
    }
    file
}

fn within(module: &[String], inline: &[(String, i32)]) -> Module {
    let inline = inline.iter().map(|(name, _)| name.clone());
    module.iter().cloned().chain(inline).collect()
}

impl File {
    fn take(&mut self, leaf: Leaf, here: &[String], of_the_file: bool) {
        let path = absolute(&leaf.path, here);
        // A name without `crate` before it is a child, another import, or a crate.
        let path = path.unwrap_or_else(|| [here, leaf.path.as_slice()].concat());
        if of_the_file && leaf.name == "*" {
            self.globs.push(path.clone());
        } else if of_the_file {
            self.imports.insert(leaf.name, path.clone());
        }
        self.paths.push((path, leaf.line));
    }
}

fn is_declaration(word: &str) -> bool {
    let kinds = [
        "struct",
        "enum",
        "union",
        "trait",
        "type",
        "fn",
        "const",
        "static",
        "macro_rules",
    ];
    kinds.contains(&word)
}

/// The path of two names or more that begins here, if one does, and how many words it has.
fn inline_path(words: &[Word], at: usize) -> (Vec<String>, usize) {
    let before = at.checked_sub(1).map_or("", |before| &words[before].text);
    let is_name = |word: &Word| {
        word.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    };
    // `pub(in crate::parse)` lets others in and uses nothing.
    if !is_name(&words[at]) || before == "::" || before == "in" {
        return (Vec::new(), 1);
    }
    let mut path = vec![words[at].text.clone()];
    let mut end = at + 1;
    while let [colons, name, ..] = &words[end..]
        && colons.text == "::"
        && is_name(name)
    {
        path.push(name.text.clone());
        end += 2;
    }
    let length = end - at;
    (if length > 1 { path } else { Vec::new() }, length)
}

/// A path from the root of the crate; nothing for a path that does not say where it begins.
fn absolute(path: &[String], here: &[String]) -> Option<Vec<String>> {
    let mut from = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    let mut rest = path;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                from.pop();
            }
            _ => break,
        }
        rest = more;
    }
    from.extend_from_slice(rest);
    Some(from)
}

/// All ends of a `use`, whose words these are up to its `;`.
fn leaves(words: &[Word]) -> Vec<Leaf> {
    let mut found = Vec::new();
    branch(words, &mut 0, &[], &mut found);
    found
}

/// One branch of a `use`, up to its comma or the brace that closes around it.
fn branch(words: &[Word], at: &mut usize, before: &[String], found: &mut Vec<Leaf>) {
    let mut path = before.to_vec();
    let mut line = words.get(*at).map_or(0, |word| word.line);
    let mut name = None;
    while let Some(word) = words.get(*at) {
        match word.text.as_str() {
            "," | "}" => break,
            "::" => {}
            "{" => {
                while words.get(*at).is_some_and(|word| word.text != "}") {
                    *at += 1;
                    branch(words, at, &path, found);
                }
                *at += 1;
                return;
            }
            "as" => {
                *at += 1;
                name = words.get(*at).map(|word| word.text.clone());
            }
            "*" => name = Some("*".to_owned()),
            "self" if !path.is_empty() => line = word.line,
            _ => {
                path.push(word.text.clone());
                line = word.line;
            }
        }
        *at += 1;
    }
    if path.len() > before.len() || name.is_some() || is_self(words, *at) {
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        found.push(Leaf { path, name, line });
    }
}

/// Whether the branch that ends here was `self`, in braces.
fn is_self(words: &[Word], end: usize) -> bool {
    end.checked_sub(1)
        .is_some_and(|last| words[last].text == "self")
}
