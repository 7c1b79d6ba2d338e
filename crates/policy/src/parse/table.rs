//! The fleet as a table (CSV): a row a customer, a column a key.
//!
//! The table becomes the same tree as `customers.yaml` would, each value with the place of its cell; from there on it is
//! checked and read like any other file, and every mistake names its cell. `cells` cuts the text, `columns` says which key
//! a heading means, by the shape of a customer alone: what a customer may say, a column may.

mod cells;
mod columns;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::cells::{Cell, Rows};
use self::columns::{Column, Leaf};
use super::node::{Key, Node, Pos, Scalar, Value};
use super::report::Report;
use super::shapes::customers::CUSTOMER;
use super::{CUSTOMERS, Config, Diagnostic, File, Sources, Trees, check, cross, limits, read};
use crate::settings::Fleet;
use crate::settings::server::Server;

/// The key of `customers.yaml` below which the fleet stands.
const FLEET: &str = "customers";

/// What stands between the items of a list within a cell.
pub const SEPARATOR: char = '|';

/// A table that has no mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What `customers.yaml` has to say.
    pub file: Json,
    /// The same as its text, in the order of rows and columns.
    pub text: String,
    /// The same, typed.
    pub fleet: Fleet,
    /// The headings of columns that are left out because they begin with `x-`.
    pub free: Vec<String>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Diagnostic>,
}

impl Table {
    /// Reads a table as the `customers` of a project, and checks all of it together; the project as it would be.
    ///
    /// # Errors
    /// Every mistake of the table and of the other files.
    pub fn within(sources: &Sources) -> Result<(Self, Config), Vec<Diagnostic>> {
        let mut report = Report::new();
        let project = super::tree(sources, &sources.project, &mut report);
        let (policies, unread) = Trees::read_policies(sources, &mut report);
        let read = fleet(&sources.customers, &mut report);
        let (customers, free) = read.map_or((None, Vec::new()), |read| (Some(read.0), read.1));
        let trees = Trees {
            project,
            customers,
            policies,
            unread,
            calendars: &sources.calendars,
        };
        let config = trees.config(report, None)?;
        let customers = trees.customers.unwrap_or_else(|| Node::map(Pos::default()));
        let table = Self {
            file: customers.to_json(),
            text: text::text(&customers),
            fleet: config.fleet.clone(),
            free,
            warnings: config.warnings.clone(),
        };
        Ok((table, config))
    }

    /// Reads a table where there is no project yet, and checks what concerns the customers alone.
    ///
    /// # Errors
    /// Every mistake of the table.
    pub fn alone(file: &File) -> Result<Self, Vec<Diagnostic>> {
        let mut report = Report::new();
        let Some((node, free)) = fleet(file, &mut report) else {
            return Err(report.finish().unwrap_or_else(|problems| problems));
        };
        check::check(&node, &CUSTOMERS, check::Mode::Whole, &mut report);
        let project = read::project::project(&Node::map(Pos::default()), &[]);
        let fleet = read::fleet::fleet(&node, project.timezone);
        let server = Server::default();
        let files = cross::CheckedFiles {
            project: &project,
            server: &server,
            project_node: None,
            fleet: &fleet,
            fleet_node: Some(&node),
            policies: &[],
            unread: &BTreeSet::new(),
            at: None,
            calendars: &[],
        };
        files.check_customers(&mut report);
        let warnings = report.finish()?;
        Ok(Self {
            file: node.to_json(),
            text: text::text(&node),
            fleet,
            free,
            warnings,
        })
    }
}

/// The names of the columns that a table may have, those with a name of one's own in them written with it in capitals.
pub fn columns() -> Vec<String> {
    columns::all(&CUSTOMER)
}

/// The tree of `customers.yaml`, and the headings that are left out. `None` if there is no table to speak of.
fn fleet<'s>(file: &'s File, report: &mut Report<'s>) -> Option<(Node<'s>, Vec<String>)> {
    let Rows { headings, rows } = cells::read(file, report)?;
    let columns = columns::read(&headings, &CUSTOMER, report)?;
    let mut customers = Vec::new();
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows {
        let Some((key, node)) = customer(&columns, row, report) else {
            continue;
        };
        if let Some(first) = lines.get(&*key.name) {
            let message = format!("the customer `{}` is written twice", key.name);
            let help = format!("it stands in line {first} already");
            report.help(key.pos, "doubled-key", message, help);
            continue;
        }
        lines.insert(key.name.clone().into_owned(), key.pos.line);
        customers.push((key, node));
    }
    let pos = headings.first().map_or(Pos::default(), |cell| cell.pos);
    if customers.is_empty() {
        let help = "write a row for each customer below the headings";
        report.help(pos, "empty", "there is no customer in this table", help);
    }
    let mut root = Node::map(pos);
    let fleet = Node {
        pos,
        value: Value::Map(customers),
    };
    root.set(name(FLEET, pos), fleet);
    let free = columns.into_iter().filter_map(|column| match column {
        Column::Free(heading) => Some(heading),
        Column::Key | Column::Blank | Column::Mistaken | Column::Path(..) => None,
    });
    Some((root, free.collect()))
}

/// The customer of a row; `None` if the row is empty, or does not say whose it is.
fn customer<'s>(
    columns: &[Column],
    row: Vec<Cell<'s>>,
    report: &mut Report<'s>,
) -> Option<(Key<'s>, Node<'s>)> {
    let first = row.iter().find(|cell| !cell.text.is_empty())?.pos;
    let mut key = None;
    let mut node = Node::map(first);
    for (at, cell) in row.into_iter().enumerate() {
        if cell.text.is_empty() {
            continue;
        }
        match columns.get(at) {
            Some(Column::Key) => {
                node.pos = cell.pos;
                key = Some(Key {
                    name: cell.text,
                    pos: cell.pos,
                });
            }
            Some(Column::Path(path, leaf)) => put(&mut node, path, value(cell, *leaf)),
            Some(Column::Free(_) | Column::Mistaken) => {}
            Some(Column::Blank) | None => {
                let help = "name the key above it, or leave the cell empty";
                report.help(cell.pos, "unknown-key", "this column has no heading", help);
            }
        }
    }
    let Some(key) = key else {
        let help = "the column `key` says what commands call the customer, such as `acme-corp`";
        report.help(first, "missing-key", "this row has no `key`", help);
        return None;
    };
    Some((key, node))
}

/// Sets the value at the end of a path of keys.
fn put<'s>(node: &mut Node<'s>, path: &[String], value: Node<'s>) {
    let Some((last, before)) = path.split_last() else {
        return;
    };
    let pos = value.pos;
    let mut node = node;
    for key in before {
        if node.get(key).is_none() {
            node.set(name(key.clone(), pos), Node::map(pos));
        }
        let mut below = node.entries_mut().into_iter().flatten();
        match below.find(|(name, _)| name.name == *key) {
            Some((_, next)) => node = next,
            None => return,
        }
    }
    node.set(name(last.clone(), pos), value);
}

fn value(cell: Cell<'_>, leaf: Leaf) -> Node<'_> {
    let pos = cell.pos;
    let scalar = |text, pos| Node {
        pos,
        value: Value::Scalar(Scalar {
            text,
            plain: leaf.is_plain(),
        }),
    };
    let is_list = match leaf {
        Leaf::One { .. } => false,
        Leaf::Many { .. } => true,
        Leaf::OneOrMany { .. } => cell.text.contains(SEPARATOR),
    };
    if !is_list {
        return scalar(cell.text, pos);
    }
    let items = cell.text.split(SEPARATOR).map(str::trim);
    let items = items.filter(|item| !item.is_empty());
    let items = items.map(|item| scalar(item.to_owned().into(), pos));
    Node {
        pos,
        value: Value::List(items.collect()),
    }
}

fn name<'s>(name: impl Into<Cow<'s, str>>, pos: Pos) -> Key<'s> {
    Key {
        name: name.into(),
        pos,
    }
}

/// The place of a file as a whole.
fn whole(file: u16) -> Pos {
    Pos {
        file,
        line: 1,
        column: 1,
        length: 1,
    }
}

/// Reports a table that is too large.
fn too_large(report: &mut Report<'_>, pos: Pos, what: &str, most: usize) {
    report.error(pos, "limit", format!("more than {most} {what}"));
}

/// Whether a table is within its limits, so far.
fn is_too_large(rows: usize, columns: usize) -> Option<(&'static str, usize)> {
    if rows > limits::ROWS {
        return Some(("rows", limits::ROWS));
    }
    (columns > limits::COLUMNS).then_some(("columns", limits::COLUMNS))
}
