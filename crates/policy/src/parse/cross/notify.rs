//! Can what `notify:` names be told at all? Recipients that exist, addresses that can be called, a server for e-mail.

use super::{CheckedFiles, unknown};
use crate::ids::{GroupId, PersonId};
use crate::parse::node::Node;
use crate::parse::report::Report;
use crate::settings::SecretSource;

impl CheckedFiles<'_, '_> {
    pub(super) fn check_notify(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let has_mail = node.get("mail").is_some_and(|mail| !mail.is_null());
        for item in node.get("notify").map_or(&[][..], Node::items) {
            let Some(to) = item.get("to") else { continue };
            if let Some(webhook) = to.get("webhook") {
                check_webhook(webhook, report);
            }
            if let Some(email) = to.get("email") {
                self.check_recipient(email, report);
            }
            let by_mail = to.scalar().is_some() || to.get("email").is_some();
            if by_mail && !has_mail {
                let help = "write the server under `mail`: { host: smtp.example.com, from: releases@example.com }";
                report.warn(
                    to.pos,
                    "no-mail",
                    "no e-mail can be sent: there is no `mail`",
                    help,
                );
            }
        }
    }

    /// A person or group with addresses, or an address.
    fn check_recipient(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let Some(name) = node.scalar().filter(|name| !name.contains('@')) else {
            return;
        };
        let people = &self.project.people;
        let members = self.project.groups.get(&GroupId::from(name));
        if members.is_none() && !people.contains_key(&PersonId::from(name)) {
            let known = people.keys().map(AsRef::as_ref);
            let known = known.chain(self.project.groups.keys().map(AsRef::as_ref));
            let help = "write an address, or add it under `people` or `groups`";
            return unknown(report, node.pos, "person or group", name, known, help);
        }
        let alone = PersonId::from(name);
        let named = members.map_or_else(|| vec![&alone], |members| members.iter().collect());
        let mute = named
            .into_iter()
            .find(|person| people.get(*person).is_none_or(|one| one.email.is_none()));
        if let Some(person) = mute {
            report.help(
                node.pos,
                "no-address",
                format!("`{person}` has no `email`"),
                format!("add one under `people`: {person}: {{ email: ... }}"),
            );
        }
    }
}

fn check_webhook(node: &Node<'_>, report: &mut Report<'_>) {
    let fits = |text: &str| {
        let is_address = text.starts_with("https://") || text.starts_with("http://");
        is_address || SecretSource::reference(text).is_some()
    };
    if node.scalar().is_some_and(|text| !fits(text)) {
        report.help(
            node.pos,
            "url",
            "a webhook needs an address",
            "write one such as `https://ops.example/hook`, or where it is: `${env:NAME}`",
        );
    }
}
