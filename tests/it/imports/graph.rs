//! Which file of a crate uses which, and where do the arrows run in a circle?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::paths::{File, Module, file};
use super::words::test_modules;
use crate::source::{files, root};

/// The files of one crate, by module.
pub(crate) struct Crate {
    files: BTreeMap<Module, File>,
}

/// One file uses another; the line and the words of the first place that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub line: usize,
    pub path: String,
}

/// From, to, and where.
pub(crate) type Arrows = BTreeMap<Module, BTreeMap<Module, Arrow>>;

/// How many imports of imports are followed.
const LONGEST_DETOUR: usize = 8;

impl Crate {
    /// The crate of this name, as it lies in the project.
    pub(crate) fn read(krate: &str) -> Self {
        let below = root().join("crates").join(krate).join("src");
        let texts = files(&below, &["rs"]).into_iter().map(|path| {
            let inside = path.strip_prefix(&below).unwrap().with_extension("");
            let parts = inside.iter().map(|part| part.to_string_lossy().into());
            (parts.collect(), fs::read_to_string(&path).unwrap())
        });
        Self::of(&texts.collect())
    }

    /// A crate of these texts; the root is `lib` or `main`.
    pub(crate) fn of(texts: &BTreeMap<Module, String>) -> Self {
        let is_root =
            |name: &Module| matches!(name.as_slice(), [one] if one == "lib" || one == "main");
        let texts: BTreeMap<Module, &String> = texts
            .iter()
            .map(|(name, text)| {
                (
                    if is_root(name) {
                        Vec::new()
                    } else {
                        name.clone()
                    },
                    text,
                )
            })
            .collect();
        let mut for_tests = BTreeSet::new();
        for (module, text) in &texts {
            for name in test_modules(text) {
                for_tests.insert([module.as_slice(), &[name]].concat());
            }
        }
        let is_test = |module: &Module| {
            let mut above = (1..=module.len()).map(|length| &module[..length]);
            above.any(|above| for_tests.contains(above))
        };
        let files = texts
            .into_iter()
            .filter(|(module, _)| !is_test(module))
            .map(|(module, text)| (module.clone(), file(&module, text)));
        Self {
            files: files.collect(),
        }
    }

    /// Whether a path leads from some module of this name to a file, or to what one declares or imports.
    pub(crate) fn has(&self, path: &[String]) -> bool {
        let [module, rest @ ..] = path else {
            return true;
        };
        let mut modules = self.files.keys();
        modules.any(|one| one.last() == Some(module) && self.has_from_root(&[one, rest].concat()))
    }

    /// Whether a path from the root leads to a file, or to what one declares or imports.
    pub(crate) fn has_from_root(&self, path: &[String]) -> bool {
        let (module, rest) = self.split(path);
        let file = &self.files[module];
        let is_known = |name| file.declared.contains(name) || self.imported(file, name).is_some();
        match rest {
            [] => true,
            [name] => is_known(name),
            [name, member] => is_known(name) && self.has_member(name, member),
            _ => false,
        }
    }

    /// Whether there is a type of this name, and anywhere a method, constant or the like of that one.
    pub(crate) fn has_member(&self, of: &String, member: &String) -> bool {
        self.files.values().any(|file| file.declared.contains(of))
            && self.files.values().any(|file| file.within.contains(member))
    }

    /// Every arrow between files of which neither lies above the other.
    pub(crate) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (from, file) in &self.files {
            for (path, line) in &file.paths {
                let to = self.file_of(path, LONGEST_DETOUR);
                if !from.starts_with(to) && !to.starts_with(from) {
                    let path = path.join("::");
                    let to = arrows.entry(from.clone()).or_default().entry(to.clone());
                    to.or_insert(Arrow { line: *line, path });
                }
            }
        }
        arrows
    }

    /// The file in which a path ends, through the imports on its way.
    fn file_of(&self, path: &[String], detours: usize) -> &Module {
        let (module, rest) = self.split(path);
        let file = &self.files[module];
        let Some(name) = rest.first().filter(|name| !file.declared.contains(name)) else {
            return module;
        };
        let Some(behind) = self.imported(file, name).filter(|_| detours > 0) else {
            return module;
        };
        let whole = [behind.as_slice(), &rest[1..]].concat();
        let found = self.file_of(&whole, detours - 1);
        // What comes from another crate stands where it was imported.
        if found.is_empty() { module } else { found }
    }

    /// The longest beginning of a path that is a file, and what is left.
    fn split<'p>(&self, path: &'p [String]) -> (&Module, &'p [String]) {
        let lengths = (0..=path.len()).rev();
        let mut found = lengths.filter_map(|length| {
            let (module, _) = self.files.get_key_value(&path[..length])?;
            Some((module, &path[length..]))
        });
        found.next().expect("every crate has a root")
    }

    /// What a file means by a name that it imports.
    fn imported(&self, file: &File, name: &String) -> Option<Vec<String>> {
        let from_glob = || {
            let mut globs = file.globs.iter();
            let glob = globs.find(|glob| {
                let (module, rest) = self.split(glob);
                rest.is_empty() && self.files[module].declared.contains(name)
            })?;
            Some([glob.as_slice(), std::slice::from_ref(name)].concat())
        };
        file.imports.get(name).cloned().or_else(from_glob)
    }
}

/// Files that all lead to one another, in circles of two and more.
pub(crate) fn circles(arrows: &Arrows) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = arrows
        .keys()
        .map(|from| (from, reach(arrows, from)))
        .collect();
    let mut found: Vec<BTreeSet<Module>> = Vec::new();
    for (from, behind) in &reached {
        let returns = |to: &&&Module| reached.get(**to).is_some_and(|back| back.contains(from));
        let circle: BTreeSet<Module> = behind
            .iter()
            .filter(returns)
            .map(|to| (*to).clone())
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

/// Every file to which arrows lead from here.
fn reach<'a>(arrows: &'a Arrows, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        let behind = arrows.get(next).into_iter().flat_map(BTreeMap::keys);
        open.extend(behind.filter(|to| found.insert(*to)));
    }
    found
}

/// The shortest way round in a circle, from its first file back to it.
pub(crate) fn way_round(arrows: &Arrows, circle: &BTreeSet<Module>) -> Vec<Module> {
    let first = circle.first().expect("a circle has files");
    let mut ways = std::collections::VecDeque::from([vec![first.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last().expect("a way has a beginning");
        let behind = arrows.get(last).into_iter().flat_map(BTreeMap::keys);
        for next in behind.filter(|next| circle.contains(*next)) {
            let way = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == first {
                return way;
            }
            if seen.insert(next.clone()) {
                ways.push_back(way);
            }
        }
    }
    Vec::new()
}
