//! How a fault of the simulated Render is written: `CUSTOMER[/ROLE]=WHAT[*TIMES]`.

use std::str::FromStr;

use clap::ValueEnum;
use policy::{CustomerId, Role};

/// Something that goes wrong for a customer's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultSwitch {
    /// Whose.
    pub(crate) customer: CustomerId,
    /// Which service; without one, all of them.
    pub(crate) role: Option<Role>,
    /// What.
    pub(crate) what: FaultWord,
    /// How often; without a number, always.
    pub(crate) times: Option<u32>,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FaultWord {
    /// The build fails.
    BuildFailed,
    /// The pre-deploy command fails.
    PreDeployFailed,
    /// The new instances do not start.
    UpdateFailed,
    /// A deploy never ends.
    Stuck,
    /// The release answers its probes badly from when it is live.
    Unhealthy,
    /// A request to deploy has its effect, and the reply is lost.
    Lost,
    /// A request to deploy never arrives.
    NeverSent,
    /// A deploy starts, and the reply is a 202 without a body.
    AcceptedWithoutBody,
    /// A message to a webhook is never sent.
    WebhookLost,
    /// A message to a webhook is sent twice.
    WebhookDoubled,
    /// A message to a webhook is sent a minute late.
    WebhookLate,
    /// A message to a webhook is signed with a wrong secret.
    WebhookForged,
}

impl FromStr for FaultSwitch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "write CUSTOMER[/ROLE]=WHAT[*TIMES]; WHAT is one of {}",
                words()
            )
        };
        let (target, fault) = text.split_once('=').ok_or_else(form)?;
        let (customer, role) = match target.split_once('/') {
            Some((customer, role)) => (customer, Some(Role::new(role))),
            None => (target, None),
        };
        let (word, times) = match fault.split_once('*') {
            Some((word, times)) => (word, Some(times.parse().map_err(|_| form())?)),
            None => (fault, None),
        };
        let what = FaultWord::from_str(word, false).map_err(|_| form())?;
        if customer.is_empty() {
            return Err(form());
        }
        Ok(Self {
            customer: CustomerId::new(customer),
            role,
            what,
            times,
        })
    }
}

fn words() -> String {
    let words = FaultWord::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    let words: Vec<String> = words.map(|word| word.get_name().to_owned()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_fault_names_whom_what_and_how_often() {
        let fault: FaultSwitch = "acme/backend=build_failed*1".parse().unwrap();
        assert_eq!(fault.customer, CustomerId::new("acme"));
        assert_eq!(fault.role, Some(Role::new("backend")));
        assert_eq!((fault.what, fault.times), (FaultWord::BuildFailed, Some(1)));
        let fault: FaultSwitch = "acme=unhealthy".parse().unwrap();
        assert_eq!(
            (fault.role, fault.what, fault.times),
            (None, FaultWord::Unhealthy, None)
        );
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_the_form() {
        for text in ["acme", "=stuck", "acme=broken", "acme=stuck*x"] {
            assert!(
                text.parse::<FaultSwitch>()
                    .unwrap_err()
                    .starts_with("write CUSTOMER"),
                "{text}"
            );
        }
    }
}
