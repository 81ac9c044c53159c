use std::time::Duration;

use millrace_client::{Client, Endpoints, place_of};
use millrace_protocol::Diagnostic;
use tokio::time::timeout;

use super::Finding;

const SUBJECT: &str = "chain";
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a cluster's endpoint answers: a worker starts without one only while it holds leases, and then takes no more.
pub(super) async fn look(rpc_url: &str) -> Finding {
    let client = Client::new(Endpoints::from_rpc(rpc_url));
    let fix = "name an endpoint of the network's cluster: `rpc_url` in the config file, or `--rpc-url`";
    match timeout(PATIENCE, client.chain_clock()).await {
        Ok(Ok(_)) => Finding::good(SUBJECT, format!("{} answers", place_of(rpc_url))),
        Ok(Err(error)) => Finding::bad(SUBJECT, format!("{}: {}", place_of(rpc_url), error.code()), fix),
        Err(_) => Finding::bad(SUBJECT, format!("{} does not answer", place_of(rpc_url)), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[tokio::test]
    async fn one_that_does_not_answer_is_bad_and_its_key_is_not_shown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap();
        drop(listener);
        let finding = look(&format!("http://{host}/v2/secret?key=secret")).await;
        assert_eq!(finding.grade, Grade::Bad);
        assert!(finding.found.starts_with(&format!("http://{host}: ")), "{}", finding.found);
    }

    #[test]
    fn a_url_is_shown_without_what_pays_for_it() {
        for (url, shown) in [
            ("https://rpc.example", "https://rpc.example"),
            ("https://rpc.example:8899/?key=secret", "https://rpc.example:8899"),
            ("https://rpc.example?key=secret", "https://rpc.example"),
            ("https://me:sec/ret@rpc.example/v1/secret", "the endpoint"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(place_of(url), shown);
        }
    }
}
