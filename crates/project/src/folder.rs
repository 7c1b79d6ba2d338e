//! Where is the project folder, and what do its files say?

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use engine::StateDir;
use machine::files::{Listing, OutsideFiles, Roots, read_own_written};
use policy::parse::{Calendar, Diagnostic, Severity};
use policy::settings::SecretSource;
use policy::{Config, File, Project, Sources, Timestamp, parse};
use secrecy::SecretString;

use crate::caller::{Caller, Silent};
use crate::environment::variable;
use crate::error::Error;
use crate::names::{Identity, Names, PROJECT_FILE};
use crate::render_settings::override_render;
use crate::{allowed_paths, now, stored, unreadable};

/// Where scenarios are kept.
pub const SCENARIOS: &str = "scenarios";

/// How the names of files end that count.
const YAML: [&str; 2] = ["yaml", "yml"];

/// A project folder.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
    /// The database, where it is not the folder's own.
    db: Option<PathBuf>,
}

impl Folder {
    /// The folder that is named, or the nearest one at or above the working directory.
    pub fn find(dir: Option<&Path>, db: Option<&Path>) -> Result<Self, Error> {
        let dir = match dir {
            Some(dir) if dir.join(PROJECT_FILE).is_file() => dir.to_owned(),
            Some(dir) => {
                return Err(missing(format!("in {}", dir.display())));
            }
            None => {
                above(&working_directory()?).ok_or_else(|| missing("here or in a folder above"))?
            }
        };
        Ok(Self {
            dir,
            db: db.map(Path::to_owned),
        })
    }

    /// A folder that is known to be one.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            db: None,
        }
    }

    /// The folder that the environment or the working directory names; silent where there is none.
    pub fn of_environment() -> Option<Self> {
        match variable("TRANCHE_DIR") {
            Some(dir) => Some(Self::at(Path::new(&dir))),
            None => above(&working_directory().ok()?).map(|dir| Self::at(&dir)),
        }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files whose edits matter to a running rollout.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let project = self.project().unwrap_or_default();
        let names = Names::of(&project);
        let paths = [Path::new(PROJECT_FILE), &names.customers, &names.policies];
        let paths = paths.iter().map(|path| self.dir.join(path));
        let calendars = parse::calendars_named(&project).into_iter();
        paths
            .chain(calendars.map(|path| self.dir.join(path)))
            .collect()
    }

    /// What tells its database from a copy, as far as its file can be read.
    pub(crate) fn identity(&self) -> Identity {
        self.names().state.identity
    }

    /// Where its Render is: the environment beats the file.
    pub fn render_url(&self) -> Option<String> {
        let named = variable("RENDER_API_URL").or_else(|| self.names().render.url);
        named.or_else(|| variable("RENDER_HOST"))
    }

    fn names(&self) -> Names {
        let file = self.project();
        file.map(|file| Names::of(&file)).unwrap_or_default()
    }

    /// The files that people write: what is made by a command never goes over them.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let more = [SCENARIOS, "templates"].map(|name| self.dir.join(name));
        self.watched().into_iter().chain(more).collect()
    }

    /// How far the files reach: the folder, and what they allow.
    pub fn roots(&self, config: Option<&Config>) -> Roots {
        let allowed = config.map_or(&[][..], |config| &config.files);
        Roots::new(&self.dir).with(OutsideFiles {
            allowed: allowed.iter().map(PathBuf::from).collect(),
            tolerated: BTreeSet::new(),
        })
    }

    /// The secret that the files name.
    ///
    /// # Errors
    /// It is missing.
    pub fn secret(
        &self,
        config: Option<&Config>,
        source: &SecretSource,
    ) -> Result<SecretString, Error> {
        crate::secrets::read(&self.roots(config), source)
    }

    /// Where a file is that the project's files name.
    ///
    /// # Errors
    /// It is not there, or lies where they may not reach.
    pub fn named(&self, config: &Config, name: &str) -> Result<PathBuf, Error> {
        let found = self.roots(Some(config)).resolve(Path::new(name));
        found.map_err(|source| Error::NamedFile {
            name: name.to_owned(),
            source: Box::new(source),
        })
    }

    /// The texts of all its files, with what of them cannot be read, and what its calendars say about now.
    pub fn sources(&self) -> Sources {
        self.sources_at(now())
    }

    /// The same with what its calendars say about the time around an instant.
    pub fn sources_at(&self, at: Timestamp) -> Sources {
        let mut unread = Vec::new();
        let project = self.project().unwrap_or_else(|found| {
            unread.push(*found);
            named(Path::new(PROJECT_FILE), String::new())
        });
        let names = Names::of(&project);
        let roots = self.roots_of(&names);
        let customers = read(&roots, &names.customers, &mut unread);
        let listed = roots.list(&names.policies, &YAML);
        let listing = listed.unwrap_or_else(|refused| {
            unread.push(unreadable::mistake(&names.policies, &refused));
            Listing::default()
        });
        unread.extend(unreadable::misnamed(&listing));
        let policies = listing.files.iter();
        let policies = policies
            .map(|name| read(&roots, name, &mut unread))
            .collect();
        Sources {
            calendars: self.calendars(&[&project], at),
            project,
            customers,
            policies,
            unread,
        }
    }

    /// What lies among the policies and scenarios and is none, with the reason.
    pub fn passed_over(&self) -> Vec<(String, String)> {
        let names = self.names();
        let roots = self.roots_of(&names);
        let folders = [names.policies, PathBuf::from(SCENARIOS)];
        let listings = folders
            .iter()
            .filter_map(|name| roots.list(name, &YAML).ok());
        let passed_over = listings.flat_map(|listing| listing.passed_over);
        let said = passed_over.map(|(path, why)| (path.display().to_string(), why.to_string()));
        said.collect()
    }

    /// The scenarios, in the order of their names.
    ///
    /// # Errors
    /// What cannot be read, and what is called nearly like a scenario.
    pub fn scenarios(&self) -> Result<Vec<File>, Error> {
        let folder = Path::new(SCENARIOS);
        if !self.dir.join(folder).is_dir() {
            return Ok(Vec::new());
        }
        let roots = self.roots(None);
        let listed = roots.list(folder, &YAML);
        let listing =
            listed.map_err(|refused| Error::Files(vec![unreadable::mistake(folder, &refused)]))?;
        let mut unread: Vec<Diagnostic> = unreadable::misnamed(&listing).collect();
        let names = listing.files.iter();
        let files = names.map(|name| {
            let File { text, .. } = read(&roots, name, &mut unread);
            named(&self.dir.join(name), text)
        });
        let files = files.collect();
        match unread.is_empty() {
            true => Ok(files),
            false => Err(Error::Files(unread)),
        }
    }

    /// The file of the customers, as `tranche.yaml` names it.
    pub fn customers_file(&self) -> PathBuf {
        self.names().customers
    }

    /// The calendars that some files name, with what they say about the time around an instant.
    pub fn calendars(&self, files: &[&File], at: Timestamp) -> Vec<Calendar> {
        let roots = self.roots(None);
        let named = files.iter().flat_map(|file| parse::calendars_named(file));
        let named: BTreeSet<String> = named.collect();
        // What may be named outside the folder is said by `tranche.yaml` alone.
        let allowed = self.names().files.allow;
        roots.renew(OutsideFiles {
            allowed: allowed.iter().map(PathBuf::from).collect(),
            tolerated: BTreeSet::new(),
        });
        let calendars = named
            .into_iter()
            .map(|path| match roots.read(Path::new(&path)) {
                Ok(bytes) => calendars::read(&path, &bytes, at),
                Err(reason) => Calendar {
                    path,
                    unread: Some(reason.to_string()),
                    ..Calendar::default()
                },
            });
        calendars.collect()
    }

    /// As `tranche.yaml` says, checked or not. What lies outside is read while a rollout goes on that may have been begun with
    /// it, and `checked` tells.
    fn roots_of(&self, names: &Names) -> Roots {
        let roots = Roots::new(&self.dir);
        let allowed: Vec<PathBuf> = names.files.allow.iter().map(PathBuf::from).collect();
        roots.renew(OutsideFiles {
            allowed: allowed.clone(),
            tolerated: BTreeSet::new(),
        });
        let others = [&names.customers, &names.policies];
        if others.iter().any(|name| roots.judge(name).is_err()) && self.is_anything_open(&Silent) {
            let names = others.into_iter().filter_map(|name| name.to_str());
            roots.renew(OutsideFiles {
                allowed,
                tolerated: names.map(str::to_owned).collect(),
            });
        }
        roots
    }

    fn is_anything_open(&self, caller: &dyn Caller) -> bool {
        let state = match &self.db {
            Some(db) => StateDir::of_database(db),
            None => StateDir::of_project(&self.dir),
        };
        stored::product(&state, caller)
            .is_ok_and(|product| allowed_paths::is_anything_open(&product))
    }

    /// The checked content of all its files, for somebody who would start from them now; warnings are said.
    pub fn load(&self, caller: &dyn Caller) -> Result<Config, Error> {
        self.load_at(now(), caller)
    }

    /// The same for a start at that instant.
    pub fn load_at(&self, at: Timestamp, caller: &dyn Caller) -> Result<Config, Error> {
        let checked = self.checked(&self.sources_at(at), at, || self.is_anything_open(caller));
        Self::tell(checked, caller)
    }

    /// The same for what has begun already, and for looking: a customer that can never start, and a gate that nobody can
    /// fill, is only warned of.
    pub fn load_running(&self, caller: &dyn Caller) -> Result<Config, Error> {
        let checked = self.checked_running(&self.sources(), || self.is_anything_open(caller));
        Self::tell(checked, caller)
    }

    /// `tranche.yaml` by itself, whatever is wrong with it and with the other files; `None`: it cannot be parsed.
    pub fn alone(&self) -> Option<Project> {
        parse::project_alone(&self.project().ok()?)
    }

    fn tell(loaded: Result<Config, Vec<Diagnostic>>, caller: &dyn Caller) -> Result<Config, Error> {
        let mut config = loaded.map_err(Error::Files)?;
        caller.warn_of_files(&config.warnings);
        override_render(&mut config.project.render, caller);
        Ok(config)
    }

    /// The checked content of these, for a start at that instant. Paths that lead out of the folder without leave are
    /// mistakes, and warnings while work goes on that may have been begun with them.
    pub fn checked(
        &self,
        sources: &Sources,
        at: Timestamp,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        self.within_reach(sources, parse::load_at(sources, at)?, is_anything_open)
    }

    /// The same for what has begun already.
    pub fn checked_running(
        &self,
        sources: &Sources,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        self.within_reach(sources, parse::load_running(sources)?, is_anything_open)
    }

    /// What was loaded, unless its paths lead out of the folder.
    pub fn within_reach(
        &self,
        sources: &Sources,
        mut config: Config,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        let mut outside = allowed_paths::mistakes(&self.dir, sources, &config);
        if outside.is_empty() {
            return Ok(config);
        }
        if !is_anything_open() {
            outside.splice(0..0, config.warnings);
            return Err(outside);
        }
        for one in &mut outside {
            one.severity = Severity::Warning;
        }
        config.warnings.append(&mut outside);
        Ok(config)
    }

    /// `tranche.yaml`, which the operator names by naming the folder.
    fn project(&self) -> Result<File, Box<Diagnostic>> {
        let name = Path::new(PROJECT_FILE);
        let text = read_own_written(&self.dir.join(name));
        let text = text.map_err(|refused| Box::new(unreadable::mistake(name, &refused)))?;
        Ok(named(name, text))
    }
}

/// One file, by its path within the folder; one that cannot be read is empty, and noted.
fn read(roots: &Roots, name: &Path, unread: &mut Vec<Diagnostic>) -> File {
    let text = roots.read_written(name).unwrap_or_else(|refused| {
        unread.push(unreadable::mistake(name, &refused));
        String::new()
    });
    named(name, text)
}

fn named(name: &Path, text: String) -> File {
    File {
        path: name.display().to_string(),
        text,
    }
}

fn above(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|dir| dir.join(PROJECT_FILE).is_file())
        .map(Path::to_owned)
}

fn working_directory() -> Result<PathBuf, Error> {
    env::current_dir().map_err(Error::WorkingDirectory)
}

fn missing(place: impl Into<String>) -> Error {
    Error::NoProject {
        place: place.into(),
    }
}
