//! Escrow, leases and settlement of the Millrace compute market, on chain.
//!
//! The program decides nothing by itself: `millrace-protocol` holds the rules, and each instruction
//! checks its accounts, calls one transition, moves the money that it names, and emits one event.
//! Money leaves a vault only towards an account fixed when the vault was opened, and every state
//! has a way out that needs nobody's signature.

use anchor_lang::prelude::*;
#[cfg(target_arch = "bpf")]
use solana_compiler_builtins as _;

mod clock;
pub mod constants;
mod create;
pub mod ending;
pub mod error;
pub mod events;
pub mod instructions;
pub mod precompile;
mod round;
pub mod state;
mod tokens;
pub mod types;

pub use error::MarketError;
pub use instructions::*;

declare_id!("MRACEyV7WAqkTBFVzKeJ7Vh5Yk3UD5qSCkwcwYwc4sj");

#[program]
pub mod millrace {
    use super::*;

    /// Founds the network; only the program's upgrade authority can, and only once.
    pub fn initialize(ctx: Context<Initialize>, args: InitializeArgs) -> Result<()> {
        Initialize::handle(ctx, args)
    }

    /// Registers the signer as a provider, with an empty stake vault and an empty earnings vault.
    pub fn register_provider(ctx: Context<RegisterProvider>, args: RegisterProviderArgs) -> Result<()> {
        RegisterProvider::handle(ctx, args)
    }

    /// Moves money of the provider's owner into the stake that backs its leases.
    pub fn add_stake(ctx: Context<AddStake>, args: AddStakeArgs) -> Result<()> {
        AddStake::handle(ctx, args)
    }

    /// Offers a rig at a posted price.
    pub fn add_node(ctx: Context<AddNode>, args: AddNodeArgs) -> Result<()> {
        AddNode::handle(ctx, args)
    }

    /// Opens a job and moves its whole deposit into the job's own vault.
    pub fn open_job(ctx: Context<OpenJob>, args: OpenJobArgs) -> Result<()> {
        OpenJob::handle(ctx, args)
    }

    /// Leases a node to a job; scheduler and node key both agree to node, price and length.
    pub fn open_lease(ctx: Context<OpenLease>, args: OpenLeaseArgs) -> Result<()> {
        OpenLease::handle(ctx, args)
    }

    /// Redeems the voucher whose signature the instruction right before this one verifies.
    pub fn settle(ctx: Context<Settle>) -> Result<()> {
        Settle::handle(ctx)
    }

    /// The buyer's cancel: no further lease, seconds up to now stay owed.
    pub fn cancel_job(ctx: Context<CancelJob>) -> Result<()> {
        CancelJob::handle(ctx)
    }

    /// Anyone's crank for a job that no node took in time.
    pub fn expire_job(ctx: Context<ExpireJob>) -> Result<()> {
        ExpireJob::handle(ctx)
    }

    /// Anyone's crank for a lease past its deadline.
    pub fn expire_lease(ctx: Context<ExpireLease>) -> Result<()> {
        ExpireLease::handle(ctx)
    }

    /// Anyone's crank for a job that is over: everything left goes back to its funder.
    pub fn close_job(ctx: Context<CloseJob>) -> Result<()> {
        CloseJob::handle(ctx)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_declared_address_is_the_one_clients_use() {
        assert_eq!(crate::ID.to_string(), millrace_protocol::PROGRAM_ID);
    }
}
