use std::time::Duration;

use millrace_protocol::Diagnostic;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;
use crate::link_client::{self, Error};
use crate::orchestrator_url::dialled_at;

const SUBJECT: &str = "orchestrator";
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether it can be dialled, and is one. A worker needs no port that is open to the outside.
pub(super) async fn look(url: &str) -> Finding {
    let (host, port) = match dialled_at(url) {
        Ok(address) => address,
        Err(error) => return Finding::bad(SUBJECT, error.to_string(), error.hint()),
    };
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let fix = format!("let the rig connect to {place} through its firewall, or name another `--orchestrator`");
    match timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Finding::bad(SUBJECT, format!("{place}: {error}"), fix),
        Err(_) => return Finding::bad(SUBJECT, format!("{place} does not answer"), fix),
    }
    let fix = "name the orchestrator's endpoint for workers with `--orchestrator`: usually port 7071, and not the HTTP \
               endpoint that buyers use";
    match timeout(PATIENCE, link_client::try_out(url)).await {
        Ok(Ok(())) => Finding::good(SUBJECT, format!("{place} answers; no port of the rig need be open")),
        Ok(Err(error @ (Error::Refused(_) | Error::OtherProgram { .. }))) => {
            Finding::bad(SUBJECT, format!("{place}: {error}"), error.hint())
        }
        Ok(Err(_)) => Finding::bad(SUBJECT, format!("{place} does not answer as an orchestrator answers workers"), fix),
        Err(_) => Finding::bad(SUBJECT, format!("{place} is connected to, and says nothing"), fix),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::Stream;
    use millrace_link::LINK_VERSION;
    use millrace_link::grpc::link_server::{Link, LinkServer};
    use millrace_link::grpc::orchestrator_message::Body;
    use millrace_link::grpc::worker_message::Body as WorkerBody;
    use millrace_link::grpc::{Challenge, OrchestratorMessage, WorkerMessage};
    use millrace_protocol::Address;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::{Request, Response, Status, Streaming};

    use super::*;
    use crate::doctor::Grade;

    /// The beginning of an orchestrator's end, for workers of one program and version of the link.
    struct Beginning {
        program: Address,
        link_version: u32,
    }

    #[tonic::async_trait]
    impl Link for Beginning {
        type AttachStream = Pin<Box<dyn Stream<Item = Result<OrchestratorMessage, Status>> + Send>>;

        async fn attach(
            &self,
            request: Request<Streaming<WorkerMessage>>,
        ) -> Result<Response<Self::AttachStream>, Status> {
            let Some(WorkerBody::Hello(hello)) = request.into_inner().message().await?.and_then(|said| said.body)
            else {
                return Err(Status::failed_precondition("a link begins with a hello"));
            };
            if hello.link_version != self.link_version {
                return Err(Status::failed_precondition("this orchestrator speaks another link version"));
            }
            let challenge = Challenge { nonce: vec![9; 32], program: self.program.0.to_vec() };
            let message = OrchestratorMessage { body: Some(Body::Challenge(challenge)) };
            Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(message)]))))
        }
    }

    async fn bound() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (listener, url)
    }

    fn serve(listener: TcpListener, program: Address, link_version: u32) {
        let server =
            tonic::transport::Server::builder().add_service(LinkServer::new(Beginning { program, link_version }));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    }

    /// Bad, and mended by another address.
    #[track_caller]
    fn is_another_endpoint(finding: &Finding) {
        assert_eq!(finding.grade, Grade::Bad, "{}", finding.found);
        assert!(finding.fix.as_ref().unwrap().contains("7071"), "{finding:?}");
    }

    #[tokio::test]
    async fn one_that_asks_for_proof_is_good_and_one_that_is_gone_is_bad() {
        let (listener, url) = bound().await;
        serve(listener, millrace_client::address::program(), LINK_VERSION);
        let finding = look(&url).await;
        assert_eq!(finding.grade, Grade::Good, "{}", finding.found);
        let tls = look(&url.replace("http:", "https:")).await;
        assert_eq!(tls.grade, Grade::Bad, "it would never get a link");
        let (listener, gone) = bound().await;
        drop(listener);
        let finding = look(&gone).await;
        assert!(finding.grade == Grade::Bad && finding.fix.unwrap().contains("firewall"), "{}", finding.found);
        for url in ["", "market.example", "ftp://market.example"] {
            assert_eq!(look(url).await.grade, Grade::Bad, "{url}");
        }
    }

    #[tokio::test]
    async fn one_of_another_network_or_version_is_bad_and_says_so() {
        let other = Address([7; 32]);
        for (program, link_version, told) in [
            (other, LINK_VERSION, other.to_string()),
            (millrace_client::address::program(), LINK_VERSION + 1, "another link version".to_owned()),
        ] {
            let (listener, url) = bound().await;
            serve(listener, program, link_version);
            let finding = look(&url).await;
            assert!(finding.grade == Grade::Bad && finding.found.contains(&told), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn an_http_server_is_no_orchestrator() {
        let (listener, url) = bound().await;
        let routes = axum::Router::new().route("/", axum::routing::get(|| async { "for buyers" }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        is_another_endpoint(&look(&url).await);
    }

    #[tokio::test]
    async fn another_service_of_the_same_protocol_is_no_orchestrator() {
        let (listener, url) = bound().await;
        let server = tonic::transport::Server::builder().add_routes(tonic::service::Routes::default());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        is_another_endpoint(&look(&url).await);
    }

    #[tokio::test]
    async fn one_that_says_nothing_or_nonsense_is_no_orchestrator() {
        let (_silent, url) = bound().await;
        is_another_endpoint(&look(&url).await);
        let (listener, url) = bound().await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
            }
        });
        is_another_endpoint(&look(&url).await);
    }

    #[tokio::test]
    async fn one_with_an_address_of_ipv6_is_dialled() {
        let Ok(listener) = TcpListener::bind("[::1]:0").await else {
            eprintln!("SKIPPED: this machine has no IPv6");
            return;
        };
        let place = listener.local_addr().unwrap();
        serve(listener, millrace_client::address::program(), LINK_VERSION);
        let finding = look(&format!("http://{place}")).await;
        assert_eq!(finding.grade, Grade::Good, "{}", finding.found);
        assert!(finding.found.starts_with(&format!("{place} answers")), "{}", finding.found);
    }
}
