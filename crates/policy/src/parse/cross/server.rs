//! Can people and programs sign in at the server, and does its word stay its own: addresses, proxies, identities, claims?

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::CheckedFiles;
use crate::ids::{GroupId, PersonId};
use crate::network::is_on_this_machine;
use crate::parse::node::Node;
use crate::parse::report::Report;

/// Keys of a CI system that are compared to the letter.
const LETTERS: [&str; 4] = ["audience", "repository", "ref", "environment"];

/// Refs that whoever asks for a change of the code may write.
const PROPOSED: [&str; 2] = ["refs/pull/", "refs/merge-requests/"];

impl CheckedFiles<'_, '_> {
    pub(super) fn check_server(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let server = node.get("server");
        if let Some(url) = server.and_then(|server| server.get("url")) {
            check_url(url, report);
            let wanted = node.find(&["render", "webhooks"]).and_then(Node::scalar);
            if wanted == Some("true") && url.scalar().is_some_and(is_on_this_machine) {
                report.help(
                    node.pos_of(&["render", "webhooks"]),
                    "url",
                    "Render cannot reach a server that is called by an address of this machine",
                    "write the public address under `server: url`, or leave `webhooks` out",
                );
            }
        }
        for proxy in server
            .and_then(|server| server.get("proxies"))
            .map_or(&[][..], Node::items)
        {
            check_proxy(proxy, report);
        }
        if let Some(sessions) = server.and_then(|server| server.get("sessions")) {
            self.check_sessions(sessions, report);
        }
        if let Some(sign_in) = server.and_then(|server| server.get("sign_in")) {
            self.check_sign_in(sign_in, report);
        }
        let ci = server.and_then(|server| server.get("ci"));
        for (key, ci) in ci.map_or(&[][..], Node::entries) {
            check_ci(&key.name, ci, report);
        }
        self.check_identities(node, report);
        self.check_claims(node, report);
    }

    /// Whether there is an identity provider; one that is written wrongly is a mistake of its own.
    pub(super) fn signs_in(&self) -> bool {
        let written = self
            .project_node
            .and_then(|node| node.find(&["server", "sign_in"]));
        written.is_some()
    }

    /// Whether somebody can sign in at it.
    pub(super) fn can_sign_in(&self, person: &PersonId) -> bool {
        let person = self.project.people.get(person);
        let identity = person.and_then(|person| person.oidc.as_deref());
        let of = identity.and_then(|identity| identity.split_once('#'));
        match &self.server.sign_in {
            Some(sign_in) => of.is_some_and(|(issuer, _)| issuer == sign_in.issuer),
            // Then that is the mistake.
            None => true,
        }
    }

    fn check_sessions(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let sessions = &self.server.sessions;
        if sessions.idle > sessions.absolute {
            let message = format!("a session is over after {} in any case", sessions.absolute);
            let help = "`idle` is the shorter of the two";
            report.help(node.pos_of(&["idle"]), "range", message, help);
        }
    }

    fn check_sign_in(&self, node: &Node<'_>, report: &mut Report<'_>) {
        if let Some(issuer) = node.get("issuer") {
            check_issuer(issuer, report);
        }
        let mut people = self.project.people.values();
        if people.all(|person| person.oidc.is_none()) {
            report.warn(
                node.key_pos("issuer"),
                "nobody",
                "nobody can sign in: no person has an `oidc`",
                "write issuer and subject beside each under `people`: ann: { oidc: \"ISSUER#SUBJECT\" }",
            );
        }
    }

    /// An identity is one person's, and one that the provider can prove.
    fn check_identities(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let issuer = self.server.sign_in.as_ref().map(|sign_in| &sign_in.issuer);
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, person) in node.get("people").map_or(&[][..], Node::entries) {
            let Some(oidc) = person.get("oidc") else {
                continue;
            };
            let Some(text) = oidc.scalar() else { continue };
            if let Some(other) = taken.insert(text, &key.name) {
                let message = format!("`{other}` has this identity too");
                report.never(
                    oidc.pos,
                    "doubled-name",
                    message,
                    "one identity is one person's",
                );
            }
            let Some((of, subject)) = text.split_once('#').filter(|(of, _)| is_address(of)) else {
                let message = format!("`{text}` is no identity at a provider");
                let help = "write issuer and subject: `https://id.example.com#0815`";
                report.never(oidc.pos, "identity", message, help);
                continue;
            };
            if subject.is_empty() {
                let help = "write what the provider calls the person (`sub`) behind the `#`";
                report.never(
                    oidc.pos,
                    "identity",
                    "the subject is missing".to_owned(),
                    help,
                );
            }
            if let Some(issuer) = issuer.filter(|issuer| *issuer != of) {
                let message = format!(
                    "`{}` cannot sign in with this: the issuer is `{issuer}`",
                    key.name
                );
                report.warn(
                    oidc.pos,
                    "identity",
                    message,
                    "write both alike, to the letter",
                );
            }
        }
    }

    fn check_claims(&self, node: &Node<'_>, report: &mut Report<'_>) {
        let narrowed = &self.project.claims.groups;
        let groups = node.get("groups").map_or(&[][..], Node::entries);
        for (_, group) in groups {
            let Some(claim) = group.get("claim") else {
                continue;
            };
            if !self.signs_in() {
                let message = "nobody can sign in, so nobody ever counts in this group";
                let help = "write the identity provider under `server: sign_in`, or a plain list of people";
                report.never(claim.pos, "claim", message.to_owned(), help);
                continue;
            }
            for item in group.get("of").map_or(&[][..], Node::items) {
                let person = item.scalar().map(PersonId::from);
                let known = person.and_then(|person| self.project.people.get(&person));
                if known.is_some_and(|person| person.oidc.is_none()) {
                    let message = format!(
                        "`{}` has no `oidc`, and never counts in this group",
                        item.scalar().unwrap_or_default()
                    );
                    report.warn(
                        item.pos,
                        "claim",
                        message,
                        "write their identity beside them under `people`",
                    );
                }
            }
        }
        if let Some(valid_for) = node.get("claims_valid_for").filter(|_| narrowed.is_empty()) {
            let help = "write `groups: { leads: { claim: groups, equals: leads, of: [...] } }`, or leave it out";
            report.warn(valid_for.pos, "claim", "no group asks for a claim", help);
        }
        let roles = node.get("roles").map_or(&[][..], Node::entries);
        for item in roles.iter().flat_map(|(_, holders)| holders.one_or_many()) {
            let group = item
                .scalar()
                .filter(|name| narrowed.contains_key(&GroupId::from(*name)));
            if let Some(group) = group {
                let message = format!("`{group}` is narrowed by a claim, and a role is not");
                let help = "name people, or a group without a claim; an approval asks the narrowed one in its `from`";
                report.help(item.pos, "claim", message, help);
            }
        }
    }
}

/// Links and cookies go by it: they hold for the whole of one host, and over TLS alone.
fn check_url(node: &Node<'_>, report: &mut Report<'_>) {
    let Some(url) = node.scalar().filter(|url| is_address(url)) else {
        return;
    };
    check_secure(node, url, report);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if rest.trim_end_matches('/').contains(['/', '?', '#']) {
        let help = "a server has a host of its own: `https://releases.example.com`";
        report.help(node.pos, "url", "this address has a path", help);
    }
}

/// Tokens are compared with it to the letter.
fn check_issuer(node: &Node<'_>, report: &mut Report<'_>) {
    let Some(issuer) = node.scalar().filter(|issuer| is_address(issuer)) else {
        return;
    };
    check_secure(node, issuer, report);
    if issuer.contains(['?', '#']) {
        let help = "an issuer is a plain address, such as `https://id.example.com`";
        report.help(node.pos, "url", format!("`{issuer}` is no issuer"), help);
    }
}

fn check_secure(node: &Node<'_>, url: &str, report: &mut Report<'_>) {
    if url.starts_with("http://") && !is_on_this_machine(url) {
        let help = "write `https://`; only an address of this machine goes without";
        report.help(
            node.pos,
            "url",
            "what is signed in here must not go in the clear",
            help,
        );
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A range of everybody is no proxy: everybody could say where they come from.
fn check_proxy(node: &Node<'_>, report: &mut Report<'_>) {
    let Some(text) = node.scalar() else { return };
    let range = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match range {
        Ok(range) if range.prefix_len() > 0 => {}
        Ok(_) => {
            let help = "name the proxies alone, such as `10.0.0.0/8`";
            report.help(
                node.pos,
                "network",
                "everybody would be believed to be a proxy",
                help,
            );
        }
        Err(_) => {
            let help = "write an address or a range such as `10.0.0.0/8` or `::1`";
            let message = format!("`{text}` is no range of addresses");
            report.help(node.pos, "network", message, help);
        }
    }
}

/// Anybody's CI has tokens of the same issuer: what is not pinned to the letter is open to all of them.
fn check_ci(name: &str, node: &Node<'_>, report: &mut Report<'_>) {
    if let Some(issuer) = node.get("issuer") {
        check_issuer(issuer, report);
    }
    if node.entries().is_empty() {
        return;
    }
    if node.get("ref").is_none() && node.get("environment").is_none() {
        let message = format!("every branch of its repository could be `{name}`");
        let help = "write `ref: refs/heads/main`, or `environment: production`, or both";
        report.help(node.pos, "missing-key", message, help);
    }
    let written = LETTERS.iter().filter_map(|key| node.get(key));
    for value in written {
        if value.scalar().is_some_and(|text| text.contains('*')) {
            let help = "it is compared to the letter; write one entry for each";
            report.help(value.pos, "wildcard", "`*` stands for nothing here", help);
        }
    }
    if let Some(repository) = node.get("repository")
        && repository.scalar().is_some_and(|text| !is_repository(text))
    {
        let help = "write the owner too, such as `acme/securewatch`";
        report.help(
            repository.pos,
            "repository",
            "this is no full name of a repository",
            help,
        );
    }
    if let Some(git_ref) = node.get("ref") {
        check_ref(git_ref, report);
    }
}

fn is_repository(text: &str) -> bool {
    let mut parts = text.split('/');
    text.contains('/') && parts.all(|part| !part.is_empty() && !part.contains(char::is_whitespace))
}

fn check_ref(node: &Node<'_>, report: &mut Report<'_>) {
    let Some(text) = node.scalar() else { return };
    if PROPOSED.iter().any(|proposed| text.starts_with(proposed)) {
        let help = "name a branch that only reviewed changes reach, such as `refs/heads/main`";
        report.help(
            node.pos,
            "ref",
            "whoever proposes a change could sign in",
            help,
        );
    } else if !text.starts_with("refs/") {
        let help = format!("write it in full: `refs/heads/{text}` or `refs/tags/{text}`");
        report.help(
            node.pos,
            "ref",
            format!("`{text}` is no full name of a ref"),
            help,
        );
    }
}
