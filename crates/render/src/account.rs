//! Who the key belongs to, and the workspaces it reaches (A6).

use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::OwnerId;
use crate::open_enum::open_enum;
use crate::page::listed;
use crate::wire::nullable;

/// The user whose key this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Where they get mail.
    pub email: String,
    /// Their name; may be empty.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

open_enum! {
    /// Whose workspace it is.
    OwnerKind {
        /// One user's own.
        User = "user",
        /// A team's.
        Team = "team",
    }
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// The address of whoever owns it.
    #[serde(default, deserialize_with = "nullable")]
    pub email: String,
    /// A user's or a team's.
    #[serde(default, rename = "type")]
    pub kind: OwnerKind,
}

listed!(Owner: id);

/// Account.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let user = client.user().await?; // 401 here: the key is not accepted
/// for owner in client.owners(100).await? {
///     println!("{} reaches {} ({})", user.email, owner.name, owner.id);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Reads the user whose key this is: the check of a connection.
    pub async fn user(&self) -> Result<User> {
        self.json(Call::get(&["users"])).await
    }

    /// Lists the workspaces that the key reaches.
    pub async fn owners(&self, most: usize) -> Result<Vec<Owner>> {
        self.first(Call::get(&["owners"]), most).await
    }

    /// Lists the workspaces of exactly this name; names are not unique.
    pub async fn owners_named(&self, name: &str) -> Result<Vec<Owner>> {
        self.all(Call::get(&["owners"]).query("name", name)).await
    }

    /// All workspaces, page by page as they are taken.
    pub fn owners_stream(&self) -> impl Stream<Item = Result<Owner>> + Send + use<> {
        self.stream(Call::get(&["owners"]))
    }

    /// Reads one workspace.
    pub async fn owner(&self, owner: &OwnerId) -> Result<Owner> {
        self.json(Call::get(&["owners", owner.as_str()])).await
    }
}
