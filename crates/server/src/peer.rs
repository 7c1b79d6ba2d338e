//! Who is at the other end of a connection, and by which name did they call this server?
//!
//! What a request says of that is believed only if it comes from a proxy that the project declares. The rightmost address
//! that is no proxy's is the caller's: whatever stands left of it may have been made up. A browser that was told that
//! somebody else's name leads here (DNS rebinding) names that name, and is refused before its cookie counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{COOKIE, HOST, HeaderMap, HeaderName};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::listener::Origin;
use crate::problem::Problem;
use crate::settings::Settings;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whose browser must call this server by its own name, even without a cookie.
const OF_SIGN_IN: [&str; 3] = ["/sign-in", "/sign-out", "/device"];

/// What looks whether the server is alive comes by any name and scheme.
const OF_HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Whoever is at the other end. Stands in the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Their address.
    pub(crate) address: IpAddr,
}

impl Peer {
    /// Of a request; one without a connection, as in a test, comes from this machine.
    pub(crate) fn of(extensions: &axum::http::Extensions) -> Self {
        extensions.get::<Self>().copied().unwrap_or(Self {
            address: Ipv4Addr::LOCALHOST.into(),
        })
    }

    /// What limits count by: somebody with IPv6 has a whole network of addresses.
    pub(crate) fn counted_as(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        }
    }
}

/// What is known at the door.
#[derive(Clone)]
pub(crate) struct Door {
    /// How the server is called, and by which proxies.
    pub(crate) settings: Settings,
    /// Has what the files say about sessions looked at again.
    pub(crate) look: Arc<dyn Fn() + Send + Sync>,
}

/// Finds out who is at the other end, and refuses what came by a foreign name or in the clear.
pub(crate) async fn identify(
    State(door): State<Door>,
    mut request: Request,
    next: Next,
) -> Response {
    let settings = &door.settings;
    let connected = request.extensions().get::<ConnectInfo<Origin>>();
    let connected = connected.map_or(Ipv4Addr::LOCALHOST.into(), |info| {
        info.0.0.ip().to_canonical()
    });
    let peer = Peer {
        address: caller(connected, request.headers(), settings),
    };
    request.extensions_mut().insert(peer);
    let path = request.uri().path();
    if OF_HEALTH.contains(&path) {
        return next.run(request).await;
    }
    if settings.is_proxy(connected) && came_in_the_clear(request.headers()) {
        return not_in_the_clear(&request, settings);
    }
    let is_of_person = request.headers().contains_key(COOKIE)
        || OF_SIGN_IN.iter().any(|start| path.starts_with(start));
    if is_of_person && !is_called_rightly(&request, settings) {
        return foreign_name(settings).into_response();
    }
    if is_of_person {
        // Sessions end as the files say by now.
        (door.look)();
    }
    next.run(request).await
}

/// The address of whoever called: of those that the proxies name, the last that is no proxy's.
fn caller(connected: IpAddr, headers: &HeaderMap, settings: &Settings) -> IpAddr {
    if !settings.is_proxy(connected) {
        return connected;
    }
    let lines = headers.get_all(FORWARDED_FOR);
    let text: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
    let text = text.join(",");
    let mut nearest = connected;
    for named in text.rsplit(',').map(str::trim) {
        // What is no address was not written by a proxy.
        let Some(address) = address_in(named) else {
            break;
        };
        nearest = address;
        if !settings.is_proxy(address) {
            break;
        }
    }
    nearest
}

/// An address, perhaps with a port.
fn address_in(text: &str) -> Option<IpAddr> {
    let alone = text.trim_start_matches('[').trim_end_matches(']');
    let found = alone.parse::<IpAddr>().ok();
    let found = found.or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()));
    found.map(|address| address.to_canonical())
}

fn came_in_the_clear(headers: &HeaderMap) -> bool {
    let nearest = headers.get_all(FORWARDED_PROTO).iter().next_back();
    let nearest = nearest.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    nearest.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("http"))
}

fn not_in_the_clear(request: &Request, settings: &Settings) -> Response {
    if request.method() == Method::GET && settings.url.starts_with("https://") {
        let path = request.uri().path_and_query();
        let path = path.map_or("/", |path| path.as_str());
        return Redirect::permanent(&format!("{}{path}", settings.url)).into_response();
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_permitted",
        "this was sent in the clear, so nothing was done",
        format!("the same at {}", settings.url),
    )
    .into_response()
}

/// Whether they call it by its own address, or by a name that only this machine can mean.
fn is_called_rightly(request: &Request, settings: &Settings) -> bool {
    let called = request.headers().get(HOST);
    let called = called.map(|value| value.to_str().unwrap_or_default());
    let called = called.or_else(|| request.uri().authority().map(Authority::as_str));
    // No browser leaves it out.
    let Some(called) = called else {
        return true;
    };
    let Ok(called) = called.parse::<Authority>() else {
        return false;
    };
    let own = settings.url.split_once("://").map_or("", |(_, rest)| rest);
    called.as_str().eq_ignore_ascii_case(own) || is_loopback(called.host())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost")
}

fn foreign_name(settings: &Settings) -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "not_permitted",
        "this server is not called that, so nothing was done",
        format!(
            "the same at {}; `server.url` in tranche.yaml says so",
            settings.url
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn behind(proxies: &[&str]) -> Settings {
        Settings {
            proxies: proxies.iter().map(|range| range.parse().unwrap()).collect(),
            url: "https://ship.example".to_owned(),
            ..Settings::local("127.0.0.1:7080".parse().unwrap())
        }
    }

    #[test]
    fn only_a_declared_proxy_says_who_called() {
        let named = |lines: &[&str], connected: &str, proxies: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            caller(connected.parse().unwrap(), &headers, &behind(proxies)).to_string()
        };
        let proxy = &["10.0.0.0/8"][..];
        assert_eq!(named(&["1.2.3.4"], "192.0.2.7", proxy), "192.0.2.7");
        assert_eq!(named(&["1.2.3.4"], "10.0.0.1", proxy), "1.2.3.4");
        assert_eq!(named(&["6.6.6.6, 1.2.3.4"], "10.0.0.1", proxy), "1.2.3.4");
        assert_eq!(
            named(&["6.6.6.6", "1.2.3.4, 10.9.9.9"], "10.0.0.1", proxy),
            "1.2.3.4"
        );
        assert_eq!(named(&["6.6.6.6, nonsense"], "10.0.0.1", proxy), "10.0.0.1");
        assert_eq!(
            named(&["[2001:db8::1]:443"], "10.0.0.1", proxy),
            "2001:db8::1"
        );
        assert_eq!(named(&[], "10.0.0.1", proxy), "10.0.0.1");
        assert_eq!(named(&["1.2.3.4"], "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn a_browser_calls_the_server_by_its_own_name() {
        let called = |host: &str| {
            let request = Request::builder()
                .header(HOST, host)
                .body(().into())
                .unwrap();
            is_called_rightly(&request, &behind(&[]))
        };
        for right in [
            "ship.example",
            "SHIP.example",
            "localhost:7080",
            "127.0.0.1:1",
            "[::1]:7080",
        ] {
            assert!(called(right), "{right}");
        }
        for foreign in [
            "evil.example",
            "ship.example.evil.example",
            "ship.example:8443",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
        ] {
            assert!(!called(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_network_of_addresses_is_one_caller() {
        let counted = |address: &str| {
            Peer {
                address: address.parse().unwrap(),
            }
            .counted_as()
        };
        assert_eq!(counted("2001:db8:1:2::3"), counted("2001:db8:1:2:ffff::9"));
        assert_ne!(counted("2001:db8:1:2::3"), counted("2001:db8:1:3::3"));
        assert_ne!(counted("192.0.2.1"), counted("192.0.2.2"));
    }
}
