//! Where does somebody go after the sign-in? To a page of this server and nowhere else, whatever the link says.

use serde::{Deserialize, Serialize};

/// No page of ours has a longer one.
const LONGEST: usize = 2000;

/// The address of a page of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LocalPath(String);

impl LocalPath {
    /// The page that is asked for, if it is one; else the first page.
    pub(crate) fn or_home(asked: Option<&str>) -> Self {
        let local = asked.filter(|path| is_local(path));
        Self(local.unwrap_or("/").to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Browsers take two slashes, or one and a backslash, for another server, and pass over control characters.
fn is_local(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    path.len() <= LONGEST
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(is_plain)
        && !path.starts_with("/sign-")
}

#[cfg(test)]
mod tests {
    use super::LocalPath;

    #[test]
    fn nobody_is_led_elsewhere() {
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\\/evil.example",
            "javascript:alert(1)",
            "evil",
            "",
            "/sign-in?to=/",
        ] {
            assert_eq!(
                LocalPath::or_home(Some(elsewhere)).as_str(),
                "/",
                "{elsewhere:?}"
            );
        }
        for here in ["/", "/approvals?rollout=r1#gate", "/rollouts/r1"] {
            assert_eq!(LocalPath::or_home(Some(here)).as_str(), here);
        }
    }
}
