//! How JSON from Render is read: tolerant of nulls and of what is new, and without ever quoting a value in an error.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::error::Unreadable;

/// Reads a reply. Errors name the place, but not what stood there: it may be a secret (T31).
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        match error.inner().classify() {
            Category::Syntax | Category::Io => Unreadable::Syntax,
            Category::Eof => Unreadable::Truncated,
            Category::Data => Unreadable::Shape { place },
        }
    })?;
    json.end().map_err(|_| Unreadable::Syntax)?;
    Ok(value)
}

/// Reads `null` like an absent field.
pub(crate) fn nullable<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_error_names_the_place_and_hides_the_value() {
        let error = parse::<Vec<u32>>(br#"[1, "hunter2"]"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`[1]` is missing or not of the expected type"
        );
    }

    #[test]
    fn a_cut_off_body_is_told_from_a_garbled_one() {
        assert_eq!(
            parse::<Vec<u32>>(b"[1,").unwrap_err(),
            Unreadable::Truncated
        );
        assert_eq!(
            parse::<Vec<u32>>(b"<html>").unwrap_err(),
            Unreadable::Syntax
        );
        assert_eq!(parse::<Vec<u32>>(b"[1] x").unwrap_err(), Unreadable::Syntax);
    }
}
