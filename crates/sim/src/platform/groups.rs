//! Groups of variables and secret files that services share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::{Order, Service, Variables};
use super::{NewValue, Platform};
use crate::ids::{EnvGroupId, OwnerId, ServiceId, Timestamp};
use crate::requests::ApiError;
use crate::terms::Trigger;

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnvGroup {
    /// Its id.
    pub id: EnvGroupId,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The services that use it.
    pub services: BTreeSet<ServiceId>,
    /// Its variables.
    pub variables: Variables,
    /// Its secret files.
    pub secret_files: Variables,
}

/// What a new group is to hold.
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) owner: OwnerId,
    pub(crate) services: BTreeSet<ServiceId>,
    pub(crate) variables: Vec<(String, NewValue)>,
    pub(crate) secret_files: BTreeMap<String, String>,
}

impl Platform {
    /// The groups that the API key reaches, by id.
    pub fn env_groups(&self) -> impl Iterator<Item = &EnvGroup> {
        self.groups
            .values()
            .filter(|group| self.reaches(&group.owner))
    }

    /// One group.
    pub fn env_group(&self, id: &EnvGroupId) -> Result<&EnvGroup, ApiError> {
        let group = self.groups.get(id);
        group
            .filter(|group| self.reaches(&group.owner))
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// Makes a group.
    pub(crate) fn create_group(
        &mut self,
        now: Timestamp,
        new: NewGroup,
    ) -> Result<&EnvGroup, ApiError> {
        let now = self.advance(now);
        if !self.reaches(&new.owner) {
            return Err(ApiError::not_found(new.owner.as_str()));
        }
        for service in &new.services {
            self.service(service)?;
        }
        let variables = new.variables.into_iter();
        let variables = variables.map(|(key, value)| (key, self.made(value)));
        let group = EnvGroup {
            variables: Variables(variables.collect()),
            id: EnvGroupId::new(self.ids.next("evg", now)),
            name: new.name,
            owner: new.owner,
            created_at: now,
            updated_at: now,
            services: new.services,
            secret_files: Variables(new.secret_files),
        };
        let id = group.id.clone();
        self.groups.insert(id.clone(), group);
        self.env_group(&id)
    }

    /// Removes a group; services that used it are deployed.
    pub(crate) fn delete_group(&mut self, now: Timestamp, id: &EnvGroupId) -> Result<(), ApiError> {
        let now = self.advance(now);
        let services = self.env_group(id)?.services.clone();
        self.groups.remove(id);
        self.deploy_linked(now, &services);
        Ok(())
    }

    /// Changes what a group holds; services that use it and have auto-deploy on are deployed.
    pub(crate) fn change_group(
        &mut self,
        now: Timestamp,
        id: &EnvGroupId,
        change: impl FnOnce(&mut EnvGroup) -> Result<(), ApiError>,
    ) -> Result<&EnvGroup, ApiError> {
        let now = self.advance(now);
        change(self.group_mut(now, id)?)?;
        let services = self.env_group(id)?.services.clone();
        self.deploy_linked(now, &services);
        self.env_group(id)
    }

    /// Changes a name or the services of a group, which deploys nothing.
    pub(crate) fn change_links(
        &mut self,
        now: Timestamp,
        id: &EnvGroupId,
        change: impl FnOnce(&mut EnvGroup),
    ) -> Result<&EnvGroup, ApiError> {
        let now = self.advance(now);
        change(self.group_mut(now, id)?);
        self.env_group(id)
    }

    fn group_mut(&mut self, now: Timestamp, id: &EnvGroupId) -> Result<&mut EnvGroup, ApiError> {
        self.env_group(id)?;
        let group = self.groups.get_mut(id);
        let group = group.ok_or_else(|| ApiError::not_found(id.as_str()))?;
        group.updated_at = now;
        Ok(group)
    }

    fn deploy_linked(&mut self, now: Timestamp, services: &BTreeSet<ServiceId>) {
        for id in services {
            let Some(service) = self.services.get(id) else {
                continue;
            };
            if service.auto_deploy && !service.is_suspended() {
                let live = service.live_deploy();
                let source = live.map_or(&service.head, |deploy| &deploy.source).clone();
                self.place(now, id, Order::of(Trigger::ServiceUpdated, source));
            }
        }
    }

    /// A service's own variables over those of its groups, of which the newest wins.
    pub(super) fn effective_variables(&self, service: &Service) -> Arc<Variables> {
        let mut groups: Vec<&EnvGroup> = self
            .groups
            .values()
            .filter(|group| group.services.contains(&service.id))
            .collect();
        if groups.is_empty() {
            return Arc::clone(&service.variables);
        }
        groups.sort_by_key(|group| (group.created_at, &group.id));
        let shared = groups.into_iter().map(|group| &group.variables);
        let layers = shared.chain([&*service.variables]);
        let all = layers.flat_map(|layer| layer.0.clone());
        Arc::new(Variables(all.collect()))
    }
}
