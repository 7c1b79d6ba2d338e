//! What the person in front of it is told while a project does what was asked.

use std::sync::Once;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, pending};
use policy::{Diagnostic, Timestamp};
use project::signals::stop_signal;
use project::{Caller, Error};
use render::{Client, Waits};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::exit::Failure;
use crate::output::Output;
use crate::screen::print_to_stderr;
use crate::show::limits::{Told, until_when};
use crate::show::{escape, time};

/// A command may open the project more than once, and its output is that of one person.
static DAMAGE_SAID: Once = Once::new();

impl Caller for Output {
    fn warn_of_files(&self, warnings: &[Diagnostic]) {
        for warning in warnings {
            self.say_laid_out(format_args!("{}\n", escape::mistake(warning)));
        }
    }

    fn warn(&self, text: &str) {
        print_to_stderr(format_args!("warning: {text}"));
    }

    fn warn_of_damage(&self, text: &str) {
        DAMAGE_SAID.call_once(|| self.warn(text));
    }

    fn remark(&self, text: &str) {
        self.say(text);
    }

    fn failed(&self, doing: &str, error: Error) {
        print_to_stderr(format_args!("{doing}: {}", Failure::from(error).render()));
    }

    fn connected(&self, client: &Client) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tell(client.waits(), *self));
        }
    }

    fn gives_up(&self) -> BoxFuture<'_, ()> {
        async {
            if stop_signal().await.is_err() {
                pending::<()>().await;
            }
        }
        .boxed()
    }
}

/// Says for which of Render's limits requests wait, and until when, until the client is gone.
async fn tell(mut waits: watch::Receiver<Waits>, out: Output) {
    let mut told = Told::default();
    loop {
        let now = time::now();
        let next = next(&waits.borrow_and_update(), &told, now);
        let pause = match next {
            Some(Wait { due, limit, until }) if due <= now => {
                out.say(until_when(&format!("waiting for {limit}"), until, now));
                told.note(limit, until);
                continue;
            }
            Some(Wait { due, .. }) => (due - now).to_std().unwrap_or_default(),
            None => Duration::MAX,
        };
        tokio::select! {
            changed = waits.changed() => if changed.is_err() { return },
            () = sleep(pause) => {}
        }
    }
}

/// What is to be said, and when.
struct Wait {
    due: Timestamp,
    limit: String,
    until: Timestamp,
}

fn next(waits: &Waits, told: &Told, now: Timestamp) -> Option<Wait> {
    let next = waits.all().filter_map(|wait| {
        let (limit, until) = (wait.limit.to_string(), wait.until);
        let due = told.due_at(&limit, wait.since, until, now)?;
        Some(Wait { due, limit, until })
    });
    next.min_by_key(|wait| wait.due)
}
