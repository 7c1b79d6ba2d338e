//! Folds facts about the variables of a service and about its auto-deploy (P27-P29, P32).

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::VariablesFact;
use crate::model::ids::RolloutId;
use crate::model::recovery::Moved;
use crate::model::state::{AutoDeployState, Backup, Connections, ServiceState, VariablesState};

impl State {
    pub(super) fn apply_variables(
        &mut self,
        id: RolloutId,
        fact: &VariablesFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        self.change_service(id, place, |service| apply(service, fact))?;
        match fact {
            VariablesFact::VariablesSet(fact) => self.hide(id, place, &fact.keys, at),
            VariablesFact::VariablesRestored(_) => self.hide(id, place, &[], at),
            // From the first variable that names the new database on.
            VariablesFact::VariablesIntended(fact) => {
                if let (Some(from), Some(to)) = (fact.from.clone(), fact.to.clone()) {
                    let (by, since) = (id, at);
                    let moved = Moved {
                        by,
                        from,
                        to,
                        since,
                    };
                    self.moves(&place.customer, moved);
                }
            }
            VariablesFact::VariablesBackedUp(_)
            | VariablesFact::RestoreIntended(_)
            | VariablesFact::AutoDeployIntended(_)
            | VariablesFact::AutoDeployDisabled(_)
            | VariablesFact::AutoDeployRestored(_) => {}
        }
        Ok(())
    }
}

/// What concerns the connections to a restored database names that database.
fn apply(service: &mut ServiceState, fact: &VariablesFact) {
    match fact {
        VariablesFact::VariablesBackedUp(fact) => {
            let backup = Backup {
                id: fact.backup.clone(),
                keys: fact.keys.clone(),
            };
            match fact.database {
                None => service.backup = Some(backup),
                Some(_) => {
                    service.connections = Some(Connections {
                        backup,
                        state: VariablesState::Untouched,
                        stays: false,
                    });
                }
            }
        }
        VariablesFact::VariablesIntended(fact) => {
            service.variables_are(VariablesState::Intended, fact.database.is_some(), false);
        }
        VariablesFact::VariablesSet(fact) => {
            service.variables_are(VariablesState::Set, fact.database.is_some(), false);
        }
        VariablesFact::RestoreIntended(fact) => {
            let state = VariablesState::RestoreIntended;
            service.variables_are(state, fact.database.is_some(), false);
        }
        VariablesFact::VariablesRestored(fact) => {
            let stays = fact.reason.is_some();
            service.variables_are(VariablesState::Restored, fact.database.is_some(), stays);
        }
        VariablesFact::AutoDeployIntended(fact) => {
            service.auto_deploy = match fact.on {
                true => AutoDeployState::OnIntended,
                false => AutoDeployState::OffIntended,
            };
        }
        VariablesFact::AutoDeployDisabled(_) => service.auto_deploy = AutoDeployState::Off,
        VariablesFact::AutoDeployRestored(_) => service.auto_deploy = AutoDeployState::Restored,
    }
}

impl ServiceState {
    /// How far the release's variables are written, or those that connect it to a restored database.
    fn variables_are(&mut self, state: VariablesState, are_connections: bool, stays: bool) {
        if !are_connections {
            self.variables = state;
        } else if let Some(connections) = &mut self.connections {
            connections.state = state;
            connections.stays = stays;
        }
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_variables(&mut self, id: RolloutId, fact: &VariablesFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            VariablesFact::AutoDeployIntended(_) => scratch.begins_change(),
            VariablesFact::VariablesBackedUp(_)
            | VariablesFact::VariablesIntended(_)
            | VariablesFact::VariablesSet(_)
            | VariablesFact::RestoreIntended(_)
            | VariablesFact::VariablesRestored(_)
            | VariablesFact::AutoDeployDisabled(_)
            | VariablesFact::AutoDeployRestored(_) => {}
        }
    }
}
