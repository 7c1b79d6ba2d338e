//! What goes into the core at one instant, and what is committed together? For the engine, and for who files without one.

pub(crate) mod commit_group;
pub(crate) mod watched_files;
