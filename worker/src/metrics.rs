//! The worker's status as Prometheus reads it. `docs/worker.md` lists every metric.

mod families;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use millrace_metrics::Server;
use tokio::sync::mpsc::UnboundedSender;

use crate::context::Context;
use crate::control::{Ask, Asked, answer};

/// Who serves them: they tell of leases and money, and change nothing.
///
/// # Errors
/// An address that is in use or not this machine's.
pub(crate) async fn bind(
    address: SocketAddr,
    asked: UnboundedSender<Asked>,
    context: Arc<Context>,
) -> io::Result<Server> {
    let scrape = move || {
        let (asked, context) = (asked.clone(), context.clone());
        async move {
            let status = answer(Ask::Status, &asked, context).await;
            status.map(|status| families::registry(&status)).map_err(|error| error.to_string())
        }
    };
    Server::bind(address, scrape).await
}

#[cfg(test)]
mod tests;
