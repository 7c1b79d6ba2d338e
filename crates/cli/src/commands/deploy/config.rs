//! What is wanted of each service: from flags, or from a file of which every mistake is told at once.

use std::collections::BTreeMap;
use std::path::Path;

use policy::Span;
use policy::plan::{Image, ImageError};
use policy::rules::RollbackMode;
use policy::template::pieces;
use project::wish::{Artifact, WantedDeploy};
use serde::Deserialize;
use serde_json::Value;

use crate::args::{Deploy, DeployConfig, RollbackBy};
use crate::exit::Failure;
use crate::named_file;

/// One service in a file. A key that is not written is as the flags have it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    service: Option<String>,
    commit: Option<String>,
    image: Option<String>,
    clear_cache: Option<bool>,
    set: BTreeMap<String, String>,
    validate: Option<bool>,
    rollback: Option<Rollback>,
    watch: Option<String>,
    health: Option<String>,
    deploy_timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rollback {
    Automatic,
    Manual,
}

/// Everything that is wanted.
pub(super) fn wanted(dir: &Path, args: &Deploy) -> Result<Vec<WantedDeploy>, Failure> {
    let mut mistakes = Vec::new();
    let usual = written(&args.config, &mut mistakes);
    let wanted = if let Some(file) = &args.file {
        from_file(&dir.join(file), &usual, &mut mistakes)?
    } else {
        let one = Written {
            service: args.service.clone(),
            commit: args.config.commit.clone(),
            image: args.config.image.clone(),
            ..Written::default()
        };
        let one = one.complete(&usual, "", &mut mistakes);
        one.into_iter().collect()
    };
    if mistakes.is_empty() {
        return Ok(wanted);
    }
    Err(Failure::usage(mistakes.join("\n       ")).or_type("tranche deploy --help"))
}

/// The flags as if they were written in a file.
fn written(flags: &DeployConfig, mistakes: &mut Vec<String>) -> Written {
    let mut set = BTreeMap::new();
    for one in &flags.set {
        match one.split_once('=') {
            Some((key, template)) => drop(set.insert(key.to_owned(), template.to_owned())),
            None => mistakes.push(format!("`--set {one}` is not KEY=TEMPLATE")),
        }
    }
    Written {
        clear_cache: Some(flags.clear_cache),
        set,
        validate: Some(!flags.no_validate),
        rollback: flags.rollback.map(|rollback| match rollback {
            RollbackBy::Automatic => Rollback::Automatic,
            RollbackBy::Manual => Rollback::Manual,
        }),
        watch: flags.watch.map(|span| span.to_string()),
        health: flags.health.clone(),
        deploy_timeout: flags.deploy_timeout.map(|span| span.to_string()),
        ..Written::default()
    }
}

fn from_file(
    path: &Path,
    usual: &Written,
    mistakes: &mut Vec<String>,
) -> Result<Vec<WantedDeploy>, Failure> {
    let name = path.display();
    let text = named_file::named(path)?.text;
    let entries: Vec<Value> = serde_yaml::from_str(&text).map_err(|source| {
        Failure::usage(format!("failed to read {name} as a list of services")).caused_by(source)
    })?;
    let mut wanted = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        let place = format!("{name}, service {}: ", number + 1);
        match Written::deserialize(entry) {
            Ok(written) => wanted.extend(written.complete(usual, &place, mistakes)),
            Err(source) => mistakes.push(format!("{place}{source}")),
        }
    }
    Ok(wanted)
}

impl Written {
    /// What is wanted, or one mistake for everything that makes no sense.
    fn complete(
        mut self,
        usual: &Self,
        place: &str,
        mistakes: &mut Vec<String>,
    ) -> Option<WantedDeploy> {
        let before = mistakes.len();
        let mut wrong = |text: String| mistakes.push(format!("{place}{text}"));
        let artifact = match (self.commit.take(), self.image.take()) {
            (Some(commit), None) => Some(Artifact::Commit(commit)),
            (None, Some(image)) => match exact_image(&image) {
                Ok(image) => Some(Artifact::Image(image)),
                Err(mistake) => {
                    wrong(mistake);
                    None
                }
            },
            (Some(_), Some(_)) => {
                wrong("`commit` and `image` exclude each other".to_owned());
                None
            }
            (None, None) => {
                wrong("it names neither `commit` nor `image`".to_owned());
                None
            }
        };
        if self.service.is_none() {
            wrong("it names no `service`".to_owned());
        }
        let mut variables = usual.set.clone();
        variables.append(&mut self.set);
        for (key, template) in &variables {
            if key.is_empty() {
                wrong("a variable has no name".to_owned());
            }
            if pieces(template).any(|piece| piece.is_err()) {
                wrong(format!("the template of {key} names something unknown"));
            }
        }
        let watch = span("watch", self.watch.or(usual.watch.clone()), &mut wrong);
        let timeout = span(
            "deploy_timeout",
            self.deploy_timeout.or(usual.deploy_timeout.clone()),
            &mut wrong,
        );
        if mistakes.len() > before {
            return None;
        }
        let rollback = match self.rollback.or(usual.rollback) {
            Some(Rollback::Manual) => RollbackMode::Manual,
            Some(Rollback::Automatic) | None => RollbackMode::Automatic,
        };
        Some(WantedDeploy {
            service: self.service?,
            artifact: artifact?,
            clear_cache: self.clear_cache.or(usual.clear_cache).unwrap_or(false),
            variables,
            validate: self.validate.or(usual.validate).unwrap_or(true),
            rollback,
            watch: watch.unwrap_or(Span::ZERO),
            health: (self.health.or(usual.health.clone())).unwrap_or_else(|| "basic".to_owned()),
            timeout: timeout.unwrap_or(Span::from_secs(600)),
        })
    }
}

/// An image that does not depend on what `latest` is.
fn exact_image(written: &str) -> Result<Image, String> {
    let image: Image = written
        .parse()
        .map_err(|error: ImageError| error.to_string())?;
    match image.is_marked() {
        true => Ok(image),
        false => Err(format!(
            "`{written}` says not which image: write {written}:TAG or {written}@sha256:DIGEST"
        )),
    }
}

fn span(key: &str, text: Option<String>, wrong: &mut impl FnMut(String)) -> Option<Span> {
    let text = text?;
    match text.parse() {
        Ok(span) => Some(span),
        Err(source) => {
            wrong(format!("`{key}: {text}`: {source}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<WantedDeploy>, Vec<String>) {
        let mut mistakes = Vec::new();
        let entries: Vec<Value> = serde_yaml::from_str(text).expect("a list");
        let usual = Written {
            watch: Some("5m".to_owned()),
            ..Written::default()
        };
        let mut wanted = Vec::new();
        for entry in entries {
            match Written::deserialize(entry) {
                Ok(one) => wanted.extend(one.complete(&usual, "", &mut mistakes)),
                Err(error) => mistakes.push(error.to_string()),
            }
        }
        (wanted, mistakes)
    }

    #[test]
    fn what_the_file_does_not_say_the_flags_do() {
        let (wanted, mistakes) = read(
            "- { service: acme/backend, commit: abc, set: { A: '${version}' } }\n\
             - { service: worker, image: 'r.example/w:1', watch: 1h, rollback: manual, validate: false }\n",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(wanted[0].watch, Span::from_secs(300));
        assert_eq!(wanted[1].watch, Span::from_secs(3600));
        assert_eq!(wanted[1].rollback, RollbackMode::Manual);
        assert!(wanted[0].validate && !wanted[1].validate);
        assert_eq!(
            wanted[1].artifact,
            Artifact::Image("r.example/w:1".parse().expect("an image"))
        );
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let (wanted, mistakes) = read(
            "- { service: a, commit: abc, image: 'r/w:1', watch: soon }\n\
             - { servise: b }\n\
             - { image: plain, set: { K: '${what}' } }\n",
        );
        assert!(wanted.is_empty());
        assert_eq!(mistakes.len(), 6, "{mistakes:#?}");
    }
}
