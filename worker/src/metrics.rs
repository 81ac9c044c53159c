//! The worker's status as Prometheus reads it. `docs/worker.md` lists every metric.

mod families;
mod server;

use prometheus_client::encoding::text::encode;

use crate::status::Status;

pub(crate) use server::Server;

/// What the format calls itself: OpenMetrics 1.0, which Prometheus has read since 2.5.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The status in the text format.
pub(crate) fn text(status: &Status) -> String {
    let mut text = String::new();
    // Writing into a string fails for want of memory only, which ends the process.
    encode(&mut text, &families::registry(status)).expect("a string takes what is written");
    text
}

#[cfg(test)]
mod tests;
