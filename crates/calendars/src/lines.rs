//! From text to components and their properties, each with its line.

use icalendar::parser;

use crate::Mistake;

/// Components within each other.
const DEPTH: usize = 8;

/// The properties that say when an event is, and whether it counts.
const READ: [&str; 13] = [
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "EXRULE",
    "RECURRENCE-ID",
    "UID",
    "TRANSP",
    "STATUS",
    "TZID",
    "X-LIC-LOCATION",
];

/// `BEGIN` to `END`.
#[derive(Debug)]
pub(crate) struct Component {
    name: String,
    /// That of its `BEGIN`.
    pub(crate) line: usize,
    pub(crate) properties: Vec<Property>,
    pub(crate) components: Vec<Component>,
}

/// One content line.
#[derive(Debug)]
pub(crate) struct Property {
    name: String,
    pub(crate) line: usize,
    pub(crate) value: String,
    params: Vec<(String, String)>,
}

impl Component {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(crate) fn all<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Property> {
        let properties = self.properties.iter();
        properties.filter(move |property| property.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn first(&self, name: &str) -> Option<&Property> {
        let mut properties = self.properties.iter();
        properties.find(|property| property.name.eq_ignore_ascii_case(name))
    }
}

impl Property {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        let found = params.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The components of a text.
pub(crate) fn read(text: &str) -> Result<Vec<Component>, Mistake> {
    let mut root = Vec::new();
    let mut open: Vec<Component> = Vec::new();
    for (line, content) in unfolded(text) {
        if content.trim().is_empty() {
            continue;
        }
        if let Some(name) = marker(&content, "BEGIN:") {
            if open.len() >= DEPTH {
                let message = format!("more than {DEPTH} components within each other");
                return Err(Mistake::new(line, message, EXPORT));
            }
            open.push(Component {
                name: name.to_owned(),
                line,
                properties: Vec::new(),
                components: Vec::new(),
            });
        } else if let Some(name) = marker(&content, "END:") {
            let Some(ended) = open.pop().filter(|one| one.is(name)) else {
                let message = format!("END:{name} ends nothing that was begun");
                return Err(Mistake::new(line, message, EXPORT));
            };
            match open.last_mut() {
                Some(outer) => outer.components.push(ended),
                None => root.push(ended),
            }
        } else if let Some(inner) = open.last_mut() {
            inner.properties.extend(property(line, &content)?);
        } else {
            let help = "name a file that a calendar exports, which begins with BEGIN:VCALENDAR";
            return Err(Mistake::new(line, "this is no iCalendar file", help));
        }
    }
    match open.last() {
        Some(unended) => {
            let message = format!("BEGIN:{} has no end: the file is cut off", unended.name);
            Err(Mistake::new(unended.line, message, EXPORT))
        }
        None => Ok(root),
    }
}

const EXPORT: &str = "export the calendar anew";

fn marker<'c>(content: &'c str, marker: &str) -> Option<&'c str> {
    let start = content.get(..marker.len())?;
    start
        .eq_ignore_ascii_case(marker)
        .then(|| content[marker.len()..].trim())
}

/// Content lines without their folds, with the number of the line on which each begins.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut contents: Vec<(usize, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (n, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), contents.last_mut()) {
            (Some(more), Some((_, content))) => content.push_str(more),
            (Some(_), None) | (None, _) => contents.push((n + 1, line.to_owned())),
        }
    }
    contents
}

/// One property; `None` if it says nothing about times.
fn property(line: usize, content: &str) -> Result<Option<Property>, Mistake> {
    let wrong = || Mistake::new(line, "this line is no property `NAME:VALUE`", EXPORT);
    let Some((name, _)) = content
        .split_once([':', ';'])
        .filter(|_| content.contains(':'))
    else {
        return Err(wrong());
    };
    if !READ.iter().any(|one| one.eq_ignore_ascii_case(name.trim())) {
        return Ok(None);
    }
    if name != name.trim() {
        // A space does not make another property of it.
        return Err(wrong());
    }
    let read = parser::Property::try_from(content).map_err(|_| wrong())?;
    let params = read.params.iter();
    let params = params.map(|param| {
        let value = param.val.as_ref().map_or("", |value| value.as_str());
        (
            param.key.as_str().to_owned(),
            value.trim_matches('"').to_owned(),
        )
    });
    Ok(Some(Property {
        name: read.name.as_str().to_owned(),
        line,
        value: read.val.as_str().trim().to_owned(),
        params: params.collect(),
    }))
}
