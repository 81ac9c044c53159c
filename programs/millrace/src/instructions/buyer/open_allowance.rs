use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::seeds;

use crate::constants::VERSION;
use crate::create::{self, Place};
use crate::events::{self, AllowanceChanged};
use crate::state::{Allowance, Buyer};
use crate::types::AllowanceTerms;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenAllowanceArgs {
    /// Opens jobs from the balance, nothing else.
    pub delegate: Pubkey,
    pub terms: AllowanceTerms,
    pub allowance_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
#[cfg_attr(feature = "idl-build", instruction(args: OpenAllowanceArgs))]
pub struct OpenAllowance<'info> {
    /// Pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongBuyer)]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Created here; one per delegate.
    #[account(mut)]
    #[cfg_attr(
        feature = "idl-build",
        account(seeds = [seeds::ALLOWANCE, balance.key().as_ref(), args.delegate.as_ref()], bump)
    )]
    pub allowance: UncheckedAccount<'info>,

    pub system_program: Program<'info, System>,
}

impl OpenAllowance<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenAllowanceArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let buyer = accounts.balance.key();
        let seeds: &[&[u8]] = &[seeds::ALLOWANCE, buyer.as_ref(), args.delegate.as_ref()];
        let place = Place::prove(&accounts.allowance, seeds, args.allowance_bump)?;
        let allowance = Allowance {
            version: VERSION,
            bump: args.allowance_bump,
            buyer,
            delegate: args.delegate,
            rent_payer: accounts.owner.key(),
            per_job: args.terms.per_job,
            total: args.terms.total,
            expires_at: args.terms.expires_at,
            ..Allowance::zeroed()
        };
        let mut rules = accounts.balance.load()?.rules()?;
        rules.allowances = rules.allowances.checked_add(1).ok_or(MarketError::Overflow)?;
        accounts.balance.load_mut()?.update(&rules)?;
        create::account(&accounts.owner, place, &allowance)?;
        let event = AllowanceChanged::new(&allowance, clock::now(&Clock::get()?)?);
        events::emit(&accounts.event_authority, &event)
    }
}
