//! Which of two versions is the older? One function says so for plans, starts and followed tags alike (R14).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::bare;
use super::{Plan, PlanInput, Release, Running, RunningVersions, is_image};
use crate::ids::CustomerId;

/// How one commit stands to another in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ancestry {
    /// The other one has come after it.
    Ancestor,
    /// It has come after the other one.
    Descendant,
    /// Each has commits that the other one lacks.
    Diverged,
}

/// How the commit of a release stands to others, as far as somebody has looked.
pub type History = BTreeMap<String, Ancestry>;

/// How one version stands to another, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// `None`: nothing says which is the older.
    pub ordering: Option<Ordering>,
    /// Whether their histories have parted, so that only numbers are left to decide.
    pub diverged: bool,
}

/// How version `one` stands to version `other`: by `SemVer` where both are, else by their history, else by their numbers.
///
/// ```
/// use std::cmp::Ordering;
///
/// use policy::plan::{Ancestry, compare};
///
/// let ordering = |one, other, ancestry| compare(one, other, ancestry).ordering;
/// assert_eq!(ordering("v1.1.0", "1.2.0", Some(Ancestry::Descendant)), Some(Ordering::Less));
/// assert_eq!(ordering("release-6", "release-7", None), Some(Ordering::Less));
/// assert_eq!(ordering("v1.1.9", "2027.01.10", Some(Ancestry::Descendant)), Some(Ordering::Greater));
/// assert_eq!(ordering("nightly", "weekly", None), None);
/// ```
pub fn compare(one: &str, other: &str, ancestry: Option<Ancestry>) -> Compared {
    let sure = |ordering| Compared {
        ordering: Some(ordering),
        diverged: false,
    };
    if let (Some(one), Some(other)) = (SemVer::parse(one), SemVer::parse(other)) {
        return sure(one.cmp(&other));
    }
    match ancestry {
        Some(Ancestry::Ancestor) => sure(Ordering::Less),
        Some(Ancestry::Descendant) => sure(Ordering::Greater),
        Some(Ancestry::Diverged) | None => Compared {
            ordering: by_numbers(one, other),
            diverged: ancestry.is_some(),
        },
    }
}

/// Whether one version is known to be newer than another, with nothing but their names to go by.
pub fn is_newer(one: &str, other: &str) -> bool {
    compare(one, other, None).ordering == Some(Ordering::Greater)
}

/// A version in the form of semantic versioning, with or without a leading `v`. Its numbers may have any length.
#[derive(Clone, Debug)]
pub struct SemVer<'v> {
    core: [&'v str; 3],
    pre: Vec<&'v str>,
}

impl<'v> SemVer<'v> {
    /// Reads one; `None` for anything else, such as `v1.2` or `2027.01.10`.
    pub fn parse(version: &'v str) -> Option<Self> {
        let (version, build) = match bare(version).split_once('+') {
            Some((version, build)) => (version, Some(build)),
            None => (bare(version), None),
        };
        let (core, pre) = match version.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (version, None),
        };
        let core: Vec<&str> = core.split('.').collect();
        let core: [&str; 3] = core.try_into().ok()?;
        let pre: Vec<&str> = pre.map_or_else(Vec::new, |pre| pre.split('.').collect());
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_well_formed = core.into_iter().all(is_number)
            && pre
                .iter()
                .all(|part| is_word(part) && (!is_digits(part) || is_number(part)))
            && build.is_none_or(|build| build.split('.').all(is_word));
        is_well_formed.then_some(Self { core, pre })
    }

    /// Whether it comes before the version of its three numbers.
    pub fn is_pre_release(&self) -> bool {
        !self.pre.is_empty()
    }
}

/// By precedence: what follows a `+` says nothing.
impl Ord for SemVer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.core.iter().zip(&other.core);
        let core = numbers.map(|(one, other)| by_value(one, other));
        let core = core.fold(Ordering::Equal, Ordering::then);
        let pre = || match (self.is_pre_release(), other.is_pre_release()) {
            (true, true) => by_identifiers(&self.pre, &other.pre),
            (one, other) => other.cmp(&one),
        };
        core.then_with(pre)
    }
}

impl PartialOrd for SemVer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SemVer<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SemVer<'_> {}

fn by_identifiers(one: &[&str], other: &[&str]) -> Ordering {
    let parts = one.iter().zip(other).map(|(one, other)| {
        match (is_digits(one), is_digits(other)) {
            (true, true) => by_value(one, other),
            (false, false) => one.cmp(other),
            // A number comes before a word.
            (one, other) => other.cmp(&one),
        }
    });
    let parts = parts.fold(Ordering::Equal, Ordering::then);
    parts.then(one.len().cmp(&other.len()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Digits as semantic versioning has them, without leading zeros.
fn is_number(text: &str) -> bool {
    is_digits(text) && (text.len() == 1 || !text.starts_with('0'))
}

/// Digits of any number as the value they have.
fn by_value(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then(one.cmp(other))
}

/// Words that say that a version is not finished yet, whatever form it has otherwise.
const UNFINISHED: [&str; 7] = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"];

/// A part of a tag that says something of its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'t> {
    Unfinished(&'static str),
    Number(&'t str),
}

/// By the numbers in two tags, part by part; what is missing counts as 0, and an unfinished version as less than that.
fn by_numbers(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (parts(one), parts(other));
    let has_number = |parts: &[Part<'_>]| parts.iter().any(|p| matches!(p, Part::Number(_)));
    if !has_number(&one) || !has_number(&other) {
        return None;
    }
    let part = |parts: &[Part<'_>], at: usize| match parts.get(at) {
        Some(Part::Unfinished(word)) => (0, *word, String::new()),
        Some(Part::Number(digits)) => (1, "", (*digits).to_owned()),
        None => (1, "", String::new()),
    };
    let compared = (0..one.len().max(other.len())).map(|at| {
        let ((one_kind, one_word, one), (kind, word, other)) = (part(&one, at), part(&other, at));
        let words = one_kind.cmp(&kind).then(one_word.cmp(word));
        words.then_with(|| by_value(&one, &other))
    });
    Some(compared.fold(Ordering::Equal, Ordering::then))
}

fn parts(tag: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = tag;
    while let Some(first) = rest.chars().next() {
        let is_alike = |c: char| match first {
            '0'..='9' => c.is_ascii_digit(),
            _ if first.is_alphabetic() => c.is_alphabetic(),
            _ => !c.is_alphanumeric(),
        };
        let end = rest
            .find(|c| !is_alike(c))
            .unwrap_or(rest.len())
            .max(first.len_utf8());
        let (part, after) = rest.split_at(end);
        let word = UNFINISHED
            .iter()
            .find(|word| part.eq_ignore_ascii_case(word));
        parts.extend(word.map(|word| Part::Unfinished(word)));
        parts.extend(first.is_ascii_digit().then_some(Part::Number(part)));
        rest = after;
    }
    parts
}

/// How a release stands to what runs at a service, and the name of what runs. `None`: nothing is known to run.
pub(super) fn standing<'r>(
    release: &Release,
    running: &'r Running,
    history: &History,
) -> Option<(&'r str, Compared)> {
    let commit = running.commit.as_deref();
    let name = running.version.as_deref().or(commit)?;
    let ancestry = commit.and_then(|commit| history.get(commit).copied());
    let version = running.version.as_deref().unwrap_or_default();
    Some((name, compare(&release.version, version, ancestry)))
}

/// Of what runs, the commits whose place in the history a plan depends on: where no two semantic versions say which is older.
pub fn asks_history<'r>(
    release: &Release,
    running: impl IntoIterator<Item = &'r Running>,
) -> Vec<String> {
    let unsure = running.into_iter().filter(|running| {
        let version = running.version.as_deref().and_then(SemVer::parse);
        version.is_none() || SemVer::parse(&release.version).is_none()
    });
    let commits = unsure.filter_map(|running| running.commit.clone());
    let mut commits: Vec<String> = commits
        .filter(|commit| *commit != release.commit && !is_image(commit))
        .collect();
    commits.sort_unstable();
    commits.dedup();
    commits
}

/// Customers of whom nothing surely says whether the release is older than what they run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Who.
    pub customers: Vec<CustomerId>,
    /// What they run.
    pub running: String,
    /// What they are to get.
    pub release: String,
    /// Whether the histories of the two have parted; else there is nothing to go by.
    pub diverged: bool,
    /// What the numbers say, if they say anything.
    pub by_numbers: Option<Numbers>,
}

/// What the numbers of two tags say of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// It is the older one.
    Older,
    /// It is not.
    NotOlder,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            running, release, ..
        } = self;
        write!(f, "{} {running}", super::who_runs(&self.names()))?;
        match (self.diverged, self.by_numbers) {
            (true, _) => write!(f, ", whose history and that of {release} have parted: ")?,
            (false, _) => f.write_str(": ")?,
        }
        match self.by_numbers {
            Some(Numbers::Older) => write!(f, "by its numbers {release} is older"),
            Some(Numbers::NotOlder) => write!(f, "by its numbers {release} is not older"),
            None => write!(f, "nothing says whether {release} is older"),
        }
    }
}

impl Doubt {
    fn names(&self) -> Vec<String> {
        self.customers.iter().map(ToString::to_string).collect()
    }
}

/// Where a person should look twice before a plan begins, since no rule says surely that it is no step back.
pub fn doubts(plan: &Plan, input: &PlanInput, running: &RunningVersions) -> Vec<Doubt> {
    let release = &plan.release;
    let mut found: BTreeMap<(String, bool), Doubt> = BTreeMap::new();
    for (customer, planned) in &plan.customers {
        let services = planned.services.iter();
        let runs = services.filter_map(|role| running.get(customer)?.get(role));
        for running in runs.filter(|running| !super::version::is_release(running, release)) {
            let Some((name, compared)) = standing(release, running, &input.history) else {
                continue;
            };
            if !compared.diverged && compared.ordering.is_some() {
                continue;
            }
            let by_numbers = compared.ordering.map(|ordering| match ordering {
                Ordering::Less => Numbers::Older,
                Ordering::Equal | Ordering::Greater => Numbers::NotOlder,
            });
            let doubt = found
                .entry((name.to_owned(), compared.diverged))
                .or_insert_with(|| Doubt {
                    customers: Vec::new(),
                    running: shown(name),
                    release: release.version.clone(),
                    diverged: compared.diverged,
                    by_numbers,
                });
            if doubt.customers.last() != Some(customer) {
                doubt.customers.push(customer.clone());
            }
        }
    }
    found.into_values().collect()
}

/// A version, or the first letters of a commit.
pub(super) fn shown(name: &str) -> String {
    let is_commit = matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit());
    match is_commit {
        true => name.chars().take(12).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is older than the next.
    #[test]
    fn versions_stand_in_the_order_of_their_age() {
        let lines: [&[&str]; 6] = [
            &[
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-alpha.beta",
                "1.0.0-beta.2",
                "v1.0.0-beta.11",
                "1.0.0-rc.1",
                "v1.0.0",
                "1.9.0",
                "v1.10.0",
            ],
            &["v1.1.9", "v1.2", "v1.2.1", "v1.10"],
            &["2027.01.09", "2027.01.10", "2027.1.11", "2027.02"],
            &["release-6", "release-7", "release-7-hotfix1", "release-10"],
            &["v1.2-rc1", "v1.2-rc2", "v1.2", "v1.2.0.1"],
            &[
                "1.0.99999999999999999999",
                "1.0.100000000000000000000",
                "v1.0.100000000000000000001-rc.1",
                "v1.0.100000000000000000001",
            ],
        ];
        for line in lines {
            for (at, one) in line.iter().enumerate() {
                for other in &line[at + 1..] {
                    let ordering = |one, other| compare(one, other, None).ordering;
                    assert_eq!(ordering(one, other), Some(Ordering::Less), "{one} {other}");
                    assert_eq!(
                        ordering(other, one),
                        Some(Ordering::Greater),
                        "{other} {one}"
                    );
                }
            }
        }
    }

    #[test]
    fn neither_is_older_where_they_say_the_same() {
        for (one, other) in [
            ("v1.0.0", "1.0.0"),
            ("v1.0.0+build.2", "v1.0.0+build.1"),
            ("v1.2", "v1.2.0"),
            ("release-07", "release-7"),
        ] {
            assert_eq!(compare(one, other, None).ordering, Some(Ordering::Equal));
        }
        for (one, other) in [("nightly", "v1.0.0"), ("stable", "nightly"), ("v1.0.0", "")] {
            assert_eq!(compare(one, other, None).ordering, None, "{one} {other}");
        }
    }

    #[test]
    fn only_three_numbers_without_leading_zeros_are_semantic() {
        for version in [
            "v1.2",
            "1.2.3.4",
            "2027.01.10",
            "1.2.x",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3+",
            "v",
        ] {
            assert!(SemVer::parse(version).is_none(), "{version}");
        }
        for version in ["0.0.0", "V1.2.3", "1.2.3-0a.b-c", "1.2.3-rc.1+x.007"] {
            assert!(SemVer::parse(version).is_some(), "{version}");
        }
    }

    #[test]
    fn history_decides_where_not_both_are_semantic_and_numbers_where_it_has_parted() {
        let of = |one, other, ancestry| compare(one, other, Some(ancestry));
        assert_eq!(
            of("release-7", "release-6", Ancestry::Ancestor).ordering,
            Some(Ordering::Less)
        );
        assert_eq!(
            of("v1.0.0", "v2.0.0", Ancestry::Descendant).ordering,
            Some(Ordering::Less)
        );
        assert_eq!(
            of("stable", "nightly", Ancestry::Descendant).ordering,
            Some(Ordering::Greater)
        );
        let parted = of("release-6", "release-7", Ancestry::Diverged);
        assert_eq!(
            (parted.ordering, parted.diverged),
            (Some(Ordering::Less), true)
        );
        assert!(!of("v1.0.0", "v2.0.0", Ancestry::Diverged).diverged);
    }
}
