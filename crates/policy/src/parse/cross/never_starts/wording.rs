//! What is said about those who can never start.

use chrono_tz::Tz;

use super::NeverStarts;
use crate::calendar::WindowSpec;
use crate::ids::CustomerId;
use crate::parse::check::listed;
use crate::parse::node::Pos;
use crate::parse::report::Report;
use crate::span::{Span, Timestamp};

/// [`SEARCH_HORIZON`](crate::calendar::SEARCH_HORIZON) in words: what does not come within it counts as never.
const HORIZON: &str = "five years";

/// So many windows of a list are written out in a message.
const SHOWN: usize = 3;

impl NeverStarts<'_> {
    /// Says which freezes let nobody through.
    pub(in crate::parse::cross) fn finish(self, report: &mut Report<'_>) {
        let from = self.from.format("%Y-%m-%d");
        for (culprits, frozen) in &self.frozen {
            let named = culprits
                .iter()
                .map(|index| self.freezes[*index].0.name.as_str());
            let (what, verb) = match culprits.len() {
                1 => ("the freeze", "covers"),
                _ => ("the freezes", "together cover"),
            };
            let who = match frozen.count {
                1 => format!("`{}`", frozen.first),
                2 => format!("`{}` and another customer", frozen.first),
                n => format!("`{}` and {} other customers", frozen.first, n - 1),
            };
            let message = format!(
                "{what} {} {verb} all the time in which {who} could start, for {HORIZON} from {from}",
                listed(named, "and")
            );
            let pos = culprits.first().map(|index| self.freezes[*index].1);
            // Not a mistake: an override lets them go all the same.
            let help = "end it earlier, leave customers out of it, or count on `tranche override`; a customer that stays as it \
                        is has a `pin`";
            report.warn(pos.unwrap_or_default(), "freeze", message, help);
        }
    }

    pub(super) fn warn_late(
        &self,
        at: Timestamp,
        pos: Pos,
        of: Option<&CustomerId>,
        report: &mut Report<'_>,
    ) {
        let from = self.from.format("%Y-%m-%d");
        let who = of.map_or_else(|| "nobody can".to_owned(), |id| format!("`{id}` cannot"));
        let at = at.format("%Y-%m-%d");
        let message = format!("{who} start before {at}, which is more than {HORIZON} from {from}");
        let help = "add a window that opens earlier, if that is not meant";
        report.warn(pos, "window", message, help);
    }

    /// Windows that are never open for long enough.
    pub(super) fn shut(
        &self,
        who: &str,
        windows: &[WindowSpec],
        zone: Tz,
        longest: Span,
    ) -> String {
        let from = self.from.format("%Y-%m-%d");
        let windows_said = said(windows, zone);
        match longest.is_zero() {
            true => {
                format!("{who}: {windows_said} does not open once within {HORIZON} from {from}")
            }
            false => format!(
                "{who}: {windows_said} is open for {longest} at most within {HORIZON} from {from}, and {} must be left",
                reserve(windows)
            ),
        }
    }

    /// Windows of a customer and of its policy that never meet, or never for long enough.
    pub(super) fn apart(
        &self,
        id: &CustomerId,
        policy: &str,
        (theirs, own): (&[WindowSpec], &[WindowSpec]),
        zone: Tz,
        longest: Span,
    ) -> String {
        let from = self.from.format("%Y-%m-%d");
        let (own_said, theirs_said) = (said(own, zone), said(theirs, zone));
        let common = match longest.is_zero() {
            true => "nothing in common".to_owned(),
            false => format!(
                "{longest} in common at most, and {} must be left,",
                reserve(own).max(reserve(theirs))
            ),
        };
        format!(
            "`{id}` can never start: its window {own_said} and that of the policy `{policy}`, {theirs_said}, have {common} \
             within {HORIZON} from {from}"
        )
    }
}

fn reserve(windows: &[WindowSpec]) -> Span {
    let reserves = windows.iter().map(|window| window.reserve);
    reserves.max().unwrap_or_default()
}

/// `0 2 * * SUN` for 2h in Europe/Berlin, and the same of the others.
fn said(windows: &[WindowSpec], zone: Tz) -> String {
    let one = |spec: &WindowSpec| {
        let zone = spec.zone.resolve(zone).name();
        format!("`{}` for {} in {zone}", spec.cron, spec.duration)
    };
    let mut parts: Vec<String> = windows.iter().take(SHOWN).map(one).collect();
    if windows.len() > SHOWN {
        parts.push(format!("{} more", windows.len() - SHOWN));
    }
    parts.join(" or ")
}

pub(super) fn cannot_start(of: Option<&CustomerId>) -> String {
    of.map_or_else(
        || "nobody can start".to_owned(),
        |id| format!("`{id}` can never start"),
    )
}
