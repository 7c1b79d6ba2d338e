//! How does a command line get in whose person is signed in elsewhere? It shows a code, which is typed by hand into a page.
//!
//! A link that somebody sends never carries the code, so nobody lets a stranger in by opening one; the page says which machine
//! asks, from where, for what. What is given is for reading and asking. It is for votes too only if that was asked for and
//! the person has just proved anew who they are, and then for a few minutes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Html;
use chrono::TimeDelta;
use policy::{PersonId, Timestamp};
use rollout::request::Scope;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::product;
use crate::app::App;
use crate::error::Error;
use crate::pages::{PageProblem, html};
use crate::peer::Peer;
use crate::problem::Problem;
use crate::store::{Grant, SignedIn, draw, hashed};
use crate::who::{ProvedBy, Who};

/// So long a code is good.
pub(crate) const GOOD_FOR: TimeDelta = TimeDelta::minutes(10);

/// For votes only somebody lets in who has proved so lately who they are.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// So long what was given is for votes.
const VOTES_FOR: TimeDelta = TimeDelta::minutes(15);

/// So many may wait at the same time.
const WAITING: usize = 500;

/// No two of these look alike, and they make no words.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How many make a code.
const CODE: usize = 8;

/// What a machine may call itself is so long.
const NAME: usize = 64;

/// Command lines that wait to be let in, by the hash of what they hold.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    waiting: Mutex<HashMap<String, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    code: String,
    /// What it calls its machine.
    host: String,
    peer: Peer,
    for_votes: bool,
    ends_at: Timestamp,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Asked,
    Given(SecretString, PersonId),
    Refused,
}

/// What a command line shows and keeps.
#[derive(Debug)]
pub(crate) struct Begun {
    /// To be typed by hand.
    pub(crate) code: String,
    /// By which the command line asks what has come of it.
    pub(crate) secret: SecretString,
}

/// What has come of it.
#[derive(Debug)]
pub(crate) enum Come {
    /// Nobody has said anything yet.
    Nothing,
    /// It was let in; this is told once.
    Given(SecretString, PersonId),
    /// Somebody has said no.
    Refused,
    /// Its time is over, or it was told before.
    Over,
}

impl Devices {
    /// A command line asks to be let in.
    pub(crate) fn begin(
        &self,
        host: &str,
        peer: Peer,
        for_votes: bool,
        now: Timestamp,
    ) -> Result<Begun, Problem> {
        let secret = draw().map_err(no_random)?;
        let code = draw_code().map_err(no_random)?;
        let mut waiting = self.waiting(now);
        if waiting.len() >= WAITING {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "refused",
                "too many command lines wait to be let in",
                "the same again in ten minutes".to_owned(),
            ));
        }
        let one = Waiting {
            code: code.clone(),
            host: plain(host),
            peer,
            for_votes,
            ends_at: now + GOOD_FOR,
            stage: Stage::Asked,
        };
        waiting.insert(hashed(secret.as_bytes()), one);
        Ok(Begun {
            code: format!("{}-{}", &code[..CODE / 2], &code[CODE / 2..]),
            secret: secret.into(),
        })
    }

    /// What has come of it.
    pub(crate) fn look(&self, secret: &SecretString, now: Timestamp) -> Come {
        let mut waiting = self.waiting(now);
        let key = hashed(secret.expose_secret().as_bytes());
        match waiting.get(&key).map(|one| &one.stage) {
            None => return Come::Over,
            Some(Stage::Asked) => return Come::Nothing,
            Some(Stage::Refused | Stage::Given(..)) => {}
        }
        match waiting.remove(&key).map(|one| one.stage) {
            Some(Stage::Given(secret, person)) => Come::Given(secret, person),
            Some(Stage::Refused) => Come::Refused,
            Some(Stage::Asked) | None => Come::Over,
        }
    }

    /// Those that are still waited for.
    fn waiting(&self, now: Timestamp) -> MutexGuard<'_, HashMap<String, Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, one| now < one.ends_at);
        waiting
    }

    /// Whoever has shown that code and waits for an answer.
    fn asked<T>(
        &self,
        typed: &str,
        now: Timestamp,
        then: impl FnOnce(&mut Waiting) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let code = code_in(typed);
        let mut waiting = self.waiting(now);
        let one = waiting
            .values_mut()
            .find(|one| one.code == code && matches!(one.stage, Stage::Asked));
        match one {
            Some(one) => then(one),
            None => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "usage",
                "nobody waits with that code, or no longer",
                "the code that `tranche login` shows, which is good for ten minutes and once"
                    .to_owned(),
            )),
        }
    }
}

/// The page on which a code is typed.
#[derive(askama::Template)]
#[template(path = "sign-in-device.html")]
struct TypePage {
    product: String,
    person: String,
}

/// The page that says who asks for what.
#[derive(askama::Template)]
#[template(path = "sign-in-device-ask.html")]
struct AskPage {
    product: String,
    person: String,
    code: String,
    host: String,
    address: String,
    for_votes: bool,
    /// For votes they have to prove anew who they are first.
    is_stale: bool,
}

/// The page that says what was done.
#[derive(askama::Template)]
#[template(path = "sign-in-device-done.html")]
struct DonePage {
    product: String,
    host: String,
    is_let_in: bool,
}

/// What is typed.
#[derive(Debug, Deserialize)]
pub(super) struct Typed {
    code: String,
}

/// What is answered.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    code: String,
    answer: String,
}

/// Asks for the code.
pub(super) async fn page(
    State(app): State<App>,
    who: Result<Who, Problem>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    signed_in(&who)?;
    html(&TypePage {
        product: product(&app).await?,
        person: who.actor.name.to_string(),
    })
}

/// Says who has shown that code.
pub(super) async fn ask(
    State(app): State<App>,
    who: Result<Who, Problem>,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    let is_fresh = is_fresh(signed_in(&who)?, app.now());
    let Form(typed) = typed.map_err(|_| nothing_typed())?;
    let product = product(&app).await?;
    let page = app.devices().asked(&typed.code, app.now(), |one| {
        Ok(AskPage {
            product,
            person: who.actor.name.to_string(),
            code: one.code.clone(),
            host: one.host.clone(),
            address: one.peer.address.to_string(),
            for_votes: one.for_votes,
            is_stale: one.for_votes && !is_fresh,
        })
    })?;
    html(&page)
}

/// Lets it in, or not.
pub(super) async fn answer(
    State(app): State<App>,
    who: Result<Who, Problem>,
    answered: Result<Form<Answer>, FormRejection>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    let signed_in = signed_in(&who)?;
    let Form(answered) = answered.map_err(|_| nothing_typed())?;
    let (now, product) = (app.now(), product(&app).await?);
    let is_let_in = answered.answer == "allow";
    let host = app.devices().asked(&answered.code, now, |one| {
        one.stage = match is_let_in {
            true => let_in(&app, &who, signed_in, one, now)?,
            false => Stage::Refused,
        };
        Ok(one.host.clone())
    })?;
    html(&DonePage {
        product,
        host,
        is_let_in,
    })
}

fn let_in(
    app: &App,
    who: &Who,
    signed_in: &SignedIn,
    one: &Waiting,
    now: Timestamp,
) -> Result<Stage, Problem> {
    if one.for_votes && !is_fresh(signed_in, now) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            "to let a command line vote, prove once more who you are",
            "/sign-in?again=1&to=/device, then the code again".to_owned(),
        ));
    }
    let grant = Grant {
        owner: who.actor.name.clone(),
        is_service: false,
        proof: signed_in.proof.clone(),
        scopes: [Scope::Read, Scope::Request].into(),
        votes_until: one.for_votes.then(|| now + VOTES_FOR),
        from: format!("{} ({})", one.host, one.peer.address),
    };
    let secret = app.store().give(&grant, None).map_err(not_given)?;
    tracing::info!(person = %grant.owner, from = grant.from, "a command line was let in");
    Ok(Stage::Given(secret, grant.owner))
}

/// A program does not let others in.
fn signed_in(who: &Who) -> Result<&SignedIn, Problem> {
    match &who.by {
        ProvedBy::Session(signed_in) => Ok(signed_in),
        ProvedBy::Token => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            "a command line is let in by somebody who is signed in with a browser",
            "/device, in a browser".to_owned(),
        )),
    }
}

fn is_fresh(signed_in: &SignedIn, now: Timestamp) -> bool {
    signed_in
        .proof
        .auth_time
        .is_some_and(|at| now - at <= FRESH)
}

fn draw_code() -> Result<String, Error> {
    let mut code = String::new();
    while code.len() < CODE {
        let mut bytes = [0; CODE];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        // As many numbers stand for each letter: the rest is drawn again.
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < 240);
        let letters = fair.map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
        code.extend(letters.take(CODE - code.len()).map(char::from));
    }
    Ok(code)
}

/// As people type it: small, with spaces or none.
fn code_in(typed: &str) -> String {
    let letters = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(2 * CODE);
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// What a machine says of itself, so that it can be shown.
fn plain(host: &str) -> String {
    let shown = host.chars().filter(|letter| letter.is_ascii_graphic());
    let shown: String = shown.take(NAME).collect();
    match shown.is_empty() {
        true => "a machine without a name".to_owned(),
        false => shown,
    }
}

fn nothing_typed() -> Problem {
    Problem::usage("no code was typed", "/device".to_owned())
}

fn no_random(error: Error) -> Problem {
    not_given(error)
}

fn not_given(error: Error) -> Problem {
    tracing::error!(%error, "a command line cannot be let in");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server cannot let anybody in now",
        "tell whoever runs the server: its log says why".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            address: "192.0.2.1".parse().unwrap(),
        }
    }

    #[test]
    fn a_code_is_good_for_a_while_and_what_comes_of_it_is_told_once() {
        let (devices, now) = (Devices::default(), project::now());
        let begun = devices.begin("laptop", peer(), false, now).unwrap();
        assert!(matches!(devices.look(&begun.secret, now), Come::Nothing));
        let typed = begun.code.to_lowercase().replace('-', " ");
        let given = |one: &mut Waiting| {
            one.stage = Stage::Given("secret".to_owned().into(), PersonId::new("ann"));
            Ok(())
        };
        assert!(devices.asked("BBBB-BBBB", now, given).is_err());
        assert!(
            devices.asked(&typed, now + GOOD_FOR, given).is_err(),
            "too late"
        );
        let begun = devices.begin("laptop", peer(), false, now).unwrap();
        devices.asked(&begun.code, now, given).unwrap();
        assert!(devices.asked(&begun.code, now, given).is_err(), "once");
        assert!(matches!(devices.look(&begun.secret, now), Come::Given(..)));
        assert!(matches!(devices.look(&begun.secret, now), Come::Over));
    }

    #[test]
    fn what_a_machine_calls_itself_is_shown_plainly() {
        assert_eq!(plain("lap\u{202e}top\n<b>"), "laptop<b>");
        assert_eq!(plain("\u{7}"), "a machine without a name");
        assert_eq!(plain(&"x".repeat(1000)).len(), NAME);
    }
}
