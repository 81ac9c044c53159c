use anchor_lang::prelude::*;

use crate::events::{self, QuorumTallied};
use crate::state::Quorum;
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct TallyQuorum<'info> {
    #[account(mut)]
    pub quorum: AccountLoader<'info, Quorum>,
}

impl TallyQuorum<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let mut quorum = accounts.quorum.load_mut()?;
        let mut rules = quorum.rules()?;
        rules.tally(now).map_err(MarketError::from)?;
        quorum.update(&rules)?;

        let event = QuorumTallied {
            job: quorum.job,
            quorum: accounts.quorum.key(),
            round: quorum.round,
            verdict: quorum.verdict,
            winner: quorum.winner,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
