//! The address of a collector; compiled in every build, so that any of them can check a configuration.

use std::str::FromStr;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Uri};

/// Where the collector takes spans, and the headers that it wants to see.
#[derive(Clone, Debug)]
pub struct Endpoint {
    uri: Uri,
    headers: HeaderMap,
}

/// Why an address or a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// The address.
    #[error(
        "expected http://HOST:PORT or https://HOST, with or without a path, without credentials"
    )]
    Address,
    /// A header, by its name.
    #[error("header {0:?}: a name or a value that HTTP does not allow")]
    Header(String),
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    /// Reads an address; one without a path gets OTLP's own.
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let uri: Uri = text.parse().map_err(|_| BadEndpoint::Address)?;
        let schemed = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let has_credentials =
            uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if !schemed || !has_host || has_credentials {
            return Err(BadEndpoint::Address);
        }
        let has_path = uri.path_and_query().is_some_and(|path| path.as_str() != "/");
        let uri = if has_path {
            uri
        } else {
            let base = text.trim_end_matches('/');
            format!("{base}{PATH}").parse().map_err(|_| BadEndpoint::Address)?
        };
        Ok(Self { uri, headers: HeaderMap::new() })
    }
}

impl Endpoint {
    /// The whole address.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// What goes with every request.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The same with headers, such as those that carry a key.
    ///
    /// # Errors
    /// [`BadEndpoint::Header`] for the first one that HTTP does not allow.
    pub fn with_headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadEndpoint> {
        for (name, value) in headers {
            let bad = || BadEndpoint::Header(name.to_owned());
            let parsed: HeaderName = name.parse().map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            self.headers.insert(parsed, value);
        }
        Ok(self)
    }
}

/// OTLP: the default path for traces.
const PATH: &str = "/v1/traces";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_gets_the_one_of_the_protocol() {
        let uri = |text: &str| text.parse::<Endpoint>().map(|endpoint| endpoint.uri.to_string());
        for (text, read) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://collector.test/", "https://collector.test/v1/traces"),
            ("https://vendor.test/otlp/v1/traces", "https://vendor.test/otlp/v1/traces"),
            ("http://[::1]:4318/x?y=z", "http://[::1]:4318/x?y=z"),
        ] {
            assert_eq!(uri(text).unwrap(), read);
        }
        for text in
            ["", "localhost:4318", "grpc://localhost:4317", "http://", "http://u:p@h/", "a b"]
        {
            assert_eq!(uri(text), Err(BadEndpoint::Address), "{text}");
        }
    }

    #[test]
    fn headers_are_checked_and_their_values_are_not_shown() {
        let endpoint: Endpoint = "http://h".parse().unwrap();
        let endpoint = endpoint.with_headers([("X-Api-Key", "s3cret")]).unwrap();
        assert_eq!(endpoint.headers["x-api-key"], "s3cret");
        assert!(!format!("{endpoint:?}").contains("s3cret"));
        for (name, value) in [("a b", "x"), ("a", "\n")] {
            let refused = endpoint.clone().with_headers([(name, value)]);
            assert_eq!(refused.unwrap_err(), BadEndpoint::Header(name.to_owned()));
        }
    }
}
