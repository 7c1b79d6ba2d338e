//! Whatever the product offers to type is taken in the state in which it is offered: the ways out of refusals and of `why`,
//! what comes next after an event, and what a status says of a rollout that rests.
//!
//! The states are those of all stories and tables of `tests/data`, after each line, and the few more below. Each
//! template of [`Form`] is seen, filled from its state and typed; one that no state offers fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::rc::Rc;

use policy::{CustomerId, Plan};
use rollout::request::Scope;
use rollout::standing::CustomerStanding;
use rollout::view::CustomerView;
use rollout::{Form, Input, Offer, Offers, Rejected, RejectedCode, RolloutId};

use crate::lab::Lab;
use crate::script::{Story, read_request};
use crate::transcripts::{data, stories};
use crate::verbs::{OF_CUSTOMERS, OF_ROLLOUTS, states};

/// Who may be the one that an offer is for.
const PEOPLE: [&str; 5] = ["ann", "bob", "carol", "dave", "eve"];

/// What is offered though no command by itself helps. A new one is looked at by whoever adds it here.
const ADVICE: &[&str] = &[
    "a token made with --scope admin",
    "a token made with --scope request",
    "a token made with --scope start",
    "a token made with --scope vote",
    "a customer, batch or phase, or --failed",
    "add --at INSTANT",
    "add --queue to wait for it, --supersede to end it, or --hotfix",
    "add --queue to wait for it, or --supersede to end it",
    "add --rollout",
    "a deploy of its own, after this one",
    "another --until INSTANT",
    "ask an admin to add you under `roles` in tranche.yaml",
    "ask whoever runs the rollouts",
    "choose another name",
    "mend it at Render; for auto-deploy, write `auto_deploy: manage` in tranche.yaml",
    "name more people in the groups and roles of tranche.yaml",
    "restore the database at Render, and point all services at it",
    "sign in again on the server's page, and vote there",
    "sign in on the server's page, and vote there",
    "somebody else, or a token that a third person made; after a new name, `formerly: OLD` beside the person in tranche.yaml",
    "the same command once it has ended; a start that waits cannot be bound to a plan",
    "tranche deploy SERVICE --commit SHA --reason ...",
    "tranche freeze NAME --until INSTANT --reason ...",
    "tranche observe CUSTOMER NAME VALUE [--at INSTANT]",
];

/// Advice with an instant in it.
const OF_AN_INSTANT: (&str, &str) = (
    "the same command from ",
    " on, or with an earlier --at INSTANT",
);

/// Before the scope that a token lacks.
const OF_A_TOKEN: &str = "a token made with --scope ";

/// An offer as it was made.
type Made = (String, Offer);

/// Everything that is offered at this moment; `since`: events that the last line has brought.
fn made(lab: &mut Lab, since: usize) -> Vec<Made> {
    let now = lab.now;
    let mut made = Vec::new();
    for event in &lab.journal[since..] {
        made.extend(lab.product.next(now, event));
    }
    for run in lab.product.overview() {
        made.extend(lab.product.goes_on_by(run.id, now));
        for customer in &run.customers {
            let holds = lab.product.why(run.id, &customer.customer, now);
            made.extend(
                holds
                    .into_iter()
                    .filter_map(|hold| of(hold.way_out, &hold.offers)),
            );
        }
        for gate in &run.gates {
            let offer = Offer::Approve(gate.gate.clone());
            made.extend(gate.way_out.clone().map(|text| (text, offer)));
        }
    }
    made
}

fn of(text: Option<String>, offers: &Offers) -> Option<Made> {
    let offer = offers.iter().next().cloned();
    assert_eq!(text.is_some(), offer.is_some(), "{text:?} is {offer:?}");
    Some((text?, offer?))
}

/// The commands of an offer, each without what is said of it.
fn commands(text: &str) -> Vec<String> {
    let (first, or) = text.split_once("  (or: ").unwrap_or((text, ""));
    let first = first.split("  (").next().unwrap();
    let all = [first, or.trim_end_matches(')')];
    all.iter()
        .filter(|one| !one.is_empty())
        .map(|one| (*one).to_owned())
        .collect()
}

/// What a command is in the language of the stories.
enum Line {
    /// One of these is a request that must be taken.
    Ask(Vec<String>),
    /// It shows something; whether there is that.
    Look(bool),
}

fn line(form: Form, command: &str, lab: &mut Lab) -> Line {
    let words: Vec<&str> = command.split_whitespace().collect();
    let named = words.iter().position(|word| *word == "--rollout");
    let named = named.and_then(|at| words.get(at + 1));
    let within = named.map_or_else(String::new, |run| format!(" in {run}"));
    let object = words.get(2).copied().unwrap_or_default();
    let views = lab.product.overview();
    let is_known = |id: &str| views.iter().any(|run| run.id.to_string() == id);
    let one = |line: String| Line::Ask(vec![line + &within]);
    match form {
        Form::Approve => one(format!("approve {object}")),
        Form::Withdraw => one(format!("withdraw {object}")),
        Form::Retry => one(format!("retry {object}")),
        Form::RetryFailed => one("retry failed".to_owned()),
        Form::Skip => one(format!("skip {object}")),
        Form::SkipFailed => {
            let failed = views.iter().flat_map(|run| failed(&run.customers));
            let lines = failed.map(|customer| format!("skip {customer}{within}"));
            Line::Ask(lines.collect())
        }
        Form::Resume => one("resume".to_owned()),
        Form::ResumeClock => one("confirm_clock".to_owned()),
        Form::ResumeMoved => one("resume moved".to_owned()),
        Form::Promote => one("promote".to_owned()),
        Form::Replan => {
            edit_files(lab);
            one("replan".to_owned())
        }
        Form::Abort => one("abort".to_owned()),
        Form::Unblock => one(format!("unblock {object}")),
        Form::Unfreeze => one(format!("unfreeze {object}")),
        Form::Override => {
            let at = words.iter().position(|word| *word == "--at");
            let begins = at.and_then(|at| words.get(at + 1)).copied();
            one(format!("override {object} {}", begins.unwrap_or_default()))
        }
        Form::Rollback => one(format!("rollback {object}")),
        Form::RollbackTo => {
            let versions = views.iter().map(|run| &run.version);
            let lines = versions.map(|version| format!("rollback {object} {version}"));
            Line::Ask(lines.collect())
        }
        Form::RollbackByForce => one(format!("rollback {object} force")),
        Form::UndoVariables => one(format!("env undo {}", words[3])),
        Form::Start => one(start(&words, lab)),
        Form::Status => Line::Look(match object {
            "" => !views.is_empty(),
            id => is_known(id),
        }),
        Form::Watch => Line::Look(is_known(object)),
        Form::Why => Line::Look(views.iter().any(|run| {
            let plan = lab.product.plan(run.id);
            plan.is_some_and(|plan| names(plan, &object.into()))
        })),
        Form::Customer => Line::Look(lab.config.fleet.customers.contains_key(&words[3].into())),
        // They need no more than a project; what they say is another matter.
        Form::Approvals
        | Form::AllApprovals
        | Form::List
        | Form::Customers
        | Form::EnvDiff
        | Form::Plan
        | Form::Validate
        | Form::RenderCheck => Line::Look(true),
        Form::Advice => Line::Look(is_known_advice(command)),
    }
}

fn is_known_advice(command: &str) -> bool {
    let (before, after) = OF_AN_INSTANT;
    let of_an_instant = command.starts_with(before) && command.ends_with(after);
    let of_a_token = command.strip_prefix(OF_A_TOKEN);
    let of_a_token = of_a_token.is_some_and(|scope| scope.parse::<Scope>().is_ok());
    of_an_instant || of_a_token || ADVICE.contains(&command)
}

fn failed(customers: &[CustomerView]) -> impl Iterator<Item = &CustomerId> {
    let failed = customers.iter().filter(|one| {
        matches!(
            one.state,
            CustomerStanding::Unchanged
                | CustomerStanding::RolledBack
                | CustomerStanding::RollbackFailed
        )
    });
    failed.map(|one| &one.customer)
}

fn names(plan: &Plan, customer: &CustomerId) -> bool {
    plan.customers.contains_key(customer) || plan.left_out.contains_key(customer)
}

/// The hold says what is to be written before a replan: a window that opens, or the database that was restored.
fn edit_files(lab: &mut Lab) {
    let database = "database".into();
    for customer in lab.config.fleet.customers.values_mut() {
        if let Some(service) = customer.services.get_mut(&database) {
            service.id = "dpg-restored".into();
        }
    }
    for policy in lab.config.policies.values_mut() {
        policy.soak = "3h17m".parse().unwrap();
    }
}

/// A start in a world in which nothing at Render is in its way.
fn start(words: &[&str], lab: &mut Lab) -> String {
    for service in lab.world.services.values_mut() {
        (service.suspended, service.auto_deploy) = (false, false);
    }
    let version = match words[2] {
        "VERSION" => "v77",
        version => version,
    };
    let mut line = format!("start {version}");
    let mut flags = words[3..].iter();
    while let Some(flag) = flags.next() {
        match *flag {
            "--customers" => line.extend([" customers=", flags.next().unwrap()]),
            "--queue" => line += " queue",
            "--allow-downgrade" => line += " allow_downgrade",
            other => panic!("`{other}` of a start is not known here"),
        }
    }
    line
}

/// Types what was offered, in the state in which it was offered; what is said against it.
fn against(tell: impl Fn() -> Story, (text, offer): &Made) -> Option<String> {
    let (commands, forms) = (commands(text), offer.forms());
    assert_eq!(commands.len(), forms.len(), "{text} is {offer:?}");
    commands.iter().zip(forms).find_map(|(command, form)| {
        let mut story = tell();
        let lines = match line(form, command, &mut story.lab) {
            Line::Look(true) => return None,
            Line::Look(false) => return Some(format!("`{command}` has nothing to show")),
            Line::Ask(lines) => lines,
        };
        let mut refused = Vec::new();
        let people = PEOPLE.map(|who| [format!("by {who}"), format!("by {who} account {who}")]);
        let people = people.as_flattened();
        for (line, by) in lines
            .iter()
            .flat_map(|line| people.iter().map(move |by| (line, by)))
        {
            match ask(&mut story.lab, &format!("{line} {by}")) {
                Ok(()) => return None,
                Err(rejected) => refused.push(format!("{line} {by}: {}", rejected.message)),
            }
        }
        Some(format!("`{command}` is refused: {}", refused.join("; ")))
    })
}

fn ask(lab: &mut Lab, line: &str) -> Result<(), Rejected> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let request = read_request(lab, &words);
    lab.step(Input::Request(request)).map(drop)
}

/// After which lines something was offered, with the story up to there.
type Told = Vec<(usize, Rc<Story>)>;

/// What was offered and typed so far.
#[derive(Default)]
struct Seen {
    forms: BTreeSet<Form>,
    wrong: Vec<String>,
}

impl Seen {
    /// Types every offer that the lines of a story come by, where it is made first and last.
    fn tell(&mut self, name: &str, project: &str, lines: &str) {
        let lines: Vec<&str> = lines.lines().collect();
        let mut story = Story::new(project);
        let mut offers: BTreeMap<String, (Offer, Told)> = BTreeMap::new();
        for (number, line) in lines.iter().enumerate() {
            let since = story.lab.journal.len();
            story.lab.last_refusal = None;
            story.tell(line);
            if line.trim_start().starts_with(['~', '#']) || line.contains("asleep") {
                continue;
            }
            let mut now = made(&mut story.lab, since);
            let refused = story.lab.last_refusal.take();
            now.extend(refused.and_then(|(_, refused)| of(refused.way_out, &refused.offers)));
            let so_far = Rc::new(story.clone());
            for (text, offer) in now {
                let at = &mut offers.entry(text).or_insert((offer, Vec::new())).1;
                at.truncate(1);
                at.push((number, Rc::clone(&so_far)));
            }
        }
        for (text, (offer, told)) in offers {
            self.forms.extend(offer.forms());
            let made = (text, offer);
            for (number, so_far) in told {
                let said = against(|| Story::clone(&so_far), &made);
                self.wrong.extend(said.map(|said| {
                    format!("{name}, line {}: {} -> {said}", number + 1, lines[number])
                }));
            }
        }
    }

    /// Types every way out of a refusal in a table of verbs and states.
    fn refuse(&mut self, name: &str, verbs: &[&str]) {
        let file = data().join("verbs").join(name).with_extension("states");
        let (project, states) = states(&fs::read_to_string(file).unwrap());
        for state in &states {
            let mut so_far = Story::new(&project);
            so_far.tell(&state.lines);
            let again = || so_far.clone();
            let mut known = BTreeSet::new();
            let mut story = again();
            for verb in verbs {
                let Err(rejected) = ask(&mut story.lab, verb) else {
                    story = again();
                    continue;
                };
                if rejected.code == RejectedCode::AlreadySo {
                    continue;
                }
                let Some(made) = of(rejected.way_out, &rejected.offers) else {
                    continue;
                };
                if !known.insert(made.0.clone()) {
                    continue;
                }
                self.forms.extend(made.1.forms());
                let said = against(again, &made);
                let told = |said| format!("{name}, {}: {verb} -> {said}", state.name);
                self.wrong.extend(said.map(told));
            }
        }
    }
}

#[test]
fn whatever_is_offered_is_taken() {
    let mut seen = Seen::default();
    for path in stories() {
        let text = fs::read_to_string(&path).unwrap();
        let (project, lines) = text.split_once("\n---\n").unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        seen.tell(&name, project, lines);
    }
    for name in ["rollouts", "customers"] {
        let file = data().join("verbs").join(name).with_extension("states");
        let (project, states) = states(&fs::read_to_string(file).unwrap());
        for state in states {
            seen.tell(&state.name, &project, &state.lines);
        }
    }
    seen.refuse("rollouts", OF_ROLLOUTS);
    seen.refuse("customers", OF_CUSTOMERS);
    for (name, project, lines) in MORE {
        seen.tell(name, project, lines);
    }
    assert!(
        seen.wrong.is_empty(),
        "{} offers are not taken:\n{}",
        seen.wrong.len(),
        seen.wrong.join("\n")
    );
    let unseen: Vec<&Form> = Form::ALL
        .iter()
        .filter(|form| !seen.forms.contains(form))
        .collect();
    assert!(unseen.is_empty(), "no state offers {unseen:?}");
}

/// What no story comes by.
const MORE: &[(&str, &str, &str)] = &[
    (
        "everybody has it",
        "fleet: { acme: { tier: demo } }\npolicies: [ { policy: demo } ]",
        "start\ngood acme\nstart",
    ),
    (
        "found and not deployed",
        "fleet: { acme: { tier: demo }, beta: { tier: demo } }\npolicies: [ { policy: demo } ]",
        "world acme:backend ours\nstart customers=beta\ngood beta\nstart customers=acme\ngood acme\nrollback acme",
    ),
];

/// The project of the stories below: everybody asks for a gate of their own.
const GATES: &str = "
fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, approval: { per: customer } } ]
";

/// The way out of the last event of a story that has one.
fn next(project: &str, lines: &str) -> Option<String> {
    let mut story = Story::new(project);
    let (before, last) = lines.trim().rsplit_once('\n').unwrap();
    story.tell(before);
    let since = story.lab.journal.len();
    story.tell(last);
    let now = story.lab.now;
    let events = story.lab.journal[since..].to_vec();
    let mut events = events.iter().rev();
    events
        .find_map(|event| story.lab.product.next(now, event))
        .map(|(text, _)| text)
}

#[test]
fn a_gate_that_was_the_last_one_is_asked_by_another_rollout() {
    let open = "start\nreject acme by bob";
    assert_eq!(next(GATES, open).as_deref(), Some("tranche retry acme"));
    let over = "start\nreject beta by bob\nreject acme by bob";
    assert_eq!(
        next(GATES, over).as_deref(),
        Some("tranche start v2 --customers acme")
    );
    let blocked = "start\nreject beta by bob\nblock v2\nreject acme by bob";
    assert_eq!(next(GATES, blocked).as_deref(), Some("tranche unblock v2"));
    let elsewhere = "start customers=acme\nstart v3 customers=beta\nreject acme in r1 by bob";
    assert_eq!(
        next(GATES, elsewhere).as_deref(),
        Some("tranche start v2 --customers acme")
    );
}

#[test]
fn a_rollout_is_named_where_another_could_be_meant() {
    let two = "start customers=acme\nstart v3 customers=beta";
    let paused = format!("{two}\npause in r1");
    assert_eq!(
        next(GATES, &paused).as_deref(),
        Some("tranche resume --rollout r1")
    );
    let mut story = Story::new(GATES);
    story.tell(&paused);
    let mut offered = |run: &str| {
        let run: RolloutId = run.parse().unwrap();
        let (now, lab) = (story.lab.now, &mut story.lab);
        lab.product.goes_on_by(run, now).map(|(text, _)| text)
    };
    assert_eq!(
        offered("r1").as_deref(),
        Some("tranche resume --rollout r1")
    );
    assert_eq!(offered("r2"), None);
}

/// To ask what would be taken changes nothing of what comes after.
#[test]
fn a_trial_leaves_no_trace() {
    for path in stories() {
        let text = fs::read_to_string(&path).unwrap();
        let (project, lines) = text.split_once("\n---\n").unwrap();
        let (mut plain, mut asked) = (Story::new(project), Story::new(project));
        for line in lines.lines() {
            let since = asked.lab.journal.len();
            plain.tell(line);
            asked.tell(line);
            made(&mut asked.lab, since);
            assert_eq!(
                asked.lab.product.wake_at(),
                plain.lab.product.wake_at(),
                "{}: {line}",
                path.display()
            );
        }
        asked.lab.check_rows();
        assert_eq!(asked.transcript, plain.transcript, "{}", path.display());
    }
}

/// Every command of a way out is an offer: what is written out as text would not be asked whether it is taken.
#[test]
fn no_way_out_is_written_out() {
    let source = data().join("../../src");
    let usage = ["deploy SERVICE", "freeze NAME", "observe CUSTOMER"];
    let mut written = Vec::new();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("offer.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| line.contains("\"tranche "));
            let lines = lines.filter(|line| !usage.iter().any(|usage| line.contains(usage)));
            written.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    assert!(written.is_empty(), "{}", written.join("\n"));
}
