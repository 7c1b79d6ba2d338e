//! From YAML text to a tree of placed values. The only file that knows the YAML library.
//!
//! The library's typed reader stops at its first error and its own values know no places, so this builds the tree from
//! the library's events and leaves all judgement to `check`. Doubled keys are refused here, since a tree that kept both
//! would have to choose one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Key, Node, Pos, Scalar, Value};
use super::report::Report;
use super::shape::FREE;
use super::{File, limits};

/// Up to this size doubled keys are looked for pair by pair.
const SMALL_MAP: usize = 16;

/// Reads one file. `None` when it cannot be read at all, which is reported.
pub(crate) fn read<'s>(file: &'s File, report: &mut Report<'s>) -> Option<Node<'s>> {
    let index = report.file(file);
    if file.text.len() > limits::FILE_BYTES {
        let message = format!("the file is larger than {} MiB", limits::FILE_BYTES >> 20);
        report.error(
            Pos {
                file: index,
                line: 1,
                column: 1,
                length: 1,
            },
            "limit",
            message,
        );
        return None;
    }
    let mut builder = Builder {
        report,
        file: index,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        aliased: 0,
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str(&file.text) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => Err(Stop::Syntax(Box::new(error))),
        };
        if let Err(stop) = taken {
            builder.stopped(stop);
            return None;
        }
    }
    let start = Pos {
        file: index,
        line: 1,
        column: 1,
        length: 1,
    };
    let mut root = builder.root.unwrap_or_else(|| Node {
        pos: start,
        value: Value::Scalar(Scalar {
            text: "".into(),
            plain: true,
        }),
    });
    // Their anchors are written out by now.
    if let Some(entries) = root.entries_mut() {
        entries.retain(|(key, _)| !key.name.starts_with(FREE));
    }
    Some(root)
}

/// Why a file is not read to its end.
enum Stop {
    Syntax(Box<ScanError>),
    Limit(Pos, String),
}

/// A list or a mapping whose end has not come.
struct Open<'s> {
    pos: Pos,
    anchor: usize,
    /// Values counted before it, to know its size.
    before: usize,
    /// The deepest level within it.
    depth: usize,
    content: Content<'s>,
}

enum Content<'s> {
    List(Vec<Node<'s>>),
    Map {
        entries: Vec<(Key<'s>, Node<'s>)>,
        key: Option<PendingKey<'s>>,
    },
}

/// A key whose value has not come.
enum PendingKey<'s> {
    Name(Key<'s>),
    /// A list or mapping as a key, already reported.
    Unusable,
}

/// An anchored value with what it costs to repeat it.
struct Anchored<'s> {
    node: Node<'s>,
    size: usize,
    depth: usize,
}

struct Builder<'r, 's> {
    report: &'r mut Report<'s>,
    file: u16,
    open: Vec<Open<'s>>,
    anchors: BTreeMap<usize, Anchored<'s>>,
    nodes: usize,
    aliased: usize,
    root: Option<Node<'s>>,
    documents: usize,
}

impl<'s> Builder<'_, 's> {
    fn take(&mut self, event: Event<'s>, span: &Span) -> Result<(), Stop> {
        let pos = self.pos(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), pos);
                let node = Node {
                    pos,
                    value: Value::Scalar(Scalar { text, plain }),
                };
                self.complete(node, anchor, 1, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), pos);
                self.begin(pos, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_text(tag.as_deref(), pos);
                self.begin(
                    pos,
                    anchor,
                    Content::Map {
                        entries: Vec::new(),
                        key: None,
                    },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, pos),
            Event::UnresolvedAlias(name) => {
                self.report.error(
                    pos,
                    "syntax",
                    format!("the alias `*{name}` names no anchor"),
                );
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.report.help(
                        pos,
                        "syntax",
                        "a second document begins here",
                        "write one document per file",
                    );
                }
                Ok(())
            }
            // What carries no values: ends of documents, comments, and what the library may add to its open enum.
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::Comment(..)
            | _ => Ok(()),
        }
    }

    fn stopped(&mut self, stop: Stop) {
        match stop {
            Stop::Syntax(error) => {
                let mark = error.marker();
                let pos = place(self.file, mark.line(), mark.col(), 1);
                self.report
                    .error(pos, "syntax", format!("this is not YAML: {}", error.info()));
            }
            Stop::Limit(pos, message) => self.report.error(pos, "limit", message),
        }
    }

    /// Whether a tag says that this is a text; other tags are refused.
    fn is_text(&mut self, tag: Option<&Tag>, pos: Pos) -> bool {
        let Some(tag) = tag else { return false };
        let text = tag.is_yaml_core_schema_tag("str");
        if !text {
            self.report.help(
                pos,
                "syntax",
                "tags mean nothing here",
                "remove the part with the `!`",
            );
        }
        text
    }

    fn begin(&mut self, pos: Pos, anchor: usize, content: Content<'s>) -> Result<(), Stop> {
        if self.open.len() >= limits::DEPTH {
            return Err(Stop::Limit(
                pos,
                format!("more than {} levels within each other", limits::DEPTH),
            ));
        }
        self.open.push(Open {
            pos: Pos { length: 1, ..pos },
            anchor,
            before: self.nodes,
            depth: 0,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(Open {
            pos,
            anchor,
            before,
            depth,
            content,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => {
                let entries = self.merged(entries);
                Value::Map(self.unique(entries))
            }
        };
        let size = self.nodes - before;
        self.complete(Node { pos, value }, anchor, size + 1, depth + 1)
    }

    /// Hands a complete value to what it lies in.
    fn complete(
        &mut self,
        node: Node<'s>,
        anchor: usize,
        size: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > limits::NODES {
            return Err(Stop::Limit(
                node.pos,
                format!("more than {} values in one file", limits::NODES),
            ));
        }
        if anchor > 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    size,
                    depth,
                },
            );
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        parent.depth = parent.depth.max(depth);
        match &mut parent.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                None => *key = Some(pending(node, self.report)),
                Some(PendingKey::Name(key)) => entries.push((key, node)),
                Some(PendingKey::Unusable) => {}
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, pos: Pos) -> Result<(), Stop> {
        // An alias within its own anchor has no value yet.
        let Some(Anchored { node, size, depth }) = self.anchors.get(&anchor) else {
            return Err(Stop::Limit(
                pos,
                "the alias stands within the value it repeats".to_owned(),
            ));
        };
        let (size, depth) = (*size, *depth);
        self.aliased += size;
        if self.aliased > limits::ALIASED_NODES || self.open.len() + depth > limits::DEPTH {
            return Err(Stop::Limit(
                pos,
                "aliases make the file too large".to_owned(),
            ));
        }
        let node = node.clone();
        self.nodes += size - 1;
        self.complete(node, 0, size, depth)
    }

    /// Writes out `<<: *anchor`: keys of the mapping itself beat merged ones, earlier merged ones later.
    fn merged(&mut self, entries: Vec<(Key<'s>, Node<'s>)>) -> Vec<(Key<'s>, Node<'s>)> {
        if entries.iter().all(|(key, _)| key.name != "<<") {
            return entries;
        }
        let (merges, mut entries): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| key.name == "<<");
        let mut names: BTreeSet<Cow<'s, str>> =
            entries.iter().map(|(key, _)| key.name.clone()).collect();
        for (key, node) in merges {
            for source in node.one_or_many() {
                let Value::Map(repeated) = &source.value else {
                    self.report.help(
                        key.pos,
                        "syntax",
                        "`<<` merges mappings only",
                        "write `<<: *anchor` of a mapping",
                    );
                    continue;
                };
                let new: Vec<_> = repeated
                    .iter()
                    .filter(|(key, _)| names.insert(key.name.clone()))
                    .cloned()
                    .collect();
                entries.extend(new);
            }
        }
        entries
    }

    /// Refuses keys that are written twice and keeps the first.
    fn unique(&mut self, mut entries: Vec<(Key<'s>, Node<'s>)>) -> Vec<(Key<'s>, Node<'s>)> {
        let doubled = doubled(&entries);
        for (first, second) in &doubled {
            let (first, second) = (&entries[*first].0, &entries[*second].0);
            let message = format!("`{}` is written twice", second.name);
            self.report.help(
                second.pos,
                "doubled-key",
                message,
                format!("it stands in line {} already", first.pos.line),
            );
        }
        let doubled: BTreeSet<usize> = doubled.into_iter().map(|(_, second)| second).collect();
        if !doubled.is_empty() {
            let mut index = 0;
            entries.retain(|_| {
                index += 1;
                !doubled.contains(&(index - 1))
            });
        }
        entries
    }

    fn pos(&self, span: &Span) -> Pos {
        let (start, end) = (span.start, span.end);
        let length = if start.line() == end.line() {
            end.col().saturating_sub(start.col())
        } else {
            1
        };
        place(self.file, start.line(), start.col(), length)
    }
}

/// Pairs of positions of equal keys: the first, and each that repeats it.
fn doubled(entries: &[(Key<'_>, Node<'_>)]) -> Vec<(usize, usize)> {
    let name = |index: usize| &entries[index].0.name;
    if entries.len() <= SMALL_MAP {
        let repeats = |second: usize| {
            (0..second)
                .find(|first| name(*first) == name(second))
                .map(|first| (first, second))
        };
        return (1..entries.len()).filter_map(repeats).collect();
    }
    let mut sorted: Vec<usize> = (0..entries.len()).collect();
    sorted.sort_by_key(|index| (name(*index), *index));
    let groups = sorted.chunk_by(|one, other| name(*one) == name(*other));
    groups
        .flat_map(|group| group.iter().skip(1).map(|second| (group[0], *second)))
        .collect()
}

fn pending<'s>(node: Node<'s>, report: &mut Report<'s>) -> PendingKey<'s> {
    match node.value {
        Value::Scalar(scalar) => PendingKey::Name(Key {
            name: scalar.text,
            pos: node.pos,
        }),
        Value::List(_) | Value::Map(_) => {
            report.help(
                node.pos,
                "syntax",
                "a key must be a single word",
                "put `${...}` and `{...}` in quotes",
            );
            PendingKey::Unusable
        }
    }
}

fn place(file: u16, line: usize, column: usize, length: usize) -> Pos {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Pos {
        file,
        line: number(line),
        column: number(column).saturating_add(1),
        length: number(length).max(1),
    }
}
