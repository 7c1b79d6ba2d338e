//! What do pages load? Files that are part of the program, under names that change with what is in them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::PageProblem;
use crate::problem::Problem;
use crate::store::hashed;

/// A file under a name that is never given to another content.
struct Asset {
    /// Its name in addresses.
    name: String,
    content_type: &'static str,
    content: &'static str,
}

/// So much of a hash is in a name.
const IN_NAME: usize = 12;

/// A name that changes with its content may be kept for a year.
const KEPT: &str = "public, max-age=31536000, immutable";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../../assets/style.css");
    Asset::new("style", "css", "text/css; charset=utf-8", content)
});

static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../../assets/vendor/htmx-4.0.1.js");
    Asset::new("htmx", "js", "text/javascript; charset=utf-8", content)
});

static PAGE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../../assets/page.js");
    Asset::new("page", "js", "text/javascript; charset=utf-8", content)
});

impl Asset {
    fn new(stem: &str, end: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = hashed(content.as_bytes());
        Self {
            name: format!("{stem}-{}.{end}", &hash[..IN_NAME]),
            content_type,
            content,
        }
    }

    fn url(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Where the style is.
pub(crate) fn style() -> String {
    STYLE.url()
}

/// Where the library for live updates is.
pub(crate) fn htmx() -> String {
    HTMX.url()
}

/// Where our own script is.
pub(crate) fn page() -> String {
    PAGE.url()
}

/// Hands one out.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, PageProblem> {
    let all = [&*STYLE, &*HTMX, &*PAGE];
    let found = all.into_iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| {
        Problem::not_found("there is no such file", "load the page again".to_owned())
    })?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, KEPT)];
    Ok((headers, asset.content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendored_library_is_what_its_checksum_says() {
        let sums = include_str!("../../assets/vendor/SHA256SUMS");
        let (sum, name) = sums.trim().split_once("  ").expect("a sum and a name");
        assert_eq!(name, "htmx-4.0.1.js");
        assert_eq!(sum, hashed(HTMX.content.as_bytes()));
    }
}
