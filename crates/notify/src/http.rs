//! One POST, bounded in time, without redirects, proxies or private addresses (P51).

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use policy::network::Network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};

use crate::error::{Undelivered, chain};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts to addresses that may be reached.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: Client,
    network: Network,
}

impl HttpClient {
    pub(crate) fn new(network: &Network) -> Result<Self, Undelivered> {
        let client = Client::builder()
            .user_agent(concat!("tranche/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            // Through a proxy the address actually connected to would be the proxy's.
            .no_proxy()
            .dns_resolver(GuardedNames(network.clone()))
            .build()
            .map_err(|error| Undelivered::transient(chain(&error)))?;
        Ok(Self {
            client,
            network: network.clone(),
        })
    }

    /// Posts JSON. The address may be a secret and stands in no error.
    pub(crate) async fn post(
        &self,
        address: &str,
        headers: HeaderMap,
        body: String,
    ) -> Result<(), Undelivered> {
        let url = Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Undelivered::transient("the address is none of the web"))?;
        self.refuse_literal(&url)?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .headers(headers);
        match request.body(body).send().await {
            Ok(response) => verdict(response.status(), response.headers()),
            Err(error) => Err(unsent(error)),
        }
    }

    /// The resolver is never asked for an address that is written as one.
    fn refuse_literal(&self, url: &Url) -> Result<(), Undelivered> {
        let host = url.host_str().unwrap_or_default();
        match self.network.refused_literal(host) {
            Some(address) => Err(Undelivered::transient(Forbidden(address).to_string())),
            None => Ok(()),
        }
    }
}

/// What an answer means: gone is gone, everything else may pass.
fn verdict(status: StatusCode, headers: &HeaderMap) -> Result<(), Undelivered> {
    if status.is_success() {
        return Ok(());
    }
    let reason = format!("it answered {status}");
    Err(match status {
        StatusCode::GONE => Undelivered::permanent(reason),
        _ => Undelivered {
            retry_after: retry_after(headers),
            ..Undelivered::transient(reason)
        },
    })
}

/// How long an answer asks to be left alone: seconds, or an instant by the clock of whoever answers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    let theirs = headers.get(DATE).and_then(|value| value.to_str().ok());
    let now = theirs
        .and_then(date)
        .map_or_else(Utc::now, |now| now.to_utc());
    Some((date(asked)?.to_utc() - now).to_std().unwrap_or_default())
}

fn unsent(error: reqwest::Error) -> Undelivered {
    let mut sources = std::iter::successors(error.source(), |&source| source.source());
    let forbidden = sources.find_map(|source| source.downcast_ref::<Forbidden>());
    let reason = match forbidden {
        Some(forbidden) => forbidden.to_string(),
        None => chain(&error.without_url()),
    };
    Undelivered::transient(reason)
}

/// The address is private and not allowed. Nothing was sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} is not public; allow it under `network: allow`")]
struct Forbidden(IpAddr);

/// Looks names up and hands out only addresses that may be reached, so that the check and the connection cannot differ.
#[derive(Debug)]
struct GuardedNames(Network);

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.0.clone();
        Box::pin(async move {
            let looked_up = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = looked_up.collect();
            match network.refused(found.iter().map(SocketAddr::ip)) {
                Some(address) => Err(Forbidden(address).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let pairs = headers.iter().map(|(name, value)| {
            let value = reqwest::header::HeaderValue::from_static(value);
            (reqwest::header::HeaderName::from_static(name), value)
        });
        let error = verdict(StatusCode::TOO_MANY_REQUESTS, &pairs.collect()).err()?;
        error.retry_after.map(|wait| wait.as_secs())
    }

    #[test]
    fn an_answer_may_ask_to_be_left_alone() {
        let now = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked(&[now]), None);
        assert_eq!(asked(&[now, ("retry-after", " 120 ")]), Some(120));
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        let at = |date| asked(&[now, ("retry-after", date)]);
        assert_eq!(at("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(at("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
    }
}
