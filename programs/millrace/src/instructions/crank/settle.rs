use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::{transitions, Address};

use crate::ending::Vaults;
use crate::events::{self, VoucherSettled};
use crate::state::{Job, Lease, Node, Provider, Quorum};
use crate::{clock, precompile, round, MarketError};

/// Needs no signer of its own: the voucher's signature is all the authority there is. Does not read
/// the config either, so that no change of it reprices or stops work under way.
#[event_cpi]
#[derive(Accounts)]
pub struct Settle<'info> {
    #[account(mut, has_one = job_vault @ MarketError::WrongVault)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; pays.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    /// Closed by a final voucher, unless its result can still be disputed or is counted.
    #[account(
        mut,
        has_one = job @ MarketError::WrongJob,
        has_one = node @ MarketError::WrongNode,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub lease: AccountLoader<'info, Lease>,

    #[account(mut)]
    pub node: AccountLoader<'info, Node>,

    #[account(
        mut,
        has_one = stake_vault @ MarketError::WrongVault,
        has_one = earnings_vault @ MarketError::WrongVault,
    )]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Named by the provider; pays the service level's credit.
    #[account(mut)]
    pub stake_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the provider; is paid.
    #[account(mut)]
    pub earnings_vault: UncheckedAccount<'info>,

    /// CHECK: Named by the lease; only receives the lease's rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,

    /// The round that a lease without a result leaves; none for a job without a quorum.
    #[account(mut)]
    pub quorum: Option<AccountLoader<'info, Quorum>>,

    /// CHECK: The sysvar, by its address; shows the instruction before this one.
    #[account(address = solana_sdk_ids::sysvar::instructions::ID)]
    pub instructions: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
}

impl Settle<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let voucher = precompile::voucher_before(&accounts.instructions, &accounts.lease.load()?.attestor)?;

        let mut job = accounts.job.load()?.rules()?;
        let mut lease = accounts.lease.load()?.rules()?;
        let mut node = accounts.node.load()?.rules()?;
        let mut provider = accounts.provider.load()?.rules()?;
        let place = (Address(crate::ID.to_bytes()), Address(accounts.lease.key().to_bytes()));
        let movements = transitions::settle(&mut job, &mut lease, &mut node, &mut provider, &voucher, place, now)
            .map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&job)?;
        accounts.node.load_mut()?.update(&node)?;
        accounts.provider.load_mut()?.update(&provider)?;
        if movements.settled {
            round::leave(&accounts.job, accounts.quorum.as_ref(), accounts.lease.key(), now)?;
        } else {
            let mut account = accounts.lease.load_mut()?;
            account.result_root = voucher.result_root;
            account.update(&lease)?;
        }

        let vaults = Vaults {
            job: &accounts.job,
            job_vault: &accounts.job_vault,
            provider: &accounts.provider,
            stake_vault: &accounts.stake_vault,
            earnings_vault: &accounts.earnings_vault,
        };
        let before = vaults.balances()?;
        vaults.move_money(&movements)?;
        let after = vaults.balances()?;
        after.check(&job, &provider)?;

        let event = VoucherSettled {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number: accounts.lease.load()?.number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            sequence: voucher.sequence,
            metered_seconds: voucher.metered.0,
            downtime_seconds: voucher.downtime.0,
            payment: movements.payment.0,
            fee: movements.fee.0,
            compensation: movements.compensation.0,
            before,
            after,
            lease_paid: lease.paid.0,
            lease_fees: lease.fees.0,
            outcome: movements.ended.map(|outcome| outcome as u8),
            settled: movements.settled,
            disputable_until: lease.disputable_until.0,
            result_root: voucher.result_root,
            job_state: job.state as u8,
            at: now.0,
        };
        if movements.settled {
            accounts.lease.close(accounts.rent_payer.to_account_info())?;
        }
        events::emit(&accounts.event_authority, &event)
    }
}
