//! `demo`: the whole story with real processes, a real database and real HTTP, against a simulated Render in this process.
//!
//! Every step is a command that people could type, run as a child process; the demo only says which and why.

pub(crate) mod folder;
mod stage;

use std::path::Path;
use std::time::Duration;

use project::shell::word;
use rollout::Kind;

use self::stage::{Person, Stage};
use crate::args::Demo;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// The version that is rolled out.
const VERSION: &str = "v1.1.0";

/// So long the approved deploy is waited for before the engine is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Plays the story and leaves its folder behind.
pub(crate) async fn demo(args: &Demo, out: Output) -> Result<Exit, Failure> {
    let mut stage = Stage::set(&args.dir, out).await?;
    let ann = stage.token("ann").await?;
    let ann = Person::Token {
        name: "ann",
        token: &ann,
    };
    beginning(&mut stage, ann).await?;
    failure(&mut stage).await?;
    approval(&mut stage, ann).await?;
    kill(&mut stage).await?;
    end(&mut stage).await?;
    out.say(farewell(&args.dir));
    Ok(Exit::Done)
}

async fn beginning(stage: &mut Stage, ann: Person<'_>) -> Result<(), Failure> {
    stage.tell(
        "Seven customers in four tiers. The files are in the folder; this is what they come to:",
    );
    stage.run(&["plan", VERSION], Exit::Done).await?;
    stage.tell(
        "Ann starts it, with a token of hers. Nobody drives it yet: the start is only recorded, and the plan is frozen.",
    );
    let start = ["start", VERSION, "--detach"];
    stage.run_as(ann, &start, Exit::Done).await
}

async fn failure(stage: &mut Stage) -> Result<(), Failure> {
    stage.tell("Drive it. Copperline's new release will turn out unhealthy once it is live: it is rolled back, and the rollout halts.");
    stage.run(&["run", "--until-idle"], Exit::Failed).await?;
    stage.run(&["status"], Exit::Done).await?;
    stage.tell("What made it unhealthy is repaired. Only Copperline goes again.");
    stage.run(&["retry", "copperline"], Exit::Done).await?;
    stage.tell("Go on, until only a person could change anything.");
    stage
        .run(&["run", "--until-idle"], Exit::Unfinished)
        .await?;
    stage.run(&["why", "financefirst"], Exit::Done).await
}

async fn approval(stage: &mut Stage, ann: Person<'_>) -> Result<(), Failure> {
    stage.tell("Enterprise wants two people, and not the one who started. Each proves who they are with a token, which Zoe has made: from Ann they would not count.");
    let bob = stage.token("bob").await?;
    let carol = stage.token("carol").await?;
    stage
        .run_as(ann, &["approve", "financefirst"], Exit::NotPermitted)
        .await?;
    stage
        .run_as(
            Person::Token {
                name: "bob",
                token: &bob,
            },
            &["approve", "financefirst"],
            Exit::Done,
        )
        .await?;
    stage
        .run_as(
            Person::Token {
                name: "carol",
                token: &carol,
            },
            &["approve", "financefirst"],
            Exit::Done,
        )
        .await
}

async fn kill(stage: &mut Stage) -> Result<(), Failure> {
    stage.tell("The deploy begins, and in the middle of it the engine is killed with SIGKILL.");
    stage
        .run_and_kill(&["run"], Kind::DeployCreated, "financefirst", PATIENCE)
        .await?;
    stage.tell("Nothing is lost, and nothing is deployed twice: the next engine finds the deploy and goes on.");
    stage.run(&["run", "--until-idle"], Exit::Done).await
}

async fn end(stage: &mut Stage) -> Result<(), Failure> {
    stage.tell("The journal is whole: every event is chained to the one before, and folds to what is stored.");
    stage.run(&["verify"], Exit::Done).await?;
    stage.run(&["list"], Exit::Done).await
}

fn farewell(dir: &Path) -> String {
    let (shown, dir) = (dir.display(), word(dir));
    format!(
        "\nThe folder {shown} stays. Look around:\n\
         \x20 tranche -C {dir} status\n\
         \x20 tranche -C {dir} events\n\
         \x20 tranche -C {dir} simulate v1.2.0\n\
         Begin a project of your own:\n\
         \x20 tranche init my-project"
    )
}
