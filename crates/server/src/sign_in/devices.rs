//! Which command lines wait to be let in, and what has come of it?

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use chrono::TimeDelta;
use policy::{PersonId, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;
use crate::peer::Peer;
use crate::problem::Problem;
use crate::store::{draw, hashed};

/// So long a code is good.
pub(crate) const GOOD_FOR: TimeDelta = TimeDelta::minutes(10);

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

/// A command line that waits to be let in.
#[derive(Debug)]
pub(super) struct Waiting {
    /// To be typed by hand.
    pub(super) code: String,
    /// What it calls its machine.
    pub(super) host: String,
    /// From where it asks.
    pub(super) peer: Peer,
    /// Whether it wants to vote.
    pub(super) for_votes: bool,
    ends_at: Timestamp,
    /// What was said of it.
    pub(super) stage: Stage,
}

/// What was said of one that waits.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing yet.
    Asked,
    /// It is let in with this, by that person.
    Given(SecretString, PersonId),
    /// No.
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
        let secret = draw().map_err(not_given)?;
        let code = draw_code().map_err(not_given)?;
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
    pub(super) fn asked<T>(
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
    let shown = host.chars().filter(char::is_ascii_graphic);
    let shown: String = shown.take(NAME).collect();
    match shown.is_empty() {
        true => "a machine without a name".to_owned(),
        false => shown,
    }
}

/// The server cannot let anybody in.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` hands it on as it comes"
)]
pub(super) fn not_given(error: Error) -> Problem {
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
    #![allow(clippy::unwrap_used, reason = "tests")]

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
