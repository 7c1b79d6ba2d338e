//! The little language of the stories: one line is one thing that happens.
//!
//! ```text
//! start [VERSION] [supersede|queue|hotfix|allow_downgrade] [customers=a,b]   a person; so are
//! approve|reject|withdraw GATE, pause, resume, confirm_clock, abort [rollback], retry [T|failed], skip T,
//! promote [PHASE] [full], defer CUSTOMER +2h, replan, block V, unblock V, freeze NAME +2h, unfreeze NAME, override NAME [START],
//! rollback CUSTOMER [VERSION]           and each may end with `by PERSON`, `service NAME`, `customer NAME`, `in r1`,
//! `account NAME`, `token NAME:MAKER:ACCOUNT`, `oidc SUBJECT[:AGE][:CLAIM=VALUE]`: what proves who asks
//! report WORD CUSTOMER[:SERVICE] [MORE] answers the oldest fitting command; WORDs stand in `world::words`
//! good CUSTOMER [until COMMAND]         answers well whatever comes, until such a command is out
//! again, late WORD CUSTOMER             the last answer once more; the answer of a command that was stopped
//! world CUSTOMER:SERVICE suspend|resume|auto_deploy|ours|override|foreign|foreign_live|release_live
//! clock|workspace bad|good, files [broken|unparsed], edit     what the shell notices by itself
//! people YAML                           people, groups and roles as written from now on, ` | ` for a line's end; then `files`
//! broken CUSTOMER                       an invariant broke while something was done for this customer of the last rollout
//! +2h, tick, restart, why CUSTOMER [in r1], status, out; asleep +2h: time passes, and the tick comes after the next line
//! ```
//! After each line come the ticks that the core wants; a line that begins with `~` is left without.

use policy::settings::Claim;
use policy::{CustomerId, PersonId, PlanScope, Role, Span};
use rollout::command::DeployStatus;
use rollout::request::{Conflict, Defer, TokenChange};
use rollout::request::{Hand, Proof, ProofKind};
use rollout::{Actor, Command, CommandId, Input, Notice, Report, Request, RolloutId, Step, Verb};

use crate::lab::Lab;
use crate::show;
use crate::world::{commit_of, good_word, words};

/// A lab that writes down what happens in it.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) lab: Lab,
    pub(crate) transcript: Vec<String>,
}

impl Story {
    /// A story in which a process has just begun.
    pub(crate) fn new(project: &str) -> Self {
        let mut lab = Lab::new(project);
        let steps = lab.boot();
        let mut story = Self {
            lab,
            transcript: Vec::new(),
        };
        story.write(&steps);
        story
    }

    /// Lets everything happen that the lines say.
    pub(crate) fn tell(&mut self, lines: &str) -> &mut Self {
        let lines = lines.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let offset = show::since(self.lab.start, self.lab.now);
            self.transcript.push(format!("[{offset}] {line}"));
            if let Some(line) = line.strip_prefix('~') {
                self.line(line.trim());
            } else {
                self.line(line);
                self.settle();
            }
        }
        self
    }

    fn settle(&mut self) {
        let steps = self.lab.settle();
        self.write(&steps);
    }

    fn write(&mut self, steps: &[Step]) {
        let start = self.lab.start;
        for step in steps {
            for event in &step.events {
                self.transcript.push(show::event(start, event));
            }
            for command in &step.commands {
                self.transcript.push(show::command(start, command));
            }
        }
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["tick"] => {}
            ["good", customer] => self.good(customer, None),
            ["good", customer, "until", kind] => self.good(customer, Some(kind)),
            ["report", word, target, more @ ..] => self.report(word, target, more.first().copied()),
            ["late", word, target] => self.late(word, target),
            ["again"] => {
                let report = self.lab.last_report.clone().expect("an answer was given");
                let step = self.lab.step(Input::Report(report)).unwrap();
                self.write(&[step]);
            }
            ["world", target, change] => self.change(target, change),
            ["restart" | "stopping" | "reread" | "stopped", ..] => self.process(&words),
            ["edit"] => {
                let step = self.lab.edit();
                self.write(&[step]);
            }
            ["files", trouble @ ..] => {
                let step = self.lab.read_files(trouble.first().copied());
                self.write(&[step]);
            }
            ["people", yaml @ ..] => self.lab.write_people(&yaml.join(" ").replace(" | ", "\n")),
            ["clock" | "workspace", _] => self.notice(&words),
            ["broken", customer] => self.broken(customer),
            ["why", customer] => self.why(customer, None),
            ["why", customer, "in", run] => self.why(customer, run.parse().ok()),
            ["status"] => self.transcript.extend(show::status(&self.lab.product)),
            ["out"] => {
                let out = self.lab.out.values();
                self.transcript
                    .extend(out.map(|command| format!("  ? {}", show::name(command))));
            }
            ["asleep", by] => {
                let by: Span = by[1..].parse().unwrap();
                self.lab.now += by.to_delta();
            }
            [by] if by.starts_with('+') => {
                let by: Span = by[1..].parse().unwrap();
                let steps = self.lab.pass(by.to_delta());
                self.write_times(&steps);
            }
            _ => self.ask(&words),
        }
    }

    /// The process ends, or begins.
    fn process(&mut self, words: &[&str]) {
        match words {
            ["restart"] => {
                let steps = [self.lab.restart(), self.lab.notice(Notice::ClockTrusted)];
                self.write(&steps);
            }
            ["restart", "untrusted"] => {
                let step = self.lab.restart();
                self.write(&[step]);
            }
            ["restart", "copy"] => {
                let reason = "so the script says".to_owned();
                let copy = self.lab.restart_with(Notice::Restored { reason });
                let trusted = self.lab.notice(Notice::ClockTrusted);
                self.write(&copy);
                self.write(&[trusted]);
            }
            ["reread"] => {
                let steps = [self.lab.resume(), self.lab.notice(Notice::ClockTrusted)];
                self.write(&steps);
            }
            ["stopping"] => {
                let step = self.lab.notice(Notice::EngineStopping { out: Vec::new() });
                self.write(&[step]);
            }
            ["stopped"] => self.lab.reload(),
            other => panic!("the language has no line `{}`", other.join(" ")),
        }
    }

    fn broken(&mut self, customer: &str) {
        let runs = self.lab.product.overview();
        let run = runs.last().expect("a rollout began").id;
        let step = self.lab.notice(Notice::Quarantined {
            rollout: run,
            customer: customer.into(),
            what: "so the script says".to_owned(),
        });
        self.write(&[step]);
    }

    /// As `write`, with the instants at which something happened.
    fn write_times(&mut self, steps: &[Step]) {
        let mut last = None;
        for step in steps {
            let at = step.events.first().map(|event| event.at);
            if let Some(at) = at.filter(|at| Some(*at) != last) {
                let offset = show::since(self.lab.start, at);
                self.transcript.push(format!("  at {offset}"));
                last = Some(at);
            }
            self.write(std::slice::from_ref(step));
        }
    }

    fn find(&self, word: &str, target: &str, stopped: bool) -> Vec<CommandId> {
        let (customer, role) = target.split_once(':').unwrap_or((target, ""));
        let commands = if stopped {
            &self.lab.stopped
        } else {
            &self.lab.out
        };
        let fits = |command: &&Command| {
            command.customer.as_str() == customer
                && (words(&command.kind).contains(&word) || matches!(word, "trouble" | "gone"))
                && (role.is_empty() || show::roles(&command.kind).iter().any(|own| own == role))
        };
        commands
            .values()
            .filter(fits)
            .map(|command| command.id)
            .collect()
    }

    fn report(&mut self, word: &str, target: &str, more: Option<&str>) {
        for id in self.find(word, target, false) {
            let command = self.lab.out[&id].clone();
            if self.answer(&command, word, more) {
                return;
            }
        }
        self.lost(&format!("no command of {target} can be answered `{word}`"));
    }

    /// The script expects what is not so; `transcripts` refuses a story with such a line.
    fn lost(&mut self, what: &str) {
        let out: Vec<String> = self.lab.out.values().map(show::name).collect();
        self.transcript
            .push(format!("  ?? {what}; out: {}", out.join(", ")));
    }

    /// Answers a command, if it can be answered so.
    pub(crate) fn answer(&mut self, command: &Command, word: &str, more: Option<&str>) -> bool {
        let outcome = self.lab.world.answer(command, word, more, self.lab.now);
        let Some(outcome) = outcome else {
            return false;
        };
        let (id, text) = (command.id, show::outcome(&outcome));
        self.transcript.push(format!("  < c{} {text}", id.0));
        let step = self.lab.report(Report {
            command: id,
            outcome,
        });
        self.write(&[step]);
        true
    }

    fn late(&mut self, word: &str, target: &str) {
        let Some(id) = self.find(word, target, true).first().copied() else {
            self.lost(&format!(
                "no command of {target} was stopped that could say `{word}`"
            ));
            return;
        };
        let command = self.lab.stopped[&id].clone();
        let now = self.lab.now;
        let outcome = self.lab.world.answer(&command, word, None, now).unwrap();
        let step = self
            .lab
            .step(Input::Report(Report {
                command: id,
                outcome,
            }))
            .unwrap();
        self.write(&[step]);
    }

    fn good(&mut self, customer: &str, until: Option<&str>) {
        loop {
            self.settle();
            let own = self
                .lab
                .out
                .values()
                .filter(|command| command.customer.as_str() == customer);
            let next = own
                .filter(|command| good_word(&command.kind).is_some())
                .min_by_key(|c| c.id);
            let Some(command) = next.cloned() else {
                if let Some(kind) = until {
                    self.lost(&format!("{kind} never came"));
                }
                return;
            };
            if until.is_some_and(|kind| show::name(&command).split(' ').nth(1) == Some(kind)) {
                return;
            }
            let word = good_word(&command.kind).unwrap();
            if !self.answer(&command, word, None) {
                self.lost(&format!(
                    "{} asks for what is not there",
                    show::name(&command)
                ));
                return;
            }
        }
    }

    fn change(&mut self, target: &str, change: &str) {
        let (customer, role) = target.split_once(':').unwrap();
        let (customer, role) = (CustomerId::from(customer), Role::from(role));
        let world = &mut self.lab.world;
        match change {
            "suspend" => world.service(&customer, &role).suspended = true,
            "resume" => world.service(&customer, &role).suspended = false,
            "auto_deploy" => world.service(&customer, &role).auto_deploy = true,
            "ours" => {
                world.create(&customer, &role, "api", Some(commit_of("v2")));
            }
            "override" => {
                let deploys = &mut world.service(&customer, &role).deploys;
                let running = deploys.iter_mut().filter(|deploy| !deploy.status.is_over());
                running
                    .skip(1)
                    .for_each(|older| older.status = DeployStatus::Canceled);
            }
            "foreign" | "foreign_live" | "release_live" => {
                let version = match change {
                    "release_live" => "v2",
                    _ => "foreign",
                };
                let deploy = world.create(&customer, &role, "manual", Some(commit_of(version)));
                if change != "foreign" {
                    world.end(&customer, &role, &deploy.id, DeployStatus::Live);
                }
            }
            other => panic!("the world knows no `{other}`"),
        }
    }

    fn notice(&mut self, words: &[&str]) {
        let reason = "so the script says".to_owned();
        let notice = match words {
            ["clock", "bad"] => Notice::ClockSuspected {
                reason,
                since: None,
            },
            ["clock", "good"] => Notice::ClockTrusted,
            ["workspace", "bad"] => Notice::WorkspaceHeld { reason },
            ["workspace", "good"] => Notice::WorkspaceReleased,
            other => panic!("`{other:?}` cannot be noticed"),
        };
        let step = self.lab.notice(notice);
        self.write(&[step]);
    }

    fn why(&mut self, customer: &str, run: Option<RolloutId>) {
        let lab = &mut self.lab;
        let runs = lab.product.overview();
        let run = run.unwrap_or_else(|| runs.last().expect("a rollout began").id);
        let holds = lab.product.why(run, &customer.into(), lab.now);
        let lines = holds.iter().map(|hold| show::hold(lab.start, hold));
        self.transcript.extend(lines);
    }

    /// What somebody is told who asks whether they may approve, where only one rollout can be meant.
    fn told(&self, request: &Request) -> Option<Result<(), String>> {
        let Verb::Approve {
            gate, digest: None, ..
        } = &request.verb
        else {
            return None;
        };
        let product = &self.lab.product;
        let run = match (request.rollout, product.overview().as_slice()) {
            (None, [only]) => only.id,
            (named, _) => named?,
        };
        let may = product.may_vote(run, gate, &request.by, self.lab.now);
        Some(may.map_err(|refused| refused.message))
    }

    fn ask(&mut self, words: &[&str]) {
        let request = read_request(&self.lab, words);
        let told = self.told(&request);
        let answer = self.lab.step(Input::Request(request));
        if let Some(told) = told {
            let answer = answer.as_ref().map(drop);
            assert_eq!(told, answer.map_err(|refused| refused.message.clone()));
        }
        match answer {
            Ok(step) => self.write(&[step]),
            Err(rejected) => self.transcript.push(show::rejected(&rejected)),
        }
    }
}

/// What a line asks for.
pub(crate) fn read_request(lab: &Lab, words: &[&str]) -> Request {
    let mut words = words.to_vec();
    let mut by = Actor::person("ann");
    let (mut run, mut proof, mut scopes) = (None, None, None);
    while let [
        rest @ ..,
        key @ ("by" | "in" | "service" | "account" | "token" | "scopes" | "oidc" | "customer"),
        value,
    ] = words.as_slice()
    {
        match *key {
            "account" => proof = Some(Proof::account(*value)),
            "token" => proof = Some(read_token(value)),
            "oidc" => proof = Some(read_sign_in(lab, value)),
            "scopes" => {
                let written = value.split(',');
                scopes = Some(written.map(|scope| scope.parse().unwrap()).collect());
            }
            "in" => run = Some(value.parse::<RolloutId>().unwrap()),
            "by" => by = Actor::person(*value),
            "customer" => by = Actor::customer(&CustomerId::new(*value)),
            _ => {
                by = Actor::service(PersonId::new(format!("service:{value}")));
            }
        }
        words = rest.to_vec();
    }
    let verb = read_verb(lab, &words);
    (by.proof, by.scopes) = (proof, scopes);
    Request {
        by,
        rollout: run,
        verb,
    }
}

/// `NAME:MAKER:ACCOUNT`: a token, who made it, and the account with which they did.
fn read_token(text: &str) -> Proof {
    let mut parts = text.split(':');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (id, maker, account) = (next(), PersonId::new(next()), next());
    Proof {
        account: Some("shared".to_owned()),
        maker: Some(maker.clone()),
        made_by: vec![Hand {
            person: maker,
            kind: ProofKind::Account,
            id: account,
        }],
        ..Proof::token(id)
    }
}

/// `SUBJECT[:AGE][:CLAIM=VALUE]`: who signed in so long ago, and what the provider said of them; without an age it does not
/// say when they last proved who they are.
fn read_sign_in(lab: &Lab, text: &str) -> Proof {
    let mut parts = text.split(':').peekable();
    let subject = parts.next().unwrap_or_default();
    let age = parts.next_if(|part| !part.contains('='));
    let since = age.map(|age| lab.now - age.parse::<Span>().unwrap().to_delta());
    let proof = Proof::oidc("https://id.example", subject, since.unwrap_or(lab.now));
    let proof = since.map_or(proof.clone(), |since| proof.fresh_since(since));
    let claims = parts.filter_map(|part| part.split_once('='));
    proof.claiming(claims.map(|(claim, equals)| Claim {
        claim: claim.to_owned(),
        equals: equals.to_owned(),
    }))
}

fn read_verb(lab: &Lab, words: &[&str]) -> Verb {
    let reason = || "so the script says".to_owned();
    match words {
        ["start", flags @ ..] => read_start(lab, flags),
        ["approve", gate] => Verb::Approve {
            gate: (*gate).to_owned(),
            reason: None,
            digest: None,
        },
        ["reject", gate] => Verb::Reject {
            gate: (*gate).to_owned(),
            reason: reason(),
        },
        ["withdraw", gate] => Verb::Withdraw {
            gate: (*gate).to_owned(),
        },
        ["pause"] => Verb::Pause { reason: None },
        ["resume"] => Verb::Resume,
        ["resume", "moved"] => Verb::ResumeMoved,
        ["confirm_clock"] => Verb::ConfirmClock,
        ["abort", flag @ ..] => Verb::Abort {
            rollback: flag == ["rollback"],
            reason: None,
        },
        ["retry", "failed"] => Verb::Retry {
            target: None,
            failed: true,
        },
        ["retry", target] => Verb::Retry {
            target: Some((*target).to_owned()),
            failed: false,
        },
        ["skip", target] => Verb::Skip {
            target: (*target).to_owned(),
            reason: reason(),
        },
        ["defer", customer, until] => Verb::Defer(Defer {
            customer: (*customer).into(),
            until: lab.now + until[1..].parse::<Span>().unwrap().to_delta(),
            reason: Some(reason()),
        }),
        ["promote", flags @ ..] => Verb::Promote {
            phase: flags
                .iter()
                .find(|flag| **flag != "full")
                .map(|name| (*name).into()),
            full: flags.contains(&"full"),
        },
        ["replan"] => Verb::Replan {
            input: Box::new(lab.plan_input("v2", PlanScope::default())),
        },
        _ => read_product_verb(lab, words),
    }
}

/// Verbs that name something outside a rollout.
fn read_product_verb(lab: &Lab, words: &[&str]) -> Verb {
    let reason = || "so the script says".to_owned();
    match words {
        ["block", version] => Verb::Block {
            version: (*version).to_owned(),
            reason: reason(),
        },
        ["unblock", version] => Verb::Unblock {
            version: (*version).to_owned(),
        },
        ["freeze", name, until, customers @ ..] => Verb::Freeze {
            name: (*name).to_owned(),
            until: lab.now + until[1..].parse::<Span>().unwrap().to_delta(),
            reason: reason(),
            customers: customers
                .iter()
                .map(|customer| (*customer).into())
                .collect(),
        },
        ["unfreeze", name] => Verb::Unfreeze {
            name: (*name).to_owned(),
        },
        ["override", name, begins @ ..] => Verb::Override {
            name: (*name).to_owned(),
            at: begins.first().map(|begins| begins.parse().unwrap()),
            reason: reason(),
        },
        ["observe", customer, name, value] => Verb::Observe {
            customer: (*customer).into(),
            name: (*name).to_owned(),
            value: value.parse().unwrap(),
            at: None,
            note: None,
        },
        ["token", change, id, owner] => Verb::Token {
            change: match *change {
                "create" => TokenChange::Create,
                _ => TokenChange::Revoke,
            },
            id: (*id).to_owned(),
            owner: PersonId::new(*owner),
        },
        ["reveal", customer, key] => Verb::Reveal {
            customer: (*customer).into(),
            service: "backend".into(),
            keys: vec![(*key).to_owned()],
        },
        _ => read_operation(lab, words),
    }
}

/// Verbs that change something at Render outside a rollout.
fn read_operation(lab: &Lab, words: &[&str]) -> Verb {
    let reason = || "so the script says".to_owned();
    match words {
        ["deploy", flags @ ..] => lab.deploy_verb(flags),
        ["env", "apply", customer] => lab.variables_verb(customer),
        ["env", "undo", customer] => Verb::UndoVariables {
            customer: (*customer).into(),
            reason: reason(),
        },
        ["rollback", customer, "database"] => Verb::RollbackDatabase {
            customer: (*customer).into(),
            at: None,
            reason: reason(),
        },
        ["rollback", customer, "force"] => Verb::Rollback {
            customer: (*customer).into(),
            to: None,
            force: true,
            reason: reason(),
        },
        ["rollback", customer, to @ ..] => Verb::Rollback {
            force: false,
            customer: (*customer).into(),
            to: to.first().map(|version| (*version).to_owned()),
            reason: reason(),
        },
        other => panic!("the language has no line `{}`", other.join(" ")),
    }
}

fn read_start(lab: &Lab, flags: &[&str]) -> Verb {
    let mut version = "v2";
    let mut scope = PlanScope::default();
    let mut conflict = Conflict::Refuse;
    for flag in flags {
        match *flag {
            "supersede" => conflict = Conflict::Supersede,
            "queue" => conflict = Conflict::Queue,
            "hotfix" => conflict = Conflict::Hotfix,
            "allow_downgrade" => scope.allow_downgrade = true,
            other => match other.strip_prefix("customers=") {
                Some(list) => scope.customers = list.split(',').map(CustomerId::from).collect(),
                None => version = other,
            },
        }
    }
    lab.start_verb(version, scope, conflict)
}
