//! Tokens: 256 random bits, shown once, stored hashed, compared in constant time (P50); made for something, and for a while.

mod terms;

use std::collections::BTreeSet;

use policy::{PersonId, Timestamp};
use rollout::Actor;
use rollout::request::{Hand, Proof, Scope};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

pub use self::terms::TokenTerms;
use self::terms::{scopes_as_text, scopes_in};
use crate::error::Error;
use crate::hex::hex;
use crate::limits::{EXPIRED_TOKENS_KEPT, TOKEN_USE_NOTED, TOKENS};
use crate::process::clock;
use crate::process::state_dir::StateDir;
use crate::store;

/// So that secret scanners know one when they see it.
const PREFIX: &str = "tranche_";
const TOKEN_BYTES: usize = 32;
/// So much of the hash names a token to people.
const ID_CHARS: usize = 10;

/// Whom a token proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenOwner {
    /// A person.
    Person(PersonId),
    /// A program; never an approver (P3).
    Service(String),
}

impl TokenOwner {
    /// The name as `token revoke` takes it.
    pub fn short_name(&self) -> &str {
        match self {
            Self::Person(person) => person.as_str(),
            Self::Service(name) => name,
        }
    }

    /// The name in events: a person, or `service:NAME`.
    pub fn name(&self) -> PersonId {
        match self {
            Self::Person(person) => person.clone(),
            Self::Service(name) => PersonId::new(format!("service:{name}")),
        }
    }
}

/// A token as far as anybody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Names it to `revoke`.
    pub id: String,
    /// Whom it proves.
    pub owner: TokenOwner,
    /// Since when.
    pub created_at: String,
    /// Who made it.
    pub created_by: PersonId,
    /// Until when, if it was revoked.
    pub revoked_at: Option<String>,
    /// Who revoked it.
    pub revoked_by: Option<PersonId>,
    /// For what it may be used.
    pub scopes: BTreeSet<Scope>,
    /// Until when it is good by itself.
    pub expires_at: Option<String>,
    /// When it was used last, to the minute.
    pub used_at: Option<String>,
}

/// Whom a token proves, how that stands in events, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// Whom.
    pub owner: TokenOwner,
    /// How.
    pub proof: Proof,
    /// For what.
    pub scopes: BTreeSet<Scope>,
}

/// A token that was drawn and is not kept yet.
#[derive(Debug)]
pub struct NewToken {
    /// To be shown once.
    pub secret: SecretString,
    /// For what, and until when.
    pub terms: TokenTerms,
    hash: String,
}

impl NewToken {
    /// Draws 256 random bits.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn draw() -> Result<Self, Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        let secret = SecretString::from(format!("{PREFIX}{}", hex(&bytes)));
        let hash = hash(&secret);
        let terms = TokenTerms::default();
        Ok(Self {
            secret,
            terms,
            hash,
        })
    }

    /// The same on these terms.
    #[must_use]
    pub fn on(self, terms: TokenTerms) -> Self {
        Self { terms, ..self }
    }

    /// Names it to people, in events and to `revoke`.
    pub fn id(&self) -> &str {
        self.hash.get(..ID_CHARS).unwrap_or(&self.hash)
    }
}

/// The tokens of a project.
#[derive(Debug)]
pub struct Tokens {
    connection: Connection,
    /// Not beneath an engine of a release that would not go by them.
    has_terms: bool,
}

impl Tokens {
    /// Opens the project's database.
    ///
    /// # Errors
    /// It is damaged, foreign or newer.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        let connection = store::open_for_writing(state)?;
        store::keep_token_makers(&connection)?;
        Ok(Self {
            has_terms: store::has_token_terms(&connection)?,
            connection,
        })
    }

    /// Whether another token may be made.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]: there are too many.
    pub fn check_room(&self) -> Result<(), Error> {
        if self.valid()?.len() < TOKENS {
            return Ok(());
        }
        Err(Error::NotPermitted {
            message: format!("this project has {TOKENS} tokens already"),
            way_out: "revoke some with `tranche token revoke`".to_owned(),
        })
    }

    /// Keeps a token: its hash, and whom it proves.
    ///
    /// # Errors
    /// There are too many, or it cannot be stored.
    pub fn keep(&self, token: &NewToken, owner: &TokenOwner, by: &Actor) -> Result<(), Error> {
        self.check_room()?;
        let made_by = serde_json::to_string(&hands(by)).map_err(|error| Error::Bug {
            message: format!("the makers of a token do not serialise: {error}"),
        })?;
        self.check_terms(&token.terms)?;
        let (name, service) = (owner.short_name(), matches!(owner, TokenOwner::Service(_)));
        let now = clock::wall();
        self.change(|transaction| {
            if self.has_terms {
                forget_expired(transaction, now - EXPIRED_TOKENS_KEPT)?;
                keep_terms(transaction, token)?;
            }
            transaction.execute(
                "INSERT INTO tokens (hash, owner, service, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![token.hash, name, service, stamp(now), by.name.as_str()],
            )?;
            transaction.execute(
                "INSERT INTO token_makers (hash, made_by) VALUES (?1, ?2)",
                params![token.hash, made_by],
            )
        })
        .map(drop)
    }

    /// Terms that nobody would go by are not given.
    fn check_terms(&self, terms: &TokenTerms) -> Result<(), Error> {
        if self.has_terms || terms.is_default() {
            return Ok(());
        }
        Err(Error::NotPermitted {
            message: "an engine of an older release is running, which knows neither scopes nor an expiry of tokens".to_owned(),
            way_out: "start that engine again with this release".to_owned(),
        })
    }

    /// Whom a token proves; `None` if it is unknown, revoked or has expired. That it was used is noted.
    ///
    /// # Errors
    /// The database cannot be read, or the tokens were changed by hand.
    pub fn proved_by(&self, token: &SecretString) -> Result<Option<Proved>, Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        store::check_tokens(&snapshot)?;
        let hash = hash(token);
        let mut proved = None;
        for (stored, of_it) in self.valid()? {
            if bool::from(same(&stored, &hash)) {
                proved = Some(of_it);
            }
        }
        drop(snapshot);
        if proved.is_some() {
            self.note_use(&hash);
        }
        Ok(proved)
    }

    /// Notes that a token was used, unless that was noted a moment ago. Nobody is refused because it cannot be noted.
    fn note_use(&self, hash: &str) {
        if !self.has_terms {
            return;
        }
        let now = clock::wall();
        let sql = "INSERT INTO token_uses (hash, used_at) VALUES (?1, ?2) \
                   ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at";
        let noted = self.is_noted_since(hash, &stamp(now - TOKEN_USE_NOTED));
        let noted = noted.and_then(|is_noted| match is_noted {
            true => Ok(0),
            false => self.connection.execute(sql, params![hash, stamp(now)]),
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the use of a token could not be noted");
        }
    }

    fn is_noted_since(&self, hash: &str, since: &str) -> rusqlite::Result<bool> {
        let sql = "SELECT used_at > ?2 FROM token_uses WHERE hash = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let is_noted = statement.query_row(params![hash, since], |row| row.get(0));
        Ok(is_noted.optional()?.unwrap_or(false))
    }

    /// All tokens, revoked ones included, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn list(&self) -> Result<Vec<TokenInfo>, Error> {
        let sql = format!("{} ORDER BY created_at, tokens.hash", self.select());
        let mut statement = self.connection.prepare(&sql)?;
        let tokens = statement.query_map([], info)?;
        Ok(tokens.collect::<Result<_, _>>()?)
    }

    /// Revokes one token by its id, or all of a person or service. Says how many.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn revoke(&self, id_or_owner: &str, by: &PersonId) -> Result<usize, Error> {
        let sql = "UPDATE tokens SET revoked_at = ?2, revoked_by = ?3 \
                   WHERE revoked_at IS NULL AND (owner = ?1 OR substr(hash, 1, ?4) = ?1)";
        let at = stamp(clock::wall());
        let revoked = params![id_or_owner, at, by.as_str(), ID_CHARS];
        self.change(|transaction| transaction.execute(sql, revoked))
    }

    /// What somebody else has changed is not made good by a change of ours.
    fn change(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize>,
    ) -> Result<usize, Error> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        store::check_tokens(&transaction)?;
        let changed = change(&transaction)?;
        store::note_tokens(&transaction)?;
        transaction.commit()?;
        Ok(changed)
    }

    fn valid(&self) -> Result<Vec<(String, Proved)>, Error> {
        let sql = format!("{} WHERE revoked_at IS NULL", self.select());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let now = clock::wall();
        let tokens = statement.query_map([], |row| {
            let is_good = terms(row)?.are_good_at(now);
            Ok(is_good.then_some((row.get(0)?, proved(row)?)))
        })?;
        Ok(tokens
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?)
    }

    /// Everything about tokens, as [`proved`], [`info`] and [`terms`] read it.
    fn select(&self) -> &'static str {
        match self.has_terms {
            true => {
                "SELECT tokens.hash, owner, service, created_at, created_by, revoked_at, revoked_by, made_by, scopes, expires_at, used_at \
                 FROM tokens LEFT JOIN token_makers ON token_makers.hash = tokens.hash \
                 LEFT JOIN token_terms ON token_terms.hash = tokens.hash \
                 LEFT JOIN token_uses ON token_uses.hash = tokens.hash"
            }
            false => {
                "SELECT tokens.hash, owner, service, created_at, created_by, revoked_at, revoked_by, made_by, NULL, NULL, NULL \
                 FROM tokens LEFT JOIN token_makers ON token_makers.hash = tokens.hash"
            }
        }
    }
}

fn keep_terms(transaction: &Transaction<'_>, token: &NewToken) -> rusqlite::Result<()> {
    if token.terms.is_default() {
        return Ok(());
    }
    let TokenTerms { scopes, expires_at } = &token.terms;
    let scopes = scopes.as_ref().map(scopes_as_text);
    transaction.execute(
        "INSERT INTO token_terms (hash, scopes, expires_at) VALUES (?1, ?2, ?3)",
        params![token.hash, scopes, expires_at.map(stamp)],
    )?;
    Ok(())
}

/// What has expired long ago is not listed for ever.
fn forget_expired(transaction: &Transaction<'_>, before: Timestamp) -> rusqlite::Result<()> {
    let expired = "SELECT hash FROM token_terms WHERE expires_at < ?1";
    // The terms last, since they say which.
    for table in ["tokens", "token_makers", "token_uses", "token_terms"] {
        let sql = format!("DELETE FROM {table} WHERE hash IN ({expired})");
        transaction.execute(&sql, [stamp(before)])?;
    }
    Ok(())
}

/// Whoever makes a token, and, where a token proves them, whoever made that one, and so on.
fn hands(by: &Actor) -> Vec<Hand> {
    let Some(proof) = &by.proof else {
        return Vec::new();
    };
    let own = Hand {
        person: by.name.clone(),
        kind: proof.kind,
        id: proof.id.clone(),
    };
    let before = proof.made_by.iter().cloned();
    std::iter::once(own).chain(before).collect()
}

fn id(hash: &str) -> String {
    hash.chars().take(ID_CHARS).collect()
}

fn proved(row: &Row<'_>) -> rusqlite::Result<Proved> {
    let hash: String = row.get(0)?;
    let made_by: Option<String> = row.get(7)?;
    let made_by = made_by.and_then(|json| serde_json::from_str(&json).ok());
    let owner = owner(row)?;
    Ok(Proved {
        scopes: terms(row)?.scopes_of(&owner),
        owner,
        proof: Proof {
            maker: Some(PersonId::new(row.get::<_, String>(4)?)),
            made_by: made_by.unwrap_or_default(),
            ..Proof::token(id(&hash))
        },
    })
}

/// An expiry that cannot be read has passed.
fn terms(row: &Row<'_>) -> rusqlite::Result<TokenTerms> {
    let scopes: Option<String> = row.get(8)?;
    let expires_at: Option<String> = row.get(9)?;
    Ok(TokenTerms {
        scopes: scopes.as_deref().map(scopes_in),
        expires_at: expires_at.map(|text| text.parse().unwrap_or(Timestamp::MIN_UTC)),
    })
}

fn info(row: &Row<'_>) -> rusqlite::Result<TokenInfo> {
    let hash: String = row.get(0)?;
    let person = |name: String| PersonId::new(name);
    let owner = owner(row)?;
    Ok(TokenInfo {
        id: id(&hash),
        scopes: terms(row)?.scopes_of(&owner),
        owner,
        created_at: row.get(3)?,
        created_by: row.get(4).map(person)?,
        revoked_at: row.get(5)?,
        revoked_by: row.get::<_, Option<String>>(6)?.map(person),
        expires_at: row.get(9)?,
        used_at: row.get(10)?,
    })
}

fn owner(row: &Row<'_>) -> rusqlite::Result<TokenOwner> {
    let name: String = row.get(1)?;
    Ok(if row.get(2)? {
        TokenOwner::Service(name)
    } else {
        TokenOwner::Person(PersonId::new(name))
    })
}

fn same(stored: &str, hash: &str) -> Choice {
    stored.as_bytes().ct_eq(hash.as_bytes())
}

fn hash(token: &SecretString) -> String {
    hex(&Sha256::digest(token.expose_secret().as_bytes()))
}

fn stamp(at: Timestamp) -> String {
    rollout::show_instant(at)
}
