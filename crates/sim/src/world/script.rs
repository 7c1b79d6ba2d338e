//! From a verb as a scenario writes it to the request that a command line would send.

use policy::parse::scenario;
use policy::{CustomerId, PlanScope, PolicyId, Role, Span, Timestamp};
use rollout::RolloutId;
use rollout::request::{Conflict, Defer, Verb};
use serde_json::Value;

/// A row of the script that makes no sense, as the command line would refuse it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// An argument that the verb cannot do without.
    #[error("`{verb}` needs `{argument}`")]
    Missing {
        /// The verb.
        verb: String,
        /// The argument.
        argument: &'static str,
    },
    /// An argument of another form.
    #[error("`{argument}` of `{verb}` cannot be `{value}`")]
    Malformed {
        /// The verb.
        verb: String,
        /// The argument.
        argument: &'static str,
        /// As written.
        value: String,
    },
    /// A verb that asks for no change.
    #[error("`{0}` cannot be part of a script")]
    Verb(String),
}

/// What a verb asks for. What only the world knows is filled in later.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// Complete as it is.
    Plain(Verb),
    /// Begin a rollout of these files as they are then.
    Start(StartFlags),
    /// Apply the files as they are then.
    Replan,
    /// Deploy one service by the files as they are then.
    Deploy(DeployFlags),
    /// Set the variables of a version by the files as they are then.
    Variables {
        customer: CustomerId,
        version: String,
        reason: String,
    },
}

/// The arguments of `deploy`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DeployFlags {
    pub(super) customer: CustomerId,
    pub(super) service: Role,
    pub(super) version: String,
    pub(super) clear_cache: bool,
    pub(super) watch: policy::Span,
    pub(super) reason: String,
}

/// The flags of `start`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StartFlags {
    pub(super) version: String,
    pub(super) scope: PlanScope,
    pub(super) conflict: Conflict,
    pub(super) clear_cache: bool,
    pub(super) deploy_timeout: Option<Span>,
}

/// Reads a verb with its arguments.
pub(super) fn read(row: &scenario::Verb) -> Result<Ask, BadRow> {
    let args = Args { row };
    if let Some(verb) = read_run(&args)? {
        return Ok(Ask::Plain(verb));
    }
    if let Some(verb) = read_product(&args)? {
        return Ok(Ask::Plain(verb));
    }
    match row.verb.as_str() {
        "start" => Ok(Ask::Start(read_start(&args)?)),
        "deploy" => Ok(Ask::Deploy(DeployFlags {
            customer: CustomerId::new(args.needed("customer")?),
            service: Role::new(
                args.text("service")?
                    .unwrap_or_else(|| "backend".to_owned()),
            ),
            version: args.needed("version")?,
            clear_cache: args.flag("clear_cache")?,
            watch: args.parsed("watch")?.unwrap_or(policy::Span::ZERO),
            reason: args.reason()?,
        })),
        "env_apply" if args.flag("undo")? => Ok(Ask::Plain(Verb::UndoVariables {
            customer: CustomerId::new(args.needed("customer")?),
            reason: args.reason()?,
        })),
        "env_apply" => Ok(Ask::Variables {
            customer: CustomerId::new(args.needed("customer")?),
            version: args.needed("version")?,
            reason: args.reason()?,
        }),
        "replan" => Ok(Ask::Replan),
        other => Err(BadRow::Verb(other.to_owned())),
    }
}

/// The rollout that a row names, if it names one.
pub(super) fn run(row: &scenario::Verb) -> Result<Option<RolloutId>, BadRow> {
    Args { row }.parsed("rollout")
}

/// Verbs that concern one rollout.
fn read_run(args: &Args<'_>) -> Result<Option<Verb>, BadRow> {
    Ok(Some(match args.row.verb.as_str() {
        "approve" => Verb::Approve {
            gate: args.needed("gate")?,
            reason: args.text("reason")?,
            digest: args.text("digest")?,
        },
        "reject" => Verb::Reject {
            gate: args.needed("gate")?,
            reason: args.reason()?,
        },
        "withdraw" => Verb::Withdraw {
            gate: args.needed("gate")?,
        },
        "pause" => Verb::Pause {
            reason: args.text("reason")?,
        },
        "resume" if args.flag("clock")? => Verb::ConfirmClock,
        "resume" if args.flag("moved")? => Verb::ResumeMoved,
        "resume" => Verb::Resume,
        "abort" => Verb::Abort {
            rollback: args.flag("rollback")?,
            reason: args.text("reason")?,
        },
        "retry" => Verb::Retry {
            target: args.first_of(["target", "customer", "phase"])?,
            failed: args.flag("failed")?,
        },
        "skip" => Verb::Skip {
            target: args.skipped()?,
            reason: args.reason()?,
        },
        "defer" => Verb::Defer(Defer {
            customer: CustomerId::new(args.needed("customer")?),
            until: args.instant("until")?,
            reason: args.text("reason")?,
        }),
        "promote" => Verb::Promote {
            phase: args.text("phase")?.map(PolicyId::new),
            full: args.flag("full")?,
        },
        "override" => Verb::Override {
            name: args.needed("name")?,
            at: args.parsed("occurrence")?,
            reason: args.reason()?,
        },
        _ => return Ok(None),
    }))
}

/// Verbs that concern the product or one customer.
fn read_product(args: &Args<'_>) -> Result<Option<Verb>, BadRow> {
    Ok(Some(match args.row.verb.as_str() {
        "block" => Verb::Block {
            version: args.needed("version")?,
            reason: args.reason()?,
        },
        "unblock" => Verb::Unblock {
            version: args.needed("version")?,
        },
        "freeze" => Verb::Freeze {
            name: args.needed("name")?,
            until: args.instant("until")?,
            reason: args.reason()?,
            customers: args
                .list("customers")?
                .into_iter()
                .map(CustomerId::new)
                .collect(),
        },
        "unfreeze" => Verb::Unfreeze {
            name: args.needed("name")?,
        },
        "observe" => Verb::Observe {
            customer: CustomerId::new(args.needed("customer")?),
            name: args.needed("name")?,
            value: args.parsed("value")?.ok_or_else(|| args.missing("value"))?,
            at: None,
            note: args.text("note")?,
        },
        "rollback" if args.flag("database")? => Verb::RollbackDatabase {
            customer: CustomerId::new(args.needed("customer")?),
            at: None,
            reason: args.reason()?,
        },
        "rollback" => Verb::Rollback {
            customer: CustomerId::new(args.needed("customer")?),
            force: args.flag("force")?,
            to: args.text("to")?,
            reason: args.reason()?,
        },
        _ => return Ok(None),
    }))
}

fn read_start(args: &Args<'_>) -> Result<StartFlags, BadRow> {
    let conflict = read_conflict(args)?;
    Ok(StartFlags {
        version: args.needed("version")?,
        scope: PlanScope {
            customers: args
                .list("customers")?
                .into_iter()
                .map(CustomerId::new)
                .collect(),
            policies: args
                .list("policy")?
                .into_iter()
                .map(PolicyId::new)
                .collect(),
            service: args.text("service")?.map(Role::new),
            hotfix: (conflict == Conflict::Hotfix).then(Vec::new),
            replaces: args.text("replaces")?,
            allow_downgrade: args.flag("allow_downgrade")?,
            skip_suspended: args.flag("skip_suspended")?,
        },
        conflict,
        clear_cache: args.flag("clear_cache")?,
        deploy_timeout: args.parsed("deploy_timeout")?,
    })
}

fn read_conflict(args: &Args<'_>) -> Result<Conflict, BadRow> {
    Ok(if args.flag("hotfix")? {
        Conflict::Hotfix
    } else if args.flag("supersede")? {
        Conflict::Supersede
    } else if args.flag("queue")? {
        Conflict::Queue
    } else {
        Conflict::Refuse
    })
}

/// The arguments of one row. A flag may be written with `-` or `_`.
struct Args<'a> {
    row: &'a scenario::Verb,
}

impl Args<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let args = &self.row.args;
        let value = args.get(name).or_else(|| args.get(&name.replace('_', "-")));
        value.filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, BadRow> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(self.malformed(name, other)),
        }
    }

    fn needed(&self, name: &'static str) -> Result<String, BadRow> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// Scripts often leave the reason to a comment.
    fn reason(&self) -> Result<String, BadRow> {
        Ok(self
            .text("reason")?
            .unwrap_or_else(|| "as the script says".to_owned()))
    }

    fn first_of(&self, names: [&'static str; 3]) -> Result<Option<String>, BadRow> {
        for name in names {
            if let Some(text) = self.text(name)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// `target`, or the placeholders it stands for; a batch is `PHASE/BATCH`.
    fn skipped(&self) -> Result<String, BadRow> {
        if let (Some(phase), Some(batch)) = (self.text("phase")?, self.text("batch")?) {
            return Ok(format!("{phase}/{batch}"));
        }
        let target = self.first_of(["target", "customer", "phase"])?;
        let target = target.map_or_else(|| self.text("batch"), |target| Ok(Some(target)))?;
        target.ok_or_else(|| self.missing("target"))
    }

    fn flag(&self, name: &'static str) -> Result<bool, BadRow> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.malformed(name, other)),
        }
    }

    /// A list, or a text with commas as on the command line.
    fn list(&self, name: &'static str) -> Result<Vec<String>, BadRow> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => {
                Ok(text.split(',').map(|item| item.trim().to_owned()).collect())
            }
            Some(list @ Value::Array(_)) => {
                serde_json::from_value(list.clone()).map_err(|_| self.malformed(name, list))
            }
            Some(other) => Err(self.malformed(name, other)),
        }
    }

    fn instant(&self, name: &'static str) -> Result<Timestamp, BadRow> {
        self.parsed(name)?.ok_or_else(|| self.missing(name))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, BadRow> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let parsed = text.parse();
        parsed
            .map(Some)
            .map_err(|_| self.malformed(name, &Value::String(text)))
    }

    fn missing(&self, argument: &'static str) -> BadRow {
        BadRow::Missing {
            verb: self.row.verb.clone(),
            argument,
        }
    }

    fn malformed(&self, argument: &'static str, value: &Value) -> BadRow {
        BadRow::Malformed {
            verb: self.row.verb.clone(),
            argument,
            value: value.to_string(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn row(verb: &str, args: &Value) -> scenario::Verb {
        let args: BTreeMap<String, Value> = serde_json::from_value(args.clone()).unwrap();
        scenario::Verb {
            verb: verb.to_owned(),
            args,
            by: "ann".into(),
            refused: false,
        }
    }

    #[test]
    fn a_verb_takes_its_placeholders_and_flags() {
        let abort = read(&row("abort", &json!({"rollback": true}))).unwrap();
        assert_eq!(
            abort,
            Ask::Plain(Verb::Abort {
                rollback: true,
                reason: None
            })
        );
        let retry = read(&row("retry", &json!({"customer": "acme"}))).unwrap();
        let target = Some("acme".to_owned());
        assert_eq!(
            retry,
            Ask::Plain(Verb::Retry {
                target,
                failed: false
            })
        );
        let skip = read(&row(
            "skip",
            &json!({"phase": "standard", "batch": 2, "reason": "no"}),
        ))
        .unwrap();
        let (target, reason) = ("standard/2".to_owned(), "no".to_owned());
        assert_eq!(skip, Ask::Plain(Verb::Skip { target, reason }));
    }

    #[test]
    fn start_takes_its_flags_with_either_dash() {
        let args = json!({"version": "v2", "customers": "a, b", "supersede": true, "allow-downgrade": true});
        let Ask::Start(start) = read(&row("start", &args)).unwrap() else {
            panic!("start is start");
        };
        assert_eq!(start.scope.customers, ["a".into(), "b".into()]);
        assert_eq!(start.conflict, Conflict::Supersede);
        assert!(start.scope.allow_downgrade && start.scope.hotfix.is_none());
    }

    #[test]
    fn what_is_missing_malformed_or_unknown_is_named() {
        let missing = read(&row("approve", &json!({}))).unwrap_err();
        assert_eq!(missing.to_string(), "`approve` needs `gate`");
        let malformed = read(&row("promote", &json!({"full": "yes"}))).unwrap_err();
        assert_eq!(
            malformed.to_string(),
            "`full` of `promote` cannot be `\"yes\"`"
        );
        let unknown = read(&row("status", &json!({}))).unwrap_err();
        assert_eq!(unknown.to_string(), "`status` cannot be part of a script");
    }
}
