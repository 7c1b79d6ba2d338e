//! Which times of a calendar are busy.

use policy::parse::Calendar;

/// A calendar of events, each some lines, read in January 2027.
pub(crate) fn calendar(events: &[&str]) -> Calendar {
    let events: Vec<String> = events
        .iter()
        .map(|lines| format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"))
        .collect();
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\n{}END:VCALENDAR\n",
        events.concat()
    );
    calendars::read(
        "x.ics",
        text.as_bytes(),
        "2027-01-11T09:00:00Z".parse().unwrap(),
    )
}

fn busy(events: &[&str]) -> Vec<String> {
    let read = calendar(events);
    assert_eq!(read.mistakes, []);
    let busy = read.busy.iter();
    busy.map(|period| format!("{} {}", period.from, period.until))
        .collect()
}

#[test]
fn the_time_of_an_event_is_by_its_clock() {
    let cases = [
        (
            "DTSTART:20270111T090000Z\nDTEND:20270111T170000Z",
            "2027-01-11T09:00:00Z 2027-01-11T17:00:00Z",
        ),
        (
            "DTSTART:20270111T090000\nDURATION:PT8H",
            "2027-01-11T09:00 2027-01-11T17:00",
        ),
        (
            "DTSTART;TZID=America/New_York:20270111T090000\nDURATION:PT8H",
            "2027-01-11T14:00:00Z 2027-01-11T22:00:00Z",
        ),
        (
            "DTSTART;VALUE=DATE:20270111",
            "2027-01-11T00:00 2027-01-12T00:00",
        ),
        (
            "DTSTART;VALUE=DATE:20270111\nDTEND;VALUE=DATE:20270111",
            "2027-01-11T00:00 2027-01-12T00:00",
        ),
        (
            "DTSTART;VALUE=DATE:20270111\nDTEND;VALUE=DATE:20270118",
            "2027-01-11T00:00 2027-01-18T00:00",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20270111T090000\nDTEND;TZID=America/New_York:20270111T090000",
            "2027-01-11T08:00:00Z 2027-01-11T14:00:00Z",
        ),
        (
            "dtstart;tzid=\"Europe/Berlin\":20270111T090000\ndtend:20270111T160000Z",
            "2027-01-11T08:00:00Z 2027-01-11T16:00:00Z",
        ),
        (
            "DTSTART;TZID=/citadel.org/20210210_1/Europe/Berlin:20270111T090000\nDURATION:PT1H",
            "2027-01-11T08:00:00Z 2027-01-11T09:00:00Z",
        ),
        (
            "DTSTART;TZID=W. Europe Standard Time:20270111T090000\nDURATION:PT1H",
            "2027-01-11T08:00:00Z 2027-01-11T09:00:00Z",
        ),
        (
            "DTSTART:2027011\n 1T090000Z\nDURATION\n\t:PT1H",
            "2027-01-11T09:00:00Z 2027-01-11T10:00:00Z",
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(busy(&[event]), [expected], "{event}");
    }
}

#[test]
fn a_zone_of_its_own_name_is_where_the_calendar_says_that_it_lies() {
    let text = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:Office\r\nX-LIC-LOCATION:Europe/Berlin\r\nEND:VTIMEZONE\r\n\
                BEGIN:VEVENT\r\nDTSTART;TZID=Office:20270111T090000\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let read = calendars::read(
        "x.ics",
        text.as_bytes(),
        "2027-01-11T09:00:00Z".parse().unwrap(),
    );
    assert_eq!(read.busy[0].from.to_string(), "2027-01-11T08:00:00Z");
}

#[test]
fn what_says_nothing_about_times_may_say_it_in_any_way() {
    let text = b"BEGIN:VCALENDAR\nX-WR-CALNAME;;=:x\nBEGIN:VEVENT\nSUMMARY:Caf\xc3\n \xa9\nDTSTART:20270111T090000Z\nDURATION:PT1H\n\
        BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:soon\nEND:VALARM\nEND:VEVENT\nBEGIN:VJOURNAL\nDTSTART:soon\nEND:VJOURNAL\nEND:VCALENDAR\n";
    let read = calendars::read("x.ics", text, "2027-01-11T09:00:00Z".parse().unwrap());
    assert_eq!(read.mistakes, []);
    assert_eq!(read.busy.len(), 1);
}

#[test]
fn free_cancelled_and_empty_events_are_not_busy() {
    let day = "DTSTART;VALUE=DATE:20270111";
    for line in [
        "TRANSP:TRANSPARENT",
        "STATUS:CANCELLED",
        "transp:transparent",
    ] {
        assert!(busy(&[&format!("{day}\n{line}")]).is_empty(), "{line}");
    }
    for line in ["TRANSP:OPAQUE", "STATUS:TENTATIVE", "STATUS:CONFIRMED"] {
        assert_eq!(busy(&[&format!("{day}\n{line}")]).len(), 1, "{line}");
    }
    assert!(busy(&["DTSTART:20270111T090000Z"]).is_empty());
    assert!(busy(&["DTSTART:20270111T090000Z\nDTEND:20270111T090000Z"]).is_empty());
}

#[test]
fn what_recurs_begins_at_its_local_time_whatever_the_clocks_do() {
    let event = "DTSTART;TZID=Europe/Berlin:20270326T220000\nDTEND;TZID=Europe/Berlin:20270327T030000\nRRULE:FREQ=DAILY;COUNT=4";
    let expected = [
        "2027-03-26T21:00:00Z 2027-03-27T02:00:00Z",
        // The hour from 02:00 of the 28th does not exist.
        "2027-03-27T21:00:00Z 2027-03-28T01:00:00Z",
        "2027-03-28T20:00:00Z 2027-03-29T01:00:00Z",
        "2027-03-29T20:00:00Z 2027-03-30T01:00:00Z",
    ];
    assert_eq!(busy(&[event]), expected);
    let gap =
        "DTSTART;TZID=Europe/Berlin:20270327T021500\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=3";
    assert_eq!(busy(&[gap]).len(), 2, "that of the 28th is empty");
}

#[test]
fn rules_dates_and_exceptions_are_followed() {
    let starts = |event: &str| -> Vec<String> {
        let busy = busy(&[event]).into_iter();
        busy.map(|times| times.split_once('T').unwrap().0.to_owned())
            .collect()
    };
    let day = "DTSTART;VALUE=DATE:20270111";
    let cases = [
        (
            "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3",
            vec!["2027-01-11", "2027-01-13", "2027-01-18"],
        ),
        (
            "RRULE:FREQ=DAILY;UNTIL=20270113",
            vec!["2027-01-11", "2027-01-12", "2027-01-13"],
        ),
        (
            // Midnight of the 13th in Berlin, as Exchange writes it of whole days.
            "RRULE:FREQ=DAILY;UNTIL=20270112T230000Z",
            vec!["2027-01-11", "2027-01-12", "2027-01-13"],
        ),
        (
            "RRULE:FREQ=DAILY;UNTIL=20270113T050000Z",
            vec!["2027-01-11", "2027-01-12", "2027-01-13"],
        ),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=2",
            vec!["2027-01-11", "2027-01-29", "2027-02-26"],
        ),
        (
            "RDATE;VALUE=DATE:20270115,20270120",
            vec!["2027-01-11", "2027-01-15", "2027-01-20"],
        ),
        (
            "RRULE:FREQ=DAILY;COUNT=4\nEXDATE;VALUE=DATE:20270112\nEXDATE;VALUE=DATE:20270113",
            vec!["2027-01-11", "2027-01-14"],
        ),
        (
            "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1",
            vec!["2027-01-11", "2027-01-12"],
        ),
        (
            "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            vec!["2027-01-11"],
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(starts(&format!("{day}\n{more}")), expected, "{more}");
    }
    let zoned = "DTSTART;TZID=Europe/Berlin:20270111T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20270113T080000Z\nEXDATE:20270112T080000Z";
    assert_eq!(
        busy(&[zoned]),
        [
            "2027-01-11T08:00:00Z 2027-01-11T09:00:00Z",
            "2027-01-13T08:00:00Z 2027-01-13T09:00:00Z"
        ]
    );
    let period = "DTSTART:20270111T090000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20270112T090000Z/PT2H,20270113T090000Z/20270113T120000Z";
    assert_eq!(
        busy(&[period])[1..],
        [
            "2027-01-12T09:00:00Z 2027-01-12T11:00:00Z",
            "2027-01-13T09:00:00Z 2027-01-13T12:00:00Z"
        ]
    );
}

#[test]
fn one_occurrence_may_be_moved_cancelled_or_made_free() {
    let series = "UID:s\nDTSTART;TZID=Europe/Berlin:20270111T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2";
    let first = "2027-01-11T08:00:00Z 2027-01-11T09:00:00Z";
    let moved = "UID:s\nRECURRENCE-ID;TZID=Europe/Berlin:20270112T090000\nDTSTART:20270112T120000Z\nDURATION:PT3H";
    assert_eq!(
        busy(&[series, moved]),
        [first, "2027-01-12T12:00:00Z 2027-01-12T15:00:00Z"]
    );
    assert_eq!(busy(&[moved, series]).len(), 2, "in any order");
    // In another zone, it is the same instant.
    let elsewhere = moved.replace(
        "ID;TZID=Europe/Berlin:20270112T090000",
        "ID:20270112T080000Z",
    );
    assert_eq!(busy(&[series, &elsewhere]).len(), 2);
    for line in ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"] {
        assert_eq!(
            busy(&[series, &format!("{moved}\n{line}")]),
            [first],
            "{line}"
        );
    }
    let other = moved.replace("UID:s", "UID:t");
    assert_eq!(busy(&[series, &other]).len(), 3, "of another series");
}

#[test]
fn a_series_is_followed_from_the_month_before_until_two_years_later() {
    let monthly = "DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=MONTHLY";
    let monthly = busy(&[monthly]);
    assert_eq!(monthly.len(), 26);
    assert_eq!(
        monthly.first().unwrap(),
        "2026-12-01T00:00 2026-12-02T00:00"
    );
    assert_eq!(monthly.last().unwrap(), "2029-01-01T00:00 2029-01-02T00:00");
    // What began long ago and goes on is in it.
    assert_eq!(
        busy(&["DTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:20280101"]).len(),
        1
    );
    assert!(busy(&["DTSTART;VALUE=DATE:20200101"]).is_empty());
}
