//! A shell for one test: it stores what a step gives, keeps track of commands, and checks the core after every step.

use std::collections::{BTreeMap, BTreeSet};

use policy::parse::scenario::{Action, Scenario};
use policy::{
    Config, CustomerId, File, PersonId, PlanInput, PlanScope, Release, Role, Span, Timestamp,
};
use rollout::request::{Conflict, Directory, FilesRead};
use rollout::{
    ApplyVariables, Command, CommandId, CommandKind, Deploys, Event, Fact, Input, Kind, Notice,
    Product, Rejected, Report, Request, RolloutId, RowKey, ServiceDeploy, Start, Step, Verb, event,
};

use crate::world::{World, commit_of};

/// More ticks than this at one instant without anything new are a busy loop.
const MAX_TICKS: usize = 10;

/// One test's project, Render, storage and core.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    pub(crate) start: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) config: Config,
    pub(crate) world: World,
    pub(crate) product: Product,
    pub(crate) journal: Vec<Event>,
    /// Commands that wait for their answer.
    pub(crate) out: BTreeMap<CommandId, Command>,
    /// Commands that were stopped: an answer of theirs comes too late.
    pub(crate) stopped: BTreeMap<CommandId, Command>,
    /// The last answer given.
    pub(crate) last_report: Option<Report>,
    /// The last request that was refused, and how.
    pub(crate) last_refusal: Option<(Request, Rejected)>,
    rows: BTreeMap<RowKey, String>,
    /// Every row as it was written, in order.
    pub(crate) written: Vec<String>,
    /// The journal folded by itself (P36).
    folded: Product,
    scenario: Scenario,
    edits: usize,
    asked: BTreeSet<(RolloutId, String, u32, bool)>,
}

impl Lab {
    /// A project as a scenario file writes it, on a Monday morning. Nothing has begun.
    pub(crate) fn new(project: &str) -> Self {
        let text = format!("version: v2\nstart: 2027-01-11T09:00:00Z\nby: ann\n{project}");
        let path = "story.yaml".to_owned();
        let scenario = Scenario::parse(&File { path, text }).unwrap();
        let config = peopled(scenario.config(None).unwrap());
        Self {
            start: scenario.start,
            now: scenario.start,
            world: World::new(&config),
            config,
            product: Product::new(),
            journal: Vec::new(),
            out: BTreeMap::new(),
            stopped: BTreeMap::new(),
            last_report: None,
            last_refusal: None,
            rows: BTreeMap::new(),
            written: Vec::new(),
            folded: Product::new(),
            scenario,
            edits: 0,
            asked: BTreeSet::new(),
        }
    }

    /// A process begins, and trusts its clock at once.
    pub(crate) fn boot(&mut self) -> Vec<Step> {
        vec![
            self.notice(Notice::engine_started()),
            self.notice(Notice::ClockTrusted),
        ]
    }

    /// The process dies and another one takes over the stored rows; answers on the way are lost.
    pub(crate) fn restart(&mut self) -> Step {
        self.reload();
        self.notice(Notice::engine_started())
    }

    /// The process could not store something: it reads the rows anew, and its changing commands are still out.
    pub(crate) fn resume(&mut self) -> Step {
        let out = self.out.clone();
        self.reload();
        let is_kept = |command: &&Command| !command.kind.is_repeatable();
        let kept: Vec<Command> = out.values().filter(is_kept).cloned().collect();
        self.out = kept.iter().map(|one| (one.id, one.clone())).collect();
        self.notice(Notice::EngineStarted {
            out: kept,
            unsure_since: None,
        })
    }

    /// As `restart`, and the new process notices something first.
    pub(crate) fn restart_with(&mut self, first: Notice) -> Vec<Step> {
        self.reload();
        vec![self.notice(first), self.notice(Notice::engine_started())]
    }

    /// The process is gone, and no other one has begun: the stored rows are all there is.
    pub(crate) fn reload(&mut self) {
        let rows = self.rows.clone().into_iter().rev();
        self.product = Product::load(rows).unwrap();
        assert_eq!(self.product.in_flight().count(), 0, "`load` issues nothing");
        self.out.clear();
        self.stopped.clear();
        self.last_report = None;
    }

    /// Gives the core one input, stores what follows, and checks it.
    pub(crate) fn step(&mut self, input: Input) -> Result<Step, Rejected> {
        let request = match &input {
            Input::Request(request) => Some(request.clone()),
            Input::Report(_) | Input::Notice(_) | Input::Tick => None,
        };
        let is_tick = input == Input::Tick;
        let tried = request.as_ref().map(|request| self.try_on(request));
        let stepped = self.product.step(self.now, input);
        if let Some(tried) = tried {
            let answered = stepped.as_ref().map(drop).map_err(Clone::clone);
            assert_eq!(
                tried, answered,
                "what is shown beforehand is what is answered"
            );
        }
        match (stepped, request) {
            (Ok(step), _) => {
                self.commit(&step, is_tick);
                Ok(step)
            }
            (Err(rejected), Some(request)) => {
                self.refuse(&request, &rejected);
                Err(rejected)
            }
            (Err(rejected), None) => panic!("only requests are refused: {rejected}"),
        }
    }

    /// What would be answered; a vote is asked in its own words too.
    fn try_on(&mut self, request: &Request) -> Result<(), Rejected> {
        let tried = self.product.would_take_of(self.now, request);
        if let (
            Verb::Approve {
                gate, digest: None, ..
            },
            Some(run),
        ) = (&request.verb, request.rollout)
        {
            let may = self.product.may_vote(run, gate, &request.by, self.now);
            assert_eq!(may.is_ok(), tried.is_ok(), "{may:?}");
        }
        tried
    }

    /// A refusal changes no row but the journal's head, issues nothing, shows a way out, and is one event (P49).
    fn refuse(&mut self, request: &Request, rejected: &Rejected) {
        self.last_refusal = Some((request.clone(), rejected.clone()));
        let rows = self.all_rows();
        assert_eq!(rows, self.rows, "a rejected request changed a row");
        let denied = self.product.denied(self.now, request, rejected);
        let kinds: Vec<Kind> = denied.events.iter().map(|event| event.line.kind).collect();
        assert_eq!(kinds, [Kind::Denied]);
        assert!(denied.commands.is_empty() && denied.attachments.is_empty());
        self.commit(&denied, false);
        let changed = |(key, row): &(&RowKey, &String)| self.rows.get(*key) != Some(row);
        let changed: Vec<&RowKey> = rows.iter().filter(changed).map(|(key, _)| key).collect();
        let head = RowKey("product".to_owned());
        assert!(changed.iter().all(|key| **key == head), "{changed:?}");
        assert_eq!(self.rows.len(), rows.len().max(1));
    }

    fn commit(&mut self, step: &Step, is_tick: bool) {
        for event in &step.events {
            self.link(event);
        }
        for key in &step.touched {
            match self.product.row(key) {
                Some(row) => self.store(key, row),
                None => self.rows.remove(key),
            };
        }
        for command in &step.commands {
            self.take(command, is_tick);
        }
        let known: BTreeSet<CommandId> = self.out.keys().copied().collect();
        let in_flight: BTreeSet<CommandId> = self.product.in_flight().map(|c| c.id).collect();
        assert_eq!(
            in_flight, known,
            "what is in flight was issued, and not stopped or answered"
        );
    }

    fn store(&mut self, key: &RowKey, row: String) -> Option<String> {
        if self.rows.get(key) != Some(&row) {
            self.written.push(format!("{} {row}", key.0));
        }
        self.rows.insert(key.clone(), row)
    }

    /// Numbers, instants and hashes of the journal are in order (P24, P37).
    fn link(&mut self, event: &Event) {
        let last = self.journal.last();
        let prev = last.map_or(event::GENESIS, |last| last.hash.as_str());
        assert_eq!(event.prev, prev);
        assert_eq!(event.seq, last.map_or(0, |last| last.seq) + 1);
        assert!(last.is_none_or(|last| last.at <= event.at));
        assert_eq!(event.hash, event.digest());
        self.folded.apply(event);
        crate::facts::is_read_and_written(event);
        self.journal.push(event.clone());
    }

    fn take(&mut self, command: &Command, is_tick: bool) {
        if let CommandKind::Stop { command } = &command.kind {
            let stopped = self.out.remove(command).expect("it is out");
            self.stopped.insert(*command, stopped);
            return;
        }
        assert!(!self.out.contains_key(&command.id), "ids are given once");
        let slot = slot_of(command);
        let taken = self.out.values().find(|other| slot_of(other) == slot);
        assert!(taken.is_none(), "{command:?} beside {taken:?}");
        if let CommandKind::Preflight { .. } = &command.kind {
            assert!(is_tick, "only a tick starts anything");
        }
        self.check_request(command);
        self.out.insert(command.id, command.clone());
    }

    /// One request for each intent (P7, P8), and none beside another of the same service (P11). Only what we caused is
    /// cancelled (P14).
    fn check_request(&mut self, command: &Command) {
        if let CommandKind::CancelDeploy { deploy, .. } = &command.kind {
            let of_it = |event: &&Event| event.line.deploy.as_ref() == Some(deploy);
            let mut named = self.journal.iter().filter(of_it);
            let ours = named.any(|event| Fact::read(&event.line).unwrap().caused().is_some());
            assert!(ours, "somebody else's: {command:?}");
        }
        let (CommandKind::CreateDeploy {
            service, attempt, ..
        }
        | CommandKind::CreateRollback {
            service, attempt, ..
        }) = &command.kind
        else {
            return;
        };
        let intents = [Kind::DeployIntended, Kind::RollbackIntended];
        let intent = self.journal.iter().rev().find(|event| {
            let fact = &event.line;
            intents.contains(&fact.kind)
                && fact.customer.as_ref() == Some(&command.customer)
                && fact.service.as_ref() == Some(&service.role)
        });
        let intent = &intent.expect("an intent stands before its request").line;
        assert_eq!(
            (intent.attempt, intent.rollout),
            (Some(*attempt), Some(command.rollout))
        );
        let back = intent.kind == Kind::RollbackIntended;
        let name = format!("{}/{}", command.customer, service.role);
        let first = self.asked.insert((command.rollout, name, *attempt, back));
        assert!(first, "asked twice: {command:?}");
        let beside = self.out.values().find(|other| match &other.kind {
            CommandKind::CreateDeploy { service: other, .. }
            | CommandKind::CreateRollback { service: other, .. } => other.id == service.id,
            _ => false,
        });
        assert!(beside.is_none(), "{command:?} beside {beside:?}");
    }

    /// Ticks as long as the core wants it at this instant.
    pub(crate) fn settle(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while self.product.wake_at().is_some_and(|at| at <= self.now) {
            assert!(
                steps.len() < MAX_TICKS,
                "it goes in circles: {:#?}",
                steps.last()
            );
            steps.push(self.tick());
        }
        steps
    }

    pub(crate) fn tick(&mut self) -> Step {
        self.step(Input::Tick).unwrap()
    }

    /// Lets time pass; ticks whenever the core wants to be woken.
    pub(crate) fn pass(&mut self, by: chrono::TimeDelta) -> Vec<Step> {
        let until = self.now + by;
        let mut steps = Vec::new();
        while let Some(at) = self.product.wake_at().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            steps.extend(self.settle());
        }
        self.now = until;
        steps
    }

    pub(crate) fn notice(&mut self, notice: Notice) -> Step {
        self.step(Input::Notice(notice)).unwrap()
    }

    /// Answers a command.
    pub(crate) fn report(&mut self, report: Report) -> Step {
        self.out.remove(&report.command);
        self.last_report = Some(report.clone());
        self.step(Input::Report(report)).unwrap()
    }

    /// The files as now written, with a release.
    pub(crate) fn plan_input(&self, version: &str, scope: PlanScope) -> PlanInput {
        PlanInput {
            project: self.config.project.clone(),
            fleet: self.config.fleet.clone(),
            policies: self.config.policies.clone(),
            release: Release {
                version: version.to_owned(),
                commit: commit_of(version),
            },
            scope,
            history: policy::plan::History::new(),
        }
    }

    /// `deploy CUSTOMER:ROLE ... [at=N] [watch=SPAN] [unchecked]`: single services get `v9`.
    pub(crate) fn deploy_verb(&self, words: &[&str]) -> Verb {
        let flag = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let project = self.config.project.clone();
        let named = words.iter().filter_map(|word| word.split_once(':'));
        let services = named.map(|(customer, role)| {
            let (customer, role) = (CustomerId::from(customer), Role::from(role));
            let services = self.config.fleet.customers[&customer].clone();
            let release = self.plan_input("v9", PlanScope::default()).release;
            let deploy =
                ServiceDeploy::new(&project, customer.clone(), services, role.clone(), release);
            ServiceDeploy {
                watch: flag("watch=").map_or(Span::ZERO, |span| span.parse().unwrap()),
                validate: !words.contains(&"unchecked"),
                observed: Some(self.world.view(&customer, &role)),
                ..deploy
            }
        });
        Verb::Deploy(Box::new(Deploys {
            services: services.collect(),
            project: project.clone(),
            max_parallel: flag("at=").map_or(3, |number| number.parse().unwrap()),
            reason: "so the script says".to_owned(),
        }))
    }

    /// `env apply CUSTOMER`: the variables of `v9`.
    pub(crate) fn variables_verb(&self, customer: &str) -> Verb {
        let customer = CustomerId::from(customer);
        Verb::Variables(Box::new(ApplyVariables::new(
            &self.config.project,
            customer.clone(),
            self.config.fleet.customers[&customer].clone(),
            self.plan_input("v9", PlanScope::default()).release,
            "so the script says".to_owned(),
        )))
    }

    /// What a person says to begin a rollout, with what Render says of the services.
    pub(crate) fn start_verb(&self, version: &str, scope: PlanScope, conflict: Conflict) -> Verb {
        let mut observed: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (customer, role) in self.world.services.keys() {
            let own = observed.entry(customer.clone()).or_default();
            own.insert(role.clone(), self.world.view(customer, role));
        }
        Verb::Start(Box::new(Start {
            input: self.plan_input(version, scope),
            observed,
            conflict,
            clear_cache: false,
            deploy_timeout: None,
            reviewed: None,
        }))
    }

    /// The next edit of the scenario's `script`; the files read as it says from now on.
    pub(crate) fn edit(&mut self) -> Step {
        let steps = self.scenario.script.iter();
        let edits: Vec<_> = steps
            .filter_map(|step| match &step.action {
                Action::Edit(edit) => Some(edit),
                Action::Verb(_) | Action::Crash { .. } | Action::PutBack { .. } => None,
            })
            .collect();
        self.edits += 1;
        self.config = peopled(self.scenario.edited(None, &edits[..self.edits]).unwrap());
        let files = self.files();
        self.notice(Notice::FilesRead(Box::new(files)))
    }

    /// The files are read as they stand; or as they stand they do not validate; or cannot even be parsed.
    pub(crate) fn read_files(&mut self, trouble: Option<&str>) -> Step {
        let read = self.files();
        let reason = "so the script says";
        let files = match trouble {
            None => read,
            Some("unparsed") => FilesRead::unreadable(reason, None),
            Some(_) => FilesRead::unreadable(reason, Some(read.directory)),
        };
        self.notice(Notice::FilesRead(Box::new(files)))
    }

    /// People, groups and roles as somebody writes them from now on, in YAML; the rest stays.
    pub(crate) fn write_people(&mut self, yaml: &str) {
        let file = File {
            path: "tranche.yaml".to_owned(),
            text: format!("product: p\n{yaml}\n"),
        };
        let written = policy::parse::project_alone(&file).unwrap();
        let project = &mut self.config.project;
        project.people = written.people;
        project.groups = written.groups;
        project.roles = written.roles;
        project.claims = written.claims;
    }

    /// What the engine tells the core when it reads the files.
    pub(crate) fn files(&self) -> FilesRead {
        let customers = &self.config.fleet.customers;
        let pins = customers.iter();
        FilesRead {
            directory: Directory::of(&self.config.project),
            freezes: self.config.project.freezes.clone(),
            pins: pins
                .filter_map(|(id, customer)| Some((id.clone(), customer.pin.clone()?)))
                .collect(),
            customers: customers.keys().cloned().collect(),
            ..FilesRead::default()
        }
    }

    pub(crate) fn all_rows(&self) -> BTreeMap<RowKey, String> {
        rows_of(&self.product)
    }

    /// Folding the journal, storing what each step touched, and reading that back all give the same rows (P36).
    pub(crate) fn check_rows(&self) {
        let rows = self.all_rows();
        assert_eq!(rows_of(&self.folded), rows, "folded");
        let mut stored = self.rows.clone();
        let head = RowKey("product".to_owned());
        stored
            .entry(head.clone())
            .or_insert_with(|| rows[&head].clone());
        assert_eq!(stored, rows, "stored");
        let loaded = Product::load(self.rows.clone()).unwrap();
        assert_eq!(rows_of(&loaded), rows, "loaded");
    }

    /// A tick that nobody asked for changes nothing.
    pub(crate) fn check_early_tick(&mut self) {
        if self.product.wake_at().is_some_and(|at| at <= self.now) {
            return;
        }
        let step = self.tick();
        let quiet = step.events.is_empty() && step.commands.is_empty() && step.touched.is_empty();
        assert!(quiet, "an early tick did something: {step:#?}");
    }
}

/// Ann, Bob, Carol and a service may do everything; Eve nothing.
fn peopled(mut config: Config) -> Config {
    let roles = &mut config.project.roles;
    for name in ["ann", "bob", "carol"] {
        for role in [&mut roles.operator, &mut roles.approver, &mut roles.admin] {
            role.insert(PersonId::new(name));
        }
    }
    config
}

/// Where a command stands beside others of its customer: at most one of each at a time.
fn slot_of(command: &Command) -> (RolloutId, String, u8) {
    let slot = match &command.kind {
        CommandKind::Preflight { .. } => 0,
        CommandKind::Watch { .. } => 1,
        CommandKind::Confirm { .. } => 2,
        _ => 3,
    };
    (command.rollout, command.customer.to_string(), slot)
}

fn rows_of(product: &Product) -> BTreeMap<RowKey, String> {
    let keys = product.row_keys().into_iter();
    let rows = keys.map(|key| {
        let row = product.row(&key).expect("a key of a row");
        (key, row)
    });
    rows.collect()
}
