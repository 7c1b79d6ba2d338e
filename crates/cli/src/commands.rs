//! What is done about each command; one module a family.

mod act;
mod alerts;
mod backup;
mod browse;
mod check;
mod customers;
mod demo;
mod deploy;
mod deploys;
mod discover;
mod drive;
mod env;
mod files;
mod health;
mod health_history;
mod import;
mod journal;
mod login;
mod look;
mod manual;
mod monitor;
mod notifications;
mod plan;
mod replan;
mod report;
mod report_health;
mod rollback;
mod serve;
mod simulate;
pub(crate) mod simulate_server;
pub(crate) mod start;
mod token;
mod watch;
mod webhooks;

use tokio::runtime::Runtime;

use crate::args::{Command, Global, MonitorCommand, RenderCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Does what was asked.
pub(crate) fn run(global: &Global, command: Command, out: Output) -> Result<Exit, Failure> {
    let runtime = Runtime::new()
        .map_err(|source| Failure::failed("failed to start the runtime").caused_by(source))?;
    let ended = runtime.block_on(dispatch(global, command, out));
    // Whatever still runs is a read or a wait: the engine has recorded the answers to all that it sent.
    runtime.shutdown_background();
    ended
}

async fn dispatch(global: &Global, command: Command, out: Output) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::demo(&args, out).await,
        Command::Init(args) => files::init(&args, out),
        Command::Import(args) => import::import(global, &args, out),
        Command::Validate => files::validate(global, out).await,
        Command::Schema(args) => files::schema(&args, out),
        Command::Plan(args) => plan::plan(global, &args, out).await,
        Command::Simulate(args) => simulate::simulate(global, &args, out).await,
        Command::Test(args) => simulate::test(global, &args, out),
        Command::Start(args) => start::start(global, *args, out).await,
        Command::Run(args) => drive::run(global, &args, out).await,
        Command::Serve(args) => serve::serve(global, &args, out).await,
        Command::Status(args) => look::status(global, &args, out).await,
        Command::Watch(args) => watch::watch(global, &args, out).await,
        Command::List(args) if args.versions => look::versions(global, out).await,
        Command::List(_) => look::list(global, out).await,
        Command::Report(args) => report::report(global, &args, out).await,
        Command::Stats(args) => report::stats(global, &args, out).await,
        Command::Why(args) => look::why(global, &args, out).await,
        Command::Approvals(args) => look::approvals(global, &args, out).await,
        Command::Approve(args) => act::act(global, args, out).await,
        Command::Reject(args) => act::act(global, args, out).await,
        Command::Withdraw(args) => act::act(global, args, out).await,
        Command::Pause(args) => act::act(global, args, out).await,
        Command::Resume(args) => act::act(global, args, out).await,
        Command::Abort(args) => act::abort(global, args, out).await,
        Command::Retry(args) => act::act(global, args, out).await,
        Command::Skip(args) => act::act(global, args, out).await,
        Command::Defer(args) => act::act(global, args, out).await,
        Command::Promote(args) => act::act(global, args, out).await,
        Command::Replan(args) => replan::replan(global, &args, out).await,
        Command::Block(args) => act::act(global, args, out).await,
        Command::Unblock(args) => act::act(global, args, out).await,
        Command::Freeze(args) => act::act(global, args, out).await,
        Command::Unfreeze(args) => act::act(global, args, out).await,
        Command::Override(args) => act::act(global, args, out).await,
        Command::Rollback(args) => rollback::rollback(global, args, out).await,
        Command::Deploy(args) => deploy::deploy(global, *args, out).await,
        Command::Env(args) => env::env(global, args.command, out).await,
        Command::Observe(args) => act::act(global, args, out).await,
        Command::Customers(args) => customers::customers(global, &args, out).await,
        Command::Deploys(args) => deploys::deploys(global, &args, out).await,
        Command::Health(args) => match args.history {
            Some(over) => health_history::history(global, &args, over, out).await,
            None => health::health(global, &args, out).await,
        },
        Command::Monitor(args) => match &args.command {
            Some(MonitorCommand::Report(args)) => report_health::report(global, args, out).await,
            None => monitor::monitor(global, &args, out).await,
        },
        Command::Alerts(args) => alerts::alerts(global, &args, out).await,
        Command::Notifications(args) => notifications::notifications(global, &args, out).await,
        Command::Events(args) => journal::events(global, &args, out).await,
        Command::Verify(args) => journal::verify(global, &args, out).await,
        Command::Backup(args) => backup::back_up(global, &args, out),
        Command::Restore(args) => backup::restore(global, &args, out),
        Command::Login(args) => login::login(&args, out).await,
        Command::Logout(args) => login::logout(&args, out).await,
        Command::Token(args) => token::token(global, args.command, out).await,
        Command::Render(args) => at_render(global, args.command, out).await,
        Command::Completions(args) => manual::completions(&args, out),
        Command::Man(args) => manual::man(&args, out),
    }
}

/// What is asked of Render itself.
async fn at_render(global: &Global, command: RenderCommand, out: Output) -> Result<Exit, Failure> {
    match command {
        RenderCommand::Check => check::check(global, out).await,
        RenderCommand::Services(args) => browse::services(global, &args, out).await,
        RenderCommand::Env(args) => browse::env(global, &args, out).await,
        RenderCommand::Deploys(args) => browse::deploys(global, &args, out).await,
        RenderCommand::Logs(args) => browse::logs(global, &args, out).await,
        RenderCommand::Webhooks(args) => webhooks::webhooks(global, &args, out).await,
        RenderCommand::Simulate(args) => simulate_server::simulate(global, &args, out).await,
    }
}
