//! How Render is reached, and where the key comes from (A1, B14).

use std::path::Path;
use std::time::Duration;
use std::{env, fs, io};

use reqwest::Url;
use secrecy::SecretString;

use crate::error::{Error, Result};

/// Render's own API.
pub const DEFAULT_URL: &str = "https://api.render.com/v1";

/// The environment variable that holds the key; with `_FILE` at its end, the one that names a file holding it.
pub const KEY_VARIABLE: &str = "RENDER_API_KEY";

/// The environment variables that beat the defaults of [`Settings::from_env`].
const URL_VARIABLE: &str = "RENDER_API_URL";
const TIMEOUT_VARIABLE: &str = "RENDER_TIMEOUT";
const RETRIES_VARIABLE: &str = "RENDER_MAX_RETRIES";

/// How Render is reached.
///
/// ```
/// use render::Settings;
///
/// let settings = Settings::new("rnd_example".into());
/// assert_eq!(settings.base_url, "https://api.render.com/v1");
/// assert_eq!(settings.max_retries, 3);
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL; `https`, or `http` on this machine only, because the key travels with every request.
    pub base_url: String,
    /// The key.
    pub api_key: SecretString,
    /// Time limit of one attempt, connecting included.
    pub timeout: Duration,
    /// Repetitions of reads, and of what was surely not done.
    pub max_retries: usize,
    /// `User-Agent`.
    pub user_agent: String,
    /// The first requests of a new client, beyond a handful, are spread at random over this time, so that a restart in mid-rollout
    /// does not begin with a herd (P44).
    pub startup_spread: Duration,
}

impl Settings {
    /// Render's own API with the documented defaults.
    pub fn new(api_key: SecretString) -> Self {
        Self {
            base_url: DEFAULT_URL.to_owned(),
            api_key,
            timeout: Duration::from_secs(30),
            max_retries: 3,
            user_agent: concat!("tranche/", env!("CARGO_PKG_VERSION")).to_owned(),
            startup_spread: Duration::from_secs(2),
        }
    }

    /// The settings of the environment: `RENDER_API_KEY` or `RENDER_API_KEY_FILE`, `RENDER_API_URL`, `RENDER_TIMEOUT` in
    /// seconds, `RENDER_MAX_RETRIES`.
    ///
    /// # Errors
    /// When there is no key, or a number is none.
    pub fn from_env() -> Result<Self> {
        Self::new(key_from_env()?).changed_by(|name| env::var(name).ok())
    }

    fn changed_by(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let written = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let number = |name: &str| {
            let text = written(name)?;
            let text = text.trim().trim_end_matches('s');
            let no_number = |_| {
                Error::Settings(format!(
                    "{name} must be a whole number such as 30, not {text}"
                ))
            };
            Some(text.parse::<u32>().map_err(no_number))
        };
        if let Some(url) = written(URL_VARIABLE) {
            url.trim()
                .trim_end_matches('/')
                .clone_into(&mut self.base_url);
        }
        if let Some(seconds) = number(TIMEOUT_VARIABLE).transpose()? {
            self.timeout = Duration::from_secs(seconds.into());
        }
        if let Some(retries) = number(RETRIES_VARIABLE).transpose()? {
            self.max_retries = usize::try_from(retries).unwrap_or(usize::MAX);
        }
        Ok(self)
    }

    /// The checked base URL.
    pub(crate) fn origin(&self) -> Result<Url> {
        let refuse = |problem: &str| Err(Error::Settings(format!("the URL {problem}")));
        let Ok(url) = Url::parse(&self.base_url) else {
            return refuse("cannot be parsed");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not hold a user name or password");
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_local(&url) => Ok(url),
            "http" => refuse("must use https, because the API key would travel in the clear"),
            _ => refuse("must use https"),
        }
    }
}

pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Reads the key from `RENDER_API_KEY`, or from the file that `RENDER_API_KEY_FILE` names.
///
/// # Errors
/// When neither is set, the file cannot be read, or the key is empty.
pub fn key_from_env() -> Result<SecretString> {
    key_from(|name| env::var(name).ok(), |path| fs::read_to_string(path))
}

fn key_from(
    variable: impl Fn(&str) -> Option<String>,
    read: impl Fn(&Path) -> io::Result<String>,
) -> Result<SecretString> {
    let file_variable = format!("{KEY_VARIABLE}_FILE");
    let written = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let key = match (written(KEY_VARIABLE), written(&file_variable)) {
        (Some(key), _) => key,
        (None, Some(path)) => read(Path::new(&path)).map_err(|error| {
            Error::Settings(format!(
                "{file_variable} names {path}, which cannot be read: {error}"
            ))
        })?,
        (None, None) => {
            return Err(Error::Settings(format!(
                "set {KEY_VARIABLE} or {file_variable}"
            )));
        }
    };
    match key.trim() {
        "" => Err(Error::Settings(format!(
            "the file named by {file_variable} is empty"
        ))),
        key => Ok(SecretString::from(key)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret;

    use super::*;

    fn origin(url: &str) -> Result<Url> {
        Settings {
            base_url: url.to_owned(),
            ..Settings::new("k".into())
        }
        .origin()
    }

    #[test]
    fn the_key_never_travels_in_the_clear_beyond_this_machine() {
        assert!(origin("https://api.render.com/v1").is_ok());
        assert!(origin("http://127.0.0.1:8080/v1").is_ok());
        assert!(origin("http://[::1]:8080").is_ok());
        assert!(origin("http://localhost:8080").is_ok());
        assert!(origin("http://api.render.com/v1").is_err());
        assert!(origin("http://localhost.example.com").is_err());
        assert!(origin("https://user:secret@api.render.com").is_err());
        assert!(origin("ftp://api.render.com").is_err());
    }

    #[test]
    fn a_key_comes_from_the_variable_or_from_the_file() {
        let from = |name: &'static str, value: &'static str| {
            key_from(
                move |asked| (asked == name).then(|| value.to_owned()),
                |_| Ok("from-file\n".to_owned()),
            )
        };
        assert_eq!(
            from("RENDER_API_KEY", " rnd_1 ").unwrap().expose_secret(),
            "rnd_1"
        );
        assert_eq!(
            from("RENDER_API_KEY_FILE", "/k").unwrap().expose_secret(),
            "from-file"
        );
        assert!(from("RENDER_API_KEY", " ").is_err());
        assert!(from("OTHER", "x").is_err());
    }

    #[test]
    fn the_environment_beats_the_defaults() {
        let changed = |name: &'static str, value: &'static str| {
            Settings::new("k".into()).changed_by(|asked| (asked == name).then(|| value.to_owned()))
        };
        let url = changed("RENDER_API_URL", "http://127.0.0.1:8081/v1/").unwrap();
        assert_eq!(url.base_url, "http://127.0.0.1:8081/v1");
        let timeout = changed("RENDER_TIMEOUT", "45s").unwrap().timeout;
        assert_eq!(timeout, Duration::from_secs(45));
        assert_eq!(changed("RENDER_MAX_RETRIES", "0").unwrap().max_retries, 0);
        assert_eq!(changed("RENDER_MAX_RETRIES", " ").unwrap().max_retries, 3);
        let error = changed("RENDER_TIMEOUT", "soon").unwrap_err().to_string();
        assert!(error.contains("RENDER_TIMEOUT must be"), "{error}");
    }

    #[test]
    fn settings_do_not_show_the_key() {
        let settings = Settings::new("rnd_secret".into());
        assert!(!format!("{settings:?}").contains("rnd_secret"));
    }
}
