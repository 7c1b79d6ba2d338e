//! `render webhooks`: where Render sends what it says by itself, as far as it is this project's.

use project::connect;
use project::hints::{self, Registered};

use crate::args::{Global, RenderWebhooks};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::count::counted;
use crate::show::escape::line;
use crate::show::table::table;
use crate::show::time;

/// Lists this project's webhooks, or removes them. What they sign with is never shown.
pub(crate) async fn webhooks(
    global: &Global,
    args: &RenderWebhooks,
    out: Output,
) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    let client = connect::client(&config, &out)?;
    let hooks = if args.remove {
        hints::remove(&client, &config).await?
    } else {
        hints::registered(&client, &config).await?
    };
    let none =
        "Render has no webhook of this project; `tranche serve` makes one where that is asked for";
    out.list(&hooks, hooks.is_empty(), none, || {
        let heading = ["ID", "URL", "STATE", "LAST SENT", "ANSWERED"];
        table(&heading, hooks.iter().map(row))
    })?;
    if args.remove && !hooks.is_empty() {
        out.say(format_args!(
            "removed {}; a server that still runs with webhooks makes its own again",
            counted(hooks.len(), "webhook")
        ));
    }
    Ok(Exit::Done)
}

fn row(hook: &Registered) -> Vec<String> {
    let answered = hook.sent_at.map(|_| hook.status);
    vec![
        hook.id.to_string(),
        line(&hook.url),
        if hook.enabled { "on" } else { "off" }.to_owned(),
        hook.sent_at.map_or_else(|| "never".to_owned(), time::stamp),
        match answered {
            Some(Some(status)) => status.to_string(),
            Some(None) => "not at all".to_owned(),
            None => "-".to_owned(),
        },
    ]
}
