//! Where on a server's pages is something shown? Paths for the pages themselves, addresses for messages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use policy::Config;
use rollout::RolloutId;

use crate::environment::variable;

/// Where Render says that a service of it is reached.
const PLATFORM_URL: &str = "RENDER_EXTERNAL_URL";

/// What stands in an address as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Text as one part of an address.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The page on which a gate is voted on.
pub fn gate(run: RolloutId, gate: &str) -> String {
    let parts: Vec<String> = gate.split('/').map(part).collect();
    format!("/approvals/{run}/{}", parts.join("/"))
}

/// The page of a rollout.
pub fn rollout(run: RolloutId) -> String {
    format!("/rollouts/{run}")
}

/// The page of a customer.
pub fn customer(customer: &str) -> String {
    format!("/customers/{}", part(customer))
}

/// An address with these questions, as far as they are asked; one more can follow.
pub fn asking(path: &str, questions: &[(&str, &str)]) -> String {
    let asked = questions.iter().filter(|(_, value)| !value.is_empty());
    let asked = asked.map(|&(name, value)| [name, "=", &part(value), "&"].concat());
    format!("{path}?{}", asked.collect::<Vec<_>>().concat())
}

/// The page of all that waits for approval.
pub const APPROVALS: &str = "/approvals";

/// Where people open the pages, as far as that is known beyond this machine: as the files say, else as the platform does.
pub(crate) fn base(config: &Config) -> Option<String> {
    let url = config
        .server
        .url
        .clone()
        .or_else(|| variable(PLATFORM_URL))?;
    Some(url.trim_end_matches('/').to_owned())
}
