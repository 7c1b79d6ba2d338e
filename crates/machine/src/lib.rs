//! What does the project use of this machine, and within which bounds? The commands that it writes down.
//!
//! It knows nothing of rollouts. Start reading at [`command::run`].

pub mod command;
