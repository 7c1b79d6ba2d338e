//! Who asks, what proves it, and who there is to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::SubsecRound as _;
use policy::settings::{Claim, Claims, Person, Roles};
use policy::{CustomerId, GroupId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// What the name of a customer begins with that acts by itself; no person is called so.
const OF_A_CUSTOMER: &str = "customer:";

/// Who exists, who belongs to which group, who holds which role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Members by group.
    pub groups: BTreeMap<GroupId, BTreeSet<PersonId>>,
    /// Holders by role.
    pub roles: Roles,
    /// What proves who somebody is, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<PersonId, Person>,
    /// What a sign-in must say for a member of a group to count as one.
    #[serde(default, skip_serializing_if = "Claims::is_none")]
    pub claims: Claims,
}

/// Who asks, as proved by the shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// The name in events: a key of `people`, or `service:NAME`.
    pub name: PersonId,
    /// A service token: never an approver (P3).
    pub service: bool,
    /// What proved it; absent where nothing has to, as in a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// For what that proof may be used; absent: for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<Scope>>,
}

/// For what a token was made. What its owner may do besides, their roles say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To look at everything but what is for admins.
    Read,
    /// To start rollouts.
    Start,
    /// To ask for changes, starts among them, votes apart.
    Request,
    /// To vote for and against gates, and to say that a freeze may be lifted.
    Vote,
    /// To see and change people's tokens and sessions.
    Admin,
    /// To push the project's files.
    Push,
    /// To read `/metrics` and nothing else.
    Metrics,
    /// To read calendar feeds and nothing else.
    Calendar,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Start,
        Self::Request,
        Self::Vote,
        Self::Admin,
        Self::Push,
        Self::Metrics,
        Self::Calendar,
    ];

    /// Whether it is among these, or goes with one of them.
    pub fn is_in(self, scopes: &BTreeSet<Self>) -> bool {
        let goes_with = match self {
            Self::Start => Some(Self::Request),
            Self::Read
            | Self::Request
            | Self::Vote
            | Self::Admin
            | Self::Push
            | Self::Metrics
            | Self::Calendar => None,
        };
        scopes.contains(&self) || goes_with.is_some_and(|other| scopes.contains(&other))
    }

    /// Its name, as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Start => "start",
            Self::Request => "request",
            Self::Vote => "vote",
            Self::Admin => "admin",
            Self::Push => "push",
            Self::Metrics => "metrics",
            Self::Calendar => "calendar",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// No scope is called that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scope `{0}`: they are read, start, request, vote, admin, push, metrics and calendar"
)]
pub struct UnknownScope(String);

/// What proved who somebody is; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Proof {
    /// Account, token or identity.
    pub kind: ProofKind,
    /// The account's name, or the token's; of an identity issuer and subject, `ISSUER#SUBJECT`.
    pub id: String,
    /// The account of the process that asked. It is told, not compared: several people may share one and have tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<PersonId>,
    /// What the maker proved it with, and, where that was a token, who made that one, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_by: Vec<Hand>,
    /// When the person last proved to the identity provider who they are, as the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// When the server took the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<Timestamp>,
    /// What the sign-in said of what groups ask for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub claims: BTreeSet<Claim>,
}

/// What proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// An account of the operating system.
    Account,
    /// A token.
    Token,
    /// A subject at an identity provider, signed in at a server.
    Oidc,
}

/// Somebody who had a hand in a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hand {
    /// Who, by the name of that time.
    pub person: PersonId,
    /// Proved by which kind.
    pub kind: ProofKind,
    /// The account's name, the token's, or the identity.
    pub id: String,
}

impl Proof {
    /// An account of the operating system.
    pub fn account(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            account: Some(name.clone()),
            ..Self::new(ProofKind::Account, name)
        }
    }

    /// A token, by its name; whoever knows adds who made it.
    pub fn token(id: impl Into<String>) -> Self {
        Self::new(ProofKind::Token, id.into())
    }

    /// A subject at an identity provider, whom a server has signed in at an instant.
    ///
    /// ```
    /// use rollout::request::{Actor, Proof, ProofKind};
    ///
    /// let now = "2027-01-11T09:00:00.1234567Z".parse()?;
    /// let proof = Proof::oidc("https://id.example.com", "0815", now).fresh_since("2027-01-11T08:59:30Z".parse()?);
    /// assert_eq!(proof.id, "https://id.example.com#0815");
    /// let ann = Actor::person("ann").proved_by(proof);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn oidc(issuer: &str, subject: &str, signed_in_at: Timestamp) -> Self {
        Self {
            signed_in_at: Some(signed_in_at.trunc_subsecs(3)),
            ..Self::new(ProofKind::Oidc, format!("{issuer}#{subject}"))
        }
    }

    /// The same with the instant since which the provider has not asked again (`auth_time`).
    #[must_use]
    pub fn fresh_since(self, auth_time: Timestamp) -> Self {
        Self {
            auth_time: Some(auth_time.trunc_subsecs(3)),
            ..self
        }
    }

    /// The same with what it said of what groups ask for.
    #[must_use]
    pub fn claiming(self, claims: impl IntoIterator<Item = Claim>) -> Self {
        Self {
            claims: claims.into_iter().collect(),
            ..self
        }
    }

    fn new(kind: ProofKind, id: String) -> Self {
        Self {
            kind,
            id,
            account: None,
            maker: None,
            made_by: Vec::new(),
            auth_time: None,
            signed_in_at: None,
            claims: BTreeSet::new(),
        }
    }

    /// Without what is another at each sign-in: whose hand it is.
    #[must_use]
    pub(crate) fn hand(self) -> Self {
        Self {
            auth_time: None,
            signed_in_at: None,
            claims: BTreeSet::new(),
            ..self
        }
    }

    /// What tells it from others.
    pub fn key(&self) -> (ProofKind, &String) {
        (self.kind, &self.id)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProofKind::Account => "account",
            ProofKind::Token => "token",
            ProofKind::Oidc => "identity",
        };
        write!(f, "the {kind} {}", self.id)
    }
}

impl Actor {
    /// A person.
    pub fn person(name: impl Into<String>) -> Self {
        Self {
            name: PersonId::new(name),
            service: false,
            proof: None,
            scopes: None,
        }
    }

    /// A program that needs nothing to prove it.
    pub fn service(name: PersonId) -> Self {
        Self {
            name,
            service: true,
            proof: None,
            scopes: None,
        }
    }

    /// A customer by itself, as a link that was made for it says: it may put its own date off, and nothing else.
    pub fn customer(customer: &CustomerId) -> Self {
        Self::service(PersonId::new(format!("{OF_A_CUSTOMER}{customer}")))
    }

    /// The key of the customer that this is, if it is one by itself.
    pub(crate) fn as_customer(&self) -> Option<&str> {
        self.name.as_str().strip_prefix(OF_A_CUSTOMER)
    }

    /// The same, proved.
    #[must_use]
    pub fn proved_by(self, proof: Proof) -> Self {
        Self {
            proof: Some(proof),
            ..self
        }
    }

    /// The same, by a proof that was made for no more than that.
    #[must_use]
    pub fn scoped(self, scopes: BTreeSet<Scope>) -> Self {
        Self {
            scopes: Some(scopes),
            ..self
        }
    }

    /// Whether what proves them may be used for that.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scope.is_in(scopes))
    }
}
