//! Which image is meant? Every image in one form, as Render writes it, so that one asked for is known again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The registry of an image that names none.
const REGISTRY: &str = "docker.io";

/// Where that registry keeps images whose name has one part.
const LIBRARY: &str = "library";

/// The tag of an image that names neither tag nor digest.
const LATEST: &str = "latest";

/// What begins a digest; 64 hexadecimal digits follow.
const SHA256: &str = "sha256:";

/// So many of its digits name a digest for people.
const SHORT: usize = 12;

/// An image in full: `nginx` is `docker.io/library/nginx:latest`. A digest makes its tag meaningless, so one is dropped.
///
/// ```
/// use policy::plan::Image;
///
/// let image: Image = "acme/api:1.4".parse()?;
/// assert_eq!(image.to_string(), "docker.io/acme/api:1.4");
/// assert_eq!(image.label(), "api:1.4");
/// # Ok::<(), policy::plan::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image {
    name: String,
    at: Mark,
}

/// Which of the images of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// The one a tag names at the time; absent: `latest`.
    Tag(Option<String>),
    /// Exactly this one.
    Digest(String),
}

/// Why a text names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// A part is empty or has letters that no image's name has.
    #[error("`{0}` is no image: write REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST")]
    Name(String),
    /// A digest that is none.
    #[error("`{0}` has no digest behind the @: that is sha256: and 64 hexadecimal digits")]
    Digest(String),
}

impl Image {
    /// Whether a tag or digest was written, so that it does not depend on what `latest` is.
    pub fn is_marked(&self) -> bool {
        self.at != Mark::Tag(None)
    }

    /// Whether it is exactly one image, whatever becomes of tags.
    pub fn is_pinned(&self) -> bool {
        self.digest().is_some()
    }

    /// The digest, if it is exactly one image.
    pub fn digest(&self) -> Option<&str> {
        match &self.at {
            Mark::Tag(_) => None,
            Mark::Digest(digest) => Some(digest),
        }
    }

    /// Whether only the tag or digest differs.
    pub fn is_of_name(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// Exactly the image of this digest; the same where it is no digest.
    #[must_use]
    pub fn pinned(self, digest: &str) -> Self {
        match is_digest(digest) {
            true => Self {
                at: Mark::Digest(digest.to_owned()),
                ..self
            },
            false => self,
        }
    }

    /// What people call it: the last part of its name, and its tag or the first digits of its digest.
    pub fn label(&self) -> String {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        match &self.at {
            Mark::Tag(tag) => format!("{name}:{}", tag.as_deref().unwrap_or(LATEST)),
            Mark::Digest(digest) => format!("{name}@{}", &digest[..SHA256.len() + SHORT]),
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Mark::Tag(tag) => write!(f, "{}:{}", self.name, tag.as_deref().unwrap_or(LATEST)),
            Mark::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}

impl TryFrom<String> for Image {
    type Error = ImageError;

    fn try_from(text: String) -> Result<Self, ImageError> {
        text.parse()
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.to_string()
    }
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let wrong = || ImageError::Name(text.to_owned());
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[last..].find(':') {
            Some(colon) => (&named[..last + colon], Some(&named[last + colon + 1..])),
            None => (named, None),
        };
        if tag.is_some_and(|tag| !is_word(tag)) {
            return Err(wrong());
        }
        let at = match digest {
            Some(digest) if is_digest(digest) => Mark::Digest(digest.to_owned()),
            Some(_) => return Err(ImageError::Digest(text.to_owned())),
            None => Mark::Tag(tag.map(str::to_owned)),
        };
        let name = full_name(name).ok_or_else(wrong)?;
        Ok(Self { name, at })
    }
}

/// Registry, repository and name; `None`: a part makes no sense.
fn full_name(name: &str) -> Option<String> {
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(first) => (first, path),
        Some(_) | None => (REGISTRY, name),
    };
    let path_is_sound = path
        .split('/')
        .all(|part| is_word(part) && !part.chars().any(char::is_uppercase));
    let (host, port) = registry.split_once(':').unwrap_or((registry, "443"));
    let registry_is_sound = is_word(host) && port.parse::<u16>().is_ok();
    if !path_is_sound || !registry_is_sound {
        return None;
    }
    let library = registry == REGISTRY && !path.contains('/');
    Some(match library {
        true => format!("{registry}/{LIBRARY}/{path}"),
        false => format!("{registry}/{path}"),
    })
}

/// Whether the first part of a name is a host: other first parts have neither dot nor port.
fn is_registry(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':'])
}

fn is_word(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
}

fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix(SHA256);
    let is_hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> String {
        text.parse::<Image>().unwrap().to_string()
    }

    #[test]
    fn an_image_is_written_in_full_as_render_writes_it() {
        assert_eq!(full("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full("acme/api:1.4"), "docker.io/acme/api:1.4");
        assert_eq!(full("docker.io/nginx:1"), "docker.io/library/nginx:1");
        assert_eq!(full("ghcr.io/acme/api"), "ghcr.io/acme/api:latest");
        assert_eq!(full("localhost:5000/api:a"), "localhost:5000/api:a");
        let digest = format!("sha256:{}", "0f".repeat(32));
        let exact = format!("docker.io/acme/api@{digest}");
        assert_eq!(full(&format!("acme/api:1.4@{digest}")), exact);
        let tagged: Image = "acme/api:1.4".parse().unwrap();
        assert_eq!(tagged.clone().pinned(&digest).to_string(), exact);
        assert_eq!(tagged.clone().pinned(""), tagged);
        assert_eq!(
            exact.parse::<Image>().unwrap().label(),
            "api@sha256:0f0f0f0f0f0f"
        );
    }

    #[test]
    fn what_is_no_image_is_told_apart() {
        for text in [
            "",
            "/",
            "a//b",
            "acme/Api:1",
            "a b",
            "a:",
            "a:x/y",
            "https://a/b:1",
            "@",
        ] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
        for text in ["a@sha256:00", "a@latest", "a:1@"] {
            let error = text.parse::<Image>().unwrap_err();
            assert_eq!(error, ImageError::Digest(text.to_owned()));
        }
    }
}
