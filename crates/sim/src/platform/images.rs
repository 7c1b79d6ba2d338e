//! The registries from which images are pulled: what a tag names now.

use std::fmt::Write as _;

use policy::plan::Image;
use sha2::{Digest as _, Sha256};

use super::Platform;
use crate::requests::ApiError;
use crate::terms::Source;

/// An image in full, as Render writes it.
pub(super) fn in_full(written: &str) -> Result<String, ApiError> {
    let image: Image = written
        .parse()
        .map_err(|_| ApiError::bad_request("invalid image URL"))?;
    Ok(image.to_string())
}

impl Platform {
    /// Somebody pushes an image: from now on its tag names another one.
    pub fn push_image(&mut self, image: &str, content: &str) -> Result<(), ApiError> {
        self.images.insert(in_full(image)?, digest(content));
        Ok(())
    }

    /// What would be pulled now; `None`: it is no image.
    pub(super) fn digest_now(&self, source: &Source) -> Option<String> {
        let Source::Image(written) = source else {
            return None;
        };
        let image: Image = written.parse().ok()?;
        let pinned = image
            .digest()
            .or(self.images.get(written).map(String::as_str));
        Some(pinned.map_or_else(|| digest(written), str::to_owned))
    }
}

fn digest(content: &str) -> String {
    let hash = Sha256::digest(content);
    let mut text = "sha256:".to_owned();
    for byte in hash {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
