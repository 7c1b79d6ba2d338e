//! What versions say about each other: the same, within a pin. Which is older stands in `age`.

use super::{Release, Running};

/// A version without its leading `v`.
pub fn bare(version: &str) -> &str {
    version.strip_prefix(['v', 'V']).unwrap_or(version)
}

/// Whether a version is the one, or one of those, that a pin allows: `1.0.3`, `1.0.x`, `1.*`.
///
/// ```
/// use policy::plan::matches_pin;
///
/// assert!(matches_pin("1.0.x", "v1.0.7"));
/// assert!(!matches_pin("1.0.x", "v1.1.0"));
/// ```
pub fn matches_pin(pattern: &str, version: &str) -> bool {
    let (pattern, version) = (bare(pattern), bare(version));
    let mut wanted = pattern.split('.').peekable();
    let mut given = version.split('.');
    while let Some(part) = wanted.next() {
        let open = matches!(part, "x" | "X" | "*");
        match given.next() {
            // The last open part stands for all that follows.
            Some(_) if open && wanted.peek().is_none() => return true,
            Some(actual) if open || actual == part => {}
            Some(_) | None => return false,
        }
    }
    given.next().is_none()
}

/// Whether what runs is the release: by commit where it is known, else by version.
pub(super) fn is_release(running: &Running, release: &Release) -> bool {
    match (&running.commit, &running.version) {
        (Some(commit), _) => *commit == release.commit,
        (None, Some(version)) => bare(version) == bare(&release.version),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_version_or_a_pattern() {
        for (pattern, version, matches) in [
            ("1.0.3", "v1.0.3", true),
            ("v1.0.3", "1.0.3", true),
            ("1.0", "1.0.3", false),
            ("1.x", "v1.4.2", true),
            ("1.0.x", "v1.0", false),
            ("1.0.x", "v1.0.0-rc.1", true),
            ("x", "v9.9.9", true),
        ] {
            assert_eq!(
                matches_pin(pattern, version),
                matches,
                "{pattern} {version}"
            );
        }
    }
}
