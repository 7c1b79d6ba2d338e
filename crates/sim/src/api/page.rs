//! Pages of lists: 20 entries unless asked for 1 to 100, each with a cursor.

use std::fmt::Write as _;

use crate::requests::{ApiError, Query};
use serde_json::{Value, json};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Cuts one page out of a list; each entry has a key that is unique in it.
pub(super) fn page<T>(
    entries: impl IntoIterator<Item = T>,
    query: &Query,
    wrapper: &str,
    key: impl Fn(&T) -> String,
    show: impl Fn(&T) -> Value,
) -> Result<Value, ApiError> {
    let limit = query.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request("limit must be from 1 to 100"));
    }
    let mut entries = entries.into_iter();
    if let Some(cursor) = query.one("cursor").filter(|cursor| !cursor.is_empty())
        && !entries.any(|entry| cursor_of(&key(&entry)) == cursor)
    {
        return Err(ApiError::bad_request("invalid cursor"));
    }
    let wrap = |entry: T| json!({ wrapper: show(&entry), "cursor": cursor_of(&key(&entry)) });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(entries.take(limit).map(wrap).collect())
}

/// Opaque, and safe in a query whatever the key is.
fn cursor_of(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{:02x}", byte ^ 0x2a);
        text
    })
}
