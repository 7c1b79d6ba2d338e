//! Who opens the project, and is told along the way what is no answer?

use std::fmt::Debug;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, pending};
use policy::Diagnostic;
use render::Client;

use crate::error::Error;

/// Whoever has the project opened: a command line, a server, a test. This crate prints nothing; what somebody should know
/// besides the answer is said here.
pub trait Caller: Debug + Send + Sync {
    /// The files are valid, but somebody should look at this.
    fn warn_of_files(&self, _warnings: &[Diagnostic]) {}

    /// What was asked for is done, but not everything about it is as it should be.
    fn warn(&self, _text: &str) {}

    /// Somebody has changed by hand what is stored. It is found at each look, and worth saying once.
    fn warn_of_damage(&self, text: &str) {
        self.warn(text);
    }

    /// Something worth knowing, such as that it is so already.
    fn remark(&self, _text: &str) {}

    /// What goes on in the background has failed, and is tried again.
    fn failed(&self, _doing: &str, _error: Error) {}

    /// Render is reached through this client; [`Client::waits`] tells for which limits it waits.
    fn connected(&self, _client: &Client) {}

    /// Ends when an answer is waited for no longer.
    fn gives_up(&self) -> BoxFuture<'_, ()> {
        pending().boxed()
    }
}

/// A caller who wants to know nothing but the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Caller for Silent {}

/// The same caller while something is done that it did not ask for: only what may be wrong is passed on.
#[derive(Clone, Debug)]
pub(crate) struct InBackground(pub(crate) Arc<dyn Caller>);

impl Caller for InBackground {
    fn warn(&self, text: &str) {
        self.0.warn(text);
    }

    fn warn_of_damage(&self, text: &str) {
        self.0.warn_of_damage(text);
    }

    fn failed(&self, doing: &str, error: Error) {
        self.0.failed(doing, error);
    }
}
