//! `freezes` of `tranche.yaml`: whether each holds at some time, and whom.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};

use super::CheckedFiles;
use crate::calendar::{Freeze, FreezeScope, FreezeTimes, Repetition};
use crate::parse::node::Node;
use crate::parse::report::Report;

/// So many occurrences of one freeze may hold at once: where each is lifted by itself, more cannot be meant.
const AT_ONCE: usize = 32;

/// So many beginnings are looked at for that: what comes every minute says nothing new after them.
const LOOKED_AT: usize = 10_000;

impl CheckedFiles<'_, '_> {
    pub(super) fn check_freezes(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let mut names = BTreeSet::new();
        for item in node.get("freezes").map_or(&[][..], Node::items) {
            self.check_frozen_customers(item, report);
            let Some(name) = item.get("name").and_then(Node::scalar) else {
                continue;
            };
            if !names.insert(name) {
                let help = "`override` needs to tell freezes apart; give each its own name";
                report.help(
                    item.pos_of(&["name"]),
                    "doubled-name",
                    format!("two freezes are called `{name}`"),
                    help,
                );
                continue;
            }
            let mut freezes = self.project.freezes.iter();
            if let Some(freeze) = freezes.find(|freeze| freeze.name == name) {
                self.check_times(item, freeze, report);
                self.check_covered_by(item, freeze, report);
            }
        }
    }

    /// A freeze that is meant for somebody, and by a slip of the pen holds nobody, lets all of them start.
    fn check_covered_by(&self, item: &Node<'_>, freeze: &Freeze, report: &mut Report<'_>) {
        // A name that nobody has is a mistake of its own.
        let by_kind = match &freeze.customers {
            FreezeScope::All => false,
            FreezeScope::Only { tags, tiers, .. } => !tags.is_empty() || !tiers.is_empty(),
        };
        let mut fleet = self.fleet.customers.iter();
        if !by_kind || fleet.len() == 0 || fleet.any(|(id, customer)| freeze.covers(id, customer)) {
            return;
        }
        let message = format!("the freeze `{}` covers nobody", freeze.name);
        let help = "no customer has all that its `customers` asks for: look at the tags and tiers there, or remove it";
        report.warn(item.pos_of(&["customers"]), "nobody", message, help);
    }

    fn check_times(&self, item: &Node<'_>, freeze: &Freeze, report: &mut Report<'_>) {
        match &freeze.times {
            FreezeTimes::Once(period) if period.is_empty() => report.help(
                item.pos_of(&["until"]),
                "empty",
                format!("the freeze `{}` is empty", freeze.name),
                "`until` is exclusive and must be later than `from`",
            ),
            FreezeTimes::Once(_) => {}
            FreezeTimes::Repeats(repetition) => {
                check_repetition(item, &freeze.name, repetition, report);
            }
            FreezeTimes::Dated { ics, occurrences } => {
                let is_empty = occurrences.is_empty();
                self.check_calendar(item, ics, is_empty, report);
            }
        }
    }

    fn check_calendar(&self, item: &Node<'_>, ics: &str, is_empty: bool, report: &mut Report<'_>) {
        let pos = item.pos_of(&["ics"]);
        let Some(read) = self.calendars.iter().find(|one| one.path == ics) else {
            let message = format!("the calendar `{ics}` was not read");
            let help = "run it within the project folder that has it";
            return report.help(pos, "calendar", message, help);
        };
        if let Some(reason) = &read.unread {
            let message = format!("the calendar `{ics}` cannot be read: {reason}");
            let help = "name a file of the project folder, such as `calendars/finance.ics`";
            return report.help(pos, "calendar", message, help);
        }
        report.found_elsewhere(&read.mistakes);
        if is_empty && read.mistakes.is_empty() {
            let message =
                format!("the calendar `{ics}` has no busy event in the time that is read");
            let help =
                "free and cancelled events freeze nobody; export it anew, or remove the freeze";
            report.warn(pos, "calendar", message, help);
        }
    }

    fn check_frozen_customers(&self, item: &Node<'_>, report: &mut Report<'_>) {
        let customers = item.get("customers");
        let listed = customers.map_or(&[][..], Node::items);
        let only = customers.and_then(|node| node.get("only"));
        let only = only.map_or(&[][..], Node::items);
        for customer in listed.iter().chain(only) {
            self.check_customer_name(customer, report);
        }
    }
}

fn check_repetition(item: &Node<'_>, name: &str, repetition: &Repetition, report: &mut Report<'_>) {
    let cron = repetition.cron.cron();
    if cron.starts_from(some_time()).next().is_none() {
        let message = format!("the freeze `{name}` never begins");
        let help =
            "no such day exists; the fields are minute, hour, day of month, month and weekday";
        return report.help(item.pos_of(&["cron"]), "empty", message, help);
    }
    if is_crowded(repetition) {
        report.help(
            item.pos_of(&["duration"]),
            "range",
            format!("more than {AT_ONCE} occurrences of the freeze `{name}` hold at once"),
            "write a `cron` that begins less often, or a shorter `duration`",
        );
    }
    for date in item.get("except").map_or(&[][..], Node::one_or_many) {
        let written = date.scalar().and_then(crate::parse::format::date);
        if let Some(day) = written.filter(|day| !cron.is_on(*day)) {
            report.warn(
                date.pos,
                "except",
                format!("no occurrence of the freeze `{name}` begins on {day}"),
                "`except` lists the local dates on which occurrences begin that are to be left out",
            );
        }
    }
}

/// Whether more occurrences hold at once than can be meant.
fn is_crowded(repetition: &Repetition) -> bool {
    let starts = repetition.cron.cron().starts_from(some_time());
    let starts: Vec<NaiveDateTime> = starts.take(LOOKED_AT).collect();
    let length = repetition.duration.to_delta();
    let mut in_a_row = starts.windows(AT_ONCE + 1);
    in_a_row.any(|row| match row {
        [first, .., last] => last.signed_duration_since(*first) < length,
        [] | [_] => false,
    })
}

/// Whatever is said here holds from any time on.
fn some_time() -> NaiveDateTime {
    NaiveDate::default().into()
}
