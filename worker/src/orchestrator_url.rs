//! Which addresses of an orchestrator a worker can dial.

use millrace_protocol::Diagnostic;
use thiserror::Error;
use tonic::transport::{Endpoint, Uri};

/// Why nothing can be dialled there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    #[error("`{url}` is not an address of an orchestrator")]
    Malformed { url: String },
    #[error("`{url}` asks for TLS, which the link to the orchestrator has not")]
    Tls { url: String },
}

impl Diagnostic for UrlError {
    fn code(&self) -> &'static str {
        "orchestrator-url-invalid"
    }

    fn hint(&self) -> String {
        match self {
            Self::Malformed { .. } => "write it like `http://market.example:7071`".to_owned(),
            Self::Tls { .. } => {
                "put a tunnel under the link, such as WireGuard, and write `http://HOST:7071` with the host's address in it"
                    .to_owned()
            }
        }
    }
}

/// Host and port of an orchestrator's worker endpoint.
///
/// # Errors
/// [`UrlError`]: what is no address, and what asks for more than the link has.
pub fn dialled_at(url: &str) -> Result<(String, u16), UrlError> {
    let malformed = || UrlError::Malformed { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    match uri.scheme_str() {
        Some("https") => Err(UrlError::Tls { url: url.to_owned() }),
        Some("http") => {
            let host = uri.host().ok_or_else(malformed)?;
            // Only in a URL an address of IPv6 has brackets (RFC 3986, 3.2.2).
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            Ok((host.to_owned(), uri.port_u16().unwrap_or(80)))
        }
        _ => Err(malformed()),
    }
}

/// What dials it.
pub(crate) fn endpoint(url: &str) -> Result<Endpoint, UrlError> {
    dialled_at(url)?;
    Endpoint::from_shared(url.to_owned()).map_err(|_| UrlError::Malformed { url: url.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_dials_without_tls() {
        assert_eq!(dialled_at("http://market.example:7071"), Ok(("market.example".to_owned(), 7071)));
        assert_eq!(dialled_at("http://127.0.0.1"), Ok(("127.0.0.1".to_owned(), 80)));
        assert_eq!(dialled_at("http://[2001:db8::1]:7071"), Ok(("2001:db8::1".to_owned(), 7071)));
        let tls = "https://market.example:7071".to_owned();
        assert_eq!(dialled_at(&tls), Err(UrlError::Tls { url: tls.clone() }));
        assert_eq!(endpoint(&tls).err(), Some(UrlError::Tls { url: tls }));
        for url in ["", "market.example", "market.example:7071", "ftp://market.example", "http://"] {
            assert_eq!(dialled_at(url), Err(UrlError::Malformed { url: url.to_owned() }));
        }
    }
}
