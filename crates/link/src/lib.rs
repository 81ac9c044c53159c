//! The two languages of the orchestrator: gRPC with workers ([`grpc`]), HTTP with buyers ([`rest`],
//! [`objects`]), and how either side proves which key it holds ([`auth`], [`heartbeat`]).

pub mod auth;
pub mod frames;
pub mod heartbeat;
pub mod objects;
mod peer;
pub mod rest;

pub use peer::is_advertisable;

/// Generated from `proto/link.proto`.
#[allow(clippy::all, clippy::pedantic, reason = "generated")]
pub mod grpc {
    tonic::include_proto!("millrace.link.v1");
}

/// Version of the worker link; both sides refuse another.
pub const LINK_VERSION: u32 = 2;
