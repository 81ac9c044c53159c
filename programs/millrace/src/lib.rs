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

    /// The proposed key takes over from the admin.
    pub fn accept_admin(ctx: Context<AcceptAdmin>) -> Result<()> {
        AcceptAdmin::handle(ctx)
    }

    /// Founds the network; only the program's upgrade authority can, and only once.
    pub fn initialize(ctx: Context<Initialize>, args: InitializeArgs) -> Result<()> {
        Initialize::handle(ctx, args)
    }

    /// Names the key that becomes the admin once it accepts.
    pub fn propose_admin(ctx: Context<ProposeAdmin>, args: ProposeAdminArgs) -> Result<()> {
        ProposeAdmin::handle(ctx, args)
    }

    /// Names who decides disputes, also those that are open.
    pub fn set_arbiter(ctx: Context<SetArbiter>, args: SetArbiterArgs) -> Result<()> {
        SetArbiter::handle(ctx, args)
    }

    /// Changes the parameters inside their bounds; leases keep those they were opened under.
    pub fn set_parameters(ctx: Context<SetParameters>, args: SetParametersArgs) -> Result<()> {
        SetParameters::handle(ctx, args)
    }

    /// Stops new jobs, or takes them again; everything under way goes on.
    pub fn set_paused(ctx: Context<SetPaused>, args: SetPausedArgs) -> Result<()> {
        SetPaused::handle(ctx, args)
    }

    /// Names who opens leases; those under way keep their attestor.
    pub fn set_scheduler(ctx: Context<SetScheduler>, args: SetSchedulerArgs) -> Result<()> {
        SetScheduler::handle(ctx, args)
    }

    /// Names the token account that fees are swept to.
    pub fn set_treasury(ctx: Context<SetTreasury>) -> Result<()> {
        SetTreasury::handle(ctx)
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

    /// Names another payout owner, who counts after a delay.
    pub fn change_payout(ctx: Context<ChangePayout>, args: ChangePayoutArgs) -> Result<()> {
        ChangePayout::handle(ctx, args)
    }

    /// Closes a provider that has nothing left, with its vaults.
    pub fn close_provider(ctx: Context<CloseProvider>) -> Result<()> {
        CloseProvider::handle(ctx)
    }

    /// Takes a rig without live leases off the market.
    pub fn remove_node(ctx: Context<RemoveNode>) -> Result<()> {
        RemoveNode::handle(ctx)
    }

    /// Puts free stake on its way out.
    pub fn request_unstake(ctx: Context<RequestUnstake>, args: RequestUnstakeArgs) -> Result<()> {
        RequestUnstake::handle(ctx, args)
    }

    /// Replaces a rig's key; the new one signs too.
    pub fn rotate_node_key(ctx: Context<RotateNodeKey>) -> Result<()> {
        RotateNodeKey::handle(ctx)
    }

    /// Drains a rig, or lets it take leases again.
    pub fn set_node_status(ctx: Context<SetNodeStatus>, args: SetNodeStatusArgs) -> Result<()> {
        SetNodeStatus::handle(ctx, args)
    }

    /// Drains all of a provider's rigs, or lets them take leases again.
    pub fn set_provider_status(ctx: Context<SetProviderStatus>, args: SetProviderStatusArgs) -> Result<()> {
        SetProviderStatus::handle(ctx, args)
    }

    /// Changes a rig's prices, its service level or its description.
    pub fn update_node(ctx: Context<UpdateNode>, args: UpdateNodeArgs) -> Result<()> {
        UpdateNode::handle(ctx, args)
    }

    /// Pays out what the provider earned to the payout owner that counts now.
    pub fn withdraw_earnings(ctx: Context<WithdrawEarnings>) -> Result<()> {
        WithdrawEarnings::handle(ctx)
    }

    /// Pays out the stake that has unlocked.
    pub fn withdraw_stake(ctx: Context<WithdrawStake>) -> Result<()> {
        WithdrawStake::handle(ctx)
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

    /// Anyone's crank for a provider whose reputation is below the floor.
    pub fn delist_provider(ctx: Context<DelistProvider>) -> Result<()> {
        DelistProvider::handle(ctx)
    }

    /// Anyone's crank for a delisted provider whose reputation is back at the floor.
    pub fn relist_provider(ctx: Context<RelistProvider>) -> Result<()> {
        RelistProvider::handle(ctx)
    }

    /// Anyone's crank that moves the network's share of a provider's payments to the treasury.
    pub fn sweep_fees(ctx: Context<SweepFees>) -> Result<()> {
        SweepFees::handle(ctx)
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
