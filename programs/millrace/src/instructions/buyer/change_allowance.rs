use anchor_lang::prelude::*;

use crate::events::{self, AllowanceChanged};
use crate::state::{Allowance, Buyer};
use crate::types::AllowanceTerms;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ChangeAllowanceArgs {
    /// What was spent so far stays spent.
    pub terms: AllowanceTerms,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ChangeAllowance<'info> {
    pub owner: Signer<'info>,

    #[account(has_one = owner @ MarketError::WrongBuyer)]
    pub balance: AccountLoader<'info, Buyer>,

    #[account(mut, constraint = allowance.load()?.buyer == balance.key() @ MarketError::WrongBuyerAccount)]
    pub allowance: AccountLoader<'info, Allowance>,
}

impl ChangeAllowance<'_> {
    pub fn handle(ctx: Context<Self>, args: ChangeAllowanceArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.balance.load()?.rules()?;
        let mut allowance = accounts.allowance.load_mut()?;
        let spent = allowance.rules()?.spent;
        allowance.update(&args.terms.rules(spent));
        let event = AllowanceChanged::new(&allowance, clock::now(&Clock::get()?)?);
        events::emit(&accounts.event_authority, &event)
    }
}
