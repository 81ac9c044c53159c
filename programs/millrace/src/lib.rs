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
pub mod disputes;
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

    /// More time for a live lease at its price; its node agrees, with the scheduler or the buyer.
    pub fn extend_lease(ctx: Context<ExtendLease>, args: ExtendLeaseArgs) -> Result<()> {
        ExtendLease::handle(ctx, args)
    }

    /// The scheduler's notice to a spot lease: it is paid up to the end of the notice and ends then.
    pub fn notice_preemption(ctx: Context<NoticePreemption>) -> Result<()> {
        NoticePreemption::handle(ctx)
    }

    /// The scheduler's word on what a node's hardware has been shown to be.
    pub fn attest_node(ctx: Context<AttestNode>, args: AttestNodeArgs) -> Result<()> {
        AttestNode::handle(ctx, args)
    }

    /// The node's one extension of its start, unpaid.
    pub fn extend_start(ctx: Context<ExtendStart>) -> Result<()> {
        ExtendStart::handle(ctx)
    }

    /// The node's word that it works on although no voucher comes.
    pub fn hold_lease(ctx: Context<HoldLease>) -> Result<()> {
        HoldLease::handle(ctx)
    }

    /// Redeems the voucher whose signature the instruction right before this one verifies.
    pub fn settle(ctx: Context<Settle>) -> Result<()> {
        Settle::handle(ctx)
    }

    /// The buyer's word that nothing is to be disputed: a reported lease is settled as reported.
    pub fn accept_lease(ctx: Context<AcceptLease>) -> Result<()> {
        AcceptLease::handle(ctx)
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

    /// Anyone's crank for a reported lease to which nobody objected in time.
    pub fn finalize_lease(ctx: Context<FinalizeLease>) -> Result<()> {
        FinalizeLease::handle(ctx)
    }

    /// Anyone's crank for a job that is over: everything left goes back to its funder.
    pub fn close_job(ctx: Context<CloseJob>) -> Result<()> {
        CloseJob::handle(ctx)
    }

    /// Challenges a reported lease: the challenger's bond moves into the job's vault.
    pub fn open_dispute(ctx: Context<OpenDispute>, args: OpenDisputeArgs) -> Result<()> {
        OpenDispute::handle(ctx, args)
    }

    /// The arbiter's ruling, which settles the lease.
    pub fn resolve_dispute(ctx: Context<ResolveDispute>, args: ResolveDisputeArgs) -> Result<()> {
        ResolveDispute::handle(ctx, args)
    }

    /// Anyone's crank for a dispute that the arbiter left alone: settled as reported.
    pub fn expire_dispute(ctx: Context<ExpireDispute>) -> Result<()> {
        ExpireDispute::handle(ctx)
    }

    /// Anyone opens a round of a job whose results are counted; its leases join it as they are opened.
    pub fn open_quorum(ctx: Context<OpenQuorum>, args: OpenQuorumArgs) -> Result<()> {
        OpenQuorum::handle(ctx, args)
    }

    /// A member's node binds itself to its result without showing it.
    pub fn commit_result(ctx: Context<CommitResult>, args: CommitResultArgs) -> Result<()> {
        CommitResult::handle(ctx, args)
    }

    /// A member's node shows the result that it committed to.
    pub fn reveal_result(ctx: Context<RevealResult>, args: RevealResultArgs) -> Result<()> {
        RevealResult::handle(ctx, args)
    }

    /// Anyone's count of a round whose members have revealed, or had the time to.
    pub fn tally_quorum(ctx: Context<TallyQuorum>) -> Result<()> {
        TallyQuorum::handle(ctx)
    }

    /// Anyone's crank that settles one member's lease by the count.
    pub fn settle_member(ctx: Context<SettleMember>) -> Result<()> {
        SettleMember::handle(ctx)
    }

    /// Anyone's crank for a round whose members are through, or that nobody joined.
    pub fn close_quorum(ctx: Context<CloseQuorum>) -> Result<()> {
        CloseQuorum::handle(ctx)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_declared_address_is_the_one_clients_use() {
        assert_eq!(crate::ID.to_string(), millrace_protocol::PROGRAM_ID);
    }
}
