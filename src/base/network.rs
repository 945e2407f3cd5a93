//! Ranges of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a range of addresses such as 10.1.0.0/16")]
pub struct NetworkError;

/// A range of addresses: `10.1.0.0/16`, `fd00::/8`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    n_bits: u32,
}

impl Network {
    /// Whether it has `address`; one of IPv4 that is written as IPv6 is what it is.
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - self.n_bits;
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - self.n_bits;
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, n_bits) = match text.split_once('/') {
            Some((address, n_bits)) => (address, n_bits.parse().map_err(|_| NetworkError)?),
            None => (text, u32::MAX),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        match n_bits {
            u32::MAX => Ok(Network { address, n_bits: most }),
            n_bits if n_bits <= most => Ok(Network { address, n_bits }),
            _ => Err(NetworkError),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.n_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.has(address.parse().unwrap()), expected, "{network:?} {address}");
    }

    #[test]
    fn a_network_has_what_its_bits_say() {
        check("10.1.0.0/16", "10.1.255.1", true);
        check("10.1.0.0/16", "::ffff:10.1.2.3", true);
        check("10.1.0.0/16", "10.2.0.1", false);
        check("0.0.0.0/0", "192.0.2.1", true);
        check("0.0.0.0/0", "fd00::1", false);
        check("127.0.0.1", "127.0.0.2", false);
        check("fd00::/8", "fdff::1", true);
        for bad in ["", "10.1", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }
}
