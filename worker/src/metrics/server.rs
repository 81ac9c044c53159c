use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use super::{CONTENT_TYPE, text};
use crate::context::Context;
use crate::control::{Ask, Asked, answer};

/// Serves `/metrics` over HTTP, to whoever reaches the address: it tells of leases and money, and changes nothing.
pub(crate) struct Server {
    listener: TcpListener,
    routes: Router,
}

#[derive(Clone)]
struct Source {
    asked: UnboundedSender<Asked>,
    context: Arc<Context>,
}

impl Server {
    /// # Errors
    /// An address that is in use or not this machine's.
    pub async fn bind(address: SocketAddr, asked: UnboundedSender<Asked>, context: Arc<Context>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let routes = Router::new().route("/metrics", get(metrics)).with_state(Source { asked, context });
        Ok(Self { listener, routes })
    }

    /// Where it listens: with port 0 the system has chosen one.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the worker stops.
    pub async fn run(self) {
        if let Err(error) = axum::serve(self.listener, self.routes).await {
            tracing::warn!(%error, "metrics are not served any more");
        }
    }
}

async fn metrics(State(source): State<Source>) -> Response {
    match answer(Ask::Status, &source.asked, source.context).await {
        Ok(status) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&status)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}
