//! What does the project use of this machine, and within which bounds? Files that it names, commands that it writes down.
//!
//! It knows nothing of rollouts. Start reading at [`files::Roots`] and [`command::run`].

pub mod command;
pub mod files;
