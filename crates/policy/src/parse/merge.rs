//! Merging trees: what a fragment says beats what was there, mapping by mapping; `null` removes.

use super::node::{Key, Node};

/// Merges a fragment over a tree.
pub(super) fn merge<'t>(base: &mut Node<'t>, over: &Node<'t>) {
    match base.entries_mut() {
        Some(entries) if over.entries_are_map() => {
            for (key, node) in over.entries() {
                merge_entry(entries, key, node);
            }
        }
        Some(_) | None => *base = over.without_nulls(),
    }
}

fn merge_entry<'t>(entries: &mut Vec<(Key<'t>, Node<'t>)>, key: &Key<'t>, node: &Node<'t>) {
    if node.is_null() {
        entries.retain(|(name, _)| name.name != key.name);
        return;
    }
    match entries.iter_mut().find(|(name, _)| name.name == key.name) {
        Some((_, existing)) => merge(existing, node),
        None => entries.push((key.clone(), node.without_nulls())),
    }
}

impl<'t> Node<'t> {
    fn entries_are_map(&self) -> bool {
        self.kind() == super::node::Kind::Map
    }

    /// The same without the keys that a fragment removes from nothing.
    fn without_nulls(&self) -> Node<'t> {
        let mut node = self.clone();
        if let Some(entries) = node.entries_mut() {
            entries.retain(|(_, value)| !value.is_null());
            for (_, value) in entries {
                *value = value.without_nulls();
            }
        }
        node
    }
}
