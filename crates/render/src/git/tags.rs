//! The tags of a repository, as `git ls-remote` prints them.

use std::collections::BTreeMap;

use policy::plan::SemVer;

use super::GitError;

/// How many names are offered for one that does not exist.
const NEAREST: usize = 3;

/// Names less alike than this are not offered.
const ALIKE: f64 = 0.7;

/// Which commit each tag names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Reads lines of an id, a tab and a name. An annotated tag has two: its own, and `NAME^{}` with the commit, which wins.
    pub(super) fn read(output: &str) -> Self {
        let mut plain = BTreeMap::new();
        let mut peeled = BTreeMap::new();
        for (id, name) in output.lines().filter_map(tag) {
            match name.strip_suffix("^{}") {
                Some(name) => peeled.insert(name.to_owned(), id.to_owned()),
                None => plain.insert(name.to_owned(), id.to_owned()),
            };
        }
        plain.extend(peeled);
        Self(plain)
    }

    /// The full commit id that a tag names. `1.1.0` finds `v1.1.0`, and the other way round, where only that exists.
    ///
    /// # Errors
    /// When there is no such tag; the error offers names like it.
    pub fn resolve(&self, tag: &str) -> Result<&str, GitError> {
        self.find(tag).map(|(_, commit)| commit)
    }

    /// The tag as it is written in the repository, and its full commit id.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn find(&self, tag: &str) -> Result<(&str, &str), GitError> {
        let other = tag
            .strip_prefix('v')
            .map_or_else(|| format!("v{tag}"), str::to_owned);
        let found = self
            .0
            .get_key_value(tag)
            .or_else(|| self.0.get_key_value(&other));
        let missing = || GitError::NoTag {
            tag: tag.to_owned(),
            nearest: self.nearest(tag),
        };
        found
            .map(|(name, commit)| (name.as_str(), commit.as_str()))
            .ok_or_else(missing)
    }

    /// The tag of the highest version that is no pre-release, and its commit.
    ///
    /// # Errors
    /// When no tag is such a version.
    pub fn latest(&self) -> Result<(&str, &str), GitError> {
        let versions = self
            .iter()
            .filter_map(|(name, commit)| Some((SemVer::parse(name)?, name, commit)));
        let released = versions.filter(|(version, ..)| !version.is_pre_release());
        released
            .max()
            .map(|(_, name, commit)| (name, commit))
            .ok_or(GitError::NoVersion)
    }

    /// Every tag with its commit, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, commit)| (name.as_str(), commit.as_str()))
    }

    fn nearest(&self, tag: &str) -> Vec<String> {
        let mut names: Vec<(f64, &String)> = self
            .0
            .keys()
            .map(|name| (strsim::jaro_winkler(tag, name), name))
            .filter(|(like, _)| *like >= ALIKE)
            .collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        names
            .into_iter()
            .take(NEAREST)
            .map(|(_, name)| name.clone())
            .collect()
    }
}

fn tag(line: &str) -> Option<(&str, &str)> {
    let (id, name) = line.split_once('\t')?;
    let is_full_id = matches!(id.len(), 40 | 64) && id.chars().all(|c| c.is_ascii_hexdigit());
    is_full_id.then_some((id, name.strip_prefix("refs/tags/")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn tags(lines: &[(char, &str)]) -> Tags {
        let line = |(id, name): &(char, &str)| {
            format!("{}\trefs/tags/{name}\n", id.to_string().repeat(40))
        };
        Tags::read(&lines.iter().map(line).collect::<String>())
    }

    #[test]
    fn the_peeled_line_is_the_commit_whatever_its_place() {
        let tags = tags(&[('c', "v1^{}"), ('a', "v1"), ('b', "v2")]);
        assert_eq!(tags.resolve("v1").unwrap(), "c".repeat(40));
        assert_eq!(tags.resolve("v2").unwrap(), "b".repeat(40));
        assert_eq!(tags.iter().count(), 2);
    }

    #[test]
    fn a_missing_tag_offers_names_like_it() {
        let tags = tags(&[('a', "v1.1.0"), ('b', "v1.1.1"), ('c', "nightly")]);
        let error = tags.resolve("v1.1.2").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no tag `v1.1.2`; did you mean `v1.1.0`, `v1.1.1`?"
        );
        assert_eq!(tags.find("1.1.0").unwrap().0, "v1.1.0");
    }

    #[test]
    fn the_latest_is_the_highest_version_and_no_pre_release() {
        let tags = tags(&[
            ('a', "v1.9.0"),
            ('b', "v1.10.0"),
            ('c', "v2.0.0-rc.1"),
            ('d', "zzz"),
        ]);
        assert_eq!(tags.latest().unwrap().0, "v1.10.0");
        assert!(matches!(Tags::default().latest(), Err(GitError::NoVersion)));
    }

    #[test]
    fn lines_that_are_no_tags_are_passed_over() {
        assert_eq!(
            Tags::read("warning: hello\nabc\trefs/tags/v1\n\n"),
            Tags::default()
        );
    }
}
