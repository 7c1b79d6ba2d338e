//! How fast is the engine, and how much of the machine does it take?
//!
//! Each figure stands beside what the same machine can do at best, measured in the same run. `cargo bench -p engine --
//! durable` measures that one only.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded for show")]

mod core;
mod durable;
#[path = "../../../policy/benches/figure/mod.rs"]
mod figure;
mod floor;
mod hinted;
mod makespan;
mod outside;
mod project;
mod shell;
mod waiting;

use std::env;
use std::path::Path;

fn main() {
    // The figures of an engine at rest are those of a process that has done nothing else.
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(waiting::CHILD) {
        let folder = arguments.next().expect("the folder of the project");
        return waiting::drive(Path::new(&folder));
    }
    let figures = [
        ("durable", durable::measure as fn()),
        ("core", core::measure),
        ("waiting", waiting::measure),
        ("makespan", makespan::measure),
    ];
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    for (name, measure) in figures {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure();
        }
    }
}
