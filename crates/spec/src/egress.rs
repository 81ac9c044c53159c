use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Most destinations of one job: each is a rule that every packet of the job is compared with.
const MOST: usize = 32;

/// Where a job's containers may connect to: `HOST:PORT`, by TCP and by UDP. In a spec it is the one text that
/// [`fmt::Display`] writes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    pub host: Host,
    pub port: u16,
}

/// The part of a [`Destination`] before the port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// In lower case, without a dot at its end; what it means is looked up when a task starts.
    Name(String),
    /// All addresses that begin with the same `prefix` bits; the others are zero.
    Network { address: Ipv4Addr, prefix: u8 },
}

/// Neither a name nor a network and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a destination such as `api.example.com:443` or `203.0.113.0/24:443`")]
pub struct DestinationError;

/// # Errors
/// [`Error::Field`].
pub(crate) fn check(egress: &[Destination], network: bool) -> Result<(), Error> {
    let field = |expected| {
        let value = egress.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Error::Field { field: "network", value, expected })
    };
    if !egress.is_empty() && !network {
        return field("no destinations where there is no network");
    }
    // As other languages order texts, so that a job has one spec.
    if egress.len() > MOST || !egress.is_sorted_by(|one, next| one.to_string() < next.to_string()) {
        return field("at most 32 destinations, sorted and each once");
    }
    Ok(())
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let (host, port) = text.rsplit_once(':').ok_or(DestinationError)?;
        let is_plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_plain && *port > 0).ok_or(DestinationError)?;
        Ok(Self { host: network(host).or_else(|| name(host)).ok_or(DestinationError)?, port })
    }
}

fn network(text: &str) -> Option<Host> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix))?),
        None => (text, 32),
    };
    let address: Ipv4Addr = address.parse().ok()?;
    let rest = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    (address.to_bits() & rest == 0).then_some(Host::Network { address, prefix })
}

/// A host's name as RFC 1123 (2.1) has it: labels of letters, digits and hyphens, the last one no number.
fn name(text: &str) -> Option<Host> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let (_, last) = text.rsplit_once('.')?;
    (text.len() <= 253 && text.split('.').all(is_label) && !is_number(last)).then_some(Host::Name(text))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Network { address, prefix: 32 } => write!(f, "{address}"),
            Self::Network { address, prefix } => write!(f, "{address}/{prefix}"),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_host_and_a_port_and_has_one_text() {
        for (text, canonical) in [
            ("api.example.com:443", "api.example.com:443"),
            ("API.Example.com.:443", "api.example.com:443"),
            ("203.0.113.7:80", "203.0.113.7:80"),
            ("203.0.113.7/32:80", "203.0.113.7:80"),
            ("203.0.113.0/24:65535", "203.0.113.0/24:65535"),
            ("xn--bcher-kva.example:0443", "xn--bcher-kva.example:443"),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(destination));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("{}.example:1", "a".repeat(64));
        for text in [
            "",
            ":",
            "443",
            "example.com",
            "example.com:",
            "example.com:0",
            "example.com:65536",
            "example.com:+1",
            "localhost:80",
            "-a.example:1",
            "a-.example:1",
            "a..example:1",
            "1.2.3:80",
            "1.2.3.4.5:80",
            "256.0.0.1:80",
            "203.0.113.1/24:80",
            "203.0.113.0/0:80",
            "203.0.113.0/33:80",
            "[::1]:80",
            "*.example.com:443",
            "a b.example:1",
            &long,
        ] {
            assert_eq!(text.parse::<Destination>(), Err(DestinationError), "{text:?}");
        }
    }

    #[test]
    fn a_list_is_sorted_bounded_and_needs_a_network() {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Destination>>();
        assert_eq!(check(&list(&["1.2.3.4:5", "a.example:80", "b.example:80"]), true), Ok(()));
        assert_eq!(check(&[], false), Ok(()));
        for refused in [&["b.example:80", "a.example:80"][..], &["a.example:80", "a.example:80"]] {
            assert!(check(&list(refused), true).is_err(), "{refused:?}");
        }
        assert!(check(&list(&["a.example:80"]), false).is_err());
        let mut many: Vec<_> = (1..=33).map(|port| format!("a.example:{port}")).collect();
        many.sort();
        let many = many.iter().map(|text| text.parse().unwrap()).collect::<Vec<Destination>>();
        assert!(check(&many, true).is_err());
        assert_eq!(check(&many[..32], true), Ok(()));
    }
}
