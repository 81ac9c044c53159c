use anchor_lang::prelude::*;
use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{seeds, PricePerGpuHour, Seconds};

use crate::constants::{SPARE, VERSION};
use crate::events::LeaseOpened;
use crate::state::{Config, Job, Lease, Node, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenLeaseArgs {
    /// Micro-USDC per GPU-hour: the node's posted price, as both signers saw it.
    pub price: u64,
    /// Most seconds the lease can be paid for.
    pub maximum_seconds: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenLease<'info> {
    #[account(
        seeds = [seeds::CONFIG],
        bump = config.bump,
        has_one = scheduler @ MarketError::WrongScheduler,
    )]
    pub config: Box<Account<'info, Config>>,

    /// Chose the node; pays the rent and gets it back when the lease ends.
    #[account(mut)]
    pub scheduler: Signer<'info>,

    /// Accepts the lease on the rig's behalf.
    pub node_key: Signer<'info>,

    #[account(mut)]
    pub job: Box<Account<'info, Job>>,

    #[account(
        mut,
        has_one = node_key @ MarketError::WrongNodeKey,
        has_one = provider @ MarketError::WrongProvider,
    )]
    pub node: Box<Account<'info, Node>>,

    /// Its stake backs the lease.
    #[account(mut)]
    pub provider: Box<Account<'info, Provider>>,

    #[account(
        init,
        payer = scheduler,
        space = Lease::DISCRIMINATOR.len() + Lease::INIT_SPACE,
        seeds = [
            seeds::LEASE,
            job.key().as_ref(),
            &job.opened_slot.to_le_bytes(),
            &job.leases_opened.to_le_bytes(),
        ],
        bump,
    )]
    pub lease: Box<Account<'info, Lease>>,

    pub system_program: Program<'info, System>,
}

impl OpenLease<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenLeaseArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let number = accounts.job.leases_opened;
        let (job_reserved_before, stake_locked_before) = (accounts.job.reserved, accounts.provider.stake_locked);

        let mut job = accounts.job.rules().map_err(MarketError::from)?;
        let mut node = accounts.node.rules().map_err(MarketError::from)?;
        let mut stake = accounts.provider.stake();
        let offer = LeaseOffer { price: PricePerGpuHour(args.price), maximum: Seconds(args.maximum_seconds) };
        let parameters = accounts.config.parameters.into();
        let lease = transitions::open_lease(&mut job, &mut node, &mut stake, offer, &parameters, now)
            .map_err(MarketError::from)?;

        accounts.job.update(&job)?;
        accounts.node.update(&node)?;
        accounts.provider.update_stake(&stake)?;
        accounts.lease.set_inner(Lease {
            version: VERSION,
            bump: ctx.bumps.lease,
            state: 0,
            job: accounts.job.key(),
            number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            price: 0,
            units: 0,
            opened_at: 0,
            maximum_seconds: 0,
            reserved: 0,
            paid: 0,
            fees: 0,
            bond: 0,
            sequence: 0,
            metered_seconds: 0,
            downtime_seconds: 0,
            start_by: 0,
            checkpoint_by: 0,
            ends_by: 0,
            fee_bps: 0,
            abandon_penalty_bps: 0,
            lost_penalty_bps: 0,
            checkpoint_interval: 0,
            settle_grace: 0,
            rent_payer: accounts.scheduler.key(),
            spare: [0; SPARE],
        });
        accounts.lease.update(&lease)?;

        let event = LeaseOpened {
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            number,
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            price: lease.price.0,
            units: lease.units.0,
            maximum_seconds: lease.maximum.0,
            reserved: lease.reserved.0,
            job_reserved_before,
            job_reserved_after: job.reserved.0,
            bond: lease.bond.0,
            stake_locked_before,
            stake_locked_after: stake.locked.0,
            start_by: lease.start_by.0,
            ends_by: lease.ends_by.0,
            at: now.0,
        };
        emit_cpi!(event);
        Ok(())
    }
}
