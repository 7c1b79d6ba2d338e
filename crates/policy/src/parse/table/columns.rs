//! Which key of a customer does a heading mean? Read off the shape of a customer, so that no key is named here.

use std::collections::BTreeMap;

use super::super::check::listed;
use super::super::node::Pos;
use super::super::report::Report;
use super::super::shape::{FREE, Format, Record, Shape};
use super::cells::Cell;
use crate::parse::format;
use crate::suggest::nearest;

/// The heading of what commands call a customer.
const KEY: &str = "key";

/// Stands for a name of one's own where columns are listed.
const NAME: &str = "NAME";

/// What a column holds.
pub(super) enum Column {
    /// The customer's key.
    Key,
    /// The value at the end of a path of keys.
    Path(Vec<String>, Leaf),
    /// What nobody reads: its heading begins with `x-`.
    Free(String),
    /// Nothing, as it has no heading.
    Blank,
    /// A mistake that is reported already.
    Mistaken,
}

/// How a cell becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// It is one.
    One {
        /// Whether it is a number, or true or false, rather than a text.
        plain: bool,
    },
    /// It is a list.
    Many {
        /// As above, of each.
        plain: bool,
    },
    /// It is a list if it is written as one.
    OneOrMany {
        /// As above.
        plain: bool,
    },
}

impl Leaf {
    pub(super) fn is_plain(self) -> bool {
        match self {
            Self::One { plain } | Self::Many { plain } | Self::OneOrMany { plain } => plain,
        }
    }
}

/// The columns of a table, left to right. `None`, reported, if they do not say whose the rows are.
pub(super) fn read(
    headings: &[Cell<'_>],
    customer: &'static Record,
    report: &mut Report<'_>,
) -> Option<Vec<Column>> {
    let mut first: BTreeMap<&str, Pos> = BTreeMap::new();
    let mut columns = Vec::with_capacity(headings.len());
    for heading in headings {
        let name = &*heading.text;
        let before = first.get(name).filter(|_| !name.is_empty());
        if let Some(before) = before {
            let help = format!("it stands in column {} of this line already", before.column);
            let message = format!("the column `{name}` is written twice");
            report.help(heading.pos, "doubled-key", message, help);
            columns.push(Column::Mistaken);
            continue;
        }
        first.insert(name, heading.pos);
        let column = column(name, customer).and_then(|column| beside(column, &columns));
        columns.push(column.unwrap_or_else(|wrong| {
            report.help(heading.pos, "unknown-key", wrong.message, wrong.help);
            Column::Mistaken
        }));
    }
    if !columns.iter().any(|column| matches!(column, Column::Key)) {
        let pos = headings.first().map_or(Pos::default(), |cell| cell.pos);
        let message = format!("a table of customers needs the column `{KEY}`");
        let help = "it says what commands call the customer, such as `acme-corp`; the first row names the columns";
        report.help(pos, "missing-key", message, help);
        return None;
    }
    Some(columns)
}

/// The names of all columns.
pub(super) fn all(customer: &'static Record) -> Vec<String> {
    let mut names = vec![KEY.to_owned()];
    below(&mut names, "", &Shape::Record(customer));
    names
}

fn below(names: &mut Vec<String>, path: &str, shape: &Shape) {
    let longer = |key: &str| match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    };
    if leaf(shape).is_some() {
        names.push(path.to_owned());
    }
    match shape {
        Shape::Record(record) => {
            for key in record.keys {
                below(names, &longer(key.name), key.shape);
            }
        }
        Shape::Dict(of) | Shape::Removable(of) => below(names, &longer(NAME), of),
        Shape::Fragment(of) => below(names, path, of),
        Shape::Either(shapes) => {
            if let Some(mapping) = shapes.iter().find(|shape| is_mapping(shape)) {
                below(names, path, mapping);
            }
        }
        Shape::Scalar(_) | Shape::Words(_) | Shape::List(_) | Shape::Filled(_) | Shape::Any => {}
    }
}

/// Why a heading means nothing.
struct Wrong {
    message: String,
    help: String,
}

fn column(heading: &str, customer: &'static Record) -> Result<Column, Wrong> {
    match heading {
        "" => Ok(Column::Blank),
        KEY => Ok(Column::Key),
        free if free.starts_with(FREE) => Ok(Column::Free(free.to_owned())),
        _ => {
            let path: Vec<&str> = heading.split('.').collect();
            let leaf = Walk { heading, done: "" }.record(customer, &path)?;
            let path = path.into_iter().map(str::to_owned).collect();
            Ok(Column::Path(path, leaf))
        }
    }
}

/// Refuses a column whose value would take the place of what others say.
fn beside(column: Column, others: &[Column]) -> Result<Column, Wrong> {
    let Column::Path(path, _) = &column else {
        return Ok(column);
    };
    let taken = others.iter().find_map(|other| match other {
        Column::Path(other, _) if other.starts_with(path) || path.starts_with(other) => Some(other),
        Column::Path(..) | Column::Key | Column::Free(_) | Column::Blank | Column::Mistaken => None,
    });
    match taken.map(|other| other.join(".")) {
        None => Ok(column),
        Some(other) => Err(Wrong {
            message: format!("`{}` and `{other}` are the same key", path.join(".")),
            help: "remove one of the two columns".to_owned(),
        }),
    }
}

/// On the way from a customer to the value that a heading means.
#[derive(Clone, Copy)]
struct Walk<'h> {
    heading: &'h str,
    /// What lies behind, with its dot.
    done: &'h str,
}

impl Walk<'_> {
    fn at(self, shape: &Shape, path: &[&str]) -> Result<Leaf, Wrong> {
        if path.is_empty() {
            return leaf(shape).ok_or_else(|| self.holds_more(shape));
        }
        match shape {
            Shape::Record(record) => self.record(record, path),
            Shape::Dict(of) | Shape::Removable(of) => {
                format::check_name(path[0]).map_err(|wrong| Wrong {
                    message: wrong.message,
                    help: wrong.help,
                })?;
                self.beyond(path[0]).at(of, &path[1..])
            }
            Shape::Fragment(of) => self.at(of, path),
            Shape::Either(shapes) => match shapes.iter().find(|shape| is_mapping(shape)) {
                Some(mapping) => self.at(mapping, path),
                None => Err(self.holds_less()),
            },
            Shape::Scalar(_) | Shape::Words(_) | Shape::List(_) | Shape::Filled(_) | Shape::Any => {
                Err(self.holds_less())
            }
        }
    }

    fn record(self, record: &Record, path: &[&str]) -> Result<Leaf, Wrong> {
        let Some((name, rest)) = path.split_first() else {
            return Err(self.holds_more(&Shape::Any));
        };
        if let Some(key) = record.keys.iter().find(|key| key.name == *name) {
            return self.beyond(name).at(key.shape, rest);
        }
        let is_first = self.done.is_empty();
        let known = || {
            let key = is_first.then_some(KEY);
            key.into_iter()
                .chain(record.keys.iter().map(|key| key.name))
        };
        let rest = rest
            .iter()
            .fold(String::new(), |all, part| all + "." + part);
        let help = match nearest(name, known()) {
            Some(near) => format!("did you mean `{}{near}{rest}`?", self.done),
            None => format!(
                "its keys are {}; a column of your own begins with `{FREE}`",
                listed(known(), "and")
            ),
        };
        Err(Wrong {
            message: format!(
                "`{}` is not a column: `{name}` is not a key of {}",
                self.heading, record.name
            ),
            help,
        })
    }

    fn beyond(self, part: &str) -> Self {
        let done = self.done.len() + part.len() + 1;
        Self {
            done: self.heading.get(..done).unwrap_or(self.heading),
            ..self
        }
    }

    fn holds_more(self, shape: &Shape) -> Wrong {
        let mut names = Vec::new();
        below(&mut names, self.heading, shape);
        let help = match names.is_empty() {
            true => "write it into customers.yaml by hand".to_owned(),
            false => format!("write {}", listed(names.iter().map(String::as_str), "and")),
        };
        Wrong {
            message: format!(
                "`{}` holds several values, each of which is a column",
                self.heading
            ),
            help,
        }
    }

    fn holds_less(self) -> Wrong {
        let whole = self.done.trim_end_matches('.');
        Wrong {
            message: format!("`{}` is not a column", self.heading),
            help: format!("there is nothing below `{whole}`, which is a column itself"),
        }
    }
}

/// How the cells of a column with this shape are read, if a cell can hold it.
fn leaf(shape: &Shape) -> Option<Leaf> {
    match shape {
        Shape::Scalar(format) => Some(Leaf::One {
            plain: is_plain(*format),
        }),
        Shape::Words(_) | Shape::Any => Some(Leaf::One { plain: false }),
        Shape::List(of) | Shape::Filled(of) => match leaf(of)? {
            Leaf::One { plain } => Some(Leaf::Many { plain }),
            Leaf::Many { .. } | Leaf::OneOrMany { .. } => None,
        },
        Shape::Record(_) | Shape::Dict(_) | Shape::Removable(_) => None,
        Shape::Fragment(of) => leaf(of),
        Shape::Either(shapes) => {
            let mut leaves = shapes.iter().filter_map(|shape| leaf(shape));
            match (leaves.next()?, leaves.next()) {
                (one, None) => Some(one),
                (Leaf::One { plain }, Some(_)) => Some(Leaf::OneOrMany { plain }),
                (Leaf::Many { .. } | Leaf::OneOrMany { .. }, Some(_)) => None,
            }
        }
    }
}

/// Whether a format is written without quotes in YAML: a cell has none to tell by.
fn is_plain(format: Format) -> bool {
    match format {
        Format::Bool | Format::Int(..) | Format::Positive => true,
        Format::Text
        | Format::Name
        | Format::Scalar
        | Format::Duration
        | Format::Lasting
        | Format::Zone
        | Format::ZoneOrCustomer
        | Format::Instant
        | Format::LiveOrInstant
        | Format::Moment
        | Format::Cron
        | Format::Batch
        | Format::Tolerance
        | Format::Percent
        | Format::WholePercent(_)
        | Format::Date
        | Format::Url
        | Format::Path
        | Format::Secret => false,
    }
}

fn is_mapping(shape: &Shape) -> bool {
    match shape {
        Shape::Record(_) | Shape::Dict(_) | Shape::Removable(_) => true,
        Shape::Fragment(of) => is_mapping(of),
        Shape::Scalar(_)
        | Shape::Words(_)
        | Shape::List(_)
        | Shape::Filled(_)
        | Shape::Either(_)
        | Shape::Any => false,
    }
}
