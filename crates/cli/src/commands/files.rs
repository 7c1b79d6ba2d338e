//! `init`, `validate` and `schema`: the files a release manager keeps.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use policy::plan::{HOTFIX, describe};
use policy::zones::{TakenZone, taken};
use policy::{Config, Diagnostic, PolicyId};
use project::moved_windows::{Moved, moved};
use project::shell::word;
use project::{Folder, PROJECT_FILE, account_name, fleet, templates};
use serde::Serialize;
use sim::settings::DEFAULT_API_KEY;

use super::demo::folder;
use crate::args::{Global, Init, Schema, SchemaOf};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::{escape, time, zones};
use crate::{open, output_file};

/// Where a project to practise on expects its simulated Render.
const PRACTICE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7373);

/// The files of a new project, by their paths.
const TEMPLATES: &[(&str, &str)] = &[
    (PROJECT_FILE, include_str!("../../templates/tranche.yaml")),
    (
        "customers.yaml",
        include_str!("../../templates/customers.yaml"),
    ),
    (
        "policies/demo.yaml",
        include_str!("../../../../policies/demo.yaml"),
    ),
    (
        "policies/startup.yaml",
        include_str!("../../../../policies/startup.yaml"),
    ),
    (
        "policies/standard.yaml",
        include_str!("../../../../policies/standard.yaml"),
    ),
    (
        "policies/enterprise.yaml",
        include_str!("../../../../policies/enterprise.yaml"),
    ),
    (
        "scenarios/first.yaml",
        include_str!("../../templates/first.yaml"),
    ),
    (".gitignore", ".tranche/\n"),
];

/// Stands in a template for the account of whoever makes the project.
const ACCOUNT: &str = "@ACCOUNT@";

/// Writes a commented project folder; never over an existing one.
pub(crate) fn init(args: &Init, out: Output) -> Result<Exit, Failure> {
    let dir = &args.dir;
    output_file::refuse_state(dir)?;
    if dir.join(PROJECT_FILE).exists() {
        return Err(Failure::new(
            Exit::Refused,
            format!("{} is a project folder already", dir.display()),
        )
        .or_type("tranche init DIR, with a folder that does not exist yet"));
    }
    if args.practice {
        return practice(dir, out);
    }
    for (name, text) in TEMPLATES {
        write_new(&dir.join(name), &text.replace(ACCOUNT, &account_name()))?;
    }
    let cd = if dir == Path::new(".") {
        String::new()
    } else {
        format!(" -C {}", word(dir))
    };
    out.say(format_args!(
        "made a project of {} files in {}; next: tranche{cd} validate, then tranche{cd} simulate v1.1.0",
        TEMPLATES.len(),
        dir.display()
    ));
    Ok(Exit::Done)
}

/// A project that a simulated Render on this machine can serve.
fn practice(dir: &Path, out: Output) -> Result<Exit, Failure> {
    folder::write(dir, PRACTICE)?;
    let (shown, folder) = (dir.display(), word(dir));
    out.say(format_args!(
        "made a project to practise on in {shown}; next: tranche -C {folder} render simulate --listen {PRACTICE}, and beside it \
         RENDER_API_KEY={DEFAULT_API_KEY} tranche -C {folder} start v1.1.0"
    ));
    Ok(Exit::Done)
}

/// A file that is there already, such as a `.gitignore`, stays as it is.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |source| Failure::failed(format!("failed to write {}", path.display())).caused_by(source);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(failed),
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

/// What `validate` found.
#[derive(Debug, Serialize)]
struct Validated {
    valid: bool,
    diagnostics: Vec<Diagnostic>,
    policies: BTreeMap<PolicyId, String>,
    /// What lies beside the files and counts for nothing, with the reason.
    passed_over: BTreeMap<String, String>,
    /// Where windows that name no zone are local.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    zones: Vec<TakenZone>,
    /// Windows that a rollout has frozen in another zone.
    #[serde(rename = "moved_windows", skip_serializing_if = "Vec::is_empty")]
    moved: Vec<Moved>,
    #[serde(skip)]
    summary: String,
}

/// Checks all files and says each policy as a sentence.
pub(crate) async fn validate(global: &Global, out: Output) -> Result<Exit, Failure> {
    let folder = open::folder(global)?;
    let passed_over: BTreeMap<String, String> = folder.passed_over().into_iter().collect();
    if global.verbose > 0 {
        for (path, why) in &passed_over {
            out.say(format_args!("passed over: {path}: {why}"));
        }
    }
    let config = match loaded(&folder) {
        Ok(config) => config,
        Err(diagnostics) if out.is_text() => return Err(Failure::diagnostics(diagnostics)),
        Err(diagnostics) => {
            let summary = String::new();
            let found = Validated {
                valid: false,
                diagnostics,
                policies: BTreeMap::new(),
                passed_over,
                zones: Vec::new(),
                moved: Vec::new(),
                summary,
            };
            out.data(&found, String::new)?;
            return Ok(Exit::Usage);
        }
    };
    let sentences = sentences(&config)?;
    // Files are checked as well where nothing is stored yet, or it cannot be read.
    let product = open::product(global, out).await;
    let found = Validated {
        valid: true,
        summary: summary(&config),
        passed_over,
        zones: taken(&config),
        moved: product.map_or_else(
            |_| Vec::new(),
            |product| moved(&config, &product, time::now()),
        ),
        diagnostics: config.warnings,
        policies: sentences.iter().cloned().collect(),
    };
    out.data(&found, || text(&found, &sentences))?;
    Ok(Exit::Done)
}

/// The project's files, or the mistakes of all of them, templates included.
fn loaded(folder: &Folder) -> Result<Config, Vec<Diagnostic>> {
    let sources = folder.sources();
    // What is read while a rollout goes on is a mistake here all the same.
    let loaded = folder.checked(&sources, time::now(), || false);
    let mut mistakes = templates::mistakes(folder, &sources.project, loaded.as_ref().ok());
    match loaded {
        Ok(config) if mistakes.is_empty() => Ok(config),
        Ok(Config {
            warnings: mut found,
            ..
        })
        | Err(mut found) => {
            found.append(&mut mistakes);
            Err(found)
        }
    }
}

fn text(found: &Validated, sentences: &[(PolicyId, String)]) -> String {
    let warnings = found
        .diagnostics
        .iter()
        .map(|warning| format!("{}\n\n", escape::mistake(warning)));
    let policies = sentences
        .iter()
        .map(|(name, sentence)| format!("{name}: {sentence}\n"));
    let mut text: String = warnings.chain(policies).collect();
    text.push_str(&zones::taken(&found.zones));
    text.push_str(&zones::moved(&found.moved, usize::MAX));
    text.push_str(&found.summary);
    text
}

/// The policies in the order of their phases, each in words; the hotfix policy last.
fn sentences(config: &Config) -> Result<Vec<(PolicyId, String)>, Failure> {
    let plan = fleet::plan(config)?;
    let mut sentences: Vec<_> = plan
        .phases
        .iter()
        .map(|phase| {
            (
                phase.policy.name.clone(),
                describe(&phase.policy, &plan.weights(phase)),
            )
        })
        .collect();
    // Whom a hotfix finds exposed, and so its order, is known only when it begins.
    let customers = config.fleet.customers.values();
    let weights: Vec<u64> = customers.map(|customer| customer.weight).collect();
    if let Some(hotfix) = config.policies.get(&PolicyId::new(HOTFIX)) {
        sentences.push((hotfix.name.clone(), describe(hotfix, &weights)));
    }
    Ok(sentences)
}

fn summary(config: &Config) -> String {
    let services: usize = config
        .fleet
        .customers
        .values()
        .map(|one| one.services.len())
        .sum();
    format!(
        "{}: {} policies, {} with {}; no mistakes",
        config.project.product,
        config.policies.len(),
        counted(config.fleet.customers.len(), "customer"),
        counted(services, "service"),
    )
}

/// Prints the JSON Schema of a kind of file, or of an event.
pub(crate) fn schema(args: &Schema, out: Output) -> Result<Exit, Failure> {
    let of_file = policy::schema::schema;
    let schema = match args.of {
        SchemaOf::Policy => of_file(policy::schema::Kind::Policy),
        SchemaOf::Customers => of_file(policy::schema::Kind::Customers),
        SchemaOf::Project => of_file(policy::schema::Kind::Project),
        SchemaOf::Scenario => of_file(policy::schema::Kind::Scenario),
        SchemaOf::Event => rollout::fact::reference::schema(),
    };
    match out.is_text() {
        // Editors read it as well: no line of it is fitted into the place.
        true => out.exact(format!("{schema:#}"))?,
        false => out.data(&schema, String::new)?,
    }
    Ok(Exit::Done)
}
