//! `import`: project files from the JSON of earlier release scripts, with an account of what was understood; or the fleet
//! from a spreadsheet.

mod approval;
mod customers;
mod deployment;
mod draft;
mod fields;
mod policies;
mod properties;
mod spans;
mod table;
mod window;

use std::fs;
use std::path::{Path, PathBuf};

use policy::parse::{self, File, Sources};
use project::{Folder, PROJECT_FILE};
use serde::Serialize;
use serde_json::Value;

use self::draft::Draft;
use self::fields::Fields;
use crate::args::{Global, Import};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::escape::line;
use crate::{named_file, output_file};

/// What became of one of the given files.
#[derive(Debug, Default, Serialize)]
pub(super) struct Account {
    file: PathBuf,
    understood: Vec<String>,
    ignored: Vec<String>,
}

impl Account {
    /// Says what was understood.
    pub(super) fn understood(&mut self, what: impl Into<String>) {
        self.understood.push(what.into());
    }

    /// Says what was left out, and why.
    pub(super) fn ignored(&mut self, what: impl Into<String>) {
        self.ignored.push(what.into());
    }
}

/// One file of the project, and whether it is written.
#[derive(Debug, Serialize)]
struct Target {
    file: String,
    written: bool,
    #[serde(skip)]
    text: String,
}

/// Everything there is to say.
#[derive(Debug, Serialize)]
struct Imported {
    read: Vec<Account>,
    files: Vec<Target>,
}

/// Reads the files and writes what they say into the project.
pub(super) fn import(global: &Global, args: &Import, out: Output) -> Result<Exit, Failure> {
    if let Some(path) = &args.csv {
        return table::import(global, path, args.write, out);
    }
    let dir = global.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    output_file::refuse_state(&dir)?;
    let mut draft = Draft::default();
    let mut read = Vec::new();
    for path in &args.files {
        let mut account = Account {
            file: path.clone(),
            ..Account::default()
        };
        understand(parsed(path)?, &mut draft, &mut account);
        read.push(account);
    }
    if read.iter().all(|account| account.understood.is_empty()) {
        return Err(Failure::usage("nothing in these files was understood")
            .or_type("tranche init, and tranche schema customers for what the files look like"));
    }
    for (old, new) in draft.rename_doubled() {
        out.say(format_args!(
            "the customer {old} is called {new} here, because a policy is called {old}; variables with ${{customer}} say {new} too"
        ));
    }
    let stand_ins = draft.stand_in_approvers();
    if !stand_ins.is_empty() {
        out.say(format_args!(
            "warning: nobody is named who approves; {} in tranche.yaml stand for them until you write who they are",
            stand_ins.join(", ")
        ));
    }
    let targets = targets(&dir, &draft, args.write)?;
    parse::load(&sources(&dir, &targets)).map_err(Failure::diagnostics)?;
    for target in targets.iter().filter(|target| target.written) {
        write(&dir.join(&target.file), &target.text)?;
    }
    let imported = Imported {
        read,
        files: targets,
    };
    out.data(&imported, || imported.text())?;
    for (name, policy) in draft
        .policies
        .iter()
        .filter(|(_, one)| !one.left_out.is_empty())
    {
        out.say(format_args!(
            "warning: {} of {}/{name}.yaml not understood: {} there as comments until you write them by hand",
            counted(policy.left_out.len(), "setting"),
            draft::POLICIES,
            if policy.left_out.len() == 1 { "it stands" } else { "they stand" },
        ));
    }
    out.say("next: tranche customers discover, tranche validate, then tranche plan VERSION");
    Ok(Exit::Done)
}

fn parsed(path: &Path) -> Result<Value, Failure> {
    let failed = || format!("failed to read {}", path.display());
    let text = named_file::named(path)?.text;
    serde_json::from_str(&text).map_err(|source| {
        Failure::usage(failed())
            .caused_by(source)
            .or_type("the same command with JSON files; YAML files of a project need no import")
    })
}

/// Takes out of one file whatever is in it, whichever script it belongs to.
fn understand(content: Value, draft: &mut Draft, account: &mut Account) {
    let mut fields = match content {
        Value::Object(fields) => Fields::new(String::new(), fields),
        list @ Value::Array(_) => {
            customers::read(list, draft, account);
            return;
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            account.ignored(format!("the whole file, which is {other}"));
            return;
        }
    };
    deployment::read(&mut fields, draft, account);
    if let Some(list) = fields.take(&["customers"]) {
        customers::read(list, draft, account);
    }
    policies::read(&mut fields, draft, account);
    fields.rest(account);
}

/// The project's files as the draft has them; one that exists is replaced only if that is wanted.
fn targets(dir: &Path, draft: &Draft, write: bool) -> Result<Vec<Target>, Failure> {
    let name = dir.canonicalize().ok();
    let name = name.as_deref().and_then(Path::file_name);
    let fallback = name.map_or_else(
        || "product".to_owned(),
        |n| n.to_string_lossy().into_owned(),
    );
    let files = draft.files(&fallback);
    let files = files
        .map_err(|source| Failure::failed("failed to write the files as YAML").caused_by(source))?;
    let target = |(file, text): (String, String)| Target {
        written: write || !dir.join(&file).exists(),
        file,
        text,
    };
    Ok(files.into_iter().map(target).collect())
}

/// The project as it would be.
fn sources(dir: &Path, targets: &[Target]) -> Sources {
    let mut sources = Folder::at(dir).sources();
    for target in targets.iter().filter(|target| target.written) {
        let file = File {
            path: target.file.clone(),
            text: target.text.clone(),
        };
        let path = Path::new(&file.path);
        // What could not be read there is about to be written.
        let is_replaced = |one: &str| path.starts_with(one);
        sources.unread.retain(|one| !is_replaced(&one.file));
        match target.file.as_str() {
            PROJECT_FILE => sources.project = file,
            draft::CUSTOMERS_FILE => sources.customers = file,
            _ => {
                sources.policies.retain(|known| known.path != file.path);
                sources.policies.push(file);
            }
        }
    }
    sources
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent.map_err(|source| {
        Failure::failed(format!("failed to write {}", path.display())).caused_by(source)
    })?;
    output_file::put(path, text)
}

impl Imported {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        for account in &self.read {
            lines.push(format!("{}:", account.file.display()));
            lines.extend(
                account
                    .understood
                    .iter()
                    .map(|what| format!("  {}", line(what))),
            );
            lines.extend(
                account
                    .ignored
                    .iter()
                    .map(|what| format!("  not understood: {}", line(what))),
            );
        }
        let (written, kept): (Vec<&Target>, Vec<&Target>) =
            self.files.iter().partition(|target| target.written);
        let names = |targets: &[&Target]| {
            let names: Vec<&str> = targets.iter().map(|target| target.file.as_str()).collect();
            names.join(", ")
        };
        if !written.is_empty() {
            let number = counted(written.len(), "file");
            lines.push(format!("{number} written: {}", names(&written)));
        }
        if !kept.is_empty() {
            let number = counted(kept.len(), "file");
            lines.push(format!(
                "{number} kept as they are, --write would replace them: {}",
                names(&kept)
            ));
        }
        lines.join("\n")
    }
}
