use anchor_lang::prelude::*;
use millrace_protocol::{transitions, Ruling};

use crate::constants::CONFIG;
use crate::events::{self, SettledBy};
use crate::state::Config;
use crate::{clock, disputes, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct ResolveDisputeArgs {
    /// 0 the provider is right, 1 the buyer is right, 2 half and half.
    pub ruling: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ResolveDispute<'info> {
    #[account(address = CONFIG.0, has_one = arbiter @ MarketError::WrongArbiter)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// Whoever has the role now, also for disputes opened before.
    pub arbiter: Signer<'info>,

    pub parties: disputes::DisputeParties<'info>,
}

impl ResolveDispute<'_> {
    pub fn handle(ctx: Context<Self>, args: ResolveDisputeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let ruling = Ruling::try_from(args.ruling).map_err(MarketError::from)?;
        let by = match ruling {
            Ruling::ProviderRight => SettledBy::RulingForProvider,
            Ruling::BuyerRight => SettledBy::RulingForBuyer,
            Ruling::Split => SettledBy::RulingSplit,
        };
        let event = accounts.parties.settle(by, now, |job, lease, provider, dispute| {
            transitions::resolve_dispute(job, lease, provider, dispute, ruling, now)
        })?;
        if ruling == Ruling::ProviderRight {
            let challenger = accounts.parties.dispute.load()?.challenger;
            let mut job = accounts.parties.lease.job.load_mut()?;
            // What the scheduler's spot check loses says nothing about the buyer.
            if job.buyer == challenger {
                job.disputes_lost = job.disputes_lost.saturating_add(1);
            }
        }
        events::emit(&accounts.event_authority, &event)
    }
}
