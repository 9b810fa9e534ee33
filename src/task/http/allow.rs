//! Which hosts workflows may call.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// Hosts that may be called; empty allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow(Vec<Pattern>);

/// A pattern that is neither `host`, `host:port` nor `*.domain`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: expected host, host:port or *.domain, without scheme and path")]
pub struct BadPattern(String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Lower case; with its leading dot when every subdomain is meant.
    host: String,
    subdomains: bool,
    /// `None` allows every port.
    port: Option<u16>,
}

impl Allow {
    /// Reads a list of patterns.
    pub fn new<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Result<Self, BadPattern> {
        patterns
            .into_iter()
            .map(|pattern| pattern.as_ref().parse())
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether this host and port may be called.
    pub fn permits(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|pattern| {
            let same_host = if pattern.subdomains {
                host.len() > pattern.host.len() && host.ends_with(&pattern.host)
            } else {
                host == pattern.host
            };
            same_host && pattern.port.is_none_or(|allowed| allowed == port)
        })
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port @ 1..) => (host, Some(port)),
                _ => return Err(bad()),
            },
            _ => (text, None),
        };
        let (domain, subdomains) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host, false),
        };
        let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let named = !domain.is_empty() && !domain.starts_with('.') && domain.bytes().all(legal);
        let is_address = address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
        if !(named || is_address && !subdomains) {
            return Err(bad());
        }
        // The leading dot stays: `*.corp.net` is not `evilcorp.net`.
        let host = host.strip_prefix('*').unwrap_or(host).to_ascii_lowercase();
        Ok(Self { host, subdomains, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_subdomains_are_told_apart() {
        let allow = Allow::new(["localhost:8080", "api.example.com", "*.corp.net", "[::1]:80"]);
        let allow = allow.unwrap();
        for (host, port, permitted) in [
            ("localhost", 8080, true),
            ("localhost", 8081, false),
            ("API.example.com", 443, true),
            ("api.example.com.", 443, true),
            ("x.api.example.com", 443, false),
            ("evilapi.example.com", 443, false),
            ("a.b.corp.net", 1, true),
            ("corp.net", 1, false),
            ("evilcorp.net", 1, false),
            ("[::1]", 80, true),
            ("[::2]", 80, false),
        ] {
            assert_eq!(allow.permits(host, port), permitted, "{host}:{port}");
        }
        assert!(!Allow::default().permits("localhost", 80));
    }

    #[test]
    fn patterns_with_scheme_path_or_inner_star_are_refused() {
        for pattern in ["", "*", "*.", "http://x", "x/y", "a.*.b", "x:y", "u@h"] {
            assert!(Allow::new([pattern]).is_err(), "{pattern}");
        }
    }
}
