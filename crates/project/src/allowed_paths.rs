//! Which files may the project's files name? Those in its folder, and what `files: allow` adds (P53).
//!
//! A path that leads elsewhere is a mistake. While a rollout is unfinished that was begun with it, it is an alarm instead:
//! the engine goes on with what it was begun with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use machine::files::{NotRead, OutsideFiles, Roots};
use policy::parse::{Diagnostic, File, Severity, Sources};
use policy::settings::SecretSource;
use policy::{Config, Customer};
use rollout::Product;

use crate::error::Error;

/// The code of what this finds.
pub(crate) const CODE: &str = "outside";

/// How far the files reach that say this; for a product with unfinished rollouts also whatever those were begun with.
pub(crate) fn beyond(config: &Config, product: &Product) -> OutsideFiles {
    let allowed = config.files.iter().map(PathBuf::from).collect();
    let mut unfinished = unfinished(product).peekable();
    if unfinished.peek().is_none() {
        return OutsideFiles {
            allowed,
            tolerated: BTreeSet::new(),
        };
    }
    // Whoever writes tranche.yaml may as well allow the path; whoever writes customers.yaml may not.
    let mut tolerated: BTreeSet<String> = of_project(config).into_iter().collect();
    let plans = unfinished.filter_map(|run| product.plan(run));
    let customers = plans.flat_map(|plan| plan.customers.values());
    tolerated.extend(customers.flat_map(|planned| of_customer(&planned.customer)));
    OutsideFiles { allowed, tolerated }
}

/// Whether work goes on that may have been begun before a path was looked at.
pub(crate) fn is_anything_open(product: &Product) -> bool {
    unfinished(product).next().is_some()
}

fn unfinished(product: &Product) -> impl Iterator<Item = rollout::RolloutId> {
    let runs = product.overview().into_iter();
    runs.filter(|run| !run.has_ended()).map(|run| run.id)
}

/// The paths that tranche.yaml names.
fn of_project(config: &Config) -> Vec<String> {
    let project = &config.project;
    let mut paths = vec![project.policies.clone(), project.customers.clone()];
    for entry in &project.notify {
        paths.extend(entry.secret.as_ref().and_then(path_of));
        paths.extend(entry.to.values().filter_map(|target| path_in(target)));
    }
    if let Some(mail) = &config.mail {
        paths.extend(mail.ca_file.clone());
        paths.extend(mail.password.as_ref().and_then(path_of));
    }
    if let Some(tls) = &config.server.tls {
        paths.extend([tls.cert.clone(), tls.key.clone()]);
    }
    if let Some(sign_in) = &config.server.sign_in {
        paths.extend(sign_in.client_secret.as_ref().and_then(path_of));
    }
    paths
}

/// The paths that customers.yaml names for one of them.
fn of_customer(customer: &Customer) -> Vec<String> {
    let secrets = customer.secrets.values().filter_map(path_of);
    let contacts = customer
        .contacts
        .values()
        .filter_map(|target| path_in(target));
    secrets.chain(contacts).collect()
}

fn path_of(source: &SecretSource) -> Option<String> {
    match source {
        SecretSource::Env(_) => None,
        SecretSource::File(path) => Some(path.clone()),
    }
}

fn path_in(target: &str) -> Option<String> {
    path_of(&SecretSource::reference(target)?)
}

/// Refuses files with such paths where they are only warned of: whatever begins now does not begin with them.
pub fn refuse(config: &Config) -> Result<(), Error> {
    let warnings = config.warnings.iter();
    let found: Vec<Diagnostic> = warnings
        .filter(|one| one.code == CODE)
        .map(|one| Diagnostic {
            severity: Severity::Error,
            ..one.clone()
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::Files(found))
}

/// The same in words, for who follows a rollout that goes on.
pub(crate) fn alarms(config: &Config) -> Vec<String> {
    let warnings = config.warnings.iter().filter(|one| one.code == CODE);
    let alarms: BTreeSet<String> = warnings.map(|one| one.message.clone()).collect();
    alarms.into_iter().collect()
}

/// Everything that leads out of the folder without leave, with its place.
pub(crate) fn mistakes(dir: &Path, sources: &Sources, config: &Config) -> Vec<Diagnostic> {
    let roots = Roots::new(dir).with(OutsideFiles {
        allowed: config.files.iter().map(PathBuf::from).collect(),
        tolerated: BTreeSet::new(),
    });
    let in_project = of_project(config).into_iter();
    let in_project = in_project.map(|path| (&sources.project, path));
    let customers = config.fleet.customers.values();
    let in_customers = customers
        .flat_map(of_customer)
        .map(|path| (&sources.customers, path));
    let mut seen = BTreeSet::new();
    in_project
        .chain(in_customers)
        .filter(|(file, path)| seen.insert((file.path.clone(), path.clone())))
        .filter_map(|(file, path)| {
            let refused = roots.judge(Path::new(&path)).err()?;
            Some(diagnostic(file, &path, &refused))
        })
        .collect()
}

/// The line is the first on which the path stands.
fn diagnostic(file: &File, path: &str, refused: &NotRead) -> Diagnostic {
    let found = file.text.lines().enumerate().find_map(|(number, line)| {
        let column = line.find(path)?;
        Some((number + 1, line[..column].chars().count() + 1, line))
    });
    let (line, column, source_line) = found.unwrap_or((1, 1, ""));
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Diagnostic {
        severity: Severity::Error,
        code: CODE.to_owned(),
        file: file.path.clone(),
        line: number(line),
        column: number(column),
        length: number(path.chars().count().max(1)),
        source_line: source_line.to_owned(),
        message: format!("`{path}` may not be read: {refused}"),
        help: None,
    }
}
