use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::{CONTENT_TYPE, text};

/// Serves `/metrics` over HTTP, to whoever reaches the address: it changes nothing.
pub struct Server {
    listener: TcpListener,
    routes: Router,
}

impl Server {
    /// Each request is answered with what `scrape` returns then, or with why there is nothing to return.
    ///
    /// # Errors
    /// An address that is in use or not this machine's.
    pub async fn bind<S, F>(address: SocketAddr, scrape: S) -> io::Result<Self>
    where
        S: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Registry, String>> + Send,
    {
        let listener = TcpListener::bind(address).await?;
        let answer = async move || match scrape().await {
            Ok(registry) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&registry)).into_response(),
            Err(cause) => (StatusCode::SERVICE_UNAVAILABLE, cause).into_response(),
        };
        Ok(Self { listener, routes: Router::new().route("/metrics", get(answer)) })
    }

    /// Where it listens: with port 0 the system has chosen one.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub async fn run(self) {
        if let Err(error) = axum::serve(self.listener, self.routes).await {
            tracing::warn!(%error, "metrics are not served any more");
        }
    }
}
