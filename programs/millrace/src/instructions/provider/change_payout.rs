use anchor_lang::prelude::*;
use millrace_protocol::Address;

use crate::constants::CONFIG;
use crate::events::{self, PayoutChanged};
use crate::state::{Config, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ChangePayoutArgs {
    /// Whose token account earnings go to once the delay is over; the present one withdraws a change.
    pub next: Pubkey,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ChangePayout<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,
}

impl ChangePayout<'_> {
    fn validate(&self, args: &ChangePayoutArgs) -> Result<()> {
        // What the provider's own vaults paid each other would be on nobody's books.
        require!(args.next != self.provider.key(), MarketError::WrongPayoutOwner);
        Ok(())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: ChangePayoutArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let delay = accounts.config.load()?.rules()?.payout_delay;
        let provider = &mut *accounts.provider.load_mut()?;
        provider.rules()?;
        let before = provider.payout();
        let mut payout = before;
        payout.change(Address(args.next.to_bytes()), delay, now).map_err(MarketError::from)?;
        provider.update_payout(&payout);

        let event = PayoutChanged {
            provider: accounts.provider.key(),
            current: provider.payout_owner,
            next_before: before.next.0.into(),
            next_from_before: before.next_from.0,
            next_after: provider.next_payout_owner,
            next_from_after: provider.next_payout_from,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
