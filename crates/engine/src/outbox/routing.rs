//! Which events are told to whom? A pure function of the events, of the state after them, and of what the files say.

use std::collections::BTreeSet;

use policy::settings::Notify;
use policy::{CustomerId, GroupId, PersonId, Timestamp};
use rollout::view::{GateView, RolloutView};
use rollout::{Event, Fact, Kind, Product, RolloutId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::audience::Audience;
use super::notification::{Notification, NotificationId, Recipient, Sink};
use crate::hex;

/// Fields of `data` that are for the core, not for people: whole plans and inputs.
const LEFT_OUT: [&str; 4] = ["plan", "input", "files", "request"];

/// The notifications that these events ask for; `product` is the state that holds them.
///
/// A recipient that several entries name gets one notification for each event. Requests for approval of one instant become
/// one notification for each recipient, and people are only told of gates that they may open (R10).
pub fn notifications_of_events(
    audience: &Audience,
    events: &[Event],
    product: &Product,
) -> Vec<Notification> {
    if audience.notify.is_empty() {
        return Vec::new();
    }
    let (asked, told): (Vec<&Event>, Vec<&Event>) = events
        .iter()
        .partition(|event| event.line.kind == Kind::ApprovalRequested);
    let mut notifications: Vec<Notification> = told
        .into_iter()
        .flat_map(|event| about_event(audience, event, product))
        .collect();
    let runs: BTreeSet<RolloutId> = asked
        .iter()
        .filter_map(|event| event.line.rollout)
        .collect();
    for run in runs {
        let requests: Vec<&Event> = asked
            .iter()
            .filter(|event| event.line.rollout == Some(run))
            .copied()
            .collect();
        notifications.extend(about_gates(audience, &requests, product.rollout_view(run)));
    }
    notifications
}

/// The notifications that a change of an alert asks for; `alert` is the alert as it is shown to people.
pub fn notifications_of_alert(
    audience: &Audience,
    kind: &str,
    at: Timestamp,
    id: &str,
    customer: &CustomerId,
    alert: &Value,
) -> Vec<Notification> {
    let entries = entries(audience, kind);
    let addressed = entries.flat_map(|entry| {
        recipients(audience, entry, Some(customer))
            .into_iter()
            .map(move |to| (entry, to))
    });
    let draft = Draft {
        audience,
        origin: id.to_owned(),
        at,
        kind,
        run: None,
    };
    once(addressed)
        .into_iter()
        .map(|(entry, to)| draft.notification(entry, to, vec![alert.clone()]))
        .collect()
}

fn entries<'a>(audience: &'a Audience, kind: &str) -> impl Iterator<Item = &'a Notify> {
    let is_meant = move |entry: &&Notify| entry.when.iter().any(|when| when == kind);
    audience.notify.iter().filter(is_meant)
}

fn about_event(audience: &Audience, event: &Event, product: &Product) -> Vec<Notification> {
    let kind = event.line.kind.as_str();
    let addressed = entries(audience, kind).flat_map(|entry| {
        recipients(audience, entry, event.line.customer.as_ref())
            .into_iter()
            .map(move |to| (entry, to))
    });
    let addressed = once(addressed);
    if addressed.is_empty() {
        return Vec::new();
    }
    let draft = Draft {
        audience,
        origin: format!("e{}", event.seq),
        at: event.at,
        kind,
        run: event.line.rollout.map(|run| (run, version(product, run))),
    };
    addressed
        .into_iter()
        .map(|(entry, to)| draft.notification(entry, to, vec![show(event)]))
        .collect()
}

/// The plan of a rollout that has not begun is not there yet.
fn version(product: &Product, run: RolloutId) -> Option<String> {
    product.plan(run).map(|plan| plan.release.version.clone())
}

fn about_gates(
    audience: &Audience,
    requests: &[&Event],
    run: Option<RolloutView>,
) -> Vec<Notification> {
    let (Some(first), Some(run)) = (requests.first(), run) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = requests
        .iter()
        .filter_map(|event| match Fact::read(&event.line) {
            Ok(Fact::Gate(fact)) => Some(fact.place().gate.clone()),
            Ok(_) | Err(_) => None,
        })
        .collect();
    let mut gates: Vec<&GateView> = run
        .gates
        .iter()
        .filter(|gate| names.contains(&gate.gate))
        .collect();
    // Those without a known turn last; the sort keeps the order of the plan otherwise.
    gates.sort_by_key(|gate| (gate.begins.is_none(), gate.begins));
    let draft = Draft {
        audience,
        origin: format!("e{}", first.seq),
        at: first.at,
        kind: Kind::ApprovalRequested.as_str(),
        run: Some((run.id, Some(run.version.clone()))),
    };
    let addressed = entries(audience, draft.kind).flat_map(|entry| {
        let customers = gates.iter().flat_map(|gate| &gate.covers);
        asked_people(audience, entry, customers)
            .into_iter()
            .map(move |to| (entry, to))
    });
    let notifications = once(addressed).into_iter().filter_map(|(entry, to)| {
        let concern = gates.iter().filter(|gate| concerns(gate, &to));
        let about: Vec<Value> = concern.map(|gate| show_gate(gate)).collect();
        (!about.is_empty()).then(|| draft.notification(entry, to, about))
    });
    notifications.collect()
}

/// Whom an entry means: for `to: customer` every customer that a gate covers.
fn asked_people<'c>(
    audience: &Audience,
    entry: &Notify,
    customers: impl Iterator<Item = &'c CustomerId>,
) -> Vec<Recipient> {
    if !entry.to.contains_key("customer") {
        return recipients(audience, entry, None);
    }
    let customers: BTreeSet<&CustomerId> = customers.collect();
    customers
        .into_iter()
        .flat_map(|customer| recipients(audience, entry, Some(customer)))
        .collect()
}

/// A person is told of gates they may open, a customer of its own, everybody else of all.
fn concerns(gate: &GateView, to: &Recipient) -> bool {
    match (&to.person, &to.customer) {
        (Some(person), _) => gate.approvers.contains(person),
        (None, Some(customer)) => gate.covers.contains(customer),
        (None, None) => true,
    }
}

/// The recipients of an entry; for `to: customer` the contact of the customer that an event is about.
fn recipients(
    audience: &Audience,
    entry: &Notify,
    customer: Option<&CustomerId>,
) -> Vec<Recipient> {
    let Some((name, target)) = entry.to.iter().next() else {
        return Vec::new();
    };
    match Sink::of(name) {
        Some(Sink::Email) => by_email(audience, target),
        Some(sink @ (Sink::Slack | Sink::Webhook | Sink::Command)) => {
            vec![plain(sink, target)]
        }
        None => customer
            .and_then(|customer| contact(audience, customer, target))
            .into_iter()
            .collect(),
    }
}

fn plain(sink: Sink, target: &str) -> Recipient {
    Recipient {
        sink,
        target: target.to_owned(),
        person: None,
        customer: None,
        name: None,
    }
}

/// An address, a person, or everybody in a group.
fn by_email(audience: &Audience, target: &str) -> Vec<Recipient> {
    if target.contains('@') {
        return vec![plain(Sink::Email, target)];
    }
    let alone = BTreeSet::from([PersonId::from(target)]);
    let people = audience
        .groups
        .get(&GroupId::from(target))
        .unwrap_or(&alone);
    let addressed = people.iter().filter_map(|person| {
        let email = audience.people.get(person)?.email.as_ref()?;
        Some(Recipient {
            person: Some(person.clone()),
            name: Some(person.to_string()),
            ..plain(Sink::Email, email)
        })
    });
    addressed.collect()
}

/// A customer never gets a command: what customers.yaml says about addresses is not run.
fn contact(audience: &Audience, customer: &CustomerId, which: &str) -> Option<Recipient> {
    let contact = audience.contacts.get(customer)?;
    let target = contact.addresses.get(which)?;
    let sink = match Sink::of(which) {
        Some(sink @ (Sink::Slack | Sink::Webhook)) => sink,
        Some(Sink::Email | Sink::Command) | None => Sink::Email,
    };
    Some(Recipient {
        customer: Some(customer.clone()),
        name: Some(contact.name.clone()),
        ..plain(sink, target)
    })
}

/// Each recipient once, by the first entry that names it.
fn once<'a>(
    addressed: impl Iterator<Item = (&'a Notify, Recipient)>,
) -> Vec<(&'a Notify, Recipient)> {
    let mut seen = BTreeSet::new();
    addressed.filter(|(_, to)| seen.insert(mark(to))).collect()
}

/// Tells recipients of one event apart.
fn mark(to: &Recipient) -> String {
    let customer = to
        .customer
        .as_ref()
        .map_or("", |customer| customer.as_str());
    let text = format!("{}\n{}\n{customer}", to.sink.as_str(), to.target);
    hex::hex(&Sha256::digest(text.as_bytes())[..4])
}

/// What all notifications of one occasion share.
struct Draft<'a> {
    audience: &'a Audience,
    origin: String,
    at: Timestamp,
    kind: &'a str,
    run: Option<(RolloutId, Option<String>)>,
}

impl Draft<'_> {
    fn notification(&self, entry: &Notify, to: Recipient, about: Vec<Value>) -> Notification {
        let (rollout, version) = self.run.clone().unzip();
        Notification {
            id: NotificationId(format!("{}-{}", self.origin, mark(&to))),
            at: self.at,
            kind: self.kind.to_owned(),
            product: self.audience.product.clone(),
            rollout,
            version: version.flatten(),
            to,
            about,
            text: entry.text.clone(),
            secret: entry.secret.clone(),
            remind: entry.remind,
            reminder: 0,
        }
    }
}

/// An event as outsiders get it: without its links and without what only the core reads.
fn show(event: &Event) -> Value {
    let mut fact = event.line.clone();
    fact.data.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
    let mut value = serde_json::to_value(&fact).expect("facts serialise");
    if let Some(fields) = value.as_object_mut() {
        fields.insert("seq".to_owned(), json!(event.seq));
        fields.insert("at".to_owned(), json!(rollout::show_instant(event.at)));
    }
    value
}

fn show_gate(gate: &GateView) -> Value {
    json!({
        "kind": Kind::ApprovalRequested.as_str(),
        "gate": gate.gate,
        "phase": gate.phase,
        "covers": gate.covers,
        "missing": gate.missing,
        "begins": gate.begins.map(rollout::show_instant),
        "lapses_before_turn": gate.lapses_before_turn,
        "expires_at": gate.expires_at.map(rollout::show_instant),
    })
}
