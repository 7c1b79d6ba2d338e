//! `login`, `logout`: the command line at a server, let in by somebody who is signed in there with a browser.

use project::credentials;
use project::login::{self, Waiting};

use crate::args::{Login, Logout};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Shows a code and waits until somebody has typed it into the server's page.
pub(crate) async fn login(args: &Login, out: Output) -> Result<Exit, Failure> {
    let waiting = Waiting::begin(&args.server, args.vote).await?;
    out.text(format_args!(
        "Open {} in a browser, and type {} there.",
        waiting.page(),
        waiting.code()
    ))?;
    out.say("waiting for ten minutes at most; nobody else should be given this code");
    let given = waiting.answer().await?;
    credentials::save(&args.server, &given.token)?;
    let place = credentials::path()?;
    out.text(format_args!(
        "signed in at {} as {}; kept in {}",
        args.server,
        given.person,
        place.display()
    ))?;
    Ok(Exit::Done)
}

/// Forgets what the server has given, here and there.
pub(crate) async fn logout(args: &Logout, out: Output) -> Result<Exit, Failure> {
    let Some(token) = credentials::load(&args.server)? else {
        out.text(format_args!("nobody is signed in at {}", args.server))?;
        return Ok(Exit::Done);
    };
    credentials::forget(&args.server)?;
    login::end(&args.server, &token).await?;
    out.text(format_args!("signed out at {}", args.server))?;
    Ok(Exit::Done)
}
