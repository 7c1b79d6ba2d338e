//! "Did you mean": the known name nearest to a mistyped one.

/// The known name nearest to what was written, if any is near enough to be meant.
///
/// ```
/// use policy::suggest::nearest;
///
/// assert_eq!(nearest("delya", ["delay", "due"]), Some("delay"));
/// assert_eq!(nearest("weekly", ["delay", "due"]), None);
/// ```
pub fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = fold(written);
    let rated = known.into_iter().filter_map(|name| {
        let candidate = fold(name);
        let typos = strsim::damerau_levenshtein(&written, &candidate);
        // A third of the letters may differ, and a beginning may stand for the whole.
        let near = typos * 3 <= candidate.chars().count().max(3);
        let begun = written.len() >= 3 && candidate.starts_with(&written);
        (near || begun).then_some((typos, name))
    });
    rated.min().map(|(_, name)| name)
}

/// Case and the kind of separator are no difference.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}
