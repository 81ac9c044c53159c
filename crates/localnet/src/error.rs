use std::io;

use millrace_protocol::{Diagnostic, UnixSeconds};
use solana_rpc_client_api::client_error::Error as RpcError;
use solana_transaction::TransactionError;
use thiserror::Error;

/// Why the local network did not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot listen on 127.0.0.1:{port}")]
    Port { port: u16, source: io::Error },
    #[error("the local network did not start")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the local network refused its first accounts")]
    Genesis(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the local network is at {} and cannot go back to {}", now.0, asked.0)]
    Past { now: UnixSeconds, asked: UnixSeconds },
    #[error("the local network did not move its clock")]
    Travel(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the local network's RPC failed")]
    Rpc(#[from] Box<RpcError>),
    #[error("the faucet's transaction was refused")]
    Faucet(#[from] TransactionError),
    #[error("the faucet's transaction was not confirmed in {seconds} s")]
    FaucetTimeout { seconds: u64 },
    #[error("the local network did not stop in time")]
    Stop(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the local network has stopped")]
    Stopped,
}

impl From<RpcError> for Error {
    fn from(error: RpcError) -> Self {
        Self::Rpc(Box::new(error))
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Port { .. } => "localnet-port-taken",
            Self::Start(_) => "localnet-not-started",
            Self::Genesis(_) => "localnet-genesis-refused",
            Self::Past { .. } => "localnet-past",
            Self::Travel(_) => "localnet-clock-stuck",
            Self::Rpc(_) => "localnet-rpc-failed",
            Self::Faucet(_) => "localnet-faucet-refused",
            Self::FaucetTimeout { .. } => "localnet-faucet-timeout",
            Self::Stop(_) => "localnet-not-stopped",
            Self::Stopped => "localnet-stopped",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Port { port, .. } => {
                format!("another network may be running: stop what listens on port {port} or choose other ports")
            }
            Self::Start(_) | Self::Genesis(_) => {
                "start it again; if it fails the same way, report it with the log of RUST_LOG=debug".into()
            }
            Self::Past { now, .. } => format!("ask for a moment after {} (Unix seconds)", now.0),
            Self::Travel(_) | Self::FaucetTimeout { .. } => "the machine may be overloaded: try again".into(),
            Self::Rpc(_) | Self::Stopped => "start the local network again".into(),
            Self::Faucet(_) => "check the address; the faucet itself cannot run dry".into(),
            Self::Stop(_) => "its ports are freed when this process ends".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_its_number() {
        let source = io::Error::from(io::ErrorKind::AddrInUse);
        let error = Error::Port { port: 8899, source };
        assert_eq!(error.code(), "localnet-port-taken");
        assert!(error.to_string().contains("127.0.0.1:8899"));
        assert!(error.hint().contains("8899"));
    }

    #[test]
    fn the_past_is_told_with_the_present() {
        let error = Error::Past { now: UnixSeconds(20), asked: UnixSeconds(10) };
        assert!(error.hint().contains("20"));
        assert_eq!(error.to_string(), "the local network is at 20 and cannot go back to 10");
    }
}
