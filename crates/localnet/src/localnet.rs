use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use solana_signer::Signer;

use crate::engine::Engine;
use crate::faucet::Faucet;
use crate::relay::Relay;
use crate::{Error, Options, keys};

/// The program as it is deployed: `./dev program` rebuilds it.
const PROGRAM: &[u8] = include_bytes!("../../../programs/millrace/deploy/millrace.so");

/// A running network. [`Self::shutdown`] stops it and waits; dropping it stops it soon after.
pub struct Localnet {
    rpc: Relay,
    ws: Relay,
    faucet: Faucet,
    engine: Engine,
}

impl Localnet {
    /// Starts a network and returns when its RPC answers and the program is loaded.
    ///
    /// Errors: [`Error::Port`] when a wanted port is taken, [`Error::Start`] and
    /// [`Error::Genesis`] when the network does not come up.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let rpc = Relay::bind(options.rpc_port.unwrap_or(0)).await?;
        let ws = Relay::bind(options.ws_port.unwrap_or(0)).await?;
        let program = options.program.unwrap_or_else(|| PROGRAM.to_vec());
        let engine = Engine::start(options.slot, program).await?;
        let rpc = Relay::open(rpc, engine.rpc.clone())?;
        let ws = Relay::open(ws, engine.ws.clone())?;
        // Past the relay, so that cutting clients off never loses the faucet's own answer.
        let faucet = Faucet::new(format!("http://{}", engine.rpc));
        Ok(Self { rpc, ws, faucet, engine })
    }

    /// `http://127.0.0.1:PORT`
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.rpc.address())
    }

    /// `ws://127.0.0.1:PORT`
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.ws.address())
    }

    /// The mint of the test USDC (6 decimals), the same on every localnet.
    pub fn usdc_mint(&self) -> Address {
        Self::test_usdc_mint()
    }

    /// The same, for a localnet that runs in another process.
    pub fn test_usdc_mint() -> Address {
        Address(keys::usdc().pubkey().to_bytes())
    }

    /// Upgrade authority of the program, so the one key that may initialise the network. It is
    /// well known and holds play money: 64 bytes in the order of Solana's key files.
    pub fn admin_key() -> [u8; 64] {
        keys::admin().to_bytes()
    }

    /// Mints `amount` of test USDC to the owner's associated token account, which is made if it
    /// is missing, and returns that account. Confirmed on return.
    ///
    /// Errors: [`Error::Faucet`], [`Error::FaucetTimeout`], [`Error::Rpc`].
    pub async fn faucet(&self, owner: &Address, amount: MicroUsdc) -> Result<Address, Error> {
        self.faucet.usdc(owner, amount).await
    }

    /// Gives `lamports` to an address. Confirmed on return.
    ///
    /// Errors: [`Error::Faucet`], [`Error::FaucetTimeout`], [`Error::Rpc`].
    pub async fn faucet_sol(&self, address: &Address, lamports: u64) -> Result<(), Error> {
        self.faucet.sol(address, lamports).await
    }

    /// The network's own time: its Clock sysvar.
    ///
    /// Errors: [`Error::Travel`], [`Error::Stopped`].
    pub async fn now(&self) -> Result<UnixSeconds, Error> {
        self.engine.now().await
    }

    /// Moves the clock ahead to `time`; from there it goes on at the pace of the wall clock.
    ///
    /// Errors: [`Error::Past`] for a moment that is over, [`Error::Travel`], [`Error::Stopped`].
    pub async fn travel_to(&self, time: UnixSeconds) -> Result<(), Error> {
        self.engine.travel_to(time).await
    }

    /// Cuts every connection to RPC and WebSocket, as a load balancer does now and then. New
    /// connections are accepted at once.
    pub fn cut_connections(&self) {
        self.rpc.cut_connections();
        self.ws.cut_connections();
    }

    /// Stops the network and returns when its ports are free.
    ///
    /// Errors: [`Error::Stop`] when the network below did not confirm its end in 5 s.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.rpc.close().await;
        self.ws.close().await;
        self.engine.stop().await
    }
}
