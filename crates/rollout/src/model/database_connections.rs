//! Which variables connect a service to a database, and what they become for another one (T15).

use crate::model::ids::DatabaseId;

/// How one database is connected to. The texts are secret.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "it holds passwords, which must not be printed"
)]
pub struct Connection<'c> {
    /// Its id, which is part of its host names (Render API: Postgres).
    pub id: &'c str,
    /// The URL from within Render.
    pub internal: &'c str,
    /// The URL from outside.
    pub external: &'c str,
    /// The password.
    pub password: &'c str,
}

/// What becomes of one variable.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    missing_debug_implementations,
    reason = "it holds passwords, which must not be printed"
)]
pub enum Redirected {
    /// It has nothing to do with the old database.
    Untouched,
    /// The value that connects to the new one; it may be what stands already.
    To(String),
    /// It names the old one in a way that nobody can translate for sure.
    Unclear,
}

/// Whether a value connects to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mention {
    /// It has nothing to do with it.
    None,
    /// It is an address or the password, and can be translated.
    Clear,
    /// It names it in a way that nobody can translate for sure.
    Unclear,
}

/// Whether the value of a variable connects to a database.
pub fn mention(value: &str, database: &Connection<'_>) -> Mention {
    if parts(database).any(|part| rest(value, part).is_some()) {
        Mention::Clear
    } else if value.contains(database.id) {
        Mention::Unclear
    } else {
        Mention::None
    }
}

/// The value of a variable once its service reads `to` instead of `from`.
///
/// Known are both URLs, also with parameters behind `?`, their hosts and the password.
pub fn redirected(value: &str, from: &Connection<'_>, to: &Connection<'_>) -> Redirected {
    let mut translated = parts(from).zip(parts(to)).filter_map(|(old, new)| {
        let rest = rest(value, old)?;
        Some(format!("{new}{rest}"))
    });
    match (translated.next(), mention(value, to), mention(value, from)) {
        (Some(new), ..) => Redirected::To(new),
        (None, Mention::Clear | Mention::Unclear, _) => Redirected::To(value.to_owned()),
        (None, Mention::None, Mention::Unclear) => Redirected::Unclear,
        (None, Mention::None, Mention::Clear | Mention::None) => Redirected::Untouched,
    }
}

/// What is to be said of an unclear variable.
pub fn unclear(key: &str, from: &DatabaseId) -> String {
    format!(
        "`{key}` names {from} in a way that cannot be translated; set it to the new database by hand"
    )
}

/// What a variable may hold of a database.
fn parts<'c>(of: &Connection<'c>) -> impl Iterator<Item = &'c str> {
    let hosts = [host(of.internal), host(of.external)];
    [of.internal, of.external, of.password]
        .into_iter()
        .chain(hosts)
}

/// What follows a part in a value; `None`: it is not that part.
fn rest<'v>(value: &'v str, part: &str) -> Option<&'v str> {
    let rest = value.strip_prefix(part).filter(|_| !part.is_empty())?;
    (rest.is_empty() || rest.starts_with('?')).then_some(rest)
}

/// The host of a URL; empty where there is none.
fn host(url: &str) -> &str {
    let behind = url.rsplit_once('@').map_or("", |(_, behind)| behind);
    behind.split([':', '/', '?']).next().unwrap_or_default()
}
