//! How long do deploys of a service usually take? What a simulation assumes of a customer that has a history.

use std::collections::BTreeMap;

use policy::{CustomerId, Role, Span};

use super::deploys::{DeployDirection, DeployRecord};
use super::statistics::quantile;

/// Of so many of the newest deploys the median is taken: a build that has grown slower is seen soon.
const OF_LAST: usize = 5;

/// The usual durations of one service, from the request until it serves traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usual {
    /// Of its deploys; absent: none has gone live.
    pub deploy: Option<Span>,
    /// Of its rollbacks; absent: none has gone live.
    pub rollback: Option<Span>,
}

/// The usual durations of every service that has deploys, which are given in the order of their intents.
pub fn usual(records: &[DeployRecord]) -> BTreeMap<(CustomerId, Role), Usual> {
    let mut took: BTreeMap<_, BTreeMap<DeployDirection, Vec<Span>>> = BTreeMap::new();
    for record in records {
        let Some(span) = record.took() else { continue };
        let service = (record.customer.clone(), record.service.clone());
        let ways = took.entry(service).or_default();
        ways.entry(record.way).or_default().push(span);
    }
    let usual = took.into_iter().map(|(service, ways)| {
        let median = |way| ways.get(&way).and_then(|took| median_of_last(took));
        let usual = Usual {
            deploy: median(DeployDirection::Forward),
            rollback: median(DeployDirection::Back),
        };
        (service, usual)
    });
    usual.collect()
}

fn median_of_last(took: &[Span]) -> Option<Span> {
    let from = took.len().saturating_sub(OF_LAST);
    let mut last = took[from..].to_vec();
    last.sort_unstable();
    quantile(&last, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_the_newest() {
        let took = [900, 800, 10, 30, 20, 50, 40].map(Span::from_secs);
        assert_eq!(median_of_last(&took), Some(Span::from_secs(30)));
        assert_eq!(median_of_last(&took[..1]), Some(Span::from_secs(900)));
        assert_eq!(median_of_last(&[]), None);
    }
}
