//! Where do phases and batches lie in time? Bars on an axis, in parts of its length: the browser makes them as wide as it has room.

use std::fmt::Write as _;

use chrono::{Datelike as _, NaiveTime, TimeDelta, TimeZone as _};
use policy::Timestamp;

use super::time::Clock;
use super::words::{Tone, escaped};

/// The shortest bar that can be seen, in percent.
const THINNEST: f64 = 0.4;

/// So many marks an axis has at most.
const MARKS: i64 = 8;

/// A stretch of time that is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    from: Timestamp,
    until: Timestamp,
    now: Option<Timestamp>,
}

/// A bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// `None`: it is only planned.
    pub(crate) tone: Option<Tone>,
    /// What it says to who points at it.
    pub(crate) title: String,
}

/// A drawing, as markup.
#[derive(Clone, Debug)]
pub(crate) struct Drawing(String);

impl std::fmt::Display for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Its texts are escaped where it is made.
impl askama::filters::HtmlSafe for Drawing {}

impl Axis {
    /// From the first to the last of these instants; none at all is no axis.
    pub(crate) fn over(
        instants: impl IntoIterator<Item = Timestamp>,
        now: Option<Timestamp>,
    ) -> Option<Self> {
        let mut instants = instants.into_iter().chain(now);
        let first = instants.next()?;
        let (from, until) = instants.fold((first, first), |(from, until), at| {
            (from.min(at), until.max(at))
        });
        (from < until).then_some(Self { from, until, now })
    }

    fn percent(&self, at: Timestamp) -> f64 {
        let whole = (self.until - self.from).num_milliseconds().max(1);
        let part = (at.clamp(self.from, self.until) - self.from).num_milliseconds();
        // Weeks in milliseconds are exact in floating point.
        #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
        let percent = part as f64 * 100.0 / whole as f64;
        percent
    }

    /// A lane with these bars. What it says stands beside it in words.
    pub(crate) fn lane(&self, bars: &[Bar]) -> Drawing {
        let mut svg = "<svg class=\"lane\" aria-hidden=\"true\">".to_owned();
        for bar in bars {
            let x = self.percent(bar.from);
            let width = (self.percent(bar.until) - x).max(THINNEST);
            let x = x.min(100.0 - width);
            let (class, y, height) = match bar.tone {
                Some(tone) => (tone.class(), 5, 14),
                None => ("plan", 3, 18),
            };
            let _ = write!(
                svg,
                "<rect class=\"bar {class}\" x=\"{x:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"{height}\" rx=\"2\"><title>{}</title></rect>",
                escaped(&bar.title)
            );
        }
        if let Some(now) = self.now {
            let x = self.percent(now);
            let _ = write!(
                svg,
                "<line class=\"now\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"24\"/>"
            );
        }
        svg.push_str("</svg>");
        Drawing(svg)
    }

    /// The axis itself, marked at round times of the reader's zone.
    pub(crate) fn marks(&self, clock: Clock) -> Drawing {
        let mut svg = "<svg class=\"lane axis\" aria-hidden=\"true\">".to_owned();
        for (at, text) in self.ticks(clock) {
            let x = self.percent(at);
            let anchor = match x {
                x if x < 8.0 => "start",
                x if x > 92.0 => "end",
                _ => "middle",
            };
            let _ = write!(
                svg,
                "<line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"5\"/><text x=\"{x:.2}%\" y=\"17\" text-anchor=\"{anchor}\">{text}</text>"
            );
        }
        svg.push_str("</svg>");
        Drawing(svg)
    }

    /// At most so many marks, a round number of days, hours or minutes apart.
    fn ticks(&self, clock: Clock) -> Vec<(Timestamp, String)> {
        let length = (self.until - self.from).num_minutes().max(1);
        let steps = [
            5, 15, 60, 180, 360, 720, 1440, 2880, 5760, 10_080, 20_160, 40_320,
        ];
        let step = steps.into_iter().find(|step| length / step < MARKS);
        let step = step.unwrap_or(length / MARKS + 1);
        let local = self.from.with_timezone(&clock.zone);
        let day = clock
            .zone
            .from_local_datetime(&local.date_naive().and_time(NaiveTime::MIN));
        let mut at = day.earliest().map_or(self.from, |day| day.to_utc());
        let mut ticks = Vec::new();
        while at <= self.until {
            if at >= self.from {
                let local = at.with_timezone(&clock.zone);
                let text = match (step >= 1440, local.day()) {
                    (true, _) => local.format("%-d %b"),
                    (false, _) if step < 1440 && length > 1440 => local.format("%-d %b %H:%M"),
                    (false, _) => local.format("%H:%M"),
                };
                ticks.push((at, text.to_string()));
            }
            at += TimeDelta::minutes(step);
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn bars_lie_within_the_axis_and_are_never_too_thin_to_see() {
        let (from, until) = (at("2027-01-01T00:00:00Z"), at("2027-02-21T00:00:00Z"));
        let axis = Axis::over([from, until], None).expect("an axis");
        let bar = Bar {
            from: until,
            until,
            tone: Some(Tone::Good),
            title: "<b>".to_owned(),
        };
        let lane = axis.lane(&[bar]).to_string();
        assert!(
            lane.contains("x=\"99.60%\"") && lane.contains("width=\"0.40%\""),
            "{lane}"
        );
        assert!(lane.contains("<title>&lt;b&gt;</title>"), "{lane}");
        assert_eq!(Axis::over([from, from], None), None);
    }

    #[test]
    fn an_axis_of_any_length_has_few_marks() {
        let from = at("2027-01-01T10:07:00Z");
        let clock = Clock {
            zone: chrono_tz::Tz::Europe__Berlin,
            now: from,
        };
        for minutes in [1, 30, 300, 1500, 3_000, 10_000, 75_000, 400_000, 5_000_000] {
            let axis =
                Axis::over([from, from + TimeDelta::minutes(minutes)], None).expect("an axis");
            let ticks = axis.ticks(clock).len();
            assert!(ticks <= 9, "{minutes}: {ticks}");
        }
    }
}
