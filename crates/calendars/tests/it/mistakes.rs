//! What is not understood is refused, with its line and a way out, and never passed over.

use std::time::{Duration, Instant};

use policy::parse::Severity;

use crate::busy::calendar;

const START: &str = "DTSTART:20270111T090000Z";

/// The line of the file that is wrong, the lines of an event, and what is said of it.
const CASES: &[(u32, &str, &str)] = &[
    (
        4,
        "DTSTART;TZID=Customized Time Zone:20270111T090000",
        "the time zone `Customized Time Zone` is not known",
    ),
    (4, "DTSTART:soon", "`soon` is no time"),
    (
        4,
        "DTSTART:20270132T090000Z",
        "`20270132T090000Z` is no time",
    ),
    (3, "SUMMARY:x", "the event has no beginning"),
];

/// The same of events that begin at [`START`].
const STARTED: &[(u32, &str, &str)] = &[
    (
        5,
        "DTEND:20270110T090000Z",
        "the event ends before it begins",
    ),
    (
        5,
        "DTEND:20270112T090000",
        "this time is of another kind than DTSTART",
    ),
    (5, "DURATION:8h", "`8h` is no length of time"),
    (
        5,
        "RRULE:FREQ=FORTNIGHTLY",
        "the rule `FREQ=FORTNIGHTLY` is not supported",
    ),
    (
        5,
        "RRULE:FREQ=DAILY;FULL=MOON",
        "the rule `FREQ=DAILY;FULL=MOON` is not supported",
    ),
    (5, "RRULE:COUNT=3", "the rule `COUNT=3` is not supported"),
    (5, "RRULE:FREQ=DAILY;UNTIL=soon", "`soon` is no time"),
    (6, "DURATION:PT1M\nRRULE:FREQ=MINUTELY", "comes too often"),
    (
        6,
        "DURATION:PT1H\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "it comes too rarely, or never",
    ),
    (5, "RRULE :FREQ=DAILY", "this line is no property"),
    (5, "EXRULE:FREQ=DAILY", "EXRULE is not supported"),
    (
        5,
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20270111T090000Z",
        "RECURRENCE-ID with RANGE is not supported",
    ),
    (
        5,
        "EXDATE:20270111T090000",
        "this time is of another kind than DTSTART",
    ),
    (5, "nothing at all", "this line is no property"),
    (5, "END:VALARM", "END:VALARM ends nothing that was begun"),
];

#[test]
fn what_is_not_understood_is_named_with_its_line() {
    let cases = CASES
        .iter()
        .map(|(line, event, message)| (*line, (*event).to_owned(), *message));
    let started = STARTED.iter();
    let started =
        started.map(|(line, more, message)| (*line, format!("{START}\n{more}"), *message));
    for (line, event, message) in cases.chain(started) {
        let read = calendar(&[&event]);
        let [mistake] = read.mistakes.as_slice() else {
            panic!("{event}: {:#?}", read.mistakes);
        };
        assert!(mistake.message.contains(message), "{event}: {mistake}");
        assert_eq!(
            (mistake.line, mistake.severity),
            (line, Severity::Error),
            "{event}"
        );
        assert_eq!(mistake.file, "x.ics");
        assert!(
            mistake.help.is_some() && !mistake.source_line.is_empty(),
            "{event}"
        );
        assert!(read.busy.is_empty());
    }
}

#[test]
fn a_calendar_in_another_encoding_is_refused_with_the_way_out() {
    let at = "2027-01-11T09:00:00Z".parse().unwrap();
    let latin = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Gesch\xe4\r\n ft\r\nDTSTART:20270111T090000Z\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let read = calendars::read("team.ics", latin, at);
    let mistake = &read.mistakes[0];
    assert_eq!((read.mistakes.len(), mistake.line), (1, 3));
    let message = "the byte 0xE4 is no UTF-8 text: probably Windows-1252 or Latin-1";
    assert_eq!(mistake.message, message);
    let help = mistake.help.as_deref().unwrap();
    assert!(
        help.contains("iconv -f WINDOWS-1252 -t UTF-8 team.ics"),
        "{help}"
    );

    let text = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    let units = || text.encode_utf16().flat_map(u16::to_le_bytes);
    let marked: Vec<u8> = [0xff, 0xfe].into_iter().chain(units()).collect();
    for (bytes, encoding) in [(marked, "UTF-16"), (units().collect(), "UTF-16LE")] {
        let read = calendars::read("team.ics", &bytes, at);
        let (message, help) = (&read.mistakes[0].message, &read.mistakes[0].help);
        assert!(message.contains(encoding), "{message}");
        let way_out = format!("iconv -f {encoding} -t UTF-8 team.ics");
        assert!(help.as_ref().unwrap().contains(&way_out), "{help:?}");
    }
}

#[test]
fn what_is_no_calendar_is_refused() {
    let at = "2027-01-11T09:00:00Z".parse().unwrap();
    let cases = [
        ("", "this is no iCalendar file"),
        ("<html>", "this is no iCalendar file"),
        ("BEGIN:VCARD\nEND:VCARD\n", "this is no iCalendar file"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
            "BEGIN:VEVENT has no end: the file is cut off",
        ),
    ];
    for (text, message) in cases {
        let read = calendars::read("x.ics", text.as_bytes(), at);
        assert!(
            read.mistakes[0].message.contains(message),
            "{text}: {:#?}",
            read.mistakes
        );
    }
    let deep = "BEGIN:X\n".repeat(1_000);
    assert!(
        calendars::read("x.ics", deep.as_bytes(), at).mistakes[0]
            .message
            .contains("within each other")
    );
}

#[test]
fn a_calendar_of_everything_is_too_large_to_be_meant() {
    let often = "DTSTART:20270111T090000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY;INTERVAL=6";
    let read = calendar(&[often]);
    assert!(
        read.mistakes[0].message.contains("too often"),
        "{:#?}",
        read.mistakes
    );
    let daily = "DTSTART:20270111T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let later = daily.replace("T09", "T12");
    let third = daily.replace("T09", "T15");
    assert!(calendar(&[daily, &later]).mistakes.is_empty());
    let read = calendar(&[daily, &later, &third]);
    assert!(
        read.mistakes[0]
            .message
            .contains("more than 2000 busy times"),
        "{:#?}",
        read.mistakes
    );
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    for start in ["00010101T000000Z", "99991231T235959Z", "20270111T235960Z"] {
        let event = format!("DTSTART:{start}\nDURATION:P9999999D\nRRULE:FREQ=YEARLY");
        calendar(&[&event]);
    }
    let at = policy::Timestamp::MAX_UTC;
    calendars::read("x.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", at);
}

#[test]
fn a_damaged_calendar_is_read_or_refused() {
    let whole = include_bytes!("../../../../examples/finance/calendars/closing.ics");
    let at = "2027-02-01T09:00:00Z".parse().unwrap();
    assert_eq!(calendars::read("x.ics", whole, at).mistakes, []);
    for place in (0..whole.len()).step_by(7) {
        for byte in [b';', b'\n', b'9', 0xff] {
            let mut damaged = whole.to_vec();
            damaged[place] = byte;
            calendars::read("x.ics", &damaged, at);
        }
        let cut = &whole[..place];
        let is_whole = place + 3 > whole.len();
        let read = calendars::read("x.ics", cut, at);
        assert!(
            is_whole || !read.mistakes.is_empty(),
            "cut off after {place} bytes"
        );
    }
}

#[test]
fn however_it_is_spread_over_a_file_nothing_takes_long() {
    let at = "2027-01-11T09:00:00Z".parse().unwrap();
    let read = |text: &str| calendars::read("x.ics", text.as_bytes(), at);
    let started = Instant::now();
    // Many calendars, each of which is long over but followed.
    let followed = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:19000101T090000Z\nDURATION:PT1M\n\
                    RRULE:FREQ=DAILY;COUNT=40000\nEND:VEVENT\nEND:VCALENDAR\n";
    let spread = read(&followed.repeat(5_000));
    assert!(
        spread.mistakes[0].message.contains("comes too often"),
        "{:#?}",
        spread.mistakes
    );
    // One rule after the other that says nothing.
    let never = "BEGIN:VEVENT\nDTSTART:20270111T090000Z\nDURATION:PT1M\n\
                 RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\n";
    for never in [never, &never.replace("SECONDLY", "YEARLY")] {
        let nothing = read(&format!(
            "BEGIN:VCALENDAR\n{}END:VCALENDAR\n",
            never.repeat(2_000)
        ));
        assert_eq!(nothing.mistakes.len(), 1, "{never}");
    }
    // Rules that have little to say since the beginning of time.
    let old = "BEGIN:VEVENT\nDTSTART:00010101T090000Z\nDURATION:PT1M\n\
               RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO\nEND:VEVENT\n";
    let old = read(&format!(
        "BEGIN:VCALENDAR\n{}END:VCALENDAR\n",
        old.repeat(2_000)
    ));
    assert!(
        old.mistakes[0].message.contains("comes too often"),
        "{:#?}",
        old.mistakes
    );
    // Everything takes the place of everything, by another clock.
    let one = "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20270111T090000\nDURATION:PT1M\nEND:VEVENT\n";
    let other = "BEGIN:VEVENT\nUID:a\nDTSTART:20270111T080000Z\nRECURRENCE-ID:20270111T080000Z\nEND:VEVENT\n";
    let replaced = read(&format!(
        "BEGIN:VCALENDAR\n{}{}END:VCALENDAR\n",
        one.repeat(20_000),
        other.repeat(20_000)
    ));
    assert_eq!((replaced.busy, replaced.mistakes), (Vec::new(), Vec::new()));
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[test]
fn no_rule_takes_long_or_ends_the_process() {
    let rules = [
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=65535",
        "FREQ=YEARLY;INTERVAL=65535",
        "FREQ=DAILY;INTERVAL=99999999999",
        "FREQ=DAILY;COUNT=0",
        "FREQ=YEARLY;COUNT=4294967295",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=99MO",
        "FREQ=MONTHLY;BYDAY=-",
        "FREQ=MONTHLY;BYDAY=",
        "FREQ=MONTHLY;BYSETPOS=0;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=-32",
        "FREQ=YEARLY;BYYEARDAY=-366",
        "FREQ=YEARLY;BYWEEKNO=-53;WKST=SU",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYSECOND=60",
        "FREQ=WEEKLY;WKST=XX",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=59;BYSECOND=1",
        "FREQ=SECONDLY",
        "FREQ=DAILY;BYDAY=M\u{e4}",
        "FREQ",
        "=",
    ];
    for start in ["20270111T090000Z", "19000101T000000Z", "99991231T235959Z"] {
        for rule in rules {
            calendar(&[&format!("DTSTART:{start}\nDURATION:PT1H\nRRULE:{rule}")]);
        }
    }
}
