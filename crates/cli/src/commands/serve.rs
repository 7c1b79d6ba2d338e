//! `serve`: the engine, and the HTTP server in front of it, in this process.

use std::time::Duration;

use project::engine_host::{self, EngineHandle};
use project::hints::Receiver;
use project::signals::{StopSignal, catch_signals, stop_signal};
use project::{DELIVER_WHEN_STOPPED, ErrorKind, Session};
use server::{Platform, Server, Settings};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::args::{Global, Serve};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;

/// So long answers to what was sent are waited for when somebody stops the engine.
const GRACE: Duration = Duration::from_secs(10);

/// While another process is the engine, it is looked so often whether it still is.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Serves until it is told to stop.
pub(crate) async fn serve(global: &Global, args: &Serve, out: Output) -> Result<Exit, Failure> {
    catch_signals()
        .map_err(|source| Failure::failed("failed to listen for signals").caused_by(source))?;
    let location = open::location(global);
    let session = Session::open_to_drive(&location, open::caller(out))?;
    let platform = Platform::of_environment();
    let settings = Settings::of(args.listen, &session.folder, &session.config, &platform)?;
    let server = Server::bind(&location, settings, open::caller(out)).await?;
    let settings = server.app().settings();
    out.say(format_args!(
        "serving {} at {}",
        session.config.project.product, settings.url
    ));
    // What this prints elsewhere more people read than run it.
    if !settings.is_exposed() {
        out.say(format_args!(
            "sign in once with {}",
            server.app().draw_once_link()?
        ));
    }
    let url = settings.url.clone();
    let receiver = Receiver::wanted(&session.config, args.render_webhooks, &url)?;
    if let Some(receiver) = &receiver {
        server.app().take_in(receiver.clone());
    }
    let stop = CancellationToken::new();
    let driving = tokio::spawn(drive(session, receiver, stop.clone(), out));
    let told = stop.clone();
    let signal = tokio::spawn(async move {
        let signal = stop_signal().await.unwrap_or(StopSignal::Terminated);
        told.cancel();
        signal
    });
    let ended = server.run(stop.clone()).await;
    stop.cancel();
    let driven = driving.await;
    ended?;
    driven.map_err(|source| Failure::failed("the engine has ended").caused_by(source))??;
    Ok(match signal.await {
        Ok(StopSignal::Interrupted) => Exit::Interrupted,
        Ok(StopSignal::Terminated) | Err(_) => Exit::Done,
    })
}

/// Is the engine, or becomes it as soon as the process that is has ended.
async fn drive(
    session: Session,
    receiver: Option<Receiver>,
    stop: CancellationToken,
    out: Output,
) -> Result<(), Failure> {
    let Some(mut engine) = become_engine(&session, receiver.as_ref(), &stop, out).await? else {
        return Ok(());
    };
    for note in engine.notes() {
        out.say(note);
    }
    let ended = tokio::select! {
        ended = engine.ended() => ended,
        () = stop.cancelled() => {
            out.say("stopping: nothing new starts; `tranche serve` goes on");
            engine.stop(GRACE);
            engine.ended().await
        }
    };
    session.deliver_due(DELIVER_WHEN_STOPPED).await;
    // A server without an engine would go on to promise what nobody does.
    stop.cancel();
    ended
        .map(drop)
        .map_err(|error| project::Error::from(error).into())
}

async fn become_engine(
    session: &Session,
    receiver: Option<&Receiver>,
    stop: &CancellationToken,
    out: Output,
) -> Result<Option<EngineHandle>, Failure> {
    let mut is_said = false;
    loop {
        let begun = match receiver {
            Some(receiver) => engine_host::start_with_hints(session, false, receiver).await,
            None => engine_host::start(session, false).await,
        };
        match begun {
            Ok(engine) => return Ok(Some(engine)),
            Err(error) if error.kind() == ErrorKind::Held => {
                if !is_said {
                    out.say("another process drives the rollouts; when it ends, this one does");
                    is_said = true;
                }
            }
            Err(error) => {
                stop.cancel();
                return Err(error.into());
            }
        }
        tokio::select! {
            () = sleep(TRY_EVERY) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}
