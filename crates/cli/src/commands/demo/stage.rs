//! Where the demo plays: a simulated Render in this process, and `tranche` itself in child processes.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::Span;
use project::release::Versions;
use project::shell::word;
use project::{Folder, Location};
use rollout::Kind;
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Symptom};
use sim::http::{Clock, Server, serve};
use sim::settings::{DEFAULT_API_KEY, Limits, Pace};
use sim::{Platform, Settings};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::folder;
use crate::commands::simulate_server;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;

/// The version that everybody runs at first.
const RUNNING: &str = "v1.0.0";

/// Whose release turns out unhealthy, once.
const UNHEALTHY: &str = "srv-copperline";

/// Whose deploy takes long enough to be killed in.
const SLOW: &str = "srv-financefirst";

/// So many events are read at once.
const PAGE: u32 = 1_000;

/// Who types a command.
#[derive(Clone, Copy)]
pub(super) enum Person<'t> {
    /// Whoever sits here.
    Account,
    /// Somebody with this token.
    Token {
        /// Who.
        name: &'t str,
        /// What proves it.
        token: &'t str,
    },
}

/// The demo's folder, its Render, and the binary itself.
pub(super) struct Stage {
    dir: PathBuf,
    binary: PathBuf,
    out: Output,
    _render: Server,
}

impl Stage {
    /// Writes the folder and serves its Render.
    pub(super) async fn set(dir: &Path, out: Output) -> Result<Self, Failure> {
        let failed = |what: &'static str| move |source| Failure::failed(what).caused_by(source);
        let binary = env::current_exe().map_err(failed("failed to find this program itself"))?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .map_err(failed("failed to listen on this machine"))?;
        let address = listener
            .local_addr()
            .map_err(failed("failed to listen on this machine"))?;
        folder::write(dir, address)?;
        let platform = platform(dir, out).await?;
        let render = serve(Arc::new(Mutex::new(platform)), listener, Clock::real_time())
            .map_err(failed("failed to serve the simulated Render"))?;
        Ok(Self {
            dir: dir.to_owned(),
            binary,
            out,
            _render: render,
        })
    }

    /// Says what comes next.
    pub(super) fn tell(&self, text: &str) {
        self.out.say_laid_out(format_args!("\n# {text}"));
    }

    /// Runs a command as whoever sits here.
    pub(super) async fn run(&self, args: &[&str], expected: Exit) -> Result<(), Failure> {
        self.run_as(Person::Account, args, expected).await
    }

    /// Runs a command and checks how it ends.
    pub(super) async fn run_as(
        &self,
        person: Person<'_>,
        args: &[&str],
        expected: Exit,
    ) -> Result<(), Failure> {
        let mut child = self.spawn(person, args, Stdio::inherit())?;
        let status = child
            .wait()
            .await
            .map_err(|source| broken(args).caused_by(source))?;
        if status.code() == Some(i32::from(expected as u8)) {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "the demo broke: `tranche {}` ended with {status}",
            args.join(" ")
        )))
    }

    /// Makes a token for somebody.
    pub(super) async fn token(&self, person: &str) -> Result<String, Failure> {
        let args = ["-q", "token", "create", person];
        let child = self.spawn(Person::Account, &args, Stdio::piped())?;
        let output = child
            .wait_with_output()
            .await
            .map_err(|source| broken(&args).caused_by(source))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs an engine and kills it once something has happened to a customer.
    pub(super) async fn run_and_kill(
        &self,
        args: &[&str],
        kind: Kind,
        customer: &str,
        patience: Duration,
    ) -> Result<(), Failure> {
        let mut child = self.spawn(Person::Account, args, Stdio::inherit())?;
        let begun = Instant::now();
        while !self.has_happened(kind, customer).await? {
            if begun.elapsed() > patience {
                return Err(Failure::failed(format!(
                    "the demo broke: no {kind} of {customer}"
                )));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let pid = child.id().unwrap_or_default();
        child
            .kill()
            .await
            .map_err(|source| broken(args).caused_by(source))?;
        self.out.say(format_args!("$ kill -9 {pid}"));
        Ok(())
    }

    async fn has_happened(&self, kind: Kind, customer: &str) -> Result<bool, Failure> {
        let location = Location {
            dir: Some(self.dir.clone()),
            db: None,
        };
        let backend = location.backend(&open::caller(self.out))?;
        let events = backend.events(None, 0, PAGE).await?;
        let concerns = |id: &policy::CustomerId| id.as_str() == customer;
        Ok(events.iter().any(|event| {
            event.line.kind == kind && event.line.customer.as_ref().is_some_and(concerns)
        }))
    }

    fn spawn(&self, person: Person<'_>, args: &[&str], stdout: Stdio) -> Result<Child, Failure> {
        let (dir, typed) = (word(&self.dir), args.join(" "));
        match person {
            Person::Account => self.out.say(format_args!("$ tranche -C {dir} {typed}")),
            Person::Token { name, .. } => {
                self.out.say(format_args!(
                    "$ TRANCHE_TOKEN=$TOKEN_OF_{name} tranche -C {dir} {typed}"
                ));
            }
        }
        let mut command = Command::new(&self.binary);
        command
            .arg("-C")
            .arg(&self.dir)
            .args(args)
            .stdin(Stdio::null())
            .stdout(stdout);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("RENDER_") || name.starts_with("TRANCHE_") {
                command.env_remove(&*name);
            }
        }
        command.env("RENDER_API_KEY", DEFAULT_API_KEY);
        if let Person::Token { token, .. } = person {
            command.env("TRANCHE_TOKEN", token);
        }
        command
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| broken(args).caused_by(source))
    }
}

fn broken(args: &[&str]) -> Failure {
    Failure::failed(format!("failed to run tranche {}", args.join(" ")))
}

/// A Render on which everybody runs the old version, and two services behave as the story wants.
async fn platform(dir: &Path, out: Output) -> Result<Platform, Failure> {
    let folder = Folder::at(dir);
    let config = folder.load(&out)?;
    let now = Clock::real_time().now();
    let mut platform = Platform::new(now, settings());
    let versions = Versions::read(&folder, &config).await;
    platform.seed(now, simulate_server::seed(&config, &versions, RUNNING));
    let unhealthy = FaultKind::Health(HealthFault {
        symptom: Symptom::Failing,
        commit: None,
        from: Onset::Live,
        until: None,
    });
    // A fault of a service of our own fleet is always accepted.
    let _ = platform.arm(now, Fault::of(&UNHEALTHY.into(), unhealthy).times(1));
    Ok(platform)
}

fn settings() -> Settings {
    let slow = Pace {
        deploy: Some(Span::from_secs(3)),
        rollback: None,
    };
    let plenty = 1_000_000;
    Settings {
        deploy: Span::from_millis(600),
        rollback: Span::from_millis(400),
        paces: [(SLOW.into(), slow)].into(),
        limits: Limits {
            reads: plenty,
            service: plenty,
            others: plenty,
            ..Limits::default()
        },
        ..Settings::default()
    }
}
