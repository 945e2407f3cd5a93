//! Where a webhook may lead: over HTTPS, to public addresses, unless the operator allows a network.
//!
//! The name is resolved first and every address is checked; the caller connects to the address that was checked, so
//! that a second answer of the name service changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::http::Uri;

use crate::base::Network;

/// Characters of an address.
const MAX_URL: usize = 2048;

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// Not `https://host[:port]/path`, or with credentials.
    #[error("the address is no https URL without credentials")]
    Url,
    /// The name has no address.
    #[error("the host's name cannot be resolved")]
    Unknown,
    /// An address of the host is private, link-local, loopback, or otherwise not public.
    #[error("the host has an address that is not public")]
    Forbidden,
}

/// Turns a name into addresses.
pub trait Resolve: Send + Sync {
    /// Every address of the host; none when it has no name.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Vec<IpAddr>>;
}

/// The system's name service.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Vec<IpAddr>> {
        async move {
            let found = tokio::net::lookup_host((host, port)).await;
            found.map(|it| it.map(|it| it.ip()).collect()).unwrap_or_default()
        }
        .boxed()
    }
}

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Networks that may be called though they are not public.
    pub allowed: Vec<Network>,
    /// Whether `http://` is allowed within those networks.
    pub allow_plain: bool,
}

/// Where to connect, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The checked address.
    pub address: SocketAddr,
    /// The host as named, for TLS and the `host` header.
    pub host: String,
    /// The port, when it is not the scheme's own.
    pub named_port: Option<u16>,
    /// Path and query.
    pub path: String,
    /// Whether over TLS.
    pub is_tls: bool,
}

impl Target {
    /// The address that the host is without asking anybody (RFC 6761 for `localhost`).
    fn literal(&self) -> Option<IpAddr> {
        let host = self.host.trim_matches(['[', ']']);
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        host.parse().ok()
    }
}

impl Guard {
    /// Checks what can be known of an address without the name service, for whoever registers one.
    ///
    /// # Errors
    /// [`GuardError::Url`], and [`GuardError::Forbidden`] of a host that is an address itself, or this machine.
    pub fn check_form(&self, url: &str) -> Result<(), GuardError> {
        let target = self.parse(url)?;
        match target.literal() {
            Some(it) if !self.is_good(it, target.is_tls) => Err(GuardError::Forbidden),
            _ => Ok(()),
        }
    }

    /// Resolves and checks an address.
    ///
    /// # Errors
    /// See [`GuardError`]. One forbidden address among several forbids the host.
    pub async fn check(&self, url: &str, resolver: &dyn Resolve) -> Result<Target, GuardError> {
        let mut target = self.parse(url)?;
        let port = target.address.port();
        let addresses = match target.literal() {
            Some(address) => vec![address],
            None => resolver.resolve(&target.host, port).await,
        };
        let first = *addresses.first().ok_or(GuardError::Unknown)?;
        if !addresses.iter().all(|it| self.is_good(*it, target.is_tls)) {
            return Err(GuardError::Forbidden);
        }
        target.address = SocketAddr::new(first, port);
        Ok(target)
    }

    /// Whether an address may be called.
    fn is_good(&self, address: IpAddr, is_tls: bool) -> bool {
        let address = unmapped(address);
        let is_allowed = self.allowed.iter().any(|network| network.has(address));
        is_allowed || (is_tls && is_public(address))
    }

    fn parse(&self, url: &str) -> Result<Target, GuardError> {
        let uri: Uri = url.parse().map_err(|_| GuardError::Url)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(GuardError::Url);
        };
        let is_tls = match scheme {
            "https" => true,
            "http" if self.allow_plain => false,
            _ => return Err(GuardError::Url),
        };
        let has_credentials = authority.as_str().contains('@');
        if has_credentials || MAX_URL < url.len() || authority.host().is_empty() {
            return Err(GuardError::Url);
        }
        let own_port = if is_tls { 443 } else { 80 };
        let named_port = authority.port_u16();
        // What stands behind the host and is no port: `:99999`, say.
        let is_no_port = named_port.is_none() && authority.as_str() != authority.host();
        if named_port == Some(0) || is_no_port {
            return Err(GuardError::Url);
        }
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Ok(Target {
            address: SocketAddr::new(unspecified, named_port.unwrap_or(own_port)),
            host: authority.host().to_owned(),
            named_port: named_port.filter(|it| *it != own_port),
            path: uri.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            is_tls,
        })
    }
}

/// An IPv4 address that is written as IPv6 is checked as what it is.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(it) => it.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whether the whole world may use it (IANA's registries of special addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => is_public_v4(it),
        IpAddr::V6(it) => is_public_v6(it),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Everything public is in 2000::/3; of that, not Teredo and its like, documentation and 6to4.
    let is_global = first & 0xe000 == 0x2000;
    let is_special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names(&'static [&'static str]);

    impl Resolve for Names {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Vec<IpAddr>> {
            std::future::ready(self.0.iter().map(|it| it.parse().unwrap()).collect()).boxed()
        }
    }

    #[track_caller]
    fn check(url: &str, addresses: &'static [&'static str], expected: Result<&str, GuardError>) {
        let guard = Guard { allowed: vec!["10.9.0.0/16".parse().unwrap()], allow_plain: true };
        let found = guard.check(url, &Names(addresses)).now_or_never().unwrap();
        let found = found.map(|it| format!("{} {}", it.address, it.path));
        assert_eq!(found, expected.map(str::to_owned), "{url} {addresses:?}");
    }

    #[test]
    fn addresses_are_resolved_checked_and_pinned() {
        check("https://a.gov.tw/hook?x=1", &["8.8.8.8"], Ok("8.8.8.8:443 /hook?x=1"));
        check("https://a.gov.tw:8443", &["2606:4700::1"], Ok("[2606:4700::1]:8443 /"));
        check("https://8.8.4.4/", &[], Ok("8.8.4.4:443 /"));
        check("https://10.9.1.2/", &[], Ok("10.9.1.2:443 /"));
        check("http://10.9.1.2/", &[], Ok("10.9.1.2:80 /"));
        check("http://a.gov.tw/", &["8.8.8.8"], Err(GuardError::Forbidden));
        check("https://a.gov.tw/", &[], Err(GuardError::Unknown));
        check("https://a.gov.tw/", &["8.8.8.8", "10.0.0.1"], Err(GuardError::Forbidden));
        for url in [
            "ftp://a/",
            "https://u:p@a/",
            "a.gov.tw",
            "/path",
            "https:///x",
            "https://a:0/",
            "https://a:99999/",
            "https://a:/",
        ] {
            check(url, &["8.8.8.8"], Err(GuardError::Url));
        }
    }

    #[test]
    fn what_is_not_public_is_forbidden() {
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(!is_public(unmapped(address)), "{address}");
        }
        for address in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1", "2001:b000::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_needs_no_name_service_is_known_when_it_is_registered() {
        let guard = Guard { allowed: vec!["10.9.0.0/16".parse().unwrap()], allow_plain: false };
        let check = |url: &str, expected: Result<(), GuardError>| {
            assert_eq!(guard.check_form(url), expected, "{url}");
        };
        check("https://a.gov.tw/", Ok(()));
        check("https://10.9.1.2:8443/", Ok(()));
        check("https://8.8.8.8/", Ok(()));
        for url in
            ["https://127.0.0.1/", "https://[::1]/", "https://10.1.1.1/", "https://LocalHost./"]
        {
            check(url, Err(GuardError::Forbidden));
        }
        check("https://a.gov.tw:99999/", Err(GuardError::Url));
    }

    #[test]
    fn literals_are_addresses_however_they_are_written() {
        check("https://[::1]/", &[], Err(GuardError::Forbidden));
        check("https://[::ffff:10.9.0.1]/", &[], Ok("[::ffff:10.9.0.1]:443 /"));
        // Other spellings of 127.0.0.1 go to the resolver, whose answer is checked.
        for url in ["https://2130706433/", "https://0x7f.1/", "https://localhost/"] {
            check(url, &["127.0.0.1"], Err(GuardError::Forbidden));
        }
    }
}
