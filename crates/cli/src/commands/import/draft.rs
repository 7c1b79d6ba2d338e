//! The project that comes out: collected from all files, written as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::show::escape::line;

/// Where the fleet goes.
pub(super) const CUSTOMERS_FILE: &str = "customers.yaml";

/// Where the policies go.
pub(super) const POLICIES: &str = "policies";

/// What was understood so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) product: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) owner: Option<String>,
    /// Templates of variables, by role and key.
    pub(super) variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Names of secrets that the templates use.
    pub(super) secrets: BTreeSet<String>,
    /// Who approves, with an address where one is known.
    pub(super) people: BTreeMap<String, Option<String>>,
    /// Customers by key.
    pub(super) customers: BTreeMap<String, Customer>,
    /// Policies by name.
    pub(super) policies: BTreeMap<String, Policy>,
}

/// A customer.
#[derive(Debug, Default)]
pub(super) struct Customer {
    /// Name, tier, zone, ... as the file has them.
    pub(super) properties: Map<String, Value>,
    /// Services by role.
    pub(super) services: BTreeMap<String, Map<String, Value>>,
}

/// A policy.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// The day on which it begins, if that is known.
    pub(super) start_day: Option<u32>,
    /// Keys as the file has them.
    pub(super) keys: Map<String, Value>,
    /// What was said of it and not understood: it stands in the file as comments, since it may be what keeps people safe.
    pub(super) left_out: Vec<String>,
}

impl Draft {
    /// The customer of a key.
    pub(super) fn customer(&mut self, key: &str) -> &mut Customer {
        self.customers.entry(slug(key)).or_default()
    }

    /// Gives other keys to customers that are called like a policy, since a gate could mean either; the old and new keys.
    pub(super) fn rename_doubled(&mut self) -> Vec<(String, String)> {
        let doubled: Vec<String> = self
            .customers
            .keys()
            .filter(|key| self.policies.contains_key(*key))
            .cloned()
            .collect();
        let mut renamed = Vec::new();
        for old in doubled {
            let new = format!("{old}-customer");
            if let Some(customer) = self.customers.remove(&old) {
                self.customers.insert(new.clone(), customer);
                renamed.push((old, new));
            }
        }
        renamed
    }

    /// Puts people into the places of approvers whom the scripts did not name, so that their gates are shut and not gone;
    /// the names of those people.
    pub(super) fn stand_in_approvers(&mut self) -> Vec<String> {
        let approvals = self
            .policies
            .values()
            .filter_map(|policy| policy.keys.get("approval"));
        let needed = approvals
            .filter(|approval| approval.get("from").is_none())
            .map(|approval| approval.get("quorum").and_then(Value::as_u64).unwrap_or(1));
        let needed = needed.max().unwrap_or(0);
        let mut invented = Vec::new();
        for number in 1.. {
            if self.people.len() as u64 >= needed {
                break;
            }
            let name = format!("approver-{number}");
            if self.people.insert(name.clone(), None).is_none() {
                invented.push(name);
            }
        }
        invented
    }

    /// The files, by their paths in the project folder.
    pub(super) fn files(
        &self,
        product: &str,
    ) -> Result<Vec<(String, String)>, serde_yaml::ser::Error> {
        let mut files = vec![(
            project::PROJECT_FILE.to_owned(),
            serde_yaml::to_string(&self.project(product))?,
        )];
        if !self.customers.is_empty() {
            let fleet = serde_yaml::to_string(&self.fleet())?;
            files.push((CUSTOMERS_FILE.to_owned(), fleet));
        }
        for (name, keys) in self.phases() {
            let mut text = String::new();
            for what in &self.policies[name].left_out {
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "# Not understood, so write it by hand: {}",
                    line(what)
                );
            }
            text.push_str(&serde_yaml::to_string(&keys)?);
            files.push((format!("{POLICIES}/{name}.yaml"), text));
        }
        Ok(files)
    }

    fn project(&self, product: &str) -> Value {
        let product = self.product.as_deref().unwrap_or(product);
        let mut project = json!({ "product": slug(product) });
        if let Some(repository) = &self.repository {
            project["repository"] = repository.as_str().into();
        }
        if let Some(owner) = &self.owner {
            project["render"] = json!({ "owner": owner });
        }
        if !self.variables.is_empty() {
            project["variables"] = json!(self.variables);
        }
        if !self.people.is_empty() {
            let person = |(key, email): (&String, &Option<String>)| {
                let proof = match email {
                    Some(email) => json!({ "email": email, "os": key }),
                    None => json!({ "os": key }),
                };
                (key.clone(), proof)
            };
            let people: Map<String, Value> = self.people.iter().map(person).collect();
            project["people"] = people.into();
        }
        project
    }

    fn fleet(&self) -> Value {
        let customers: Map<String, Value> = self
            .customers
            .iter()
            .map(|(key, customer)| (key.clone(), self.entry(key, customer)))
            .collect();
        json!({ "customers": customers })
    }

    fn entry(&self, key: &str, customer: &Customer) -> Value {
        let mut entry = customer.properties.clone();
        entry.insert("services".to_owned(), json!(customer.services));
        let shouted = key.to_ascii_uppercase().replace('-', "_");
        let secret = |name: &String| {
            let variable = name.strip_prefix("CUSTOMER_").unwrap_or(name);
            (
                name.clone(),
                json!({ "env": format!("{shouted}_{variable}") }),
            )
        };
        let secrets: Map<String, Value> = self.secrets.iter().map(secret).collect();
        if !secrets.is_empty() {
            entry.insert("secrets".to_owned(), secrets.into());
        }
        entry.into()
    }

    /// The policies, each after the one that begins before it unless it says itself.
    fn phases(&self) -> Vec<(&str, Value)> {
        let mut policies: Vec<(&String, &Policy)> = self.policies.iter().collect();
        let is_told = policies
            .iter()
            .all(|(_, policy)| policy.start_day.is_some());
        let day = |policy: &Policy| policy.start_day.filter(|_| is_told);
        policies.sort_by_key(|(name, policy)| (day(policy), rank(name), *name));
        let mut before: Option<&str> = None;
        let mut phases = Vec::new();
        for (name, policy) in policies {
            let mut keys = Map::new();
            keys.insert("policy".to_owned(), name.as_str().into());
            if let Some(before) = before.filter(|_| !policy.keys.contains_key("after")) {
                keys.insert("after".to_owned(), before.into());
            }
            keys.extend(policy.keys.clone());
            phases.push((name.as_str(), keys.into()));
            before = Some(name);
        }
        phases
    }
}

/// The usual order of the tiers, where days do not tell.
fn rank(name: &str) -> usize {
    let tiers = ["demo", "startup", "standard", "enterprise"];
    tiers
        .iter()
        .position(|tier| *tier == name)
        .unwrap_or(tiers.len())
}

/// A name as keys are written: `ACME Corp` is `acme-corp`.
pub(super) fn slug(name: &str) -> String {
    let lower = name.trim().to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}
