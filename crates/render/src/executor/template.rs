//! Fills in the templates of variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::template::{Malformed, Piece, Placeholder, pieces};
use policy::{CustomerId, Role, ServiceId};
use rollout::Outcome;
use secrecy::{ExposeSecret, SecretString};

use super::sources::Sources;

/// What the placeholders of one service's variables stand for.
pub struct Filling {
    /// Secrets, and the engine's own environment.
    pub sources: Arc<dyn Sources>,
    /// `${customer}`.
    pub customer: CustomerId,
    /// `${service_id}`.
    pub service: ServiceId,
    /// `${version}`.
    pub version: String,
    /// `${commit}`.
    pub commit: String,
    /// `${ROLE_url}`.
    pub urls: BTreeMap<Role, String>,
}

/// Why a template cannot be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// This does not resolve now.
    #[error("{0} does not resolve")]
    Missing(String),
    /// The template itself makes no sense.
    #[error("a template makes no sense at `{0}`")]
    Malformed(String),
}

impl Filling {
    /// Fills in all of them. May block.
    ///
    /// # Errors
    /// When one does not resolve, or makes no sense.
    pub fn fill_all(
        &self,
        templates: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, SecretString>, Unfilled> {
        templates
            .iter()
            .map(|(key, template)| Ok((key.clone(), self.fill(template)?)))
            .collect()
    }

    fn fill(&self, template: &str) -> Result<SecretString, Unfilled> {
        let mut text = String::new();
        for piece in pieces(template) {
            match piece {
                Ok(Piece::Text(piece)) => text.push_str(piece),
                Ok(Piece::Placeholder(placeholder)) => {
                    text.push_str(self.value(placeholder)?.expose_secret());
                }
                Err(Malformed::Unknown(name)) => return Err(Unfilled::Malformed(name.to_owned())),
                Err(Malformed::Open) => return Err(Unfilled::Malformed("${".to_owned())),
            }
        }
        Ok(text.into())
    }

    fn value(&self, placeholder: Placeholder<'_>) -> Result<SecretString, Unfilled> {
        let known = |value: &str| Ok(SecretString::from(value));
        let found =
            |value: Option<SecretString>, name: String| value.ok_or(Unfilled::Missing(name));
        match placeholder {
            Placeholder::Version => known(&self.version),
            Placeholder::Customer => known(self.customer.as_str()),
            Placeholder::ServiceId => known(self.service.as_str()),
            Placeholder::Commit => known(&self.commit),
            Placeholder::Url(role) => {
                let url = self.urls.get(&Role::new(role)).cloned();
                found(url.map(SecretString::from), format!("{role}_url"))
            }
            Placeholder::Secret(name) => {
                found(self.sources.secret(&self.customer, name), name.to_owned())
            }
            Placeholder::Env(name) => found(self.sources.environment(name), format!("env:{name}")),
        }
    }
}

impl From<Unfilled> for Outcome {
    fn from(unfilled: Unfilled) -> Self {
        match unfilled {
            Unfilled::Missing(name) => Self::SecretMissing { name },
            Unfilled::Malformed(text) => Self::Failed {
                reason: format!("a variable's template makes no sense at `{text}`"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    struct Shelf;

    impl Sources for Shelf {
        fn secret(&self, customer: &CustomerId, name: &str) -> Option<SecretString> {
            (name == "KEY").then(|| format!("key of {customer}").into())
        }

        fn secrets(&self, _: &CustomerId) -> Vec<SecretString> {
            Vec::new()
        }

        fn version(&self, _: &str) -> Option<String> {
            None
        }

        fn environment(&self, name: &str) -> Option<SecretString> {
            (name == "REGION").then(|| "eu".into())
        }
    }

    fn fill(template: &str) -> Result<String, Unfilled> {
        let filling = Filling {
            sources: Arc::new(Shelf),
            customer: "acme".into(),
            service: "srv-1".into(),
            version: "v1.1.0".to_owned(),
            commit: "c0ffee".to_owned(),
            urls: [("backend".into(), "https://api.example".to_owned())].into(),
        };
        let filled = filling.fill(template);
        filled.map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn every_placeholder_has_its_value() {
        let template = "${version} ${commit} ${customer} ${service_id} ${backend_url}/x $${y}";
        let filled = "v1.1.0 c0ffee acme srv-1 https://api.example/x ${y}";
        assert_eq!(fill(template).unwrap(), filled);
        assert_eq!(
            fill("${secret:KEY}@${env:REGION}").unwrap(),
            "key of acme@eu"
        );
    }

    #[test]
    fn what_does_not_resolve_is_named() {
        let missing = |name: &str| Err(Unfilled::Missing(name.to_owned()));
        assert_eq!(fill("${secret:OTHER}"), missing("OTHER"));
        assert_eq!(fill("${env:OTHER}"), missing("env:OTHER"));
        assert_eq!(fill("${frontend_url}"), missing("frontend_url"));
        assert_eq!(fill("${what}"), Err(Unfilled::Malformed("what".to_owned())));
    }
}
