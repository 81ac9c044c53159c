use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::future::{Ready, ready};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

/// Stands in for an orchestrator's clock: an endpoint for workers whose `Date` is so many seconds ahead.
#[derive(Clone)]
pub struct Dated {
    ahead: Arc<AtomicI64>,
}

impl Dated {
    /// Its URL, and what sets its clock.
    pub async fn start(ahead: i64) -> (String, Arc<AtomicI64>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let dated = Self { ahead: Arc::new(AtomicI64::new(ahead)) };
        let clock = dated.ahead.clone();
        let server = tonic::transport::Server::builder().add_service(dated);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (url, clock)
    }
}

impl NamedService for Dated {
    const NAME: &'static str = "millrace.link.v1.Link";
}

impl Service<http::Request<Body>> for Dated {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let ahead = self.ahead.load(Relaxed);
        let (now, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
        let date = httpdate::fmt_http_date(if ahead < 0 { now - by } else { now + by });
        let answer = http::Response::builder().header("date", date).header("content-type", "application/grpc");
        ready(Ok(answer.header("grpc-status", "12").body(Body::empty()).unwrap()))
    }
}
