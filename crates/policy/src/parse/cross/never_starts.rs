//! Who can never start: windows that never come, lists that never meet, freezes that cover them all (R7-R9).
//!
//! Each distinct calendar is looked at once, however many customers have it.

mod wording;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use self::wording::cannot_start;
use super::CheckedFiles;
use crate::calendar::{
    Cron, CronError, Freeze, Gaps, Interval, Outlook, SEARCH_HORIZON, WindowSpec, Windows,
    ZoneSpec, outlook,
};
use crate::ids::CustomerId;
use crate::parse::format;
use crate::parse::node::{Node, Pos};
use crate::parse::read::window::are_sound;
use crate::parse::report::Report;
use crate::phases::HOTFIX;
use crate::settings::Customer;
use crate::span::{Span, Timestamp};

/// So far a window is looked for that does come, but not within the horizon: 29 February on a certain weekday.
const RARE: Span = Span::from_secs(41 * 366 * 24 * 60 * 60);

/// So far ahead clock changes are announced.
const YEAR: Span = Span::from_secs(366 * 24 * 60 * 60);

/// The way out of windows that are too short.
const LONGER: &str = "make `duration` longer or `reserve` shorter";

/// What has been looked at so far.
pub(super) struct NeverStarts<'w> {
    /// From when on.
    from: Timestamp,
    /// What holds, and where it is written; nothing where there is no instant to begin at, since freezes are dates.
    freezes: Vec<(&'w Freeze, Pos)>,
    /// The policies whose windows are read and open by themselves.
    usable: Vec<bool>,
    /// The nights of clock changes, where there is an instant to begin at.
    gaps: Option<Gaps>,
    /// The expressions that were read.
    crons: BTreeMap<&'w str, Result<Cron, CronError>>,
    /// Whether mistakes are only counted by now, so that a year ahead is enough.
    is_brief: bool,
    /// Policies whose windows were looked at in a zone of customers.
    local: BTreeSet<(usize, &'static str)>,
    seen: BTreeMap<Key<'w>, Ahead>,
    frozen: BTreeMap<Vec<usize>, Frozen<'w>>,
}

/// A calendar: the policy, the customer's own windows, the zone, and the freezes.
type Key<'w> = (Option<usize>, Vec<SpecKey<'w>>, &'static str, Vec<usize>);

/// A window as it can be compared.
type SpecKey<'w> = (&'w str, Span, &'static str, Span);

/// What a calendar has ahead.
#[derive(Clone, Debug)]
enum Ahead {
    /// Somebody can start, or that cannot be told.
    Opens,
    /// Only then, after the horizon.
    Late(Timestamp),
    Shut {
        longest: Span,
    },
    /// By these of the freezes.
    Frozen(Vec<usize>),
}

/// Whom the same freezes keep out for good.
struct Frozen<'w> {
    first: &'w CustomerId,
    last: &'w CustomerId,
    count: usize,
}

/// Windows of a policy or customer, as read and as written.
struct List<'w, 'n, 't> {
    /// Whose, if they are a customer's.
    of: Option<&'w CustomerId>,
    windows: &'w [WindowSpec],
    node: &'n Node<'t>,
    zone: Tz,
    /// Whether the zone is what somebody meant, and no stand-in for one that cannot be read.
    is_zone_known: bool,
}

impl<'w> NeverStarts<'w> {
    /// Judges the windows of the policies by themselves.
    pub(super) fn new(files: &CheckedFiles<'w, '_>, report: &mut Report<'_>) -> Self {
        let within = |at| Interval {
            from: at,
            until: later(at, YEAR),
        };
        let mut never = Self {
            from: files.at.unwrap_or(REFERENCE),
            freezes: files.at.map_or_else(Vec::new, |_| files.dated_freezes()),
            usable: Vec::with_capacity(files.policies.len()),
            gaps: files.at.map(|at| Gaps::new(within(at))),
            crons: BTreeMap::new(),
            is_brief: false,
            local: BTreeSet::new(),
            seen: BTreeMap::new(),
            frozen: BTreeMap::new(),
        };
        for (policy, node) in files.policies {
            let list = List {
                of: None,
                windows: &policy.window,
                node,
                zone: files.project.timezone,
                is_zone_known: files.project_node.is_some_and(is_zone_known),
            };
            let is_usable = never.judge_list(&list, report) && never.judge_alone(&list, report);
            never.usable.push(is_usable);
        }
        never
    }

    /// Judges a customer: its own windows, with those of its policies, and under the freezes.
    pub(super) fn customer(
        &mut self,
        files: &CheckedFiles<'w, '_>,
        (id, customer): (&'w CustomerId, &'w Customer),
        node: &Node<'_>,
        report: &mut Report<'_>,
    ) {
        let list = List {
            of: Some(id),
            windows: &customer.window,
            node,
            zone: customer.zone(files.project),
            is_zone_known: is_zone_known(node) && files.project_node.is_some_and(is_zone_known),
        };
        if !self.judge_list(&list, report) {
            return;
        }
        self.is_brief = report.is_past_never();
        let concerning = self.freezes.iter().enumerate();
        let freezes: Vec<usize> = concerning
            .filter(|(_, (freeze, _))| freeze.covers(id, customer))
            .map(|(index, _)| index)
            .collect();
        let mut is_judged = list.windows.is_empty();
        for index in files.covering(id, customer) {
            let (policy, _) = &files.policies[index];
            let is_free = policy.window.is_empty() && list.windows.is_empty() && freezes.is_empty();
            if self.usable[index] && !is_free {
                self.judge_pair(files, (id, customer), index, &freezes, &list, report);
                is_judged = true;
            }
        }
        if !is_judged {
            self.judge_alone(&list, report);
        }
    }

    /// Whether windows are read, and all of them come; reports those that never do.
    fn judge_list(&mut self, list: &List<'w, '_, '_>, report: &mut Report<'_>) -> bool {
        let written = list.node.get("window").map_or(&[][..], Node::one_or_many);
        if written.len() != list.windows.len() {
            return false;
        }
        let mut comes = true;
        for (spec, item) in list.windows.iter().zip(written) {
            if self.never_comes(&spec.cron) {
                let message = format!(
                    "the window `{}` never opens: no year has such a day",
                    spec.cron
                );
                let help = "write a day that its month has, such as `0 2 28 2 *`, or a weekday: `0 2 * 2 SUNL`";
                report.never(item.pos_of(&["cron"]), "window", message, help);
                comes = false;
            }
        }
        if !comes || !list.is_zone_known || !are_sound(list.node) {
            return false;
        }
        for (spec, item) in list.windows.iter().zip(written) {
            // Those of a policy that go by the customers' zones are looked at there.
            if spec.zone != ZoneSpec::Customer || list.of.is_some() {
                self.announce(spec, list.zone, item.pos_of(&["cron"]), report);
            }
        }
        true
    }

    /// Whether windows open by themselves; reports it if they never do.
    fn judge_alone(&mut self, list: &List<'w, '_, '_>, report: &mut Report<'_>) -> bool {
        if list.windows.is_empty() {
            return true;
        }
        let written = list.node.get("window").map_or(&[][..], Node::one_or_many);
        let key = (
            None,
            spec_keys(list.windows, list.zone),
            list.zone.name(),
            Vec::new(),
        );
        let (ahead, _) = self.look_once(key, (&[], list.windows), list.zone, &[]);
        let mut pos = list.node.pos_of(&["window"]);
        let longest = match ahead {
            Ahead::Opens | Ahead::Frozen(_) => return true,
            Ahead::Late(at) => {
                self.warn_late(at, pos, list.of, report);
                return true;
            }
            Ahead::Shut { longest } => longest,
        };
        let who = cannot_start(list.of);
        let message = match (list.windows, written) {
            ([window], [item]) if window.reserve > window.duration => {
                pos = item.pos_of(&["reserve"]);
                let (reserve, duration) = (window.reserve, window.duration);
                format!("{who}: {reserve} must be left of a window of {duration}")
            }
            (windows, _) => self.shut(&who, windows, list.zone, longest),
        };
        report.never(pos, "window", message, LONGER);
        false
    }

    /// Whether nothing ever starts by this cron expression.
    fn never_comes(&mut self, cron: &'w str) -> bool {
        let cron = self.crons.entry(cron).or_insert_with(|| cron.parse());
        cron.as_ref().is_ok_and(Cron::never_comes)
    }

    /// Judges what a customer's windows and freezes leave of a policy's.
    fn judge_pair(
        &mut self,
        files: &CheckedFiles<'w, '_>,
        (id, customer): (&'w CustomerId, &'w Customer),
        index: usize,
        freezes: &[usize],
        list: &List<'w, '_, '_>,
        report: &mut Report<'_>,
    ) {
        let (policy, written) = &files.policies[index];
        let (zone, node) = (list.zone, list.node);
        if self.local.insert((index, zone.name())) {
            let items = written.get("window").map_or(&[][..], Node::one_or_many);
            let local = policy.window.iter().zip(items);
            for (spec, item) in local.filter(|(spec, _)| spec.zone == ZoneSpec::Customer) {
                self.announce(spec, zone, item.pos_of(&["cron"]), report);
            }
        }
        let own = spec_keys(&customer.window, zone);
        let key = (Some(index), own, zone.name(), freezes.to_vec());
        let lists = (policy.window.as_slice(), customer.window.as_slice());
        let (ahead, is_new) = self.look_once(key, lists, zone, freezes);
        let is_own = !customer.window.is_empty();
        match ahead {
            Ahead::Late(at) if is_own => {
                self.warn_late(at, node.pos_of(&["window"]), Some(id), report);
            }
            Ahead::Opens | Ahead::Late(_) => {}
            Ahead::Shut { .. } if is_own && !self.judge_alone(list, report) => {}
            Ahead::Shut { longest } if is_own => {
                let pos = node.pos_of(&["window"]);
                let message = self.apart(id, policy.name.as_str(), lists, zone, longest);
                let place = report.place(written.key_pos("window"));
                let help = format!("move or lengthen one of them; the policy's stands in {place}");
                report.never(pos, "window", message, &help);
            }
            Ahead::Shut { longest } => {
                if is_new {
                    let message = self.shut(&cannot_start(Some(id)), &policy.window, zone, longest);
                    report.never(written.pos_of(&["window"]), "window", message, LONGER);
                }
            }
            Ahead::Frozen(culprits) => {
                let frozen = self.frozen.entry(culprits).or_insert(Frozen {
                    first: id,
                    last: id,
                    count: 1,
                });
                // A customer may have two policies, its own and the hotfix.
                if frozen.last != id {
                    frozen.last = id;
                    frozen.count += 1;
                }
            }
        }
    }

    /// What a calendar has ahead, and whether it was looked at for the first time.
    fn look_once(
        &mut self,
        key: Key<'w>,
        lists: (&[WindowSpec], &[WindowSpec]),
        zone: Tz,
        freezes: &[usize],
    ) -> (Ahead, bool) {
        if let Some(ahead) = self.seen.get(&key) {
            return (ahead.clone(), false);
        }
        let ahead = self.look(lists, zone, freezes);
        self.seen.insert(key, ahead.clone());
        (ahead, true)
    }

    fn look(
        &self,
        (policy, own): (&[WindowSpec], &[WindowSpec]),
        zone: Tz,
        freezes: &[usize],
    ) -> Ahead {
        let parsed = |text: &str| {
            let known = self.crons.get(text).cloned();
            known.unwrap_or_else(|| text.parse())
        };
        let Ok(windows) = Windows::parsed_by(policy, own, zone, parsed) else {
            return Ahead::Opens;
        };
        let near = later(self.from, SEARCH_HORIZON);
        let far = match (windows.is_rare(self.from), self.is_brief) {
            (true, _) => later(self.from, RARE),
            (false, true) => later(self.from, YEAR),
            (false, false) => near,
        };
        let within = Interval {
            from: self.from,
            until: far,
        };
        let under = |freezes: &[usize]| {
            let freezes: Vec<&Freeze> =
                freezes.iter().map(|index| self.freezes[*index].0).collect();
            outlook(&windows, &freezes, zone, within)
        };
        match under(freezes) {
            Outlook::Opens(at) if at > near => Ahead::Late(at),
            Outlook::Opens(_) => Ahead::Opens,
            Outlook::Shut { longest } => Ahead::Shut { longest },
            Outlook::Frozen => {
                let alone = |index: &usize| under(&[*index]) == Outlook::Frozen;
                Ahead::Frozen(match freezes.iter().copied().find(alone) {
                    Some(one) => vec![one],
                    None => freezes.to_vec(),
                })
            }
        }
    }

    /// Says that a clock change swallows a window.
    fn announce(&mut self, spec: &WindowSpec, zone: Tz, pos: Pos, report: &mut Report<'_>) {
        let finding = self.gaps.as_mut().and_then(|gaps| gaps.swallow(spec, zone));
        if let Some(finding) = finding {
            let help = "that one is passed over; begin at another hour if it must not be";
            report.warn(pos, "window", finding.to_string(), help);
        }
    }
}

impl<'w> CheckedFiles<'w, '_> {
    /// The policies that a customer goes by, by their places: that of its phase, and the hotfix.
    fn covering(
        &self,
        id: &CustomerId,
        customer: &Customer,
    ) -> impl Iterator<Item = usize> + use<'w> {
        let covers = |is_hotfix: bool| {
            self.policies.iter().position(|(policy, _)| {
                (policy.name.as_str() == HOTFIX) == is_hotfix
                    && policy.customers.covers(id, customer)
            })
        };
        [covers(false), covers(true)].into_iter().flatten()
    }

    /// The freezes, and where they are named.
    fn dated_freezes(&self) -> Vec<(&'w Freeze, Pos)> {
        let node = self.project_node.and_then(|node| node.get("freezes"));
        let items = node.map_or(&[][..], Node::items);
        let pos = |freeze: &Freeze| {
            let is_it =
                |item: &&Node<'_>| item.get("name").and_then(Node::scalar) == Some(&freeze.name);
            items.iter().find(is_it).map(|item| item.pos_of(&["name"]))
        };
        let freezes = self.project.freezes.iter();
        freezes
            .map(|freeze| (freeze, pos(freeze).unwrap_or_default()))
            .collect()
    }
}

/// Where windows are looked at from when nobody says when; their zones change their clocks by the same rules ever since.
const REFERENCE: Timestamp = Timestamp::from_timestamp(1_767_225_600, 0).expect("2026 begins");

/// Whether the zone of a project or customer is one, if it is written.
fn is_zone_known(node: &Node<'_>) -> bool {
    let zone = node.get("timezone").and_then(Node::scalar);
    zone.is_none_or(|zone| format::zone(zone).is_ok())
}

fn spec_keys(windows: &[WindowSpec], zone: Tz) -> Vec<SpecKey<'_>> {
    windows.iter().map(|spec| spec_key(spec, zone)).collect()
}

fn spec_key(spec: &WindowSpec, zone: Tz) -> SpecKey<'_> {
    let zone = spec.zone.resolve(zone).name();
    (&spec.cron, spec.duration, zone, spec.reserve)
}

fn later(at: Timestamp, by: Span) -> Timestamp {
    at.checked_add_signed(by.to_delta())
        .unwrap_or(Timestamp::MAX_UTC)
}
