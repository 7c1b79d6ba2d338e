//! Which phase comes after which (R4): a graph of policies, ordered or refused.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::ids::PolicyId;
use crate::rules::Policy;

/// Phases that come after each other in a circle, named in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<String>);

/// The policies in topological order, ties by name, each with the policies it comes after. Names that do not exist are
/// passed over: `parse` refuses them.
///
/// # Errors
/// [`Cycle`], naming one from its first name on.
pub fn order<'p>(
    policies: impl IntoIterator<Item = &'p Policy>,
) -> Result<Vec<(&'p Policy, Vec<PolicyId>)>, Cycle> {
    let graph = graph(policies);
    let mut waiting: Vec<usize> = graph
        .node_indices()
        .map(|node| graph.neighbors_directed(node, Direction::Incoming).count())
        .collect();
    // Nodes were added in the order of their names, so the smallest ready index is the first name.
    let mut ready: BTreeSet<NodeIndex> = graph
        .node_indices()
        .filter(|node| waiting[node.index()] == 0)
        .collect();
    let mut ordered = Vec::with_capacity(graph.node_count());
    while let Some(node) = ready.pop_first() {
        let after = graph.neighbors_directed(node, Direction::Incoming);
        let after: BTreeSet<PolicyId> = after.map(|before| graph[before].name.clone()).collect();
        ordered.push((graph[node], after.into_iter().collect()));
        for next in graph.neighbors_directed(node, Direction::Outgoing) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                ready.insert(next);
            }
        }
    }
    if ordered.len() == graph.node_count() {
        Ok(ordered)
    } else {
        Err(Cycle(cycle(&graph, &waiting)))
    }
}

/// An edge leads from each policy to those that come after it.
fn graph<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> DiGraph<&'p Policy, ()> {
    let policies: BTreeMap<&PolicyId, &Policy> = policies
        .into_iter()
        .map(|policy| (&policy.name, policy))
        .collect();
    let mut graph = DiGraph::new();
    let nodes: BTreeMap<&PolicyId, NodeIndex> = policies
        .iter()
        .map(|(name, policy)| (*name, graph.add_node(*policy)))
        .collect();
    for policy in policies.values() {
        for before in policy.after.iter().filter_map(|name| nodes.get(name)) {
            graph.update_edge(*before, nodes[&policy.name], ());
        }
    }
    graph
}

/// Names one cycle: from any node that never became ready, walking back along what it waits for must meet itself.
fn cycle(graph: &DiGraph<&Policy, ()>, waiting: &[usize]) -> Vec<String> {
    let stuck = |node: &NodeIndex| waiting[node.index()] > 0;
    let mut path: Vec<NodeIndex> = Vec::new();
    let mut next = graph.node_indices().find(stuck);
    while let Some(node) = next {
        if let Some(met) = path.iter().position(|seen| *seen == node) {
            let mut round = path.split_off(met);
            round.reverse();
            let first = round
                .iter()
                .enumerate()
                .min_by_key(|(_, node)| **node)
                .map_or(0, |(at, _)| at);
            round.rotate_left(first);
            round.extend(round.first().copied());
            return round
                .into_iter()
                .map(|node| graph[node].name.to_string())
                .collect();
        }
        path.push(node);
        next = graph
            .neighbors_directed(node, Direction::Incoming)
            .filter(stuck)
            .min();
    }
    Vec::new()
}

/// Keeps only some of an ordered list; what a kept policy came after through one that is gone, it still comes after.
pub(crate) fn narrowed(
    ordered: Vec<(&Policy, Vec<PolicyId>)>,
    keep: impl Fn(&PolicyId) -> bool,
) -> Vec<(&Policy, Vec<PolicyId>)> {
    let mut reach: BTreeMap<PolicyId, BTreeSet<PolicyId>> = BTreeMap::new();
    let mut kept = Vec::new();
    for (policy, after) in ordered {
        let kept_before: BTreeSet<PolicyId> = after
            .into_iter()
            .flat_map(|name| {
                if keep(&name) {
                    BTreeSet::from([name])
                } else {
                    reach.get(&name).cloned().unwrap_or_default()
                }
            })
            .collect();
        if keep(&policy.name) {
            kept.push((policy, kept_before.iter().cloned().collect()));
        }
        reach.insert(policy.name.clone(), kept_before);
    }
    kept
}
