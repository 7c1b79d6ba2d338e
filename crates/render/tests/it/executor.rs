//! Every kind of command against the simulated Render, and the trouble it can meet.

mod bench;
mod databases;
mod deploys;
mod health;
mod hints;
mod hooks;
mod limits;
mod reads;
mod traps;
mod trouble;
mod variables;
mod verdicts;
