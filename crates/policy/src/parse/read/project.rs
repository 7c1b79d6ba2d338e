//! `tranche.yaml`, typed, with the defaults filled in.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::{Fields, name};
use crate::calendar::{
    Freeze, FreezeScope, FreezeTimes, Period, Repetition, WrittenCron, ZoneSpec,
};
use crate::health::{Check, CheckKind, Profile};
use crate::ids::{CustomerId, GroupId, PersonId, PolicyId, Role};
use crate::parse::calendar::Calendar;
use crate::parse::format;
use crate::parse::node::{Kind, Node};
use crate::settings::{
    AutoDeploy, Claim, Claims, ClaimsValidFor, Follow, Notify, Person, Project, RenderSettings,
    RoleName, Roles, SecretSource, ZeroDowntime,
};
use crate::span::Span;

/// Reads the project; what is missing has its default.
pub(in crate::parse) fn project(node: &Node<'_>, calendars: &[Calendar]) -> Project {
    let fields = Fields::new(node);
    let people: BTreeMap<PersonId, Person> = fields
        .entries("people")
        .filter_map(|(key, node)| Some((PersonId::from(name(key)?), person(node))))
        .collect();
    let groups = groups(fields);
    let timezone = fields.zone("timezone").unwrap_or(Tz::UTC);
    Project {
        product: fields.text("product").unwrap_or_default(),
        policies: fields
            .text("policies")
            .unwrap_or_else(|| "policies/".to_owned()),
        customers: fields
            .text("customers")
            .unwrap_or_else(|| "customers.yaml".to_owned()),
        repository: fields.text("repository"),
        timezone,
        render: render(fields.below("render")),
        variables: fields
            .entries("variables")
            .map(|(role, node)| (Role::from(role), variables(node)))
            .collect(),
        health: profiles(fields),
        freezes: items(fields, "freezes")
            .filter_map(|node| freeze(node, timezone, calendars))
            .collect(),
        roles: roles(fields.below("roles"), &people, &groups),
        people,
        groups,
        follow: fields
            .get("follow")
            .and_then(|node| follow(Fields::new(node))),
        notify: items(fields, "notify")
            .filter_map(|node| notify(Fields::new(node)))
            .collect(),
        allow: fields.below("network").list("allow", str::to_owned),
        claims: claims(fields),
    }
}

/// Reads what may be named outside the project folder.
pub(in crate::parse) fn files(node: &Node<'_>) -> Vec<String> {
    let fields = Fields::new(node);
    fields.below("files").list("allow", str::to_owned)
}

fn items<'n, 't>(fields: Fields<'n, 't>, key: &str) -> impl Iterator<Item = &'n Node<'t>> {
    fields.get(key).map_or(&[][..], Node::items).iter()
}

fn render(fields: Fields<'_, '_>) -> RenderSettings {
    let poll = fields.below("poll");
    let poll_from = poll.span("from").unwrap_or(Span::from_secs(3));
    RenderSettings {
        url: fields
            .text("url")
            .unwrap_or_else(|| "https://api.render.com/v1".to_owned()),
        owner: fields.text("owner"),
        settle: fields.span("settle").unwrap_or(Span::from_secs(120)),
        poll_from,
        poll_to: poll
            .span("to")
            .unwrap_or(Span::from_secs(15).max(poll_from)),
        max_parallel: fields.int("max_parallel").unwrap_or(10),
        timeout: fields.span("timeout").unwrap_or(Span::from_secs(30)),
        max_retries: fields.int("max_retries").unwrap_or(3),
        auto_deploy: fields.word("auto_deploy").unwrap_or(AutoDeploy::Refuse),
        zero_downtime: fields.word("zero_downtime").unwrap_or(ZeroDowntime::Warn),
    }
}

fn variables(node: &Node<'_>) -> BTreeMap<String, String> {
    let written = node.entries().iter();
    written
        .filter_map(|(key, node)| Some((key.name.clone().into_owned(), node.scalar()?.to_owned())))
        .collect()
}

fn profiles(fields: Fields<'_, '_>) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::from([
        ("basic".to_owned(), Profile::basic()),
        ("comprehensive".to_owned(), Profile::comprehensive()),
    ]);
    profiles.extend(
        fields
            .entries("health")
            .map(|(name, node)| (name.to_owned(), profile(Fields::new(node)))),
    );
    profiles
}

fn profile(fields: Fields<'_, '_>) -> Profile {
    let usual = Profile::basic();
    Profile {
        every: fields.span("every").unwrap_or(usual.every),
        pass_after: fields.int("pass_after").unwrap_or(usual.pass_after),
        fail_after: fields.int("fail_after").unwrap_or(usual.fail_after),
        checks: items(fields, "checks")
            .filter_map(|node| check(Fields::new(node)))
            .collect(),
    }
}

fn check(fields: Fields<'_, '_>) -> Option<Check> {
    let kind = if let Some(path) = fields.text("http") {
        CheckKind::Http(path)
    } else if let Some(path) = fields.text("version") {
        CheckKind::Version(path)
    } else if let Some(node) = fields.get("database") {
        database(node)?
    } else if let Some(max) = fields.below("latency").span("max") {
        CheckKind::Latency { max }
    } else if let Some(max) = fields
        .below("error_rate")
        .str("max")
        .and_then(format::percent)
    {
        CheckKind::ErrorRate { max }
    } else {
        CheckKind::Baseline {
            p95_ratio: fields.below("baseline").float("p95_ratio")?,
        }
    };
    Some(Check {
        kind,
        on: fields.str("on").map(Role::from),
    })
}

fn database(node: &Node<'_>) -> Option<CheckKind> {
    let fields = Fields::new(node);
    let path = if node.kind() == Kind::Map {
        fields.text("path")?
    } else {
        node.scalar()?.to_owned()
    };
    Some(CheckKind::Database {
        path,
        field: fields
            .text("field")
            .unwrap_or_else(|| "database".to_owned()),
        equals: fields
            .text("equals")
            .unwrap_or_else(|| "connected".to_owned()),
    })
}

fn freeze(node: &Node<'_>, zone: Tz, calendars: &[Calendar]) -> Option<Freeze> {
    let fields = Fields::new(node);
    Some(Freeze {
        name: fields.text("name")?,
        times: times(fields, calendars)?,
        zone: fields.zone_spec("timezone").unwrap_or(ZoneSpec::Zone(zone)),
        customers: fields.get("customers").map_or(FreezeScope::All, frozen),
        reason: fields.text("reason"),
    })
}

fn times(fields: Fields<'_, '_>, calendars: &[Calendar]) -> Option<FreezeTimes> {
    if let Some(cron) = fields.text("cron") {
        return Some(FreezeTimes::Repeats(Repetition {
            cron: WrittenCron::try_from(cron).ok()?,
            duration: fields
                .span("duration")
                .filter(|duration| !duration.is_zero())?,
            except: fields
                .texts("except")
                .into_iter()
                .filter_map(format::date)
                .collect(),
        }));
    }
    if let Some(ics) = fields.text("ics") {
        let read = calendars.iter().find(|calendar| calendar.path == ics);
        return Some(FreezeTimes::Dated {
            occurrences: read.map(|read| read.busy.clone()).unwrap_or_default(),
            ics,
        });
    }
    Some(FreezeTimes::Once(Period {
        from: fields.str("from").and_then(format::moment)?,
        until: fields.str("until").and_then(format::moment)?,
    }))
}

fn frozen(node: &Node<'_>) -> FreezeScope {
    let fields = Fields::new(node);
    match node.kind() {
        Kind::Map => FreezeScope::Only {
            customers: fields.set("only", CustomerId::from),
            tags: fields.set("tags", str::to_owned),
            tiers: fields.set("tier", str::to_owned),
        },
        Kind::List => FreezeScope::Only {
            customers: node
                .items()
                .iter()
                .filter_map(Node::scalar)
                .map(CustomerId::from)
                .collect(),
            tags: BTreeSet::new(),
            tiers: BTreeSet::new(),
        },
        Kind::Null | Kind::Bool | Kind::Int | Kind::Float | Kind::Text => FreezeScope::All,
    }
}

fn person(node: &Node<'_>) -> Person {
    let fields = Fields::new(node);
    Person {
        email: fields.text("email"),
        os: fields.text("os"),
        oidc: fields.text("oidc"),
        formerly: fields.set("formerly", PersonId::from),
    }
}

fn groups(fields: Fields<'_, '_>) -> BTreeMap<GroupId, BTreeSet<PersonId>> {
    let members = |node: &Node<'_>| {
        let listed = node.get("of").unwrap_or(node);
        let names = listed.items().iter().filter_map(Node::scalar);
        names.map(PersonId::from).collect()
    };
    fields
        .entries("groups")
        .map(|(group, node)| (GroupId::from(group), members(node)))
        .collect()
}

/// What narrows groups.
fn claims(fields: Fields<'_, '_>) -> Claims {
    let narrowed = fields.entries("groups").filter_map(|(group, node)| {
        let fields = Fields::new(node);
        let claim = Claim {
            claim: fields.text("claim")?,
            equals: fields.text("equals")?,
        };
        Some((GroupId::from(group), claim))
    });
    let valid_for = fields.span("claims_valid_for").map(ClaimsValidFor);
    Claims {
        groups: narrowed.collect(),
        valid_for: valid_for.unwrap_or_default(),
    }
}

/// A role that is not written is held by everybody.
fn roles(
    fields: Fields<'_, '_>,
    people: &BTreeMap<PersonId, Person>,
    groups: &BTreeMap<GroupId, BTreeSet<PersonId>>,
) -> Roles {
    // A role with nothing behind it names nobody; it is not one that was left out.
    let is_written = |role: &RoleName| {
        let node = fields.0.and_then(|node| node.get(role.as_str()));
        node.is_some()
    };
    let holders = |role: RoleName| -> BTreeSet<PersonId> {
        if !is_written(&role) {
            return people.keys().cloned().collect();
        }
        let members = |name| match groups.get(&GroupId::from(name)) {
            Some(members) => members.clone(),
            None => BTreeSet::from([PersonId::from(name)]),
        };
        let named = fields.texts(role.as_str()).into_iter();
        named.flat_map(members).collect()
    };
    Roles {
        operator: holders(RoleName::Operator),
        approver: holders(RoleName::Approver),
        admin: holders(RoleName::Admin),
        written: RoleName::ALL.into_iter().filter(is_written).collect(),
    }
}

fn follow(fields: Fields<'_, '_>) -> Option<Follow> {
    Some(Follow {
        tags: fields.text("tags")?,
        policies: fields.list("policies", PolicyId::from),
        every: fields.span("every").unwrap_or_else(Follow::every),
    })
}

fn notify(fields: Fields<'_, '_>) -> Option<Notify> {
    let to = fields.get("to")?;
    let to = match to.scalar() {
        // The customer's usual contact.
        Some(sink) => BTreeMap::from([(sink.to_owned(), "email".to_owned())]),
        None => variables(to),
    };
    Some(Notify {
        when: fields.list("when", str::to_owned),
        to,
        remind: fields.span("remind"),
        secret: fields.str("secret").and_then(SecretSource::reference),
        text: fields.text("text"),
    })
}
