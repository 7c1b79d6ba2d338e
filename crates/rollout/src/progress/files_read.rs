//! What follows from the files as the engine has read them again (R6)?

use policy::CustomerId;

use crate::model::actor::Directory;
use crate::model::directory::PeopleChange;
use crate::model::fact;
use crate::model::fact::PeopleChanged;
use crate::model::request::FilesRead;
use crate::product::Product;

impl Product {
    /// Takes the project's files as now written (R6).
    pub(crate) fn files_read(&mut self, files: &FilesRead) {
        let known = self.state.product.files.as_ref();
        let in_force = self.left_by(files);
        let gates_shut = files.unreadable.is_some() && files.by_itself.is_none();
        let same = known.is_some_and(|known| match &files.unreadable {
            Some(_) => {
                known.unreadable == files.unreadable
                    && known.in_force == in_force
                    && known.gates_shut == gates_shut
            }
            None => {
                known.unreadable.is_none()
                    && known.directory == files.directory
                    && known.freezes == files.freezes
                    && known.pins == files.pins
                    && known.customers == files.customers
                    && known.unapplied == files.unapplied
                    && known.outside == files.outside
            }
        });
        if same {
            return;
        }
        let before = self.state.last_directory();
        let joined = self.joined(files);
        self.emit(fact::FilesRead {
            reason: files.alarm(),
            files: Box::new(files.clone()),
            joined_after_the_start: joined,
            in_force,
            gates_shut,
        });
        self.tell_of_people(before.as_ref());
    }

    /// What files that do not validate leave of who may do what (R6).
    fn left_by(&self, files: &FilesRead) -> Option<Directory> {
        files.unreadable.as_ref()?;
        let product = &self.state.product;
        let Some(read) = &files.by_itself else {
            return product.files.as_ref()?.in_force.clone();
        };
        let valid = product.read_files().map(|known| known.directory.clone());
        let valid = valid.or_else(|| self.state.frozen_directory())?;
        Some(valid.reduced_to(read))
    }

    /// A change of people, groups or roles is a fact of its own (P49): it decides whose vote counts.
    fn tell_of_people(&mut self, before: Option<&Directory>) {
        let now = self.state.product.directory();
        let Some(change) = before
            .zip(now)
            .and_then(|(before, now)| before.change_to(now))
        else {
            return;
        };
        let PeopleChange {
            people,
            groups,
            roles,
            whom,
        } = change;
        self.emit(PeopleChanged {
            people,
            groups,
            roles,
            whom,
        });
    }

    /// Customers that joined after every unfinished rollout's start.
    fn joined(&self, files: &FilesRead) -> Vec<CustomerId> {
        let mut unfinished = self.state.open().map(|(_, rollout)| rollout).peekable();
        if unfinished.peek().is_none() {
            return Vec::new();
        }
        let planned: Vec<_> = unfinished.collect();
        let known = |customer: &&CustomerId| {
            planned.iter().any(|rollout| {
                rollout.plan.customers.contains_key(*customer)
                    || rollout.plan.left_out.contains_key(*customer)
            })
        };
        files
            .customers
            .iter()
            .filter(|customer| !known(customer))
            .cloned()
            .collect()
    }
}
