//! Where does the command line keep what a server has given it at a sign-in? In a file below the XDG config folder that only
//! its owner reads, one token for each server.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, Xdg};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::environment::variable;
use crate::error::Error;

/// Another file, such as for tests.
const FILE: &str = "TRANCHE_CREDENTIALS";

/// Nobody but its owner reads or writes it.
const PRIVATE: u32 = 0o600;

/// What a server has given.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Tokens by the server's address.
    #[serde(default)]
    servers: BTreeMap<String, String>,
}

/// The token for a server; none if nobody has signed in there.
///
/// # Errors
/// The file cannot be read, or others may read it.
pub fn load(url: &str) -> Result<Option<SecretString>, Error> {
    let kept = read(&path()?)?;
    Ok(kept.servers.get(key(url)).cloned().map(SecretString::from))
}

/// Keeps the token for a server, in place of an earlier one.
///
/// # Errors
/// The file cannot be written.
pub fn save(url: &str, token: &SecretString) -> Result<(), Error> {
    change(|kept| {
        let token = token.expose_secret().to_owned();
        kept.servers.insert(key(url).to_owned(), token);
    })
}

/// Forgets the token for a server; says whether there was one.
///
/// # Errors
/// The file cannot be written.
pub fn forget(url: &str) -> Result<bool, Error> {
    let mut was_there = false;
    change(|kept| was_there = kept.servers.remove(key(url)).is_some())?;
    Ok(was_there)
}

/// Where they are kept.
///
/// # Errors
/// The account has no home.
pub fn path() -> Result<PathBuf, Error> {
    if let Some(path) = variable(FILE) {
        return Ok(path.into());
    }
    let places = Xdg::new().map_err(|source| Error::Variable {
        name: "HOME".to_owned(),
        source: Box::new(source),
    })?;
    Ok(places.config_dir().join("tranche").join("servers.json"))
}

/// One address is one server, however it ends.
fn key(url: &str) -> &str {
    url.trim_end_matches('/')
}

fn change(change: impl FnOnce(&mut Kept)) -> Result<(), Error> {
    let path = path()?;
    let mut kept = read(&path)?;
    change(&mut kept);
    write(&path, &kept).map_err(failed(&path))
}

fn read(path: &Path) -> Result<Kept, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(failed(path)(error)),
    };
    let mode = fs::metadata(path)
        .map_err(failed(path))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let text = format!("others may read it; try: chmod 600 {}", path.display());
        return Err(failed(path)(io::Error::other(text)));
    }
    serde_json::from_str(&text).map_err(|source| failed(path)(source.into()))
}

/// The whole file at once, or not at all.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut open = OpenOptions::new();
    let mut file = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(&beside)?;
    file.set_permissions(fs::Permissions::from_mode(PRIVATE))?;
    let written = serde_json::to_vec_pretty(kept)
        .map_err(io::Error::from)
        .and_then(|json| file.write_all(&json))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it is no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let name = path.display().to_string();
    move |source| Error::NamedFile {
        name,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_kept_is_for_its_owner_alone_and_one_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/tranche/servers.json");
        let mut kept = read(&path).unwrap();
        assert!(kept.servers.is_empty(), "nothing is there yet");
        kept.servers
            .insert(key("https://a.example/").to_owned(), "one".to_owned());
        write(&path, &kept).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
        assert_eq!(
            read(&path).unwrap().servers[key("https://a.example")],
            "one"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = read(&path).unwrap_err();
        assert!(
            refused.message().contains("chmod 600"),
            "{}",
            refused.message()
        );
        assert!(!refused.message().contains("one\""));
    }
}
