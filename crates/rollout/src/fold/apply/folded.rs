//! A fact as the fold reads it: a field that cannot be read is damage, and is told apart from one that is not there (P41).

use std::cell::RefCell;
use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::model::event::Line;

/// A fact that is being folded. Its own `read` goes before that of the fact: what cannot be read is noted.
pub(super) struct Folded<'a> {
    line: &'a Line,
    damage: RefCell<Option<String>>,
}

impl<'a> Folded<'a> {
    pub(super) fn new(line: &'a Line) -> Self {
        Self {
            line,
            damage: RefCell::new(None),
        }
    }

    /// Reads one field of `data` that may be absent: a later release has added it, or it has no value.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.line.data.get(key).filter(|value| !value.is_null())?;
        match T::deserialize(value) {
            Ok(read) => Some(read),
            Err(error) => {
                self.note(format!("its `{key}` cannot be read: {error}"));
                None
            }
        }
    }

    /// Reads one field of `data` that every release has written.
    pub(super) fn need<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let read = self.read(key);
        if read.is_none() {
            self.note(format!("its `{key}` is missing"));
        }
        read
    }

    /// Takes a field beside `data` that every release has written.
    pub(super) fn take<T: Clone>(&self, key: &str, field: Option<&T>) -> Option<T> {
        if field.is_none() {
            self.note(format!("its `{key}` is missing"));
        }
        field.cloned()
    }

    /// Notes what does not fold; what is found first counts.
    pub(super) fn note(&self, what: String) {
        self.damage.borrow_mut().get_or_insert(what);
    }

    /// What was found, if anything.
    pub(super) fn damage(self) -> Option<String> {
        self.damage.into_inner()
    }
}

impl Deref for Folded<'_> {
    type Target = Line;

    fn deref(&self) -> &Line {
        self.line
    }
}
