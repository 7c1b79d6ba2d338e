//! `customers.yaml`, typed.

use chrono_tz::Tz;

use super::window::{Crons, windows};
use super::{Fields, name};
use crate::ids::{CustomerId, Role, ServiceId};
use crate::parse::format;
use crate::parse::node::Node;
use crate::settings::{Customer, Fleet, Pin, SecretSource, Service};

const ORDER: i64 = 100;

/// Reads the mapping below `customers`. `zone` is the project's: dates that name none are local there, and windows of customers that have none.
pub(in crate::parse) fn fleet(node: &Node<'_>, zone: Tz) -> Fleet {
    let customers = Fields::new(node).entries("customers");
    let named = customers.filter_map(|(key, node)| Some((name(key)?, node)));
    let mut crons = Crons::default();
    // Collecting sorts once, which is cheaper than inserting one by one.
    Fleet {
        customers: named
            .map(|(key, node)| (CustomerId::from(key), customer(key, node, zone, &mut crons)))
            .collect(),
    }
}

fn customer(key: &str, node: &Node<'_>, zone: Tz, crons: &mut Crons) -> Customer {
    let fields = Fields::new(node);
    let own_zone = fields.zone("timezone");
    Customer {
        name: fields.text("name").unwrap_or_else(|| key.to_owned()),
        tier: fields.text("tier").unwrap_or_default(),
        timezone: own_zone,
        order: fields.int("order").unwrap_or(ORDER),
        weight: fields
            .int("weight")
            .filter(|weight| (1..=Customer::MAX_WEIGHT).contains(weight))
            .unwrap_or(Customer::WEIGHT),
        tags: fields.set("tags", str::to_owned),
        services: fields
            .entries("services")
            .map(|(role, node)| (Role::from(role), service(node)))
            .collect(),
        secrets: fields
            .entries("secrets")
            .filter_map(|(name, node)| Some((name.to_owned(), secret(node)?)))
            .collect(),
        window: windows(fields, own_zone.unwrap_or(zone), crons),
        pin: fields
            .get("pin")
            .and_then(|node| pin(Fields::new(node), zone)),
        contacts: fields
            .entries("contacts")
            .filter_map(|(kind, node)| Some((kind.to_owned(), node.scalar()?.to_owned())))
            .collect(),
    }
}

fn service(node: &Node<'_>) -> Service {
    let fields = Fields::new(node);
    Service {
        id: ServiceId::from(fields.str("id").unwrap_or_default()),
        url: fields.text("url"),
    }
}

fn secret(node: &Node<'_>) -> Option<SecretSource> {
    let fields = Fields::new(node);
    let env = fields.text("env").map(SecretSource::Env);
    env.or_else(|| fields.text("file").map(SecretSource::File))
}

fn pin(fields: Fields<'_, '_>, zone: Tz) -> Option<Pin> {
    Some(Pin {
        version: fields.text("version")?,
        until: fields
            .str("until")
            .and_then(format::moment)
            .map(|moment| moment.resolve(zone)),
        reason: fields.text("reason"),
    })
}
