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
mod closing;
pub mod constants;
mod create;
pub mod disputes;
pub mod ending;
pub mod error;
pub mod events;
pub mod instructions;
mod opening;
pub mod precompile;
mod round;
pub mod state;
mod tokens;
pub mod types;

pub use error::MarketError;
pub use instructions::*;
pub use opening::OpenJobArgs;

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

    /// Opens a job whose deposit comes from the buyer's balance; the owner or a delegate signs.
    pub fn open_job_prepaid(ctx: Context<OpenJobPrepaid>, args: OpenJobArgs) -> Result<()> {
        OpenJobPrepaid::handle(ctx, args)
    }

    /// More money, longer leases or a longer wait for a job; its buyer and its funder sign.
    pub fn extend_job(ctx: Context<ExtendJob>, args: ExtendJobArgs) -> Result<()> {
        ExtendJob::handle(ctx, args)
    }

    /// The same for a job of the buyer's balance; the balance's owner signs.
    pub fn extend_job_prepaid(ctx: Context<ExtendJobPrepaid>, args: ExtendJobArgs) -> Result<()> {
        ExtendJobPrepaid::handle(ctx, args)
    }

    /// Opens a prepaid balance with a vault of its own.
    pub fn open_buyer(ctx: Context<OpenBuyer>, args: OpenBuyerArgs) -> Result<()> {
        OpenBuyer::handle(ctx, args)
    }

    /// Anyone's money into a balance.
    pub fn deposit_balance(ctx: Context<DepositBalance>, args: DepositBalanceArgs) -> Result<()> {
        DepositBalance::handle(ctx, args)
    }

    /// Money out of a balance, to its owner.
    pub fn withdraw_balance(ctx: Context<WithdrawBalance>, args: WithdrawBalanceArgs) -> Result<()> {
        WithdrawBalance::handle(ctx, args)
    }

    /// Closes an empty balance that no job and no delegate depends on.
    pub fn close_buyer(ctx: Context<CloseBuyer>) -> Result<()> {
        CloseBuyer::handle(ctx)
    }

    /// Lets a delegate open jobs from the balance, up to caps and an expiry.
    pub fn open_allowance(ctx: Context<OpenAllowance>, args: OpenAllowanceArgs) -> Result<()> {
        OpenAllowance::handle(ctx, args)
    }

    /// Other caps or another expiry; what was spent stays spent.
    pub fn change_allowance(ctx: Context<ChangeAllowance>, args: ChangeAllowanceArgs) -> Result<()> {
        ChangeAllowance::handle(ctx, args)
    }

    /// Takes a delegate's allowance away.
    pub fn close_allowance(ctx: Context<CloseAllowance>) -> Result<()> {
        CloseAllowance::handle(ctx)
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

    /// The same for a job of the buyer's balance: everything left goes back into it.
    pub fn close_job_prepaid(ctx: Context<CloseJobPrepaid>) -> Result<()> {
        CloseJobPrepaid::handle(ctx)
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
