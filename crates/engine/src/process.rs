//! What is one process among others: where its state lies, whether it is the engine, its clocks, and what wakes and ends it.

pub mod clock;
pub mod crash;
pub mod lock;
pub mod signals;
pub mod state_dir;
pub(crate) mod wake_socket;
