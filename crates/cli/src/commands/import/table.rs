//! `import --csv`: the fleet from a spreadsheet, with the checks that `customers.yaml` has and the places of its cells.

use std::path::{Path, PathBuf};

use policy::parse::table::Table;
use policy::parse::{self, File, Sources};
use policy::{Config, Diagnostic, Fleet};
use project::Folder;

use super::{Account, Imported, Target, draft, write};
use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::escape;
use crate::{named_file, open, output_file};

/// Where the fleet goes.
struct Place {
    dir: PathBuf,
    /// The file, within the folder.
    name: PathBuf,
    /// The project, if there is one.
    folder: Option<Folder>,
}

/// Reads the table and writes the fleet that it says into the project.
pub(super) fn import(
    global: &Global,
    path: &Path,
    replace: bool,
    out: Output,
) -> Result<Exit, Failure> {
    let place = Place::find(global)?;
    let sources = place.folder.as_ref().map(Folder::sources);
    let table = place.checked(sources.as_ref(), &named_file::named(path)?)?;
    for warning in &table.warnings {
        out.say_laid_out(format_args!("{}\n", escape::mistake(warning)));
    }
    let target = place.dir.join(&place.name);
    let name = place.name.display().to_string();
    if target.exists() && !replace {
        return Err(Failure::new(
            Exit::Refused,
            format!("{name} is there already and is kept; the table has no mistake, and nothing was written"),
        )
        .or_type(
            "the same command with --write, which replaces the whole file with its comments",
        ));
    }
    let before = sources
        .and_then(|sources| parse::load(&sources).ok())
        .map(|config| config.fleet);
    let sentence = place.sentence(before.as_ref(), &table.fleet);
    let account = account(path, &table);
    let text = place.text(table)?;
    write(&target, &text)?;
    let imported = Imported {
        read: vec![account],
        files: vec![Target {
            file: name,
            written: true,
            text,
        }],
    };
    out.data(&imported, || imported.text())?;
    out.say(sentence);
    Ok(Exit::Done)
}

fn account(path: &Path, table: &Table) -> Account {
    let mut account = Account {
        file: path.to_owned(),
        ..Account::default()
    };
    account.understood(counted(table.fleet.customers.len(), "customer"));
    for heading in &table.free {
        account.ignored(format!("{heading}, since its name begins with x-"));
    }
    account
}

impl Place {
    /// The project's file, or `customers.yaml` in a folder that is to become a project.
    fn find(global: &Global) -> Result<Self, Failure> {
        let folder = open::folder(global).ok();
        let named = global.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let dir = folder
            .as_ref()
            .map_or(named, |folder| folder.dir().to_owned());
        output_file::refuse_state(&dir)?;
        let name = folder.as_ref().map(Folder::customers_file);
        Ok(Self {
            name: name.unwrap_or_else(|| PathBuf::from(draft::CUSTOMERS_FILE)),
            dir,
            folder,
        })
    }

    fn checked(&self, sources: Option<&Sources>, file: &File) -> Result<Table, Failure> {
        let refused = |mistakes| {
            Failure::diagnostics(mistakes).or_type("the same command, once that is mended")
        };
        let (Some(folder), Some(sources)) = (&self.folder, sources) else {
            return Table::alone(file).map_err(refused);
        };
        let sources = with(sources, file.clone());
        let (mut table, config) = Table::within(&sources).map_err(refused)?;
        let config: Result<Config, Vec<Diagnostic>> =
            folder.within_reach(&sources, config, || false);
        table.warnings = config.map_err(refused)?.warnings;
        Ok(table)
    }

    /// The file's text, which says exactly what the table does.
    fn text(&self, table: Table) -> Result<String, Failure> {
        let written = File {
            path: self.name.display().to_string(),
            text: table.text,
        };
        match parse::value(&written) == Some(table.file) {
            true => Ok(written.text),
            false => Err(Failure::failed("failed to write the customers as YAML")),
        }
    }

    /// What changed, and what comes next.
    fn sentence(&self, before: Option<&Fleet>, now: &Fleet) -> String {
        let name = self.name.display();
        let next = match self.folder {
            Some(_) => "tranche validate, then tranche plan VERSION",
            None => "tranche init, then tranche validate",
        };
        let Some(before) = before else {
            let customers = counted(now.customers.len(), "customer");
            return format!("{name} has {customers} now; next: {next}");
        };
        let (mut new, mut changed, mut same) = (0, 0, 0);
        for (id, customer) in &now.customers {
            *match before.customers.get(id) {
                None => &mut new,
                Some(known) if known == customer => &mut same,
                Some(_) => &mut changed,
            } += 1;
        }
        let gone = before.customers.len() - changed - same;
        let customers = counted(now.customers.len(), "customer");
        format!(
            "{name} has {customers} now: {new} new, {changed} changed, {same} as before, and {gone} no longer in it; next: {next}"
        )
    }
}

/// The project with another file of customers.
fn with(sources: &Sources, customers: File) -> Sources {
    let mut sources = sources.clone();
    let path = std::mem::replace(&mut sources.customers, customers).path;
    sources.unread.retain(|one| one.file != path);
    sources
}
