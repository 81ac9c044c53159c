use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::Uri;

use super::Finding;

const SUBJECT: &str = "orchestrator";
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether it can be dialled. A worker needs no port that is open to the outside.
pub(super) async fn look(url: &str) -> Finding {
    let address = url.parse::<Uri>().ok().and_then(|uri| {
        let port = uri.port_u16().or_else(|| match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        });
        Some((uri.host()?.to_owned(), port?))
    });
    let Some((host, port)) = address else {
        return Finding::bad(SUBJECT, format!("`{url}` is no address"), "write `--orchestrator http://HOST:PORT`");
    };
    let fix = format!("let the rig connect to {host}:{port} through its firewall, or name another `--orchestrator`");
    match timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Finding::good(SUBJECT, format!("{host}:{port} answers; no port of the rig need be open")),
        Ok(Err(error)) => Finding::bad(SUBJECT, format!("{host}:{port}: {error}"), fix),
        Err(_) => Finding::bad(SUBJECT, format!("{host}:{port} does not answer"), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[tokio::test]
    async fn one_that_listens_is_good_and_one_that_does_not_is_bad() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(look(&url).await.grade, Grade::Good);
        drop(listener);
        assert_eq!(look(&url).await.grade, Grade::Bad);
        for url in ["", "market.example", "ftp://market.example"] {
            assert_eq!(look(url).await.grade, Grade::Bad, "{url}");
        }
    }
}
