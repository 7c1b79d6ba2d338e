//! The checked content of `tranche.yaml` and `customers.yaml`: what remains when every mistake has been refused.
//!
//! These are plain values that serialise, because a rollout freezes them (R6). How they are written in YAML is `parse`'s question.

pub mod server;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar::{Freeze, FreezeScope, WindowSpec};
use crate::health::Profile;
use crate::ids::{CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId};
use crate::span::{Span, Timestamp};

/// `tranche.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// What is released.
    pub product: String,
    /// The folder of the policy files, as written.
    pub policies: String,
    /// The fleet's file, as written.
    pub customers: String,
    /// Where tags are resolved; any URL or path git understands.
    pub repository: Option<String>,
    /// The zone of instants and windows that name none.
    pub timezone: Tz,
    /// How Render is reached.
    pub render: RenderSettings,
    /// Variables written before each deploy, by service role; values are templates.
    pub variables: BTreeMap<Role, BTreeMap<String, String>>,
    /// Health profiles by name; `basic` and `comprehensive` always exist.
    pub health: BTreeMap<String, Profile>,
    /// Times at which nobody may start (R9).
    pub freezes: Vec<Freeze>,
    /// Who may act.
    pub people: BTreeMap<PersonId, Person>,
    /// Named sets of people.
    pub groups: BTreeMap<GroupId, BTreeSet<PersonId>>,
    /// Who holds which role, resolved to people.
    pub roles: Roles,
    /// Tags that start phases by themselves.
    pub follow: Option<Follow>,
    /// Who is told what.
    pub notify: Vec<Notify>,
    /// Private ranges that probes and webhooks may reach, in CIDR form (P51).
    pub allow: Vec<String>,
    /// Groups that a claim of the sign-in narrows. `groups` has all who may ever belong to them.
    #[serde(default, skip_serializing_if = "Claims::is_none")]
    pub claims: Claims,
}

/// What somebody's sign-in must say for them to count as a member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// By group.
    pub groups: BTreeMap<GroupId, Claim>,
    /// For how long after the sign-in it counts.
    pub valid_for: ClaimsValidFor,
}

impl Claims {
    /// Whether no group is narrowed: then nothing else matters.
    pub fn is_none(&self) -> bool {
        self.groups.is_empty()
    }
}

/// For how long after a sign-in its claims count; a day where nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimsValidFor(pub Span);

impl Default for ClaimsValidFor {
    fn default() -> Self {
        Self(Span::from_secs(24 * 60 * 60))
    }
}

/// One thing that an identity provider says of somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// The claim's name.
    pub claim: String,
    /// The value, or, where the claim is a list, one of its values.
    pub equals: String,
}

/// The `render:` part of `tranche.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderSettings {
    /// Base URL of the API.
    pub url: String,
    /// The workspace (`tea-...`); absent: not checked.
    pub owner: Option<String>,
    /// After this a given-up request can no longer take effect (P9).
    pub settle: Span,
    /// Fastest poll of a deploy.
    pub poll_from: Span,
    /// Slowest poll of a deploy.
    pub poll_to: Span,
    /// Deploys in flight over all rollouts.
    pub max_parallel: u32,
    /// Time limit of one request.
    pub timeout: Span,
    /// Repetitions of reads, and of what was surely not done.
    pub max_retries: u32,
    /// What to do about services with auto-deploy on (R18).
    pub auto_deploy: AutoDeploy,
    /// Whether services that cannot be deployed without downtime are refused.
    pub zero_downtime: ZeroDowntime,
}

/// What to do about a service whose auto-deploy is on (R18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoDeploy {
    /// `start` refuses it.
    Refuse,
    /// Switch it off for the time of the rollout and restore it once.
    Manage,
}

/// Whether a service that would go down while it is deployed is only warned about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroDowntime {
    /// Name it.
    Warn,
    /// Refuse it.
    Require,
}

/// A person and what proves the identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Where announcements go.
    pub email: Option<String>,
    /// The operating-system account.
    pub os: Option<String>,
    /// Issuer and subject at an identity provider, `ISSUER#SUBJECT`.
    pub oidc: Option<String>,
    /// Names that this person had before: whoever acted under one of them is this person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub formerly: BTreeSet<PersonId>,
}

/// What somebody who had this name is called now; `None` if nobody has or had it.
pub fn called_now<'p>(
    people: &'p BTreeMap<PersonId, Person>,
    name: &PersonId,
) -> Option<&'p PersonId> {
    if let Some((name, _)) = people.get_key_value(name) {
        return Some(name);
    }
    let mut renamed = people
        .iter()
        .filter(|(_, person)| person.formerly.contains(name));
    renamed.next().map(|(name, _)| name)
}

/// What somebody may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// May start, pause and abort.
    Operator,
    /// May approve.
    Approver,
    /// May make tokens.
    Admin,
}

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Approver, Self::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

/// Who holds which role. A role that is absent in the file is held by everybody in `people`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// May start, pause and abort.
    pub operator: BTreeSet<PersonId>,
    /// May approve.
    pub approver: BTreeSet<PersonId>,
    /// May make tokens.
    pub admin: BTreeSet<PersonId>,
    /// The roles that the file names, so that one which names nobody is told from one that is not written.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub written: BTreeSet<RoleName>,
}

impl Roles {
    /// The holders of a role.
    pub fn holders(&self, role: RoleName) -> &BTreeSet<PersonId> {
        match role {
            RoleName::Operator => &self.operator,
            RoleName::Approver => &self.approver,
            RoleName::Admin => &self.admin,
        }
    }

    /// The same, to be changed.
    pub fn holders_mut(&mut self, role: RoleName) -> &mut BTreeSet<PersonId> {
        match role {
            RoleName::Operator => &mut self.operator,
            RoleName::Approver => &mut self.approver,
            RoleName::Admin => &mut self.admin,
        }
    }
}

/// `follow:` new tags that start phases by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// A glob over tag names.
    pub tags: String,
    /// The phases that start.
    pub policies: Vec<PolicyId>,
    /// How often the repository is asked for its tags.
    #[serde(default = "Follow::every")]
    pub every: Span,
}

impl Follow {
    /// Without `every`.
    pub fn every() -> Span {
        Span::from_secs(60)
    }
}

/// One entry of `notify:`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Event kinds.
    pub when: Vec<String>,
    /// Where to: sink name and its target (`slack`, `webhook`, `email`, `command`, `customer`).
    pub to: BTreeMap<String, String>,
    /// Repeat while it stays unanswered.
    pub remind: Option<Span>,
    /// Signs what a webhook gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSource>,
    /// The text, as a template; absent: that of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `customers.yaml`: all customers with their services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// By key.
    pub customers: BTreeMap<CustomerId, Customer>,
}

impl Fleet {
    /// Every service, databases too, with whose it is.
    pub fn services(&self) -> impl Iterator<Item = (&CustomerId, &Role, &Service)> {
        self.customers.iter().flat_map(|(id, customer)| {
            let services = customer.services.iter();
            services.map(move |(role, service)| (id, role, service))
        })
    }
}

/// One customer: the unit that passes or fails as a whole (R5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// The name people know; the key where none is written.
    pub name: String,
    /// Decides the policy.
    pub tier: String,
    /// The customer's own zone; absent: the project's.
    pub timezone: Option<Tz>,
    /// Position in the phase (R2).
    pub order: i64,
    /// How much hangs on it: seats, revenue (R1, R12). From 1 to [`MAX_WEIGHT`](Self::MAX_WEIGHT).
    #[serde(
        default = "Customer::unweighted",
        skip_serializing_if = "Customer::is_unweighted"
    )]
    pub weight: u64,
    /// Free marks for selection.
    pub tags: BTreeSet<String>,
    /// Services by role.
    pub services: BTreeMap<Role, Service>,
    /// Where secrets come from; never their values.
    pub secrets: BTreeMap<String, SecretSource>,
    /// The customer's own windows, intersected with the policy's (R7).
    pub window: Vec<WindowSpec>,
    /// The version this customer stays on.
    pub pin: Option<Pin>,
    /// For `notify: to: customer`.
    pub contacts: BTreeMap<String, String>,
}

/// Windows that name no zone, by their places in the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unzoned {
    /// Of customers.
    pub customers: BTreeMap<CustomerId, BTreeSet<usize>>,
    /// Of policies.
    pub policies: BTreeMap<PolicyId, BTreeSet<usize>>,
}

impl Freeze {
    /// Whether it concerns that customer.
    pub fn covers(&self, id: &CustomerId, customer: &Customer) -> bool {
        match &self.customers {
            FreezeScope::All => true,
            FreezeScope::Only {
                customers,
                tags,
                tiers,
            } => {
                (customers.is_empty() || customers.contains(id))
                    && tags.is_subset(&customer.tags)
                    && (tiers.is_empty() || tiers.contains(&customer.tier))
            }
        }
    }
}

impl Customer {
    /// The weight where none is written.
    pub const WEIGHT: u64 = 1;

    /// The largest weight. Sums over the largest fleet and percentages of them stay exact, also where JSON is read into
    /// floating point.
    pub const MAX_WEIGHT: u64 = 1_000_000_000;

    fn unweighted() -> u64 {
        Self::WEIGHT
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_unweighted(weight: &u64) -> bool {
        *weight == Self::WEIGHT
    }

    /// The customer's own zone, or the project's.
    pub fn zone(&self, project: &Project) -> Tz {
        self.timezone.unwrap_or(project.timezone)
    }
}

/// One Render service of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Render's id.
    pub id: ServiceId,
    /// Where it answers; a database has none.
    pub url: Option<String>,
}

/// Where a secret's value is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of the engine.
    Env(String),
    /// A file, relative to the project folder.
    File(String),
}

impl SecretSource {
    /// Reads `${env:NAME}` or `${file:PATH}`; anything else is no place of a secret.
    ///
    /// ```
    /// use policy::settings::SecretSource;
    ///
    /// assert_eq!(SecretSource::reference("${env:HOOK}"), Some(SecretSource::Env("HOOK".to_owned())));
    /// assert_eq!(SecretSource::reference("hunter2"), None);
    /// ```
    pub fn reference(text: &str) -> Option<Self> {
        let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
        let (kind, place) = inner.split_once(':')?;
        if place.is_empty() || place.contains(['{', '}']) {
            return None;
        }
        match kind {
            "env" => Some(Self::Env(place.to_owned())),
            "file" => Some(Self::File(place.to_owned())),
            _ => None,
        }
    }
}

/// A customer kept on a version until a date (R22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// A version or a pattern such as `1.0.x`.
    pub version: String,
    /// The instant at which the pin ends.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}
