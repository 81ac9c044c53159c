use std::time::Duration;

use millrace_protocol::Diagnostic;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;
use crate::orchestrator_url::dialled_at;

const SUBJECT: &str = "orchestrator";
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether it can be dialled. A worker needs no port that is open to the outside.
pub(super) async fn look(url: &str) -> Finding {
    let (host, port) = match dialled_at(url) {
        Ok(address) => address,
        Err(error) => return Finding::bad(SUBJECT, error.to_string(), error.hint()),
    };
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let fix = format!("let the rig connect to {place} through its firewall, or name another `--orchestrator`");
    match timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => Finding::good(SUBJECT, format!("{place} answers; no port of the rig need be open")),
        Ok(Err(error)) => Finding::bad(SUBJECT, format!("{place}: {error}"), fix),
        Err(_) => Finding::bad(SUBJECT, format!("{place} does not answer"), fix),
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
        let tls = look(&url.replace("http:", "https:")).await;
        assert_eq!(tls.grade, Grade::Bad, "it would never get a link");
        drop(listener);
        assert_eq!(look(&url).await.grade, Grade::Bad);
        for url in ["", "market.example", "ftp://market.example"] {
            assert_eq!(look(url).await.grade, Grade::Bad, "{url}");
        }
    }

    #[tokio::test]
    async fn one_with_an_address_of_ipv6_is_dialled() {
        let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
            eprintln!("SKIPPED: this machine has no IPv6");
            return;
        };
        let place = listener.local_addr().unwrap();
        let finding = look(&format!("http://{place}")).await;
        assert_eq!(finding.grade, Grade::Good, "{}", finding.found);
        assert!(finding.found.starts_with(&format!("{place} answers")), "{}", finding.found);
    }
}
