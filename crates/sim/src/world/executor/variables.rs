//! Variables: backed up, written and restored key by key.
//!
//! In this world nothing needs sealing: a backup is plain JSON.

use std::collections::BTreeMap;

use policy::{CustomerId, Release, Role, ServiceId};
use rollout::command::{Sealed, Target};
use rollout::{AttachmentId, DatabaseId, Outcome, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Progress, SimExecutor};

/// What a backup holds, by key.
pub(super) type Backup = BTreeMap<String, Saved>;

/// One planned variable.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Absent: there was none.
    old: Option<String>,
    new: String,
}

impl Saved {
    pub(super) fn changed(old: &str, new: &str) -> Self {
        Self {
            old: Some(old.to_owned()),
            new: new.to_owned(),
        }
    }
}

impl SimExecutor {
    pub(super) fn back_up(
        &mut self,
        customer: &CustomerId,
        service: &Target,
        templates: &BTreeMap<String, String>,
        release: &Release,
        urls: &BTreeMap<Role, String>,
        left: Option<&DatabaseId>,
    ) -> Result<Outcome, Progress> {
        let reply = self.platform.client(self.now).env_vars(&service.id);
        let stored = self.learn(reply)?;
        let values = Values {
            customer,
            service: &service.id,
            release,
            urls,
        };
        let backup: Backup = templates
            .iter()
            .map(|(key, template)| {
                let old = stored.get(key).cloned();
                (
                    key.clone(),
                    Saved {
                        old,
                        new: values.fill(template),
                    },
                )
            })
            .collect();
        let names = |value: &str| left.is_some_and(|id| value.contains(&id.0));
        if let Some((key, _)) = backup.iter().find(|(_, saved)| names(&saved.new)) {
            return Ok(Outcome::NamesLeft { key: key.clone() });
        }
        let differing = backup
            .iter()
            .filter(|(_, saved)| saved.old.as_ref() != Some(&saved.new));
        let digests = stored
            .iter()
            .map(|(key, value)| (key.clone(), digest(value)));
        Ok(Outcome::BackedUp {
            digests: digests.collect(),
            differing: differing.map(|(key, _)| key.clone()).collect(),
            sealed: Sealed(serde_json::to_vec(&backup).expect("texts serialise")),
        })
    }

    pub(super) fn set_variables(
        &mut self,
        service: &ServiceId,
        backup: &AttachmentId,
        keys: &[String],
    ) -> Result<Outcome, Progress> {
        let backup = self.open(backup)?;
        for key in keys {
            let saved = saved(&backup, key)?;
            self.put(service, key, &saved.new)?;
        }
        Ok(Outcome::VariablesSet)
    }

    /// What is neither as we wrote it nor as it was is somebody else's, and stays (P29).
    pub(super) fn restore_variables(
        &mut self,
        service: &ServiceId,
        backup: &AttachmentId,
        keys: &[String],
    ) -> Result<Outcome, Progress> {
        let backup = self.open(backup)?;
        let reply = self.platform.client(self.now).env_vars(service);
        let stored = self.learn(reply)?;
        let mut foreign = Vec::new();
        for key in keys {
            let saved = saved(&backup, key)?;
            match (stored.get(key), &saved.old) {
                (now, old) if now == old.as_ref() => {}
                (Some(now), _) if *now != saved.new => foreign.push(key.clone()),
                (None, _) => foreign.push(key.clone()),
                (Some(_), Some(old)) => self.put(service, key, old)?,
                (Some(_), None) => {
                    let reply = self.platform.client(self.now).delete_env_var(service, key);
                    self.learn(reply)?;
                }
            }
        }
        Ok(Outcome::VariablesRestored { foreign })
    }

    fn put(&mut self, service: &ServiceId, key: &str, value: &str) -> Result<(), Progress> {
        let reply = self
            .platform
            .client(self.now)
            .put_env_var(service, key, value);
        self.learn(reply).map(drop)
    }

    fn open(&self, backup: &AttachmentId) -> Result<Backup, Progress> {
        let sealed = self
            .attachments
            .get(backup)
            .ok_or_else(|| failed(format!("there is no backup `{backup}`")))?;
        serde_json::from_slice(&sealed.0).map_err(|error| failed(error.to_string()))
    }
}

fn saved<'a>(backup: &'a Backup, key: &str) -> Result<&'a Saved, Progress> {
    let saved = backup.get(key);
    saved.ok_or_else(|| failed(format!("the backup does not hold `{key}`")))
}

fn failed(reason: String) -> Progress {
    Progress::Done(Outcome::Failed { reason })
}

pub(super) fn digest(value: &str) -> String {
    canonical::digest(&Value::String(value.to_owned()))
}

/// What the placeholders of a template stand for.
struct Values<'a> {
    customer: &'a CustomerId,
    service: &'a ServiceId,
    release: &'a Release,
    urls: &'a BTreeMap<Role, String>,
}

impl Values<'_> {
    /// Replaces each `${...}`; what nobody knows stays as it is written.
    fn fill(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            text.push_str(before);
            text.push_str(&self.value(name).unwrap_or_else(|| format!("${{{name}}}")));
            rest = behind;
        }
        text + rest
    }

    /// Secrets and variables of the engine's machine have made-up values, the same in every run.
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "version" => Some(self.release.version.clone()),
            "commit" => Some(self.release.commit.clone()),
            "customer" => Some(self.customer.to_string()),
            "service_id" => Some(self.service.to_string()),
            _ if name.starts_with("secret:") => Some(format!("{} of {}", name, self.customer)),
            _ if name.starts_with("env:") => Some(format!("{name} of the machine")),
            _ => {
                let role = name.strip_suffix("_url")?;
                self.urls.get(&Role::new(role)).cloned()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_with_what_is_known() {
        let urls = BTreeMap::from([("backend".into(), "https://a.sim".to_owned())]);
        let values = Values {
            customer: &"a".into(),
            service: &"srv-a".into(),
            release: &Release {
                version: "v1".to_owned(),
                commit: "c0ffee".to_owned(),
            },
            urls: &urls,
        };
        let template = "${version} ${commit} ${customer} ${service_id} ${backend_url}/x";
        assert_eq!(values.fill(template), "v1 c0ffee a srv-a https://a.sim/x");
        assert_eq!(values.fill("${secret:KEY}"), "secret:KEY of a");
        assert_eq!(values.fill("${nothing} ${open"), "${nothing} ${open");
    }
}
