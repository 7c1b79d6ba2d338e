//! What may be written where: the one description from which both the checks and the JSON Schemas come.

/// The shape of a value.
pub(crate) enum Shape {
    /// One scalar.
    Scalar(Format),
    /// One of a few words.
    Words(&'static [Word]),
    /// A list.
    List(&'static Shape),
    /// A list that has at least one item.
    Filled(&'static Shape),
    /// A mapping with known keys.
    Record(&'static Record),
    /// A mapping with free keys.
    Dict(&'static Shape),
    /// A mapping whose keys may be removed by `null`.
    Removable(&'static Shape),
    /// The same shape, of a part that is merged over something: no key is required, and `null` removes one.
    Fragment(&'static Shape),
    /// Several shapes, told apart by what kind of value is written: scalar, list or mapping.
    Either(&'static [&'static Shape]),
    /// Anything at all.
    Any,
}

/// What the keys begin with that are free at the top of every file, as places for anchors; nothing reads them.
pub(crate) const FREE: &str = "x-";

/// A mapping with known keys.
pub(crate) struct Record {
    /// With its article: `a policy`.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
    /// Exactly one of these keys must be written, if there are any.
    pub(crate) one_of: &'static [&'static str],
    /// Keys that say nothing alone, each with the one it needs.
    pub(crate) needs: &'static [(&'static str, &'static str)],
}

/// A known key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// One sentence for people, shown by editors.
    pub(crate) doc: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

/// A word and what it means.
pub(crate) struct Word {
    pub(crate) word: &'static str,
    pub(crate) doc: &'static str,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    /// A text that YAML does not take for something else.
    Text,
    /// A name that other places refer to.
    Name,
    /// A text, a number, true or false, taken as written.
    Scalar,
    /// True or false.
    Bool,
    /// A whole number.
    Int(i64, i64),
    /// A number above 0.
    Positive,
    /// A length of time.
    Duration,
    /// A length of time above 0.
    Lasting,
    /// An IANA zone.
    Zone,
    /// An IANA zone, or `customer`.
    ZoneOrCustomer,
    /// RFC 3339.
    Instant,
    /// `live`, or RFC 3339.
    LiveOrInstant,
    /// A date, a local date-time or RFC 3339.
    Moment,
    /// A date.
    Date,
    /// Five cron fields.
    Cron,
    /// `all`, a number of customers or `25%`.
    Batch,
    /// A number of customers from 0, or `10%` from 0 %.
    Tolerance,
    /// `5%`.
    Percent,
    /// A whole percentage, from this one to 100 %.
    WholePercent(u32),
    /// An address with a scheme.
    Url,
    /// An absolute path of an address.
    Path,
    /// Where a secret is: `${env:NAME}` or `${file:PATH}`.
    Secret,
}

/// A key that may be left out. A macro, because only literals may borrow from each other in statics.
macro_rules! key {
    ($name:expr, $doc:expr, $shape:expr $(,)?) => {
        $crate::parse::shape::Key {
            name: $name,
            doc: $doc,
            shape: $shape,
            required: false,
        }
    };
}

/// A key that must be there.
macro_rules! required {
    ($name:expr, $doc:expr, $shape:expr $(,)?) => {
        $crate::parse::shape::Key {
            name: $name,
            doc: $doc,
            shape: $shape,
            required: true,
        }
    };
}

/// A word and what it means.
macro_rules! word {
    ($word:expr, $doc:expr $(,)?) => {
        $crate::parse::shape::Word {
            word: $word,
            doc: $doc,
        }
    };
}

/// A mapping with known keys.
macro_rules! record {
    ($name:expr, $keys:expr $(,)?) => {
        $crate::parse::shape::Record {
            name: $name,
            keys: $keys,
            one_of: &[],
            needs: &[],
        }
    };
}

pub(crate) use {key, record, required, word};

pub(crate) static TEXT: Shape = Shape::Scalar(Format::Text);
pub(crate) static NAME: Shape = Shape::Scalar(Format::Name);
pub(crate) static SCALAR: Shape = Shape::Scalar(Format::Scalar);
pub(crate) static BOOL: Shape = Shape::Scalar(Format::Bool);
pub(crate) static SECRET: Shape = Shape::Scalar(Format::Secret);
pub(crate) static COUNT: Shape = Shape::Scalar(Format::Int(1, u32::MAX as i64));
pub(crate) static DURATION: Shape = Shape::Scalar(Format::Duration);
pub(crate) static LASTING: Shape = Shape::Scalar(Format::Lasting);
pub(crate) static INSTANT: Shape = Shape::Scalar(Format::Instant);
pub(crate) static NAMES: Shape = Shape::List(&NAME);
pub(crate) static NAME_OR_NAMES: Shape = Shape::Either(&[&NAME, &NAMES]);
