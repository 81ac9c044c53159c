//! The SDK against a real network: the built program behind ordinary RPC and WebSocket, and endpoints
//! of the tests' own between them, which fail in all the ways endpoints do.

mod faulty_rpc;
mod faulty_socket;
mod market;
mod money;
mod reading;
mod sending;
mod several;
mod watching;
