//! How services are called at Render: a pattern such as `securewatch-{customer}-{role}`, read in both directions.

use policy::plan::DATABASE;
use policy::{CustomerId, Role};

use crate::exit::Failure;

const CUSTOMER: &str = "{customer}";
const ROLE: &str = "{role}";

/// Other names of the role that databases have.
const DATABASES: [&str; 3] = ["db", "postgres", "postgresql"];

/// A pattern with both placeholders, once each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Convention {
    before: String,
    between: String,
    after: String,
    customer_first: bool,
}

impl Convention {
    /// Reads a pattern.
    pub(super) fn parse(pattern: &str) -> Result<Self, Failure> {
        let refuse = |problem: &str| {
            Failure::usage(format!("the pattern `{pattern}` {problem}"))
                .or_type("--pattern PRODUCT-{customer}-{role}")
        };
        let (Some(customer), Some(role)) = (pattern.find(CUSTOMER), pattern.find(ROLE)) else {
            return Err(refuse("needs {customer} and {role}"));
        };
        let customer_first = customer < role;
        let (first, second) = if customer_first {
            (CUSTOMER, ROLE)
        } else {
            (ROLE, CUSTOMER)
        };
        let parts = pattern.split_once(first).and_then(|(before, rest)| {
            let (between, after) = rest.split_once(second)?;
            Some((before, between, after))
        });
        let Some((before, between, after)) = parts else {
            return Err(refuse("needs {customer} and {role}"));
        };
        if between.is_empty() {
            return Err(refuse("needs something between {customer} and {role}"));
        }
        if [before, between, after]
            .iter()
            .any(|part| part.contains(['{', '}']))
        {
            return Err(refuse("has more than {customer} and {role} in braces"));
        }
        Ok(Self {
            before: before.to_owned(),
            between: between.to_owned(),
            after: after.to_owned(),
            customer_first,
        })
    }

    /// Whose service a name means, and which; a role is one word, a customer may be several.
    pub(super) fn read(&self, name: &str) -> Option<(CustomerId, Role)> {
        let inner = name.strip_prefix(&self.before)?;
        let inner = inner.strip_suffix(&self.after)?;
        let (customer, role) = if self.customer_first {
            inner.rsplit_once(&self.between)?
        } else {
            let (role, customer) = inner.split_once(&self.between)?;
            (customer, role)
        };
        if customer.is_empty() || role.is_empty() {
            return None;
        }
        let role = if DATABASES.contains(&role) {
            DATABASE
        } else {
            role
        };
        Some((CustomerId::new(customer), Role::new(role)))
    }
}

impl std::fmt::Display for Convention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, second) = if self.customer_first {
            (CUSTOMER, ROLE)
        } else {
            (ROLE, CUSTOMER)
        };
        let Self {
            before,
            between,
            after,
            ..
        } = self;
        write!(f, "{before}{first}{between}{second}{after}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(pattern: &str, name: &str) -> Option<(String, String)> {
        let (customer, role) = Convention::parse(pattern).unwrap().read(name)?;
        Some((customer.to_string(), role.to_string()))
    }

    fn pair(customer: &str, role: &str) -> (String, String) {
        (customer.to_owned(), role.to_owned())
    }

    #[test]
    fn a_customer_may_be_several_words_and_a_role_is_one() {
        let pattern = "securewatch-{customer}-{role}";
        let name = "securewatch-acme-corp-backend";
        assert_eq!(read(pattern, name), Some(pair("acme-corp", "backend")));
        assert_eq!(
            read(pattern, "securewatch-acme-db"),
            Some(pair("acme", "database"))
        );
        assert_eq!(read(pattern, "securewatch-backend"), None);
        assert_eq!(read(pattern, "other-acme-backend"), None);
        let reversed = "{role}.{customer}.prod";
        assert_eq!(
            read(reversed, "backend.acme.prod"),
            Some(pair("acme", "backend"))
        );
        assert_eq!(Convention::parse(reversed).unwrap().to_string(), reversed);
    }

    #[test]
    fn a_pattern_that_says_too_little_or_too_much_is_refused() {
        for pattern in [
            "x-{role}",
            "{customer}",
            "{customer}{role}",
            "{customer}-{role}-{zone}",
        ] {
            assert!(Convention::parse(pattern).is_err(), "{pattern}");
        }
    }
}
