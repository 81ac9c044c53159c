//! What every command works with: settings, output, and the connections made from them.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use millrace_client::accounts::ConfigAccount;
use millrace_client::{Client, Endpoints, Instruction, Keypair, Receipt, Sender, keys};
use millrace_protocol::Address;

use crate::args::{Cli, Command, WorkerCommand};
use crate::errors::Failure;
use crate::market::Market;
use crate::output::Output;
use crate::settings::{Flags, Settings};

/// Settings, output and connections of one command.
pub struct Context<'a> {
    pub settings: Settings,
    pub output: &'a dyn Output,
}

impl<'a> Context<'a> {
    /// # Errors
    /// Settings that cannot be read.
    pub fn new(cli: &Cli, output: &'a dyn Output) -> Result<Self, Failure> {
        let args = &cli.global;
        let flags = Flags {
            config: args.config.clone(),
            makes_config: matches!(cli.command, Command::Worker(WorkerCommand::Init(_))),
            rpc_url: args.rpc_url.clone(),
            ws_url: args.ws_url.clone(),
            orchestrator_url: args.orchestrator_url.clone(),
            keypair: args.keypair.clone(),
        };
        Ok(Self { settings: Settings::load(&flags)?, output })
    }

    /// The wallet, scheduler or owner key of this command.
    ///
    /// # Errors
    /// A key file that is missing or is none.
    pub fn keypair(&self) -> Result<Arc<Keypair>, Failure> {
        Ok(Arc::new(keys::load(&self.settings.keypair.value)?))
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints::new(&self.settings.rpc_url.value, &self.settings.ws_url.value)
    }

    pub fn client(&self) -> Client {
        Client::new(self.endpoints())
    }

    /// The network's configuration on chain.
    ///
    /// # Errors
    /// An RPC endpoint that cannot be reached, a chain without a network.
    pub async fn network(&self) -> Result<ConfigAccount, Failure> {
        Ok(self.client().config().await?)
    }

    /// The orchestrator, with requests signed by `key`.
    pub fn market(&self, key: &Keypair) -> Market {
        Market::new(&self.settings.orchestrator_url.value, Some(signing_key(key)))
    }

    /// Sends one transaction, signed and paid for by one key, and waits until it is confirmed.
    ///
    /// # Errors
    /// A refusal by the chain, an RPC endpoint that cannot be reached.
    pub async fn send(&self, instructions: &[Instruction], signer: &Arc<Keypair>) -> Result<Receipt, Failure> {
        Ok(Sender::new(self.client(), signer.clone()).send(instructions, &[]).await?)
    }
}

/// A Solana key as the signer of HTTP requests.
pub fn signing_key(key: &Keypair) -> SigningKey {
    SigningKey::from_bytes(key.secret_bytes())
}

/// A key's address.
pub fn address(key: &Keypair) -> Address {
    keys::address_of(key)
}
