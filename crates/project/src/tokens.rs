//! How are tokens made, listed and revoked? The journal knows of it first (P49), and the core says who may.

use engine::identity::{NewToken, TokenInfo, TokenOwner, TokenTerms, check_admin, check_terms};
use policy::{PersonId, Project};
use rollout::Verb;
use rollout::request::TokenChange;

use crate::error::Error;
use crate::requester::Requester;

impl Requester {
    /// Makes a token, which nobody can see again.
    ///
    /// # Errors
    /// Nobody in the project is called that; the core says no, or it cannot be kept.
    pub async fn create_token(
        &self,
        owner: &TokenOwner,
        terms: TokenTerms,
        project: &Project,
    ) -> Result<NewToken, Error> {
        is_somebody(owner, project)?;
        check_terms(self.actor(), owner, &terms)?;
        self.backend().check_room_for_token().await?;
        let token = NewToken::draw()?.on(terms);
        self.note(TokenChange::Create, token.id(), owner).await?;
        self.backend()
            .keep_token(&token, owner, self.actor())
            .await?;
        Ok(token)
    }

    /// All tokens, for those who may see them.
    ///
    /// # Errors
    /// Whoever asks may not, or they cannot be read.
    pub async fn tokens(&self, project: &Project) -> Result<Vec<TokenInfo>, Error> {
        check_admin(project, self.actor())?;
        self.backend().tokens().await
    }

    /// Revokes a token by its id, or all of an owner; says how many.
    ///
    /// # Errors
    /// The core says no, or it cannot be stored.
    pub async fn revoke_tokens(&self, id_or_owner: &str) -> Result<usize, Error> {
        for token in self.backend().tokens().await? {
            let is_meant = token.id == id_or_owner || token.owner.short_name() == id_or_owner;
            if is_meant && token.revoked_at.is_none() {
                self.note(TokenChange::Revoke, &token.id, &token.owner)
                    .await?;
            }
        }
        let by: &PersonId = &self.actor().name;
        self.backend().revoke_tokens(id_or_owner, by).await
    }

    /// Files who makes or revokes what; the core says whether they may.
    async fn note(&self, change: TokenChange, id: &str, owner: &TokenOwner) -> Result<(), Error> {
        let verb = Verb::Token {
            change,
            id: id.to_owned(),
            owner: owner.name(),
        };
        self.ask(None, verb).await.map(drop)
    }
}

/// A token for nobody would prove somebody who comes later.
fn is_somebody(owner: &TokenOwner, project: &Project) -> Result<(), Error> {
    match owner {
        TokenOwner::Person(person)
            if !project.people.is_empty() && !project.people.contains_key(person) =>
        {
            Err(Error::UnknownPerson(person.clone()))
        }
        TokenOwner::Person(_) | TokenOwner::Service(_) => Ok(()),
    }
}
