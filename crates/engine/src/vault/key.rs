//! The key of the sealed backups: 32 random bytes in a file of the owner's.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;

use crate::error::Error;
use crate::process::state_dir::{self, StateDir};

const KEY_BYTES: usize = 32;

/// A secret key; forgotten when the last copy goes.
#[derive(Clone)]
pub(super) struct Key(Arc<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    /// Reads the key, or makes it.
    pub(super) fn of_file(state: &StateDir) -> Result<Self, Error> {
        let path = state.key();
        if !path.try_exists().map_err(Error::file("read", &path))? {
            make(state)?;
        }
        state_dir::restrict(&path, 0o600)?;
        Self::read(&path)
    }

    /// Reads the key that is there.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
        let read = File::open(path)
            .and_then(|file| file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes));
        read.map_err(Error::file("read", path))?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice());
        let key = key.map_err(|_| Error::Spoiled {
            what: format!("it is not a key of {KEY_BYTES} bytes"),
            path: path.to_owned(),
            way_out: "put its copy back; with another key the backups of variables stay sealed",
        })?;
        Ok(Self(Arc::new(Zeroizing::new(key))))
    }

    /// Writes it into a new file.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        write(path, self.bytes())
    }

    /// A key for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> Self {
        Self(Arc::new(Zeroizing::new(
            self.authenticate(&[purpose.as_bytes()]),
        )))
    }

    /// The HMAC of some parts under this key.
    pub(super) fn authenticate(&self, parts: &[&[u8]]) -> [u8; 32] {
        super::hmac(self.bytes(), parts)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Writes a new key beside its place and links it there whole: of two processes one wins, and none sees half a key.
fn make(state: &StateDir) -> Result<(), Error> {
    state.prepare()?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(key.as_mut()).map_err(Error::Random)?;
    let path = state.key();
    let draft = path.with_extension(format!("key-{}", std::process::id()));
    let made = write(&draft, key.as_ref()).and_then(|()| fs::hard_link(&draft, &path));
    let _ = fs::remove_file(&draft);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(Error::file("created", &path)),
    }
}

fn write(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = state_dir::create_private(path)?;
    file.write_all(key)?;
    file.sync_all()
}
