//! What a commit or an image is called within a line.

use policy::plan::{Image, is_image};

/// A commit by its first letters; an image by its name and its tag, or the first digits of its digest.
pub fn artifact(commit_or_image: &str) -> String {
    if !is_image(commit_or_image) {
        return short(commit_or_image);
    }
    let image = commit_or_image.parse();
    image.map_or_else(|_| commit_or_image.to_owned(), |image: Image| image.label())
}

/// `commit` or `image`, whichever it is.
pub fn noun(commit_or_image: &str) -> &'static str {
    match is_image(commit_or_image) {
        true => "image",
        false => "commit",
    }
}

/// The first characters of a hash.
pub fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}
