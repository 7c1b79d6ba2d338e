//! Which addresses may be asked from here: public ones, and what the operator allows (P51). Probes and webhooks both ask this.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A text that is neither an address nor a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of addresses; write one such as `10.0.0.0/8` or `127.0.0.1`")]
pub struct BadRange(String);

/// Which addresses may be reached.
///
/// ```
/// use policy::network::Network;
///
/// let network = Network::new(["10.1.0.0/16"])?;
/// assert!(network.permits("10.1.2.3".parse()?));
/// assert!(network.permits("1.1.1.1".parse()?));
/// assert!(!network.permits("10.2.0.1".parse()?));
/// assert!(!network.permits("169.254.169.254".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Network(Arc<[IpNet]>);

/// Whether an address is on this machine: a simulated Render, where nothing of Render's limits holds.
pub fn is_on_this_machine(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Network {
    /// Public addresses, and these ranges.
    ///
    /// # Errors
    /// When one of them is no range.
    pub fn new<'a>(allow: impl IntoIterator<Item = &'a str>) -> Result<Self, BadRange> {
        allow
            .into_iter()
            .map(range)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether this address may be reached.
    pub fn permits(&self, address: IpAddr) -> bool {
        let plain = plain(address);
        self.0
            .iter()
            .any(|range| range.contains(&address) || range.contains(&plain))
            || is_public(plain)
    }

    /// The first address of a name that may not be reached. One among others is enough to refuse them all: which of them is
    /// used is a matter of chance.
    pub fn refused(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
        addresses
            .into_iter()
            .find(|address| !self.permits(*address))
    }

    /// The same for a host that is written as an address, as in a URL: no resolver is ever asked for one.
    pub fn refused_literal(&self, host: &str) -> Option<IpAddr> {
        let address = host.trim_matches(['[', ']']).parse().ok()?;
        self.refused([address])
    }
}

fn range(text: &str) -> Result<IpNet, BadRange> {
    let text = text.trim();
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| single())
        .map_err(|_| BadRange(text.to_owned()))
}

const fn v4(octets: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// Everything in IPv4 that is not public, after the registry of special-purpose addresses.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    // Azure's metadata service has a public address.
    v4([168, 63, 129, 16], 32),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// Only this part of IPv6 is handed out for public use.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What within it is not: protocol assignments with Teredo, documentation twice, and 6to4.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),
    v6(0x2001, 0xdb8, 32),
    v6(0x2002, 0, 16),
    v6(0x3fff, 0, 20),
];

/// Translators put an IPv4 address behind this prefix.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// The IPv4 address that an IPv6 address stands for, if it does.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .or_else(|| translated(v6))
            .map_or(address, IpAddr::V4),
    }
}

fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    NAT64.contains(&address).then(|| Ipv4Addr::new(a, b, c, d))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        let refused = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
        ];
        for address in refused {
            assert!(
                !Network::default().permits(address.parse().unwrap()),
                "{address}"
            );
        }
    }

    #[test]
    fn public_addresses_are_reached() {
        let permitted = [
            "1.1.1.1",
            "99.255.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "216.24.57.1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2606:4700::1111",
            "2a00:1450::1",
        ];
        for address in permitted {
            assert!(
                Network::default().permits(address.parse().unwrap()),
                "{address}"
            );
        }
    }

    #[test]
    fn one_private_address_among_public_ones_is_enough_to_refuse() {
        let network = Network::default();
        let addresses = ["1.1.1.1", "10.0.0.1"].map(|address| address.parse().unwrap());
        assert_eq!(network.refused(addresses), Some(addresses[1]));
        assert_eq!(network.refused(addresses[..1].to_vec()), None);
        assert_eq!(network.refused_literal("[::1]"), "::1".parse().ok());
        assert_eq!(network.refused_literal("1.1.1.1"), None);
        assert_eq!(
            network.refused_literal("localhost"),
            None,
            "a name is looked up"
        );
    }

    #[test]
    fn an_allowed_range_is_reached_however_the_address_is_written() {
        let network = Network::new(["127.0.0.1", " fd00::/8 "]).unwrap();
        for (address, permitted) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd12::1", true),
            ("::1", false),
        ] {
            assert_eq!(
                network.permits(address.parse().unwrap()),
                permitted,
                "{address}"
            );
        }
        assert_eq!(
            Network::new(["10.0.0.0/40"]).unwrap_err(),
            BadRange("10.0.0.0/40".to_owned())
        );
    }
}
