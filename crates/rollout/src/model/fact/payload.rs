//! How the payload of a kind stands in a line: fields beside `data`, and fields in it.

use policy::{CustomerId, PersonId, PolicyId, Role, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::event::{Kind, Line};
use crate::model::fact::written::Written;
use crate::model::ids::DeployId;
use crate::model::request::Proof;

/// What one kind of event says.
pub trait Payload: Sized {
    /// Which kind.
    const KIND: Kind;

    /// Writes it into a line.
    fn write(&self, line: &mut Line);

    /// Reads it from a line of its kind.
    ///
    /// # Errors
    /// A field that every release has written is missing, or one cannot be read.
    fn read(line: &Line) -> Result<Self, Unreadable>;

    /// Its fields, in the order of their declaration.
    fn fields() -> Vec<Field>;

    /// What it means that this happened, in sentences.
    fn meaning() -> String;

    /// A line that says this and nothing else.
    fn line(&self) -> Line {
        let mut line = Line::new(Self::KIND);
        self.write(&mut line);
        line
    }
}

impl Line {
    /// Writes down what proved who asked.
    pub(crate) fn prove(&mut self, proof: &Proof) {
        insert(&mut self.data, "proof", proof);
    }

    /// What proved who asked, where it had to be proved (P49): the envelope's, whatever the kind.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn proof(&self) -> Result<Option<Proof>, Unreadable> {
        optional(&self.data, "proof")
    }
}

/// One field of a kind, for the reference and the schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it stands in `data`.
    pub in_data: bool,
    /// Whether each line has it.
    pub presence: Presence,
    /// What it says, as a sentence fragment.
    pub doc: String,
    /// The JSON Schema of its value.
    pub schema: Value,
}

/// Whether each line of a kind has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In every release so far.
    Always,
    /// Where it applies, or since a later release.
    Sometimes,
}

/// Why a line does not say what its kind says, as a sentence fragment about the event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A field that every release has written.
    #[error("its `{0}` is missing")]
    Missing(String),
    /// A value of another shape.
    #[error("its `{0}` cannot be read: {1}")]
    Bad(String, String),
}

/// A field beside `data`: `T` is always there, `Option<T>` where it applies.
pub(crate) trait Beside: Sized {
    /// What the line holds.
    type Inner: Clone + Written;
    const PRESENCE: Presence;
    fn put(&self) -> Option<Self::Inner>;
    fn take(slot: Option<&Self::Inner>, key: &str) -> Result<Self, Unreadable>;
}

macro_rules! beside {
    ($($type:ty),*) => {
        $(impl Beside for $type {
            type Inner = Self;
            const PRESENCE: Presence = Presence::Always;
            fn put(&self) -> Option<Self> {
                Some(self.clone())
            }
            fn take(slot: Option<&Self>, key: &str) -> Result<Self, Unreadable> {
                slot.cloned().ok_or_else(|| Unreadable::Missing(key.to_owned()))
            }
        })*
    };
}

beside!(
    PolicyId, u32, CustomerId, Role, PersonId, String, Timestamp, DeployId
);

impl<T: Beside<Inner = T> + Clone + Written> Beside for Option<T> {
    type Inner = T;
    const PRESENCE: Presence = Presence::Sometimes;
    fn put(&self) -> Option<T> {
        self.clone()
    }
    fn take(slot: Option<&T>, _key: &str) -> Result<Self, Unreadable> {
        Ok(slot.cloned())
    }
}

/// Describes a field beside `data`.
pub(crate) fn beside<T: Beside>(name: &'static str, doc: &[&str]) -> Field {
    Field {
        name,
        in_data: false,
        presence: T::PRESENCE,
        doc: text(doc),
        schema: T::Inner::schema(),
    }
}

/// Describes a field of `data`.
pub(crate) fn within<T: Written>(name: &'static str, presence: Presence, doc: &[&str]) -> Field {
    Field {
        name,
        in_data: true,
        presence,
        doc: text(doc),
        schema: T::schema(),
    }
}

/// What the lines of a doc comment say.
pub(crate) fn text(doc: &[&str]) -> String {
    doc.concat().trim().to_owned()
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Writes one field of `data`.
pub(crate) fn insert<T: Serialize>(data: &mut Map<String, Value>, key: &str, value: &T) {
    let value = serde_json::to_value(value).expect("the core's values serialise");
    data.insert(key.to_owned(), value);
}

/// Reads a field of `data` that may be absent; one without a value counts as absent.
pub(crate) fn optional<T: DeserializeOwned>(
    data: &Map<String, Value>,
    key: &str,
) -> Result<Option<T>, Unreadable> {
    let Some(value) = data.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let read = T::deserialize(value);
    read.map(Some)
        .map_err(|error| Unreadable::Bad(key.to_owned(), error.to_string()))
}

/// Reads a field of `data` that may be absent, where no value is told apart from that.
pub(crate) fn told<T: DeserializeOwned>(
    data: &Map<String, Value>,
    key: &str,
) -> Result<Option<T>, Unreadable> {
    let read = data.get(key).map(T::deserialize).transpose();
    read.map_err(|error| Unreadable::Bad(key.to_owned(), error.to_string()))
}

/// Reads a field of `data` that every release has written.
pub(crate) fn required<T: DeserializeOwned>(
    data: &Map<String, Value>,
    key: &str,
) -> Result<T, Unreadable> {
    optional(data, key)?.ok_or_else(|| Unreadable::Missing(key.to_owned()))
}

/// Declares a family of facts: its enum, and the payload of each kind.
///
/// `enum Family in Fact::Variant at Place;` (with a place that all its kinds have, if they do), and then `Kind(Place) { fields beside data } data { mode field: type }`, where the mode says
/// when a field of `data` is written:
/// - `always`: by every release.
/// - `nullable`: always, as `null` where there is nothing (`Option`).
/// - `maybe`: where there is something (`Option`).
/// - `told`: as `maybe`, of something whose absence is told as `null` (`Option<Nullable>`).
/// - `later`: always, but not by the first releases; absent, it has its default.
/// - `unless_default`: where it is not its default.
macro_rules! payloads {
    (
        $(#[doc = $family_doc:expr])*
        enum $family:ident in Fact::$variant:ident $(at $where:ty)?;
        $(
            $(#[doc = $doc:expr])*
            $name:ident $(($place:ty))? {
                $($(#[doc = $top_doc:expr])* $top:ident: $top_type:ty,)*
            } data {
                $($(#[doc = $data_doc:expr])* $mode:ident $data:ident: $data_type:ty,)*
            }
        )*
    ) => {
        $(#[doc = $family_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $family {
            $($(#[doc = $doc])* $name($name),)*
        }

        impl $family {
            /// Which kind.
            pub fn kind(&self) -> $crate::model::event::Kind {
                match self {
                    $(Self::$name(_) => $crate::model::event::Kind::$name,)*
                }
            }

            /// The line that says it.
            pub fn line(&self) -> $crate::model::event::Line {
                match self {
                    $(Self::$name(fact) => $crate::model::fact::Payload::line(fact),)*
                }
            }
        }

        place!($family: $($where)?, $($name)*);

        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $name {
                $(
                    /// Where.
                    pub place: $place,
                )?
                $($(#[doc = $top_doc])* pub $top: $top_type,)*
                $($(#[doc = $data_doc])* pub $data: $data_type,)*
            }

            impl From<$name> for $family {
                fn from(fact: $name) -> Self {
                    Self::$name(fact)
                }
            }

            impl From<$name> for $crate::model::fact::Fact {
                fn from(fact: $name) -> Self {
                    Self::$variant($family::$name(fact))
                }
            }

            impl $crate::model::fact::Payload for $name {
                const KIND: $crate::model::event::Kind = $crate::model::event::Kind::$name;

                #[allow(unused_variables, reason = "a kind may have no fields")]
                fn write(&self, line: &mut $crate::model::event::Line) {
                    $(<$place as $crate::model::fact::payload::Place>::write(&self.place, line);)?
                    $(line.$top = $crate::model::fact::payload::Beside::put(&self.$top);)*
                    $(put!($mode, line, stringify!($data), &self.$data);)*
                }

                #[allow(unused_variables, reason = "a kind may have no fields")]
                fn read(
                    line: &$crate::model::event::Line,
                ) -> Result<Self, $crate::model::fact::Unreadable> {
                    Ok(Self {
                        $(place: <$place as $crate::model::fact::payload::Place>::read(line)?,)?
                        $($top: $crate::model::fact::payload::Beside::take(
                            line.$top.as_ref(),
                            stringify!($top),
                        )?,)*
                        $($data: take!($mode, line, stringify!($data)),)*
                    })
                }

                #[allow(unused_mut, clippy::vec_init_then_push, reason = "a kind may have no fields, or no place")]
                fn fields() -> Vec<$crate::model::fact::Field> {
                    let mut fields: Vec<$crate::model::fact::Field> = Vec::new();
                    $(fields.extend(<$place as $crate::model::fact::payload::Place>::fields());)?
                    $(fields.push($crate::model::fact::payload::beside::<$top_type>(
                        stringify!($top),
                        &[$($top_doc),*],
                    ));)*
                    $(fields.push(described!(
                        $mode,
                        $data_type,
                        stringify!($data),
                        &[$($data_doc),*]
                    ));)*
                    fields
                }

                fn meaning() -> String {
                    $crate::model::fact::payload::text(&[$($doc),*])
                }
            }
        )*
    };
}

macro_rules! place {
    ($family:ident:, $($name:ident)*) => {};
    ($family:ident: $place:ty, $($name:ident)*) => {
        impl $family {
            /// Where.
            pub fn place(&self) -> &$place {
                match self {
                    $(Self::$name(fact) => &fact.place,)*
                }
            }
        }
    };
}

macro_rules! put {
    (maybe, $line:expr, $key:expr, $value:expr) => {
        if let Some(value) = $value {
            $crate::model::fact::payload::insert(&mut $line.data, $key, value);
        }
    };
    (told, $line:expr, $key:expr, $value:expr) => {
        put!(maybe, $line, $key, $value)
    };
    (unless_default, $line:expr, $key:expr, $value:expr) => {
        if !$crate::model::fact::payload::is_default($value) {
            $crate::model::fact::payload::insert(&mut $line.data, $key, $value);
        }
    };
    ($mode:ident, $line:expr, $key:expr, $value:expr) => {
        $crate::model::fact::payload::insert(&mut $line.data, $key, $value)
    };
}

macro_rules! take {
    (always, $line:expr, $key:expr) => {
        $crate::model::fact::payload::required(&$line.data, $key)?
    };
    (nullable, $line:expr, $key:expr) => {
        $crate::model::fact::payload::optional(&$line.data, $key)?
    };
    (maybe, $line:expr, $key:expr) => {
        $crate::model::fact::payload::optional(&$line.data, $key)?
    };
    (told, $line:expr, $key:expr) => {
        $crate::model::fact::payload::told(&$line.data, $key)?
    };
    ($mode:ident, $line:expr, $key:expr) => {
        $crate::model::fact::payload::optional(&$line.data, $key)?.unwrap_or_default()
    };
}

macro_rules! described {
    (always, $type:ty, $key:expr, $doc:expr) => {
        $crate::model::fact::payload::within::<$type>(
            $key,
            $crate::model::fact::Presence::Always,
            $doc,
        )
    };
    (nullable, $type:ty, $key:expr, $doc:expr) => {
        described!(always, $crate::model::fact::Nullable<$type>, $key, $doc)
    };
    ($mode:ident, $type:ty, $key:expr, $doc:expr) => {
        $crate::model::fact::payload::within::<$type>(
            $key,
            $crate::model::fact::Presence::Sometimes,
            $doc,
        )
    };
}

/// Fields that stand together in many kinds.
pub(crate) trait Place: Sized {
    fn write(&self, line: &mut Line);
    fn read(line: &Line) -> Result<Self, Unreadable>;
    fn fields() -> Vec<Field>;
}
