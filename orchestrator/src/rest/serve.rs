//! Connections of HTTP: each has so long to say what it wants, and to take what it gets. Whoever finds no place is told
//! so.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Refusal;
use super::stall::Stalling;
use crate::door::Door;
use crate::objects::STALL;
use crate::places::Full;

/// How long a request's head may take, and how long a connection may be kept without a request: a little longer than
/// workers and `millrace` keep theirs, which would else send a request into a connection that ends.
const HEAD: Duration = Duration::from_secs(100);
/// How many who found no place are told so at once; others are cut off without a word.
const TURNED_AWAY: usize = 64;
/// How long that may take.
const TURNING_AWAY: Duration = Duration::from_secs(2);

/// How long a connection keeps its place.
#[derive(Clone, Copy)]
struct Patience {
    /// See [`HEAD`].
    head: Duration,
    /// While nothing of its answer is taken.
    stall: Duration,
}

/// Serves whoever comes in until `stop`; requests under way are finished.
pub(super) async fn serve(door: Door, router: Router, stop: CancellationToken) {
    serve_within(door, router, stop, Patience { head: HEAD, stall: STALL }).await;
}

async fn serve_within(door: Door, router: Router, stop: CancellationToken, patience: Patience) {
    let (connections, turned_away) = (TaskTracker::new(), Arc::new(Semaphore::new(TURNED_AWAY)));
    while let Some((stream, place)) = stop.run_until_cancelled(door.next()).await {
        match place {
            Ok(place) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    converse(stream, router, &stop, patience).await;
                });
            }
            Err(full) => {
                let Ok(turn) = turned_away.clone().try_acquire_owned() else { continue };
                let stop = stop.clone();
                connections.spawn(async move {
                    let _turn = turn;
                    let told = converse(stream, refusing(full), &stop, patience);
                    let _ = tokio::time::timeout(TURNING_AWAY, told).await;
                });
            }
        }
    }
    drop(door);
    connections.close();
    connections.wait().await;
}

async fn converse(stream: TcpStream, router: Router, stop: &CancellationToken, patience: Patience) {
    let service = TowerToHyperService::new(router);
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(patience.head);
    let stream = TokioIo::new(Stalling::new(stream, patience.stall));
    let mut connection = pin!(protocol.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection has ended early");
    }
}

/// Answers whatever is asked with why there is no place.
fn refusing(full: Full) -> Router {
    Router::new().fallback(move || async move { ([(CONNECTION, "close")], refusal(full)) })
}

fn refusal(full: Full) -> Refusal {
    let (status, cause) = match full {
        Full::Everywhere => (StatusCode::SERVICE_UNAVAILABLE, "the orchestrator has as many connections as it takes"),
        Full::OfOrigin => (StatusCode::TOO_MANY_REQUESTS, "your address has as many connections as it may have here"),
    };
    let hint = "close connections that are not needed, or try again in a moment";
    Refusal::new(status, "connections-too-many", cause, hint)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::places::Room;

    struct Endpoint {
        address: std::net::SocketAddr,
        stop: CancellationToken,
        serving: tokio::task::JoinHandle<()>,
    }

    /// More than lies in buffers on the way.
    const MUCH: usize = 64 * 1024 * 1024;

    async fn endpoint(total: usize, patience: Patience) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let door = Door::new(listener, Room { total, per_origin: total });
        let router = Router::new().route("/here", get(|| async { "yes" }));
        let router = router.route("/much", get(|| async { vec![7u8; MUCH] }));
        let serving = tokio::spawn(serve_within(door, router, stop.clone(), patience));
        Endpoint { address, stop, serving }
    }

    async fn ask(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /here HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_ends_and_makes_room() {
        let endpoint = endpoint(1, Patience { head: Duration::from_millis(300), stall: STALL }).await;
        let mut silent = TcpStream::connect(endpoint.address).await.unwrap();
        // Not even half a word counts.
        silent.write_all(b"GET /he").await.unwrap();
        let refused = ask(endpoint.address).await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        assert!(refused.contains("connections-too-many") && refused.contains("hint"), "{refused}");
        let mut heard = Vec::new();
        silent.read_to_end(&mut heard).await.unwrap();
        assert!(ask(endpoint.address).await.ends_with("yes"));
        endpoint.stop.cancel();
        endpoint.serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_does_not_take_its_answer_ends_and_makes_room() {
        let endpoint = endpoint(1, Patience { head: HEAD, stall: Duration::from_millis(300) }).await;
        let mut hung = TcpStream::connect(endpoint.address).await.unwrap();
        hung.write_all(b"GET /much HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        // Its answer has begun.
        hung.peek(&mut [0]).await.unwrap();
        let refused = ask(endpoint.address).await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        let makes_room = async {
            while !ask(endpoint.address).await.ends_with("yes") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), makes_room).await.unwrap();
        let (mut taken, mut answer) = (0, vec![0; 1024 * 1024]);
        while let Ok(read @ 1..) = hung.read(&mut answer).await {
            taken += read;
        }
        assert!(taken < MUCH, "{taken}");
        endpoint.stop.cancel();
        endpoint.serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_waits_for_its_next_request_ends_with_the_orchestrator() {
        let endpoint = endpoint(2, Patience { head: HEAD, stall: STALL }).await;
        let mut kept = TcpStream::connect(endpoint.address).await.unwrap();
        kept.write_all(b"GET /here HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let read = kept.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
        endpoint.stop.cancel();
        endpoint.serving.await.unwrap();
        assert_eq!(kept.read(&mut answer).await.unwrap(), 0);
    }
}
