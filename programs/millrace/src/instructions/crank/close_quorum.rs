use anchor_lang::prelude::*;

use crate::events::{self, QuorumClosed};
use crate::state::{Job, Quorum};
use crate::{clock, round, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseQuorum<'info> {
    #[account(mut)]
    pub job: AccountLoader<'info, Job>,

    #[account(mut, close = rent_payer, has_one = rent_payer @ MarketError::WrongRentPayer)]
    pub quorum: AccountLoader<'info, Quorum>,

    /// CHECK: Named by the round; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
}

impl CloseQuorum<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.job.load()?.rules()?;
        let now = clock::now(&Clock::get()?)?;
        round::check(&accounts.job, &accounts.quorum)?;
        let quorum = accounts.quorum.load()?;
        require!(quorum.rules()?.is_over(), MarketError::QuorumNotOver);
        let mut job = accounts.job.load_mut()?;
        job.quorum_open = 0;
        job.quorum_round = job.quorum_round.checked_add(1).ok_or(MarketError::Overflow)?;

        let event = QuorumClosed {
            job: quorum.job,
            quorum: accounts.quorum.key(),
            round: quorum.round,
            verdict: quorum.verdict,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
