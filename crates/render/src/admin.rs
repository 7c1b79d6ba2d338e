//! What a person may want and no rollout ever does (P12): deleting, suspending, scaling, replacing whole sets.

use reqwest::Method;
use serde_json::Value;

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::limit::Class;

/// The calls that no rollout makes, apart from the others so that none is made by mistake (P12, P28).
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// client.admin().suspend(&"srv-cukouhrtq21c73e9scng".into()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Admin<'c>(pub(crate) &'c Client);

impl Client {
    /// The calls that no rollout makes.
    pub fn admin(&self) -> Admin<'_> {
        Admin(self)
    }
}

impl Admin<'_> {
    /// Deletes what a path names; what is already gone counts as deleted.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<()> {
        let call = Call::change(Method::DELETE, path, Class::Write);
        self.0.done(call).await.or_else(gone_is_deleted)
    }

    /// Sends an order without a body, at most once.
    pub(crate) async fn post(&self, path: &[&str]) -> Result<()> {
        let call = Call::change(Method::POST, path, Class::Write);
        self.0.done(call).await
    }

    /// A change of what a path names, at most once.
    pub(crate) fn change(method: Method, path: &[&str], body: &Value) -> Call {
        Call::change(method, path, Class::Write).body(body)
    }
}

pub(crate) fn gone_is_deleted(error: Error) -> Result<()> {
    if error.is_gone() { Ok(()) } else { Err(error) }
}
