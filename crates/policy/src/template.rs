//! Templates of variables: `${version}`, `${secret:NAME}`, `${backend_url}`. `$${` stands for the characters `${`.

use std::iter;

/// The placeholders without a parameter.
pub const NAMES: [&str; 4] = ["version", "customer", "service_id", "commit"];

/// Something that a template leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder<'t> {
    /// The release's version as written.
    Version,
    /// The customer's key.
    Customer,
    /// The id of the service the variable belongs to.
    ServiceId,
    /// The release's commit.
    Commit,
    /// The address of the customer's service of that role.
    Url(&'t str),
    /// A secret of the customer.
    Secret(&'t str),
    /// A variable of the engine's environment.
    Env(&'t str),
}

/// Why a template cannot be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed<'t> {
    /// Nobody knows that placeholder.
    Unknown(&'t str),
    /// A `${` without its `}`.
    Open,
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Taken as it is.
    Text(&'t str),
    /// To be filled in.
    Placeholder(Placeholder<'t>),
}

/// Takes a template apart.
///
/// ```
/// use policy::template::{Piece, Placeholder, pieces};
///
/// let pieces: Vec<_> = pieces("release-${version}").collect();
/// assert_eq!(pieces, [Ok(Piece::Text("release-")), Ok(Piece::Placeholder(Placeholder::Version))]);
/// ```
pub fn pieces(template: &str) -> impl Iterator<Item = Result<Piece<'_>, Malformed<'_>>> {
    let mut rest = template;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("$${") {
            rest = after;
            return Some(Ok(Piece::Text("${")));
        }
        if let Some(after) = rest.strip_prefix("${") {
            let Some((name, after)) = after.split_once('}') else {
                rest = "";
                return Some(Err(Malformed::Open));
            };
            rest = after;
            return Some(
                placeholder(name)
                    .map(Piece::Placeholder)
                    .ok_or(Malformed::Unknown(name)),
            );
        }
        // The first `$` may itself be text, so the search begins behind it.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = [rest[first..].find("$${"), rest[first..].find("${")]
            .into_iter()
            .flatten()
            .min();
        let (text, after) = rest.split_at(end.map_or(rest.len(), |end| end + first));
        rest = after;
        Some(Ok(Piece::Text(text)))
    })
}

/// The placeholders of a template.
pub fn placeholders(
    template: &str,
) -> impl Iterator<Item = Result<Placeholder<'_>, Malformed<'_>>> {
    pieces(template).filter_map(|piece| match piece {
        Ok(Piece::Text(_)) => None,
        Ok(Piece::Placeholder(placeholder)) => Some(Ok(placeholder)),
        Err(malformed) => Some(Err(malformed)),
    })
}

fn placeholder(name: &str) -> Option<Placeholder<'_>> {
    let named = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    match name {
        "version" => Some(Placeholder::Version),
        "customer" => Some(Placeholder::Customer),
        "service_id" => Some(Placeholder::ServiceId),
        "commit" => Some(Placeholder::Commit),
        _ => {
            let secret = name
                .strip_prefix("secret:")
                .filter(|name| named(name))
                .map(Placeholder::Secret);
            let env = || {
                name.strip_prefix("env:")
                    .filter(|name| named(name))
                    .map(Placeholder::Env)
            };
            let url = || {
                name.strip_suffix("_url")
                    .filter(|name| named(name))
                    .map(Placeholder::Url)
            };
            secret.or_else(env).or_else(url)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_taken_apart_without_loss() {
        let found: Vec<_> = pieces("a$b ${backend_url}/x $${no} ${secret:KEY}$").collect();
        let expected = [
            Ok(Piece::Text("a$b ")),
            Ok(Piece::Placeholder(Placeholder::Url("backend"))),
            Ok(Piece::Text("/x ")),
            Ok(Piece::Text("${")),
            Ok(Piece::Text("no} ")),
            Ok(Piece::Placeholder(Placeholder::Secret("KEY"))),
            Ok(Piece::Text("$")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        let found: Vec<_> = placeholders("${CUSTOMER_URL} ${secret:} ${version").collect();
        let expected = [
            Err(Malformed::Unknown("CUSTOMER_URL")),
            Err(Malformed::Unknown("secret:")),
            Err(Malformed::Open),
        ];
        assert_eq!(found, expected);
    }
}
