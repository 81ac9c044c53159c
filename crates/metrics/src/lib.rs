//! What the services' Prometheus endpoints have in common: the text, and who serves it. Which metrics there are is each
//! service's own.

mod server;

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

pub use server::Server;

/// A gauge of whole numbers.
pub type Integer = Gauge<i64, AtomicI64>;

/// What the format calls itself: OpenMetrics 1.0, which Prometheus has read since 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry in the text format.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing into a string fails for want of memory only, which ends the process.
    encode(&mut text, registry).expect("a string takes what is written");
    text
}

/// Money is no float, and up to 9 billion USDC Prometheus keeps whole micro-USDC exact.
pub fn micro_usdc() -> Unit {
    Unit::Other("micro_usdc".to_owned())
}

/// A gauge of one value.
pub fn gauge(value: u64) -> Integer {
    let gauge = Integer::default();
    gauge.set(whole(value));
    gauge
}

/// As a gauge holds it; what is more than that is its most.
pub fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
