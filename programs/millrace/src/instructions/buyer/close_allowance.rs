use anchor_lang::prelude::*;

use crate::events::{self, AllowanceClosed};
use crate::state::{Allowance, Buyer};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseAllowance<'info> {
    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongBuyer)]
    pub balance: AccountLoader<'info, Buyer>,

    #[account(
        mut,
        close = rent_payer,
        has_one = rent_payer @ MarketError::WrongRentPayer,
        constraint = allowance.load()?.buyer == balance.key() @ MarketError::WrongBuyerAccount,
    )]
    pub allowance: AccountLoader<'info, Allowance>,

    /// CHECK: Named by the allowance; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
}

impl CloseAllowance<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let mut rules = accounts.balance.load()?.rules()?;
        rules.allowances = rules.allowances.checked_sub(1).ok_or(MarketError::InvariantBroken)?;
        accounts.balance.load_mut()?.update(&rules)?;
        let allowance = accounts.allowance.load()?;
        allowance.rules()?;
        let event = AllowanceClosed {
            allowance: accounts.allowance.key(),
            balance: allowance.buyer,
            delegate: allowance.delegate,
            spent: allowance.spent,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
