//! Which zone does a `TZID` mean?

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::lines::Component;
use crate::{Mistake, windows_zones};

/// The zones that a calendar names, by their `TZID`.
pub(crate) struct Zones<'c> {
    /// What `X-LIC-LOCATION` says of each `VTIMEZONE`.
    located: BTreeMap<&'c str, &'c str>,
}

impl<'c> Zones<'c> {
    pub(crate) fn of(calendar: &'c Component) -> Self {
        let components = calendar.components.iter();
        let zones = components.filter(|one| one.is("VTIMEZONE"));
        let located = zones.filter_map(|zone| {
            let location = zone.first("X-LIC-LOCATION")?;
            Some((zone.first("TZID")?.value.as_str(), location.value.as_str()))
        });
        Self {
            located: located.collect(),
        }
    }

    /// For times that name none.
    pub(crate) fn none() -> Self {
        Self {
            located: BTreeMap::new(),
        }
    }

    /// A `TZID` is a name of the IANA database, alone or behind the name of who gave it out; the calendar may say which it
    /// is; or it is a name of Windows. The rules of a `VTIMEZONE` are not read: the database knows them better.
    pub(crate) fn get(&self, id: &str, line: usize) -> Result<Tz, Mistake> {
        let located = || self.located.get(id).and_then(|name| known(name));
        let windows = || windows_zones::iana(id).and_then(known);
        known(id).or_else(located).or_else(windows).ok_or_else(|| {
            let help = "a TZID is a name of the IANA database such as Europe/Berlin, or of Windows such as W. Europe \
                        Standard Time; choose such a zone for the event, or for the calendar, and export it anew";
            Mistake::new(line, format!("the time zone `{id}` is not known"), help)
        })
    }
}

fn known(name: &str) -> Option<Tz> {
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    // `/citadel.org/20210210_1/Europe/Berlin`: what follows the first part is the name, or its end is.
    let global = name.strip_prefix('/')?;
    let ends = global.match_indices('/').map(|(at, _)| &global[at + 1..]);
    ends.into_iter().find_map(|end| end.parse().ok())
}
