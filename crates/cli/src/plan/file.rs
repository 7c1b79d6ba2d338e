//! A plan in a file: what was reviewed, and what a start can be bound to.
//!
//! The file holds all that the plan was made from, and no secrets. Whatever is edited in it is noticed; who wants to deceive
//! can write another file, and whoever starts by it is shown what it is.

mod single;

use std::path::Path;

use machine::files::read_own;
use policy::plan::{RunningVersions, describe, fingerprint};
use policy::{CustomerId, Plan, PlanScope, PolicyId, Timestamp};
use rollout::request::Reviewed;
use serde::{Deserialize, Serialize};

use self::single::Single;
use super::difference::Made;
use crate::exit::Failure;
use crate::show::escape;

/// What such a file says that it is.
const FORMAT: &str = "tranche-plan";

/// The newest form that is understood.
const NEWEST: u64 = 1;

/// A plan as it was shown, and the world that it was made from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanFile {
    format: String,
    format_version: u64,
    made_at: Timestamp,
    product: String,
    version: String,
    commit: String,
    digest: String,
    /// What the plan was narrowed to.
    options: PlanScope,
    /// The phases in words, for whoever reads the file.
    phases: Vec<InWords>,
    /// What ran at the planned customers.
    running: RunningVersions,
    plan: Plan,
    /// Of all the rest.
    checksum: String,
}

/// A phase as people read it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InWords {
    phase: PolicyId,
    summary: String,
    batches: Vec<Vec<CustomerId>>,
}

impl PlanFile {
    /// A plan that was made with these options, of a world in which that ran.
    pub(crate) fn new(
        plan: Plan,
        options: PlanScope,
        running: &RunningVersions,
        at: Timestamp,
    ) -> Self {
        let planned = running.iter();
        let running = planned.filter(|(customer, _)| plan.customers.contains_key(*customer));
        let file = Self {
            format: FORMAT.to_owned(),
            format_version: NEWEST,
            made_at: at,
            product: plan.product.clone(),
            version: plan.release.version.clone(),
            commit: plan.release.commit.clone(),
            digest: plan.computed_digest(),
            options,
            phases: in_words(&plan),
            running: running.map(|(id, one)| (id.clone(), one.clone())).collect(),
            plan,
            checksum: String::new(),
        };
        let written = serde_json::to_value(&file).expect("a plan has string keys only");
        Self {
            checksum: fingerprint(&written),
            ..file
        }
    }

    /// What stands in the file.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let text = serde_json::to_string_pretty(self).map_err(|source| {
            Failure::failed("failed to write the plan as JSON").caused_by(source)
        })?;
        // Whoever reviews it sees what stands there, and not what a terminal makes of it.
        Ok(escape::json(&text) + "\n")
    }

    /// Reads a plan of this product.
    pub(crate) fn read(path: &Path, product: &str) -> Result<Self, Failure> {
        let text = read_own(path).map_err(|source| {
            Failure::usage(format!("failed to read {}", path.display())).caused_by(source)
        })?;
        let file = Self::parse(&text).map_err(|why| {
            let text = format!("{} {}", path.display(), why.message());
            Failure::usage(text).or_type("tranche plan VERSION --out FILE")
        })?;
        if file.product != product {
            let text = format!(
                "{} is a plan of the product {}, and this is {product}",
                path.display(),
                file.product
            );
            return Err(Failure::usage(text).or_type("the same command with -C DIR"));
        }
        Ok(file)
    }

    fn parse(text: &str) -> Result<Self, NoPlan> {
        let Single(value) =
            serde_json::from_str(text).map_err(|source| NoPlan::Damaged(source.to_string()))?;
        if value["format"] != FORMAT {
            return Err(NoPlan::Foreign);
        }
        if value["format_version"]
            .as_u64()
            .is_some_and(|version| version > NEWEST)
        {
            return Err(NoPlan::Newer);
        }
        let file: Self = serde_json::from_value(value.clone())
            .map_err(|source| NoPlan::Damaged(source.to_string()))?;
        let Self {
            plan,
            options,
            running,
            made_at,
            ..
        } = &file;
        let again = Self::new(plan.clone(), options.clone(), running, *made_at);
        // Whoever reviews reads any part of it, so that each has to be what the plan says.
        if plan.digest != again.digest || serde_json::to_value(&again).ok().as_ref() != Some(&value)
        {
            return Err(NoPlan::Edited);
        }
        Ok(file)
    }

    /// The version that was planned.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// What the plan was narrowed to.
    pub(crate) fn options(&self) -> &PlanScope {
        &self.options
    }

    /// The plan, and what ran when it was made.
    pub(crate) fn made(&self) -> Made<'_> {
        Made {
            plan: &self.plan,
            running: &self.running,
        }
    }

    /// What a start is bound to.
    pub(crate) fn reviewed(&self) -> Reviewed {
        Reviewed {
            digest: self.digest.clone(),
            running: self.running.clone(),
        }
    }
}

fn in_words(plan: &Plan) -> Vec<InWords> {
    let phases = plan.phases.iter().map(|phase| {
        let mut rest = phase.customers.as_slice();
        let batches = phase.sizes.iter().map(|size| {
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            batch.to_vec()
        });
        InWords {
            phase: phase.policy.name.clone(),
            batches: batches.collect(),
            summary: describe(&phase.policy, &plan.weights(phase)),
        }
    });
    phases.collect()
}

/// Why a file is no plan that a start can be bound to.
#[derive(Debug, PartialEq, Eq)]
enum NoPlan {
    Damaged(String),
    Edited,
    Foreign,
    Newer,
}

impl NoPlan {
    fn message(&self) -> String {
        match self {
            Self::Damaged(why) => format!("is damaged: {why}"),
            Self::Edited => "was changed after it was written".to_owned(),
            Self::Foreign => "is no plan that `tranche plan --out` wrote".to_owned(),
            Self::Newer => "was written by a newer release of tranche".to_owned(),
        }
    }
}
