//! `customers.yaml` as text: entries are added to it, and every other letter stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use policy::settings::Service;
use policy::{CustomerId, Role};

/// The key that holds the fleet.
const FLEET: &str = "customers";

/// Indentation where the file shows none.
const INDENT: usize = 2;

/// Words that YAML readers take for something other than a text.
const WORDS: [&str; 7] = ["null", "true", "false", "yes", "no", "on", "off"];

/// A customer to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) customer: CustomerId,
    pub(super) name: Option<String>,
    pub(super) tier: String,
    pub(super) timezone: Option<String>,
    pub(super) weight: Option<u64>,
    pub(super) services: BTreeMap<Role, Service>,
}

/// Why something has to be added by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ByHand {
    #[error(
        "`customers:` is not written as one customer after the other, each on lines of its own"
    )]
    Fleet,
    #[error("`services:` of {0} is not written as one service a line")]
    Services(CustomerId),
}

/// The file.
#[derive(Clone, Debug)]
pub(super) struct CustomersFile {
    lines: Vec<String>,
}

impl CustomersFile {
    pub(super) fn new(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    /// Adds a customer behind all others.
    pub(super) fn add_customer(&mut self, entry: &Entry) -> Result<(), ByHand> {
        let heading = self.fleet()?;
        let end = self.end_of(heading);
        let step = self.indent_below(heading, end).unwrap_or(INDENT);
        let last = (heading..end).rev().find(|at| is_content(&self.lines[*at]));
        let place = last.unwrap_or(heading) + 1;
        // An empty fleet is written `customers: {}`.
        let bare = self.lines[heading].replacen("{}", "", 1);
        bare.trim_end().clone_into(&mut self.lines[heading]);
        self.lines.splice(place..place, entry.lines(step));
        Ok(())
    }

    /// The line of a customer's services.
    fn services_of(&self, customer: &CustomerId) -> Result<usize, ByHand> {
        let by_hand = || ByHand::Services(customer.clone());
        let own = self.child(self.fleet()?, customer.as_str());
        let services = own.and_then(|own| self.child(own, "services"));
        services.ok_or_else(by_hand)
    }

    /// Adds a service of a customer that is in the file.
    pub(super) fn add_service(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        service: &Service,
    ) -> Result<(), ByHand> {
        let services = self.services_of(customer)?;
        let end = self.end_of(services);
        let indent = self
            .indent_below(services, end)
            .unwrap_or(indent_of(&self.lines[services]) + INDENT);
        let last = (services..end)
            .rev()
            .find(|at| is_content(&self.lines[*at]));
        let place = last.unwrap_or(services) + 1;
        let line = format!("{:indent$}{}", "", service_line(role, service));
        self.lines.insert(place, line);
        Ok(())
    }

    /// Adds the address of a service that is in the file without one, on a line of its own or within braces.
    pub(super) fn add_url(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        url: &str,
    ) -> Result<(), ByHand> {
        let by_hand = || ByHand::Services(customer.clone());
        let services = self.services_of(customer)?;
        let service = self.key(services, role.as_str()).ok_or_else(by_hand)?;
        let end = self.end_of(service);
        if let Some(indent) = self.indent_below(service, end) {
            let last = (service..end).rev().find(|at| is_content(&self.lines[*at]));
            let line = format!("{:indent$}url: {}", "", quoted(url));
            self.lines.insert(last.unwrap_or(service) + 1, line);
            return Ok(());
        }
        let line = &mut self.lines[service];
        let close = line.find('}').ok_or_else(by_hand)?;
        let entry = line[..close].trim_end();
        *line = format!("{entry}, url: {} {}", quoted(url), &line[close..]);
        Ok(())
    }

    fn fleet(&self) -> Result<usize, ByHand> {
        let mut headings = self.lines.iter().enumerate();
        let found = headings.find(|(_, line)| indent_of(line) == 0 && is_key(line, FLEET));
        let (at, line) = found.ok_or(ByHand::Fleet)?;
        let rest = value_of(line);
        if rest.is_empty() || rest == "{}" {
            Ok(at)
        } else {
            Err(ByHand::Fleet)
        }
    }

    /// The line of a key right below another, whose value is on lines of its own.
    fn child(&self, parent: usize, key: &str) -> Option<usize> {
        let found = self.key(parent, key)?;
        value_of(&self.lines[found]).is_empty().then_some(found)
    }

    /// The line of a key right below another.
    fn key(&self, parent: usize, key: &str) -> Option<usize> {
        let end = self.end_of(parent);
        let indent = self.indent_below(parent, end)?;
        (parent + 1..end).find(|at| {
            let line = &self.lines[*at];
            indent_of(line) == indent && is_key(line, key)
        })
    }

    /// The first line that no longer belongs to the key at a line.
    fn end_of(&self, heading: usize) -> usize {
        let indent = indent_of(&self.lines[heading]);
        let mut below = heading + 1..self.lines.len();
        below
            .find(|at| is_content(&self.lines[*at]) && indent_of(&self.lines[*at]) <= indent)
            .unwrap_or(self.lines.len())
    }

    fn indent_below(&self, heading: usize, end: usize) -> Option<usize> {
        let mut below = self.lines[heading + 1..end].iter();
        below
            .find(|line| is_content(line))
            .map(|line| indent_of(line))
    }
}

impl Entry {
    fn lines(&self, step: usize) -> Vec<String> {
        let mut text = String::new();
        let mut put = |depth: usize, line: String| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{:width$}{line}", "", width = depth * step);
        };
        put(1, format!("{}:", plain(self.customer.as_str())));
        if let Some(name) = &self.name {
            put(2, format!("name: {}", quoted(name)));
        }
        put(2, format!("tier: {}", plain(&self.tier)));
        if let Some(zone) = &self.timezone {
            put(2, format!("timezone: {zone}"));
        }
        if let Some(weight) = self.weight {
            put(2, format!("weight: {weight}"));
        }
        put(2, "services:".to_owned());
        for (role, service) in &self.services {
            put(3, service_line(role, service));
        }
        text.lines().map(str::to_owned).collect()
    }
}

fn service_line(role: &Role, service: &Service) -> String {
    let url = service.url.as_deref().map(quoted);
    let url = url.map_or_else(String::new, |url| format!(", url: {url}"));
    format!("{}: {{ id: {}{url} }}", plain(role.as_str()), service.id)
}

/// A text in quotes, as YAML and JSON have them alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word without quotes where it needs none.
fn plain(word: &str) -> String {
    let is_plain = word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !WORDS.contains(&word);
    if is_plain {
        word.to_owned()
    } else {
        quoted(word)
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether a line is more than blank or a comment.
fn is_content(line: &str) -> bool {
    let text = line.trim_start();
    !text.is_empty() && !text.starts_with('#')
}

fn is_key(line: &str, key: &str) -> bool {
    let written = line.trim_start().split(':').next().unwrap_or_default();
    written.trim_end().trim_matches(['"', '\'']) == key
}

/// What stands behind the key on its line, without a comment.
fn value_of(line: &str) -> &str {
    let value = line.split_once(':').map_or("", |(_, value)| value);
    value.split(" #").next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const FILE: &str = "\
# Ours.
customers:
  # The first.
  acme:
    tier: demo   # free
    services:
      backend: { id: srv-1 }

  beta:
    tier: demo
    services: { backend: { id: srv-2 } }
# The end.
";

    fn service(id: &str, url: Option<&str>) -> Service {
        Service {
            id: id.into(),
            url: url.map(str::to_owned),
        }
    }

    fn gamma() -> Entry {
        Entry {
            customer: CustomerId::new("gamma"),
            name: Some("Gamma: the \"third\"".to_owned()),
            tier: "startup".to_owned(),
            timezone: Some("Europe/Paris".to_owned()),
            weight: Some(250),
            services: [(
                Role::new("backend"),
                service("srv-3", Some("https://g.example")),
            )]
            .into(),
        }
    }

    #[test]
    fn a_customer_is_added_behind_the_others_and_nothing_else_changes() {
        let mut file = CustomersFile::new(FILE);
        file.add_customer(&gamma()).unwrap();
        let added = "  gamma:
    name: \"Gamma: the \\\"third\\\"\"
    tier: startup
    timezone: Europe/Paris
    weight: 250
    services:
      backend: { id: srv-3, url: \"https://g.example\" }
";
        let expected = FILE.replace("# The end.\n", &format!("{added}# The end.\n"));
        assert_eq!(file.text(), expected);
    }

    #[test]
    fn an_empty_fleet_gets_its_first_customer() {
        for empty in ["customers: {}\n", "customers:\n", "customers: # none yet\n"] {
            let mut file = CustomersFile::new(empty);
            file.add_customer(&gamma()).unwrap();
            assert!(file.text().contains("\n  gamma:\n"), "{}", file.text());
            assert!(!file.text().contains("{}"), "{}", file.text());
        }
    }

    #[test]
    fn a_service_is_added_to_its_customer() {
        let mut file = CustomersFile::new(FILE);
        let (acme, role) = (CustomerId::new("acme"), Role::new("database"));
        file.add_service(&acme, &role, &service("dpg-1", None))
            .unwrap();
        let line = "      backend: { id: srv-1 }\n";
        let expected = FILE.replace(line, &format!("{line}      database: {{ id: dpg-1 }}\n"));
        assert_eq!(file.text(), expected);
    }

    #[test]
    fn an_address_is_added_to_its_service() {
        let mut file = CustomersFile::new(
            "customers:\n  acme:\n    services:\n      backend: { id: srv-1 } # first\n      frontend:\n        id: srv-2\n\n",
        );
        let acme = CustomerId::new("acme");
        for role in ["backend", "frontend"] {
            file.add_url(&acme, &Role::new(role), "https://a.example")
                .unwrap();
        }
        assert_eq!(
            file.text(),
            "customers:\n  acme:\n    services:\n      backend: { id: srv-1, url: \"https://a.example\" } # first\n      \
             frontend:\n        id: srv-2\n        url: \"https://a.example\"\n\n"
        );
        let missing = file.add_url(&acme, &Role::new("worker"), "https://a.example");
        assert_eq!(missing, Err(ByHand::Services(acme)));
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_people() {
        let mut file = CustomersFile::new(FILE);
        let (beta, role) = (CustomerId::new("beta"), Role::new("database"));
        let added = file.add_service(&beta, &role, &service("dpg-1", None));
        assert_eq!(added, Err(ByHand::Services(beta)));
        assert_eq!(file.text(), FILE);
        let mut flow = CustomersFile::new("customers: { acme: {} }\n");
        assert_eq!(flow.add_customer(&gamma()), Err(ByHand::Fleet));
    }

    #[test]
    fn words_that_mean_something_else_are_quoted() {
        assert_eq!(plain("acme-2"), "acme-2");
        assert_eq!(plain("on"), "\"on\"");
        assert_eq!(plain("7up"), "\"7up\"");
    }
}
