//! From text to cells, each with its place (RFC 4180).
//!
//! What spreadsheets write differs: the delimiter is that of the headings, or what a first line `sep=;` says; spaces
//! around a cell are no part of it; lines may end in any of the three ways. A cell is text whatever it begins with.

use std::borrow::Cow;

use super::super::node::Pos;
use super::super::report::Report;
use super::super::{File, limits};
use super::{is_too_large, too_large, whole};

/// What may stand between cells; the first where the headings show none.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// What some spreadsheets write above the headings to say what stands between cells.
const SAYS_DELIMITER: &str = "sep=";

/// The table, row by row; no row is longer than what stands in it.
pub(super) struct Rows<'s> {
    pub(super) headings: Vec<Cell<'s>>,
    pub(super) rows: Vec<Vec<Cell<'s>>>,
}

/// A cell without the spaces around it.
pub(super) struct Cell<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) pos: Pos,
}

/// Cuts a file. `None`, reported, where it is no table.
pub(super) fn read<'s>(file: &'s File, report: &mut Report<'s>) -> Option<Rows<'s>> {
    let index = report.file(file);
    if file.text.len() > limits::FILE_BYTES {
        let message = format!("the file is larger than {} MiB", limits::FILE_BYTES >> 20);
        report.error(whole(index), "limit", message);
        return None;
    }
    let mut scanner = Scanner::new(&file.text, index);
    let mut rows = Vec::new();
    loop {
        match scanner.row() {
            Ok(None) => break,
            Ok(Some(row)) => {
                let pos = row.first().map_or(whole(index), |cell| cell.pos);
                if let Some((what, most)) = is_too_large(rows.len(), row.len()) {
                    too_large(report, pos, what, most);
                    return None;
                }
                rows.push(row);
            }
            Err(wrong) => {
                report.help(wrong.pos, "syntax", wrong.message, wrong.help);
                return None;
            }
        }
    }
    let mut rows = rows.into_iter();
    let is_empty = |row: &Vec<Cell<'_>>| row.iter().all(|cell| cell.text.is_empty());
    let Some(headings) = rows.find(|row| !is_empty(row)) else {
        let help =
            "write headings such as `key,tier,services.backend.id`, and a row for each customer";
        report.help(whole(index), "empty", "the file is empty", help);
        return None;
    };
    Some(Rows {
        headings,
        rows: rows.filter(|row| !is_empty(row)).collect(),
    })
}

/// Why the rest of a file cannot be cut.
struct Wrong {
    pos: Pos,
    message: &'static str,
    help: &'static str,
}

/// Walks through the text, and knows where it is.
struct Scanner<'s> {
    rest: &'s str,
    file: u16,
    line: u32,
    column: u32,
    delimiter: char,
}

impl<'s> Scanner<'s> {
    fn new(text: &'s str, file: u16) -> Self {
        let mut scanner = Self {
            rest: text,
            file,
            line: 1,
            column: 1,
            delimiter: DELIMITERS[0],
        };
        let first = text.lines().next().unwrap_or_default();
        let said = first.strip_prefix(SAYS_DELIMITER);
        let mut said = said.into_iter().flat_map(str::chars);
        match (said.next(), said.next()) {
            (Some(delimiter), None) if delimiter != '"' => {
                scanner.delimiter = delimiter;
                while scanner.peek().is_some_and(|c| !is_line_end(c)) {
                    scanner.step();
                }
                scanner.step_line_end();
            }
            (_, _) => scanner.delimiter = delimiter_of(text),
        }
        scanner
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.column = self.column.saturating_add(1);
        Some(c)
    }

    /// Goes over the end of a line, if here is one.
    fn step_line_end(&mut self) -> Option<&'s str> {
        let ends = ["\r\n", "\n", "\r"];
        let end = ends.into_iter().find(|end| self.rest.starts_with(end))?;
        self.rest = &self.rest[end.len()..];
        self.line = self.line.saturating_add(1);
        self.column = 1;
        Some(end)
    }

    fn pos(&self) -> Pos {
        Pos {
            file: self.file,
            line: self.line,
            column: self.column,
            length: 1,
        }
    }

    fn is_space(&self, c: char) -> bool {
        c != self.delimiter && !is_line_end(c) && c.is_whitespace()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|c| self.is_space(c)) {
            self.step();
        }
    }

    fn row(&mut self) -> Result<Option<Vec<Cell<'s>>>, Wrong> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Vec::new();
        loop {
            row.push(self.cell()?);
            match self.peek() {
                Some(c) if c == self.delimiter => {
                    self.step();
                }
                Some(_) => {
                    self.step_line_end();
                    return Ok(Some(row));
                }
                None => return Ok(Some(row)),
            }
        }
    }

    /// One cell, up to what stands behind it.
    fn cell(&mut self) -> Result<Cell<'s>, Wrong> {
        self.skip_spaces();
        let pos = self.pos();
        let text = match self.peek() {
            Some('"') => self.quoted()?,
            Some(_) | None => self.bare(),
        };
        let length = match self.line == pos.line {
            true => text.chars().count(),
            false => 1,
        };
        let length = u32::try_from(length).unwrap_or(u32::MAX).max(1);
        Ok(Cell {
            text,
            pos: Pos { length, ..pos },
        })
    }

    fn bare(&mut self) -> Cow<'s, str> {
        let begin = self.rest;
        while let Some(c) = self.peek()
            && c != self.delimiter
            && !is_line_end(c)
        {
            self.step();
        }
        begin[..begin.len() - self.rest.len()].trim().into()
    }

    fn quoted(&mut self) -> Result<Cow<'s, str>, Wrong> {
        let opening = self.pos();
        self.step();
        let mut text = String::new();
        loop {
            if let Some(end) = self.step_line_end() {
                text.push_str(end);
                continue;
            }
            match self.step() {
                Some('"') if self.peek() == Some('"') => text.extend(self.step()),
                Some('"') => break,
                Some(c) => text.push(c),
                None => {
                    return Err(Wrong {
                        pos: opening,
                        message: "this quote is never closed",
                        help: "close it; a quote within quotes is written twice",
                    });
                }
            }
        }
        self.skip_spaces();
        match self.peek() {
            Some(c) if c != self.delimiter && !is_line_end(c) => Err(Wrong {
                pos: self.pos(),
                message: "the cell goes on behind its closing quote",
                help: "a quote within quotes is written twice",
            }),
            Some(_) | None => Ok(text.trim().to_owned().into()),
        }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// The delimiter that stands in the headings most often, outside of quotes.
fn delimiter_of(text: &str) -> char {
    let mut counts = DELIMITERS.map(|delimiter| (0_usize, delimiter));
    let mut is_quoted = false;
    let headings = text.trim_start_matches(is_line_end);
    for c in headings.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if is_line_end(c) && !is_quoted => break,
            c if !is_quoted => {
                for (count, delimiter) in &mut counts {
                    *count += usize::from(*delimiter == c);
                }
            }
            _ => {}
        }
    }
    // Of equals the last wins, and the first of them is the usual one.
    let most = counts.into_iter().rev().max_by_key(|(count, _)| *count);
    most.map_or(DELIMITERS[0], |(_, delimiter)| delimiter)
}
