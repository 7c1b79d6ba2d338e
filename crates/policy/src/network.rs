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

    /// Whether this address may be reached. One that stands for addresses of IPv4 is judged by these.
    pub fn permits(&self, address: IpAddr) -> bool {
        let is_allowed = |address: &IpAddr| self.0.iter().any(|range| range.contains(address));
        if is_allowed(&address) {
            return true;
        }
        let meant: Vec<Ipv4Addr> = match address {
            IpAddr::V4(address) => vec![address],
            IpAddr::V6(address) => embedded(address),
        };
        if meant.is_empty() {
            return is_public(address);
        }
        let mut meant = meant.into_iter().map(IpAddr::V4);
        meant.all(|address| is_allowed(&address) || is_public(address))
    }

    /// The first address of a name that may not be reached. One among others is enough to refuse them all: which of them is
    /// used is a matter of chance.
    pub fn refused(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
        addresses
            .into_iter()
            .find(|address| !self.permits(*address))
    }

    /// The same for a host that is written as an address, as in a URL, in whichever way: no resolver is ever asked for one.
    pub fn refused_literal(&self, host: &str) -> Option<IpAddr> {
        self.refused(literal(host))
    }
}

/// The address that a host is written as; `None`: it is a name. All spellings count that some resolver or library takes.
fn literal(host: &str) -> Option<IpAddr> {
    let host = unescaped(host.trim());
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.contains(':') {
        // A zone says through which interface, not where to.
        let address = host.split('%').next().unwrap_or_default();
        return address.parse().ok().map(IpAddr::V6);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    loose(host).map(IpAddr::V4)
}

/// With `%41` and the like made plain.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = (*first == b'%')
            .then(|| u8::try_from(16 * digit(0)? + digit(1)?).ok())
            .flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As `inet_aton` reads it: up to four numbers, decimal, octal or hexadecimal, the last of which fills what is left.
fn loose(text: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|number| *number > 255) {
        return None;
    }
    let bits = 32 - 8 * u32::try_from(leading.len()).ok()?;
    if bits < 32 && last >> bits != 0 {
        return None;
    }
    let high = leading
        .iter()
        .fold(0_u64, |high, number| (high << 8) | u64::from(*number));
    let whole = (high << bits) | u64::from(*last);
    u32::try_from(whole).ok().map(Ipv4Addr::from_bits)
}

fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (&lower[..], 10),
    };
    // A sign is none of an address.
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| is_number)
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

/// What within it is not: protocol assignments, and documentation twice. 6to4 and Teredo are judged by what they stand for.
const SPECIAL_V6: [Ipv6Net; 3] = [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x3fff, 0, 20)];

/// The addresses of IPv4 that one of IPv6 leads to, whoever translates or wraps it; none: it stands for itself.
fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let at = |places: [usize; 4]| Ipv4Addr::from_octets(places.map(|place| octets[place]));
    let last = at([12, 13, 14, 15]);
    match address.segments() {
        // Unspecified, and this machine.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        // Compatible, mapped, translated (RFC 4291, RFC 2765), and behind a translator (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => vec![last],
        // Behind a translator of one's own (RFC 8215). How long its prefix is cannot be seen: every reading counts after which
        // nothing but zeros is left.
        [0x64, 0xff9b, 1, _, _, _, _, _] => {
            let readings = [
                ([6, 7, 9, 10], 11),
                ([7, 9, 10, 11], 12),
                ([9, 10, 11, 12], 13),
            ];
            let fit = |(_, rest): &([usize; 4], usize)| {
                octets[8] == 0 && octets[*rest..].iter().all(|octet| *octet == 0)
            };
            let fitting = readings.into_iter().filter(fit);
            let mut meant: Vec<_> = fitting.map(|(places, _)| at(places)).collect();
            if meant.is_empty() || !last.is_unspecified() {
                meant.push(last);
            }
            meant
        }
        // Teredo: the server, and the client with all bits turned (RFC 4380).
        [0x2001, 0, _, _, _, _, _, _] => {
            vec![at([4, 5, 6, 7]), Ipv4Addr::from_bits(!last.to_bits())]
        }
        // 6to4 (RFC 3056).
        [0x2002, _, _, _, _, _, _, _] => vec![at([2, 3, 4, 5])],
        _ => Vec::new(),
    }
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
            "2002:c0a8:101::1",
            "::a00:1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            // Behind a translator of one's own, by prefixes of 96, 64, 56 and 48 bits.
            "64:ff9b:1::a00:1",
            "64:ff9b:1:fffe::c0a8:101",
            "64:ff9b:1:2:a:0:100:0",
            "64:ff9b:1:20a:0:1::",
            "64:ff9b:1:a00:0:100::",
            // Teredo by its server and by its client.
            "2001:0:a00:1::fefe:fefe",
            "2001:0:101:101::f5ff:fffe",
            "2001:2::1",
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
            "64:ff9b::d818:3901",
            "64:ff9b:1::101:101",
            "64:ff9b:1:fffe::d818:3901",
            "64:ff9b:1:2:1:101:100:0",
            "64:ff9b:1:201:1:101::",
            "64:ff9b:1:101:1:100::",
            "::1.1.1.1",
            "2002:101:101::1",
            "2001:0:101:101::fefe:fefe",
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
    fn an_address_is_one_however_it_is_spelled() {
        let spelled = [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0X7F.1", "127.0.0.1"),
            ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("127.0.0.%31", "127.0.0.1"),
            ("%31%32%37.1", "127.0.0.1"),
            ("10.256", "10.0.1.0"),
            ("192.168.257", "192.168.1.1"),
            ("169.254.43518", "169.254.169.254"),
            ("0", "0.0.0.0"),
            ("0x", "0.0.0.0"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("[FE80::1%25eth0]", "fe80::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[::FFFF:127.0.0.1]", "::ffff:127.0.0.1"),
            ("[0:0:0:0:0:ffff:7f00:0001]", "::ffff:127.0.0.1"),
        ];
        let network = Network::default();
        for (written, meant) in spelled {
            assert_eq!(
                network.refused_literal(written),
                meant.parse().ok(),
                "{written}"
            );
        }
        let names_and_public = [
            "localhost",
            "127.example",
            "0x7g",
            "08",
            "1.2.3.4.5",
            "4294967296",
            "256.1",
            "-1",
            "+1",
            "",
            ".",
            "%",
            "%zz",
            "0x01010101",
            "1.257",
        ];
        for written in names_and_public {
            assert_eq!(network.refused_literal(written), None, "{written}");
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
            ("64:ff9b::7f00:1", true),
            ("64:ff9b::7f00:2", false),
            ("2002:7f00:1::", true),
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
