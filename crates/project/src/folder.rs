//! Where is the project folder, and what do its files say?

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use engine::StateDir;
use machine::files::{OutsideFiles, Listing, Roots, read_own_written};
use policy::parse::{Calendar, Diagnostic, Severity};
use policy::settings::RenderSettings;
use policy::{Config, File, Project, Sources, Timestamp, parse};
use serde::Deserialize;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;
use crate::screen::complain;
use crate::show::{foreign, time};
use crate::{reach, state, unread};

/// The file that makes a folder a project.
pub(crate) const PROJECT_FILE: &str = "tranche.yaml";

/// Where scenarios are kept.
pub(crate) const SCENARIOS: &str = "scenarios";

/// How the names of files end that count.
const YAML: [&str; 2] = ["yaml", "yml"];

/// A project folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    /// The database, where it is not the folder's own.
    db: Option<PathBuf>,
}

impl Folder {
    /// The folder that the flags name, or the nearest one at or above the working directory.
    pub(crate) fn find(global: &Global) -> Result<Self, Failure> {
        let dir = match &global.dir {
            Some(dir) if dir.join(PROJECT_FILE).is_file() => dir.clone(),
            Some(dir) => {
                return Err(missing(format!(
                    "there is no {PROJECT_FILE} in {}",
                    dir.display()
                )));
            }
            None => above(&working_directory()?).ok_or_else(|| {
                missing(format!(
                    "there is no {PROJECT_FILE} here or in a folder above"
                ))
            })?,
        };
        Ok(Self {
            dir,
            db: global.db.clone(),
        })
    }

    /// A folder that is known to be one.
    pub(crate) fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            db: None,
        }
    }

    /// The folder that the environment or the working directory names; silent where there is none.
    pub(crate) fn of_environment() -> Option<Self> {
        match variable("TRANCHE_DIR") {
            Some(dir) => Some(Self::at(Path::new(&dir))),
            None => above(&working_directory().ok()?).map(|dir| Self::at(&dir)),
        }
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
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
    pub(crate) fn render_url(&self) -> Option<String> {
        let named = variable("RENDER_API_URL").or_else(|| self.names().render.url);
        named.or_else(|| variable("RENDER_HOST"))
    }

    fn names(&self) -> Names {
        let file = self.project();
        file.map(|file| Names::of(&file)).unwrap_or_default()
    }

    /// The files that people write: what is made by a command never goes over them.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        let more = [SCENARIOS, "templates"].map(|name| self.dir.join(name));
        self.watched().into_iter().chain(more).collect()
    }

    /// How far the files reach: the folder, and what they allow.
    pub(crate) fn roots(&self, config: Option<&Config>) -> Roots {
        let allowed = config.map_or(&[][..], |config| &config.files);
        Roots::new(&self.dir).with(OutsideFiles {
            allowed: allowed.iter().map(PathBuf::from).collect(),
            tolerated: BTreeSet::new(),
        })
    }

    /// The texts of all its files, with what of them cannot be read, and what its calendars say about now.
    pub(crate) fn sources(&self) -> Sources {
        self.sources_at(time::now())
    }

    /// The same with what its calendars say about the time around an instant.
    pub(crate) fn sources_at(&self, at: Timestamp) -> Sources {
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
            unread.push(unread::mistake(&names.policies, &refused));
            Listing::default()
        });
        unread.extend(unread::misnamed(&listing));
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
    pub(crate) fn passed_over(&self) -> Vec<(String, String)> {
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
    pub(crate) fn scenarios(&self) -> Result<Vec<File>, Failure> {
        let folder = Path::new(SCENARIOS);
        if !self.dir.join(folder).is_dir() {
            return Ok(Vec::new());
        }
        let roots = self.roots(None);
        let listed = roots.list(folder, &YAML);
        let listing = listed
            .map_err(|refused| Failure::diagnostics(vec![unread::mistake(folder, &refused)]))?;
        let mut unread: Vec<Diagnostic> = unread::misnamed(&listing).collect();
        let names = listing.files.iter();
        let files = names.map(|name| {
            let File { text, .. } = read(&roots, name, &mut unread);
            named(&self.dir.join(name), text)
        });
        let files = files.collect();
        match unread.is_empty() {
            true => Ok(files),
            false => Err(Failure::diagnostics(unread)),
        }
    }

    /// The file of the customers, as `tranche.yaml` names it.
    pub(crate) fn customers_file(&self) -> PathBuf {
        self.names().customers
    }

    /// The calendars that some files name, with what they say about the time around an instant.
    pub(crate) fn calendars(&self, files: &[&File], at: Timestamp) -> Vec<Calendar> {
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
        if others.iter().any(|name| roots.judge(name).is_err()) && self.is_anything_open() {
            let names = others.into_iter().filter_map(|name| name.to_str());
            roots.renew(OutsideFiles {
                allowed,
                tolerated: names.map(str::to_owned).collect(),
            });
        }
        roots
    }

    fn is_anything_open(&self) -> bool {
        let state = match &self.db {
            Some(db) => StateDir::of_database(db),
            None => StateDir::of_project(&self.dir),
        };
        state::product(&state).is_ok_and(|product| reach::is_anything_open(&product))
    }

    /// The checked content of all its files, for somebody who would start from them now; warnings are said.
    pub(crate) fn load(&self, out: Output) -> Result<Config, Failure> {
        self.load_at(time::now(), out)
    }

    /// The same for a start at that instant.
    pub(crate) fn load_at(&self, at: Timestamp, out: Output) -> Result<Config, Failure> {
        let checked = self.checked(&self.sources_at(at), at, || self.is_anything_open());
        Self::said(checked, out)
    }

    /// The same for what has begun already, and for looking: a customer that can never start, and a gate that nobody can
    /// fill, is only warned of.
    pub(crate) fn load_running(&self, out: Output) -> Result<Config, Failure> {
        let checked = self.checked_running(&self.sources(), || self.is_anything_open());
        Self::said(checked, out)
    }

    /// `tranche.yaml` by itself, whatever is wrong with it and with the other files; `None`: it cannot be parsed.
    pub(crate) fn alone(&self) -> Option<Project> {
        parse::project_alone(&self.project().ok()?)
    }

    fn said(loaded: Result<Config, Vec<Diagnostic>>, out: Output) -> Result<Config, Failure> {
        let mut config = loaded.map_err(Failure::diagnostics)?;
        for warning in &config.warnings {
            out.say_laid_out(format_args!("{}\n", foreign::mistake(warning)));
        }
        override_render(&mut config.project.render);
        Ok(config)
    }

    /// The checked content of these, for a start at that instant. Paths that lead out of the folder without leave are
    /// mistakes, and warnings while work goes on that may have been begun with them.
    pub(crate) fn checked(
        &self,
        sources: &Sources,
        at: Timestamp,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        self.within_reach(sources, parse::load_at(sources, at)?, is_anything_open)
    }

    /// The same for what has begun already.
    pub(crate) fn checked_running(
        &self,
        sources: &Sources,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        self.within_reach(sources, parse::load_running(sources)?, is_anything_open)
    }

    /// What was loaded, unless its paths lead out of the folder.
    pub(crate) fn within_reach(
        &self,
        sources: &Sources,
        mut config: Config,
        is_anything_open: impl FnOnce() -> bool,
    ) -> Result<Config, Vec<Diagnostic>> {
        let mut outside = reach::mistakes(&self.dir, sources, &config);
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
        let text = text.map_err(|refused| Box::new(unread::mistake(name, &refused)))?;
        Ok(named(name, text))
    }
}

/// One file, by its path within the folder; one that cannot be read is empty, and noted.
fn read(roots: &Roots, name: &Path, unread: &mut Vec<Diagnostic>) -> File {
    let text = roots.read_written(name).unwrap_or_else(|refused| {
        unread.push(unread::mistake(name, &refused));
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

/// What of `tranche.yaml` is needed before it is checked, and also if it holds mistakes.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Names {
    policies: PathBuf,
    customers: PathBuf,
    files: Files,
    render: Address,
    state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    identity: Identity,
}

/// `state.identity`: what tells a database from a copy of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Identity {
    /// Its file as well as its journal.
    #[default]
    File,
    /// Its journal alone.
    Journal,
}

/// What may be named outside the folder.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Files {
    allow: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            policies: PathBuf::from("policies"),
            customers: PathBuf::from("customers.yaml"),
            render: Address::default(),
            state: State::default(),
            files: Files::default(),
        }
    }
}

impl Names {
    /// A file that cannot be read as YAML has the usual names: checking it will report why.
    fn of(project: &File) -> Self {
        let value = parse::value(project);
        let names = value.and_then(|value| serde_json::from_value(value).ok());
        names.unwrap_or_default()
    }
}

/// The environment beats the file; the variables of Render's own command line are the last resort.
pub(crate) fn override_render(render: &mut RenderSettings) {
    let is_default = render.url == render::DEFAULT_URL;
    if let Some(url) =
        variable("RENDER_API_URL").or_else(|| variable("RENDER_HOST").filter(|_| is_default))
    {
        url.trim_end_matches('/').clone_into(&mut render.url);
    }
    if render.owner.is_none() {
        render.owner = variable("RENDER_WORKSPACE");
    }
    if let Some(timeout) = variable("RENDER_TIMEOUT") {
        match seconds_or_span(&timeout) {
            Some(timeout) => render.timeout = timeout,
            None => complain("warning: RENDER_TIMEOUT is no length of time such as 30s: not used"),
        }
    }
    if let Some(retries) = variable("RENDER_MAX_RETRIES") {
        match retries.parse() {
            Ok(retries) => render.max_retries = retries,
            Err(_) => complain("warning: RENDER_MAX_RETRIES is no number: not used"),
        }
    }
}

/// `30` as other clients of Render write it, or `30s`.
fn seconds_or_span(text: &str) -> Option<policy::Span> {
    match text.parse::<i64>() {
        Ok(seconds) => u32::try_from(seconds)
            .ok()
            .map(|s| policy::Span::from_secs(s.into())),
        Err(_) => text.parse().ok(),
    }
}

/// An environment variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn above(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|dir| dir.join(PROJECT_FILE).is_file())
        .map(Path::to_owned)
}

fn working_directory() -> Result<PathBuf, Failure> {
    env::current_dir()
        .map_err(|source| Failure::failed("failed to find the working directory").caused_by(source))
}

fn missing(message: String) -> Failure {
    Failure::usage(message).or_type("tranche init, or name the folder with -C DIR")
}
