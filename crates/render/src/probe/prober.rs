//! One GET of one address, bounded in time and size, without redirects, proxies or private addresses.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use policy::network::Network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Url, redirect};
use tokio::net::lookup_host;
use tokio::time::Instant;

use crate::client::read_up_to;
use crate::error::chain;

/// How much of an answer is read.
const MAX_BODY: usize = 64 << 10;

/// A time limit that is noticed so much later was missed by a process that was stopped, or whose machine slept.
const STOOD_STILL: Duration = Duration::from_secs(1);

/// How probes are made.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// Time limit of one probe, connecting included.
    pub timeout: Duration,
    /// Which addresses may be reached.
    pub network: Network,
    /// `User-Agent`.
    pub user_agent: String,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            network: Network::default(),
            user_agent: concat!("tranche/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Asks addresses. Every probe is a connection of its own, so that each meets whatever instance serves now (T6).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use render::probe::{ProbeSettings, Prober};
///
/// let prober = Prober::new(&ProbeSettings::default())?;
/// let answer = prober.get("https://acme-api.securewatch.app/api/health").await?;
/// println!("{} in {:?}", answer.status, answer.latency);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Prober {
    http: reqwest::Client,
    network: Network,
    timeout: Duration,
}

/// What an address answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; redirects are answers like any other.
    pub status: u16,
    /// The body, no more of it than 64 KiB.
    pub body: Vec<u8>,
    /// From the beginning of the connection to the end of the body.
    pub latency: Duration,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// What was to be asked is no address of the web.
    #[error("`{0}` is no http or https address")]
    NoAddress(String),
    /// The address is private and not allowed. Nothing was sent.
    #[error("{address} of {host} is not public; allow it under `network: allow`")]
    Forbidden {
        /// As written.
        host: String,
        /// What it stands for.
        address: IpAddr,
    },
    /// Time ran out.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl NoAnswer {
    /// Whether the probe was made at all. One that was not says nothing about the service.
    pub fn was_asked(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Failed(_) => true,
            Self::NoAddress(_) | Self::Forbidden { .. } => false,
        }
    }
}

impl Prober {
    /// Makes a prober.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: &ProbeSettings) -> Result<Self, NoAnswer> {
        let http = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            // Through a proxy the address actually connected to would be the proxy's.
            .no_proxy()
            .dns_resolver(GuardedNames(settings.network.clone()))
            .build()
            .map_err(|error| NoAnswer::Failed(chain(&error)))?;
        Ok(Self {
            http,
            network: settings.network.clone(),
            timeout: settings.timeout,
        })
    }

    /// Asks an address once.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, address: &str) -> Result<Answer, NoAnswer> {
        let began_at = Instant::now();
        match self.ask(address).await {
            // This process stood still meanwhile: that it heard nothing in time says nothing about the service.
            Err(NoAnswer::TimedOut(_)) if began_at.elapsed() > self.timeout + STOOD_STILL => {
                self.ask(address).await
            }
            answer => answer,
        }
    }

    async fn ask(&self, address: &str) -> Result<Answer, NoAnswer> {
        let url = web_address(address)?;
        self.refuse_literal(&url)?;
        let began_at = Instant::now();
        let response = self
            .http
            .get(url)
            .send()
            .await
            .map_err(|error| self.no_answer(error))?;
        let status = response.status().as_u16();
        let body = read_up_to(response, MAX_BODY)
            .await
            .map_err(|error| self.no_answer(error))?;
        Ok(Answer {
            status,
            body: body.bytes,
            latency: began_at.elapsed(),
        })
    }

    /// The resolver is never asked for an address that is written as one.
    fn refuse_literal(&self, url: &Url) -> Result<(), NoAnswer> {
        let host = url.host_str().unwrap_or_default();
        match self.network.refused_literal(host) {
            Some(address) => Err(forbidden(host, address)),
            None => Ok(()),
        }
    }

    fn no_answer(&self, error: reqwest::Error) -> NoAnswer {
        let sources = std::iter::successors(error.source(), |&source| source.source());
        if let Some(refused) = sources
            .filter_map(|source| source.downcast_ref::<NoAnswer>())
            .last()
        {
            return refused.clone();
        }
        if error.is_timeout() {
            return NoAnswer::TimedOut(self.timeout);
        }
        NoAnswer::Failed(chain(&error.without_url()))
    }
}

fn web_address(address: &str) -> Result<Url, NoAnswer> {
    let refuse = || NoAnswer::NoAddress(address.to_owned());
    let url = Url::parse(address).map_err(|_| refuse())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let has_secret = !url.username().is_empty() || url.password().is_some();
    if is_web && !has_secret {
        Ok(url)
    } else {
        Err(NoAnswer::NoAddress(url_without_secret(url)))
    }
}

fn url_without_secret(mut url: Url) -> String {
    // Where there is no host, there is nothing to remove.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

fn forbidden(host: &str, address: IpAddr) -> NoAnswer {
    NoAnswer::Forbidden {
        host: host.to_owned(),
        address,
    }
}

/// Looks names up and hands out only addresses that may be reached, so that the check and the connection cannot differ.
#[derive(Debug)]
struct GuardedNames(Network);

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            match network.refused(found.iter().map(SocketAddr::ip)) {
                Some(address) => Err(forbidden(name.as_str(), address).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}
