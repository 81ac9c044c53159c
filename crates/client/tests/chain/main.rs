//! The SDK against a real network: the built program behind ordinary RPC and WebSocket.

mod market;
mod money;
mod sending;
mod watching;
