//! Which commit does a version name, and which version a commit?

use std::collections::BTreeMap;

use policy::plan::{self, History};
use policy::{Config, Release, Running};
use render::git::{GitError, Repository, Tags};
pub use render::git::{Log, LogEntry};

use crate::caller::Caller;
use crate::error::Error;
use crate::folder::Folder;

/// The version that stands for the highest tag that is no pre-release.
const LATEST: &str = "latest";

/// The versions of a product by their commits.
#[derive(Clone, Debug, Default)]
pub struct Versions(BTreeMap<String, String>);

impl Versions {
    fn new(tags: &Tags) -> Self {
        Self(
            tags.iter()
                .map(|(tag, commit)| (commit.to_owned(), tag.to_owned()))
                .collect(),
        )
    }

    /// Adds the version of a release.
    pub fn add(&mut self, release: &Release) {
        self.0
            .insert(release.commit.clone(), release.version.clone());
    }

    /// Adds the versions of a later look.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// The version of a commit.
    pub fn of(&self, commit: &str) -> Option<&str> {
        self.0.get(commit).map(String::as_str)
    }

    /// All commits that have a version.
    pub fn by_commit(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// All versions of the project's repository; none if it cannot be read.
    pub async fn read(folder: &Folder, config: &Config) -> Self {
        match &config.project.repository {
            Some(url) => tags(folder, url)
                .await
                .map(|tags| Self::new(&tags))
                .unwrap_or_default(),
            None => Self::default(),
        }
    }
}

/// All tags of the project's repository.
pub async fn read_tags(folder: &Folder, config: &Config) -> Result<Tags, Error> {
    let url = repository(config)?;
    tags(folder, url)
        .await
        .map_err(|source| Error::Tags(Box::new(source)))
}

fn repository(config: &Config) -> Result<&str, Error> {
    let url = config.project.repository.as_deref();
    url.ok_or(Error::NoRepository)
}

fn unknown_version(version: &str, source: GitError) -> Error {
    Error::Version {
        version: version.to_owned(),
        source: Box::new(source),
    }
}

/// Resolves a version in the project's repository.
pub async fn resolve(
    folder: &Folder,
    config: &Config,
    version: &str,
) -> Result<(Release, Versions), Error> {
    let url = repository(config)?;
    let tags = tags(folder, url)
        .await
        .map_err(|source| unknown_version(version, source))?;
    known(&tags, version)
}

/// The release of a version that must be among the tags, and the versions of all of them.
fn known(tags: &Tags, version: &str) -> Result<(Release, Versions), Error> {
    let release = release(tags, version).map_err(|source| unknown_version(version, source))?;
    Ok((release, Versions::new(tags)))
}

/// The same where only a preview depends on it: a repository that cannot be read leaves the commit unknown, and says so.
pub async fn resolve_for_preview(
    folder: &Folder,
    config: &Config,
    version: &str,
    caller: &dyn Caller,
) -> Result<(Release, Versions), Error> {
    if version == LATEST {
        return resolve(folder, config, version).await;
    }
    let unknown = || {
        let release = Release {
            version: version.to_owned(),
            commit: String::new(),
        };
        (release, Versions::default())
    };
    let Some(url) = &config.project.repository else {
        return Ok(unknown());
    };
    match tags(folder, url).await {
        Ok(tags) => known(&tags, version),
        Err(source) => {
            caller.remark(&format!("warning: the commit stays unknown: {source}"));
            Ok(unknown())
        }
    }
}

/// How the release stands to what runs, where its version does not say which is older. What cannot be looked up is said, and
/// left to the numbers in the tags.
pub async fn history(
    folder: &Folder,
    config: &Config,
    release: &Release,
    running: impl IntoIterator<Item = &Running>,
    caller: &dyn Caller,
) -> History {
    let others = plan::asks_history(release, running);
    let Some(url) = config.project.repository.as_deref() else {
        return History::new();
    };
    if others.is_empty() || release.commit.is_empty() {
        return History::new();
    }
    let repository = Repository::new(url).map(|repository| repository.within(folder.dir()));
    let looked = match repository {
        Ok(repository) => repository.history(&release.commit, &others).await,
        Err(error) => Err(error),
    };
    looked.unwrap_or_else(|source| {
        caller.warn(&format!(
            "the repository does not say which version is older: {source}"
        ));
        History::new()
    })
}

/// What lies between two commits in the project's repository, up to so many; `None`: it does not know both.
pub async fn log(
    folder: &Folder,
    repository: &str,
    (from, to): (&str, &str),
    limit: usize,
) -> Result<Option<Log>, Error> {
    let repository = Repository::new(repository).map(|one| one.within(folder.dir()));
    let read = match repository {
        Ok(repository) => repository.log(from, to, limit).await,
        Err(error) => Err(error),
    };
    read.map_err(|source| Error::Commits(Box::new(source)))
}

async fn tags(folder: &Folder, url: &str) -> Result<Tags, GitError> {
    Repository::new(url)?.within(folder.dir()).tags().await
}

fn release(tags: &Tags, version: &str) -> Result<Release, GitError> {
    let (version, commit) = match version {
        LATEST => tags.latest()?,
        tag => tags.find(tag)?,
    };
    Ok(Release {
        version: version.to_owned(),
        commit: commit.to_owned(),
    })
}
