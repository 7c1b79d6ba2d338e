//! Is what is stored what was stored? Sums over it are written in the transaction of the events, and checked at every load.
//!
//! The rows decide what is driven, and the end of the journal says nothing about a row that somebody has changed by hand. One
//! SHA-256 a row is added up, modulo 2^256: a commit takes away the hashes of the rows that it replaces and adds the new
//! ones, so that it costs one hash a row written, whatever the size of the fleet. There is one sum for each rollout and one over
//! all sums, so that a rollout can be checked by itself. No key is involved: whoever may write the folder could add up
//! anew, and is trusted with it; the chain of the journal and an anchor kept elsewhere are for that.

use std::collections::BTreeMap;

use rollout::RowKey;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::schema;
use crate::error::Error;

/// Over all other sums.
const ALL: &str = "";
/// What belongs to no rollout.
const PRODUCT: &str = "product";

/// A table that an engine goes by beside the rows. Each has one sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    /// What tells this database from others.
    Meta,
    /// Who may prove what.
    Tokens,
    /// Sealed bytes.
    Attachments,
}

impl Table {
    const ALL: [Self; 3] = [Self::Meta, Self::Tokens, Self::Attachments];

    /// Its name, which is that of its sum.
    const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Tokens => "tokens",
            Self::Attachments => "attachments",
        }
    }
}

/// A sum of hashes, modulo 2^256; the lowest limb first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum([u64; 4]);

impl Sum {
    /// The hash of one thing. Each part counts with its length, so that no two lists of parts are the same.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self::from_bytes(hash.finalize().into())
    }

    /// The hash of a row.
    pub(super) fn of_row(key: &RowKey, json: &str) -> Self {
        Self::of(&[b"row", key.0.as_bytes(), json.as_bytes()])
    }

    fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*bytes);
        }
        Self(limbs)
    }

    pub(super) fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *bytes = limb.to_le_bytes();
        }
        bytes
    }

    fn plus(self, other: Self) -> Self {
        let (mut sum, mut carry) = ([0; 4], false);
        for (sum, (one, other)) in sum.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let (added, over) = one.overflowing_add(other);
            let (carried, over_again) = added.overflowing_add(carry.into());
            (*sum, carry) = (carried, over || over_again);
        }
        Self(sum)
    }

    fn negated(self) -> Self {
        let ones = Self(self.0.map(|limb| !limb));
        ones.plus(Self([1, 0, 0, 0]))
    }

    fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }
}

/// What a transaction changes of the sums.
#[derive(Debug, Default)]
pub(super) struct ChangedSums(BTreeMap<String, Sum>);

impl ChangedSums {
    /// A row was written anew, made, or deleted.
    pub(super) fn row(&mut self, key: &RowKey, old: Option<Sum>, new: Option<Sum>) {
        self.replace(scope_of(key), old, new);
    }

    /// Sealed bytes were added.
    pub(super) fn attachment(&mut self, id: &str, bytes: &[u8]) {
        self.replace(
            Table::Attachments.name(),
            None,
            Some(of_attachment(id, bytes)),
        );
    }

    fn replace(&mut self, scope: &str, old: Option<Sum>, new: Option<Sum>) {
        let sum = self.0.get(scope).copied().unwrap_or_default();
        let sum = sum
            .plus(new.unwrap_or_default())
            .minus(old.unwrap_or_default());
        self.0.insert(scope.to_owned(), sum);
    }

    /// Writes the sums, in the transaction of what they are about.
    pub(super) fn write(&self, transaction: &Connection) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut all = kept_of(transaction, ALL)?.unwrap_or_default();
        for (scope, change) in &self.0 {
            let before = kept_of(transaction, scope)?;
            let after = before.unwrap_or_default().plus(*change);
            let before = before.map(|sum| of_sum(scope, sum)).unwrap_or_default();
            all = all.minus(before).plus(of_sum(scope, after));
            keep(transaction, scope, after)?;
        }
        keep(transaction, ALL, all)
    }
}

/// Checks rows that were read, in the snapshot in which they were read.
///
/// # Errors
/// [`Error::Damaged`] names the rollout, or the table, in which something is not what was stored.
pub(super) fn check_rows(connection: &Connection, rows: &[(RowKey, String)]) -> Result<(), Error> {
    if !schema::has_digests(connection)? {
        return Ok(());
    }
    let kept = kept(connection)?;
    let mut found = BTreeMap::<&str, Sum>::new();
    for (key, json) in rows {
        let sum = found.entry(scope_of(key)).or_default();
        *sum = sum.plus(Sum::of_row(key, json));
    }
    let is_table = |scope: &str| Table::ALL.iter().any(|table| table.name() == scope);
    let is_of_rows = |scope: &str| scope != ALL && !is_table(scope);
    let scopes = kept.keys().map(String::as_str).chain(found.keys().copied());
    for scope in scopes.filter(|scope| is_of_rows(scope)) {
        if kept.get(scope) != found.get(scope) {
            return Err(damaged(&format!("the rows of {scope}")));
        }
    }
    let others = kept.iter().filter(|(scope, _)| *scope != ALL);
    let all = others.fold(Sum::default(), |all, (scope, sum)| {
        all.plus(of_sum(scope, *sum))
    });
    if kept.get(ALL).copied().unwrap_or_default() == all {
        Ok(())
    } else {
        Err(damaged("the table `digests`"))
    }
}

/// Checks what an engine goes by beside the rows: backups, tokens, and what tells this database from others.
///
/// # Errors
/// [`Error::Damaged`] names the table.
pub(super) fn check_beside_rows(connection: &Connection) -> Result<(), Error> {
    for table in Table::ALL {
        check(connection, table)?;
    }
    Ok(())
}

/// Checks the row of `meta`, and nothing else.
pub(super) fn check_meta(connection: &Connection) -> Result<(), Error> {
    check(connection, Table::Meta)
}

/// Notes what the row of `meta` says now.
pub(super) fn note_meta(transaction: &Connection) -> Result<(), Error> {
    note(transaction, Table::Meta)
}

/// Checks who may prove what.
pub(crate) fn check_tokens(connection: &Connection) -> Result<(), Error> {
    check(connection, Table::Tokens)
}

/// Notes the tokens as they are now, in the transaction that has checked and changed them.
pub(crate) fn note_tokens(transaction: &Connection) -> Result<(), Error> {
    note(transaction, Table::Tokens)
}

/// Adds up everything that is there, in a database that has no sums yet.
pub(super) fn begin(transaction: &Connection) -> Result<(), Error> {
    let mut changed = ChangedSums::default();
    let mut note = transaction.prepare("UPDATE rows SET hash = ?2 WHERE key = ?1")?;
    for (key, json) in super::journal::rows(transaction)? {
        let sum = Sum::of_row(&key, &json);
        note.execute(params![key.0, sum.bytes()])?;
        changed.row(&key, None, Some(sum));
    }
    for table in Table::ALL {
        changed.replace(table.name(), None, Some(found(transaction, table)?));
    }
    changed.write(transaction)
}

fn check(connection: &Connection, table: Table) -> Result<(), Error> {
    if !schema::has_digests(connection)?
        || kept_of(connection, table.name())? == Some(found(connection, table)?)
    {
        return Ok(());
    }
    Err(damaged(&format!("the table `{}`", table.name())))
}

fn note(transaction: &Connection, table: Table) -> Result<(), Error> {
    if !schema::has_digests(transaction)? {
        return Ok(());
    }
    let mut changed = ChangedSums::default();
    let before = kept_of(transaction, table.name())?;
    changed.replace(table.name(), before, Some(found(transaction, table)?));
    changed.write(transaction)
}

fn damaged(what: &str) -> Error {
    Error::Damaged {
        what: format!("something else than tranche has changed {what}, or a part of it is lost"),
    }
}

/// Which sum a row counts for: that of its rollout or operation, else that of the product.
fn scope_of(key: &RowKey) -> &str {
    match key.0.split_once('/') {
        None | Some(("fleet", _)) => PRODUCT,
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(run, _)| run),
    }
}

/// What a table comes to as it is now.
fn found(connection: &Connection, table: Table) -> Result<Sum, Error> {
    let (sql, hash): (_, fn(&Row<'_>) -> rusqlite::Result<Sum>) = match table {
        Table::Meta => (
            "SELECT json_array(format, epoch, database) FROM meta",
            of_text,
        ),
        Table::Tokens if schema::has_token_terms(connection)? => (
            "SELECT json_array(hash, owner, service, created_at, created_by, revoked_at, revoked_by) FROM tokens \
             UNION ALL SELECT json_array(hash, made_by) FROM token_makers \
             UNION ALL SELECT json_array('terms', hash, scopes, expires_at) FROM token_terms",
            of_text,
        ),
        Table::Tokens if schema::has_token_makers(connection)? => (
            "SELECT json_array(hash, owner, service, created_at, created_by, revoked_at, revoked_by) FROM tokens \
             UNION ALL SELECT json_array(hash, made_by) FROM token_makers",
            of_text,
        ),
        Table::Tokens => (
            "SELECT json_array(hash, owner, service, created_at, created_by, revoked_at, revoked_by) FROM tokens",
            of_text,
        ),
        Table::Attachments => ("SELECT id, bytes FROM attachments", |row| {
            let (id, bytes) = (row.get_ref(0)?, row.get_ref(1)?);
            Ok(of_attachment(id.as_str()?, bytes.as_bytes()?))
        }),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut sum = Sum::default();
    while let Some(row) = rows.next()? {
        sum = sum.plus(hash(row)?);
    }
    Ok(sum)
}

fn of_text(row: &Row<'_>) -> rusqlite::Result<Sum> {
    Ok(Sum::of(&[b"text", row.get_ref(0)?.as_bytes()?]))
}

fn of_attachment(id: &str, bytes: &[u8]) -> Sum {
    Sum::of(&[b"attachment", id.as_bytes(), bytes])
}

fn of_sum(scope: &str, sum: Sum) -> Sum {
    Sum::of(&[b"sum", scope.as_bytes(), &sum.bytes()])
}

fn kept(connection: &Connection) -> Result<BTreeMap<String, Sum>, Error> {
    let mut statement = connection.prepare_cached("SELECT scope, sum FROM digests")?;
    let sums = statement.query_map([], |row| Ok((row.get(0)?, sum_in(row, 1)?)))?;
    Ok(sums.collect::<Result<_, _>>()?)
}

fn kept_of(connection: &Connection, scope: &str) -> Result<Option<Sum>, Error> {
    let mut statement = connection.prepare_cached("SELECT sum FROM digests WHERE scope = ?1")?;
    let sum = statement.query_row([scope], |row| sum_in(row, 0));
    Ok(sum.optional()?)
}

/// What is no sum counts as another one than any that is found.
pub(super) fn sum_in(row: &Row<'_>, column: usize) -> rusqlite::Result<Sum> {
    let bytes = row.get_ref(column)?.as_blob_or_null().ok().flatten();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.map(Sum::from_bytes).unwrap_or_default())
}

fn keep(transaction: &Connection, scope: &str, sum: Sum) -> Result<(), Error> {
    let sql = "INSERT INTO digests (scope, sum) VALUES (?1, ?2) ON CONFLICT (scope) DO UPDATE SET sum = excluded.sum";
    transaction
        .prepare_cached(sql)?
        .execute(params![scope, sum.bytes()])?;
    Ok(())
}
