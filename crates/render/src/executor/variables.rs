//! Variables: backed up and sealed, written and restored key by key (P27-P29).

use std::collections::BTreeMap;
use std::sync::Arc;

use rollout::command::{BackupOwner, Target};
use rollout::{AttachmentId, DatabaseId, Outcome};
use secrecy::{ExposeSecret, SecretString};

use super::backup::{BackupContent, KeyBackup, is};
use super::command_task::CommandTask;
use super::retry_policy::RetryPolicy;
use super::sources::{BackupError, Backups};
use super::template::Filling;
use super::worker::blocking;
use crate::error::{Result, chain};
use crate::variable::Variables;

/// How often what was written is read back before somebody else must be writing it too.
const ROUNDS: usize = 3;

/// Which of the two values a key shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    New,
    Old,
}

/// What is left to be done.
#[derive(Default)]
struct Todo<'b> {
    /// Keys and their values; `None`: the key is to be removed.
    writes: Vec<(&'b str, Option<&'b SecretString>)>,
    /// Keys that somebody else has changed, to be left alone.
    foreign: Vec<String>,
}

impl CommandTask {
    /// Reads all variables and seals them with what is about to be written.
    pub(super) async fn back_up(
        &self,
        service: &Target,
        templates: &BTreeMap<String, String>,
        filling: Filling,
        left: Option<&DatabaseId>,
    ) -> Result<Outcome> {
        let templates = templates.clone();
        let new = match blocking(move || filling.fill_all(&templates)).await {
            Ok(new) => new,
            Err(unfilled) => return Ok(unfilled.into()),
        };
        // The host names of a database hold its id.
        let names =
            |value: &SecretString| left.is_some_and(|id| value.expose_secret().contains(&id.0));
        if let Some((key, _)) = new.iter().find(|(_, value)| names(value)) {
            return Ok(Outcome::NamesLeft { key: key.clone() });
        }
        let retry = self.retry_policy();
        let stored = retry.ask(|| retry.client.variables(&service.id)).await?;
        let backups = Arc::clone(&self.worker.backups);
        Ok(sealed(backups, self.owned(service), (stored, new), differing).await)
    }

    /// Writes the planned keys whose value differs.
    pub(super) async fn set_variables(
        &self,
        service: &Target,
        backup: &AttachmentId,
        keys: &[String],
    ) -> Result<Outcome> {
        let retry = self.retry_policy();
        let settled = self.settle(&retry, service, backup, keys, Wanted::New);
        settled.await.map(|settled| match settled {
            Ok(_) => Outcome::VariablesSet,
            Err(failed) => failed,
        })
    }

    /// Puts the old values back where ours still stand.
    pub(super) async fn restore_variables(
        &self,
        service: &Target,
        backup: &AttachmentId,
        keys: &[String],
    ) -> Result<Outcome> {
        let retry = self.retry_policy();
        let settled = self.settle(&retry, service, backup, keys, Wanted::Old);
        settled.await.map(|settled| match settled {
            Ok(foreign) => Outcome::VariablesRestored { foreign },
            Err(failed) => failed,
        })
    }

    /// Writes until what is read back is as wanted, and returns the keys left alone.
    async fn settle(
        &self,
        retry: &RetryPolicy,
        service: &Target,
        backup: &AttachmentId,
        keys: &[String],
        wanted: Wanted,
    ) -> Result<Result<Vec<String>, Outcome>> {
        let content = match self.open(self.owned(service), backup.clone()).await {
            Ok(content) => content,
            Err(error) => return Ok(Err(no_backup(&error))),
        };
        let writer = self.worker.writer(&service.id);
        let _only_writer = writer.lock().await;
        for _ in 0..ROUNDS {
            let stored = retry.ask(|| retry.client.variables(&service.id)).await?;
            let todo = match todo(keys, &content, &stored, wanted) {
                Ok(todo) => todo,
                Err(failed) => return Ok(Err(failed)),
            };
            if todo.writes.is_empty() {
                return Ok(Ok(todo.foreign));
            }
            for (key, value) in todo.writes {
                write(retry, service, key, value).await?;
            }
        }
        let reason = "what was written does not stay: somebody else writes the same keys";
        Ok(Err(failed(reason)))
    }

    async fn open(
        &self,
        owned: BackupOwner,
        backup: AttachmentId,
    ) -> Result<BackupContent, BackupError> {
        let backups = Arc::clone(&self.worker.backups);
        let open = move || BackupContent::read(&backups.open(&owned, &backup)?);
        blocking(open).await
    }
}

/// Seals everything that is stored with what is about to be written; `keys` tells which of that.
pub(super) async fn sealed(
    backups: Arc<dyn Backups>,
    owned: BackupOwner,
    (stored, new): (Variables, BTreeMap<String, SecretString>),
    keys: fn(&BackupContent) -> Vec<String>,
) -> Outcome {
    let sealed = blocking(move || {
        let digest = |(key, value): (&String, &SecretString)| {
            (key.clone(), backups.digest(&owned.service, key, value))
        };
        let digests = stored.iter().map(digest).collect();
        let content = content(stored, new);
        let differing = keys(&content);
        let sealed = backups.seal(&owned, &content.plain())?;
        Ok(Outcome::BackedUp {
            digests,
            differing,
            sealed,
        })
    });
    sealed.await.unwrap_or_else(|error| no_backup(&error))
}

async fn write(
    retry: &RetryPolicy,
    service: &Target,
    key: &str,
    value: Option<&SecretString>,
) -> Result<()> {
    let (client, id) = (&retry.client, &service.id);
    match value {
        Some(value) => retry.ask(|| client.set_variable(id, key, value)).await,
        None => retry.ask(|| client.delete_variable(id, key)).await,
    }
}

/// Everything that is stored, and what the planned keys are to become.
fn content(mut stored: Variables, new: BTreeMap<String, SecretString>) -> BackupContent {
    let planned = new.into_iter().map(|(key, new)| {
        let old = stored.remove(&key);
        (key, KeyBackup { old, new })
    });
    BackupContent {
        keys: planned.collect(),
        others: stored,
    }
}

fn differing(content: &BackupContent) -> Vec<String> {
    let differing = content.keys.iter().filter(|(_, backup)| backup.differs());
    differing.map(|(key, _)| key.clone()).collect()
}

/// What is neither as it was nor as we wrote it is somebody else's, and is not taken back (P29).
fn todo<'b>(
    keys: &'b [String],
    content: &'b BackupContent,
    stored: &Variables,
    wanted: Wanted,
) -> Result<Todo<'b>, Outcome> {
    let mut todo = Todo::default();
    for key in keys {
        let Some(KeyBackup { old, new }) = content.keys.get(key) else {
            return Err(failed(&format!("the backup does not hold `{key}`")));
        };
        let now = stored.get(key);
        let is_old = old.as_ref().map_or(now.is_none(), |old| is(now, old));
        match wanted {
            Wanted::New if is(now, new) => {}
            Wanted::New => todo.writes.push((key, Some(new))),
            Wanted::Old if is_old => {}
            Wanted::Old if is(now, new) => todo.writes.push((key, old.as_ref())),
            Wanted::Old => todo.foreign.push(key.clone()),
        }
    }
    Ok(todo)
}

fn no_backup(error: &BackupError) -> Outcome {
    failed(&format!("the backup: {}", chain(error.as_ref())))
}

fn failed(reason: &str) -> Outcome {
    Outcome::Failed {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect()
    }

    fn writes(stored: &[(&str, &str)], wanted: Wanted) -> (Vec<String>, Vec<String>) {
        let before = variables(&[("SAME", "s"), ("CHANGED", "old"), ("KEPT", "k")]);
        let new = variables(&[("SAME", "s"), ("CHANGED", "new"), ("ADDED", "new")]);
        let content = content(before, new);
        assert_eq!(content.others.keys().collect::<Vec<_>>(), ["KEPT"]);
        let keys = differing(&content);
        let todo = todo(&keys, &content, &variables(stored), wanted).unwrap();
        let shown = |(key, value): &(&str, Option<&SecretString>)| {
            format!("{key}={}", value.map_or("-", |value| value.expose_secret()))
        };
        (todo.writes.iter().map(shown).collect(), todo.foreign)
    }

    fn none() -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn only_what_differs_is_written() {
        let before = [("SAME", "s"), ("CHANGED", "old")];
        let all = ["ADDED=new".to_owned(), "CHANGED=new".to_owned()];
        assert_eq!(writes(&before, Wanted::New), (all.to_vec(), none()));
        let half = [("SAME", "s"), ("CHANGED", "old"), ("ADDED", "new")];
        let rest = vec!["CHANGED=new".to_owned()];
        assert_eq!(writes(&half, Wanted::New), (rest, none()));
    }

    #[test]
    fn what_we_wrote_goes_back_and_what_we_added_goes_away() {
        let ours = [("CHANGED", "new"), ("ADDED", "new")];
        let all = ["ADDED=-".to_owned(), "CHANGED=old".to_owned()];
        assert_eq!(writes(&ours, Wanted::Old), (all.to_vec(), none()));
        let done = [("CHANGED", "old")];
        assert_eq!(writes(&done, Wanted::Old), (none(), none()));
    }

    #[test]
    fn what_others_wrote_stays() {
        let foreign = [("CHANGED", "by hand"), ("ADDED", "by hand")];
        let left = vec!["ADDED".to_owned(), "CHANGED".to_owned()];
        assert_eq!(writes(&foreign, Wanted::Old), (none(), left.clone()));
        assert_eq!(writes(&[], Wanted::Old), (none(), left[1..].to_vec()));
    }

    #[test]
    fn a_key_that_was_not_backed_up_is_not_written() {
        let keys = ["OTHER".to_owned()];
        let nothing = BackupContent::default();
        assert!(todo(&keys, &nothing, &Variables::new(), Wanted::New).is_err());
    }
}
