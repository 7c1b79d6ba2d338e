//! `server:` of `tranche.yaml`, and what else is a server's business, typed, with the defaults filled in.

use super::{Fields, name};
use crate::parse::node::Node;
use crate::settings::SecretSource;
use crate::settings::server::{Ci, CiScope, Server, Sessions, SignIn, Tls};

/// Reads the server's settings.
pub(in crate::parse) fn server(project: &Node<'_>) -> Server {
    let fields = Fields::new(project).below("server");
    let ci = fields.entries("ci");
    Server {
        url: fields
            .str("url")
            .map(|url| url.trim_end_matches('/').to_owned()),
        proxies: fields.list("proxies", str::to_owned),
        tls: tls(fields.below("tls")),
        sessions: sessions(fields.below("sessions")),
        sign_in: sign_in(fields.below("sign_in")),
        ci: ci
            .filter_map(|(key, node)| Some((name(key)?.to_owned(), self::ci(Fields::new(node))?)))
            .collect(),
    }
}

/// Whether Render's webhooks are wanted.
pub(in crate::parse) fn webhooks(project: &Node<'_>) -> bool {
    let render = Fields::new(project).below("render");
    render.flag("webhooks").unwrap_or(false)
}

fn tls(fields: Fields<'_, '_>) -> Option<Tls> {
    Some(Tls {
        cert: fields.text("cert")?,
        key: fields.text("key")?,
    })
}

/// Without an idle limit of its own, a session that may not last that long ends with its absolute one.
fn sessions(fields: Fields<'_, '_>) -> Sessions {
    let usual = Sessions::default();
    let absolute = fields.span("absolute").unwrap_or(usual.absolute);
    let idle = fields.span("idle");
    Sessions {
        idle: idle.unwrap_or(usual.idle.min(absolute)),
        absolute,
    }
}

fn sign_in(fields: Fields<'_, '_>) -> Option<SignIn> {
    let written = fields.get("scopes").map(|_| {
        let asked = fields.texts("scopes").into_iter();
        let beside = asked.filter(|scope| *scope != "openid");
        beside.map(str::to_owned).collect()
    });
    Some(SignIn {
        issuer: fields.text("issuer")?,
        client_id: fields.text("client_id")?,
        client_secret: fields
            .str("client_secret")
            .and_then(SecretSource::reference),
        scopes: written.unwrap_or_else(SignIn::usual_scopes),
    })
}

fn ci(fields: Fields<'_, '_>) -> Option<Ci> {
    let scopes = fields.texts("scopes").into_iter();
    Some(Ci {
        issuer: fields.text("issuer")?,
        audience: fields.text("audience")?,
        repository: fields.text("repository")?,
        git_ref: fields.text("ref"),
        environment: fields.text("environment"),
        scopes: scopes.filter_map(scope).collect(),
    })
}

fn scope(word: &str) -> Option<CiScope> {
    match word {
        "read" => Some(CiScope::Read),
        "start" => Some(CiScope::Start),
        "request" => Some(CiScope::Request),
        "push" => Some(CiScope::Push),
        _ => None,
    }
}
