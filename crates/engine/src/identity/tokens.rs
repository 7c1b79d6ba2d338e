//! Tokens: 256 random bits, shown once, stored hashed, compared in constant time (P50).

use policy::{PersonId, Timestamp};
use rollout::Actor;
use rollout::request::{Hand, Proof, ProofKind};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::error::Error;
use crate::hex::hex;
use crate::limits::TOKENS;
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
}

/// A token that was drawn and is not kept yet.
#[derive(Debug)]
pub struct NewToken {
    /// To be shown once.
    pub secret: SecretString,
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
        Ok(Self { secret, hash })
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
}

impl Tokens {
    /// Opens the project's database.
    ///
    /// # Errors
    /// It is damaged, foreign or newer.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        let connection = store::open_for_writing(state)?;
        store::keep_token_makers(&connection)?;
        Ok(Self { connection })
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
        let (name, service) = (owner.short_name(), matches!(owner, TokenOwner::Service(_)));
        let at = stamp(clock::wall());
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO tokens (hash, owner, service, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![token.hash, name, service, at, by.name.as_str()],
            )?;
            transaction.execute(
                "INSERT INTO token_makers (hash, made_by) VALUES (?1, ?2)",
                params![token.hash, made_by],
            )
        })
        .map(drop)
    }

    /// Whom a token proves, and how that stands in events; `None` if it is unknown or revoked.
    ///
    /// # Errors
    /// The database cannot be read, or the tokens were changed by hand.
    pub fn proved_by(&self, token: &SecretString) -> Result<Option<(TokenOwner, Proof)>, Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        store::check_tokens(&snapshot)?;
        let hash = hash(token);
        let mut proved = None;
        for (stored, owner, proof) in self.valid()? {
            if bool::from(same(&stored, &hash)) {
                proved = Some((owner, proof));
            }
        }
        Ok(proved)
    }

    /// All tokens, revoked ones included, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn list(&self) -> Result<Vec<TokenInfo>, Error> {
        let sql = "SELECT hash, owner, service, created_at, created_by, revoked_at, revoked_by FROM tokens ORDER BY created_at, hash";
        let mut statement = self.connection.prepare(sql)?;
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

    fn valid(&self) -> Result<Vec<(String, TokenOwner, Proof)>, Error> {
        let sql = "SELECT tokens.hash, owner, service, created_by, made_by \
                   FROM tokens LEFT JOIN token_makers ON token_makers.hash = tokens.hash \
                   WHERE revoked_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let tokens = statement.query_map([], |row| {
            let hash: String = row.get(0)?;
            let made_by: Option<String> = row.get(4)?;
            let made_by = made_by.and_then(|json| serde_json::from_str(&json).ok());
            let proof = Proof {
                kind: ProofKind::Token,
                id: id(&hash),
                account: None,
                maker: Some(PersonId::new(row.get::<_, String>(3)?)),
                made_by: made_by.unwrap_or_default(),
            };
            Ok((hash, owner(row)?, proof))
        })?;
        Ok(tokens.collect::<Result<_, _>>()?)
    }
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

fn info(row: &Row<'_>) -> rusqlite::Result<TokenInfo> {
    let hash: String = row.get(0)?;
    let person = |name: String| PersonId::new(name);
    Ok(TokenInfo {
        id: id(&hash),
        owner: owner(row)?,
        created_at: row.get(3)?,
        created_by: row.get(4).map(person)?,
        revoked_at: row.get(5)?,
        revoked_by: row.get::<_, Option<String>>(6)?.map(person),
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
