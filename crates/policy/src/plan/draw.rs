//! A plan as a picture: Graphviz and Mermaid.

use std::fmt::Write as _;

use super::{Phase, Plan};
use crate::ids::CustomerId;

/// So many batches of a phase are drawn one by one; the middle of a longer phase is one node.
const BATCHES_DRAWN: usize = 12;

/// So many customers of a batch are named.
const CUSTOMERS_NAMED: usize = 5;

/// The plan in Graphviz's language.
pub fn dot(plan: &Plan) -> String {
    let mut out =
        String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    let title = format!("{} {}", plan.product, plan.release.version);
    line(&mut out, format_args!("  label={};", quoted(&title)));
    for (index, phase) in plan.phases.iter().enumerate() {
        line(&mut out, format_args!("  subgraph cluster_{index} {{"));
        line(
            &mut out,
            format_args!("    label={};", quoted(&phase_label(plan, phase))),
        );
        for node in nodes(plan, phase) {
            let shape = if node.gate { ", shape=diamond" } else { "" };
            line(
                &mut out,
                format_args!(
                    "    p{index}_{} [label={}{shape}];",
                    node.id,
                    quoted(&node.label)
                ),
            );
        }
        line(&mut out, format_args!("  }}"));
    }
    for edge in edges(plan) {
        let label = if edge.label.is_empty() {
            String::new()
        } else {
            format!(" [label={}]", quoted(&edge.label))
        };
        line(
            &mut out,
            format_args!("  {} -> {}{label};", edge.from, edge.to),
        );
    }
    out.push_str("}\n");
    out
}

/// The plan in Mermaid's language.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, phase) in plan.phases.iter().enumerate() {
        line(
            &mut out,
            format_args!(
                "  subgraph p{index}[{}]",
                entities(&phase_label(plan, phase))
            ),
        );
        for node in nodes(plan, phase) {
            let (open, close) = if node.gate { ("{", "}") } else { ("(", ")") };
            line(
                &mut out,
                format_args!(
                    "    p{index}_{}{open}{}{close}",
                    node.id,
                    entities(&node.label)
                ),
            );
        }
        line(&mut out, format_args!("  end"));
    }
    for edge in edges(plan) {
        let label = if edge.label.is_empty() {
            String::new()
        } else {
            format!("|{}|", entities(&edge.label))
        };
        line(
            &mut out,
            format_args!("  {} -->{label} {}", edge.from, edge.to),
        );
    }
    out
}

struct Node {
    /// Unique within its phase.
    id: String,
    label: String,
    gate: bool,
}

struct Edge {
    from: String,
    to: String,
    label: String,
}

/// The gate, if any, and the batches of a phase; one empty node for a phase without customers.
fn nodes(plan: &Plan, phase: &Phase) -> Vec<Node> {
    let gate = phase.policy.approval.as_ref().map(|approval| {
        let per = format!("{:?}", approval.per).to_lowercase();
        Node {
            id: "gate".to_owned(),
            label: format!("approval per {per}"),
            gate: true,
        }
    });
    let mut batches = Vec::new();
    let mut first = 0;
    for (index, size) in phase.sizes.iter().enumerate() {
        let customers = phase.customers.get(first..first + size).unwrap_or_default();
        first += size;
        if is_drawn(index, phase.sizes.len()) {
            let named: Vec<&str> = customers
                .iter()
                .take(CUSTOMERS_NAMED)
                .map(AsRef::as_ref)
                .collect();
            let more = size.saturating_sub(CUSTOMERS_NAMED);
            let more = if more > 0 {
                format!(", {more} more")
            } else {
                String::new()
            };
            let weight = weight_label(plan, phase, customers, "\n");
            batches.push(batch(
                index,
                format!("batch {}\n{}{more}{weight}", index + 1, named.join(", ")),
            ));
        } else if index == BATCHES_DRAWN - 1 {
            let last = phase.sizes.len() - 1;
            batches.push(batch(index, format!("batches {} to {last}", index + 1)));
        }
    }
    if batches.is_empty() {
        batches.push(batch(0, "nobody".to_owned()));
    }
    gate.into_iter().chain(batches).collect()
}

fn batch(index: usize, label: String) -> Node {
    Node {
        id: format!("b{index}"),
        label,
        gate: false,
    }
}

/// The first ones and the last are drawn; those between share the node before the last.
fn is_drawn(index: usize, count: usize) -> bool {
    count <= BATCHES_DRAWN + 1 || index < BATCHES_DRAWN - 1 || index == count - 1
}

fn edges(plan: &Plan) -> Vec<Edge> {
    let mut edges = Vec::new();
    let nodes: Vec<Vec<Node>> = plan.phases.iter().map(|phase| nodes(plan, phase)).collect();
    for (index, phase) in plan.phases.iter().enumerate() {
        let id = |phase: usize, node: &Node| format!("p{phase}_{}", node.id);
        for pair in nodes[index].windows(2) {
            let [one, other] = pair else { continue };
            let delayed = !one.gate && !phase.policy.delay.is_zero();
            let label = if delayed {
                phase.policy.delay.to_string()
            } else {
                String::new()
            };
            edges.push(Edge {
                from: id(index, one),
                to: id(index, other),
                label,
            });
        }
        for before in &phase.after {
            let (Some(last), Some(first)) = (nodes[*before].last(), nodes[index].first()) else {
                continue;
            };
            let label = between(&plan.phases[*before], phase);
            edges.push(Edge {
                from: id(*before, last),
                to: id(index, first),
                label,
            });
        }
    }
    edges
}

fn between(before: &Phase, phase: &Phase) -> String {
    let soak = Some(before.policy.soak)
        .filter(|soak| !soak.is_zero())
        .map(|soak| format!("soak {soak}"));
    let not_before = Some(phase.policy.not_before)
        .filter(|span| !span.is_zero())
        .map(|span| format!("not before {span}"));
    soak.into_iter()
        .chain(not_before)
        .collect::<Vec<_>>()
        .join(", ")
}

fn phase_label(plan: &Plan, phase: &Phase) -> String {
    let count = phase.customers.len();
    format!(
        "{} ({count} customer{}{})",
        phase.policy.name,
        if count == 1 { "" } else { "s" },
        weight_label(plan, phase, &phase.customers, ", ")
    )
}

/// What some customers of a phase weigh together, where weights say something.
fn weight_label(plan: &Plan, phase: &Phase, customers: &[CustomerId], before: &str) -> String {
    match plan.weighs(phase) {
        true => format!("{before}weight {}", plan.weight_together(customers)),
        false => String::new(),
    }
}

/// A quoted string of Graphviz.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// A quoted string of Mermaid, in which only entities escape; what could end the text or begin markup becomes one.
fn entities(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("<br/>"),
            '"' | '#' | ';' | '<' | '>' | '&' | '`' | '|' | '\\' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "#{};", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}
