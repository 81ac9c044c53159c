use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{seeds, PricePerGpuHour, Seconds};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, LeaseOpened};
use crate::state::{Config, Job, Lease, Node, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenLeaseArgs {
    /// Micro-USDC per GPU-hour: the node's posted price, as both signers saw it.
    pub price: u64,
    /// Most seconds the lease can be paid for.
    pub maximum_seconds: u64,
    pub lease_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenLease<'info> {
    #[account(address = CONFIG.0, has_one = scheduler @ MarketError::WrongScheduler)]
    pub config: AccountLoader<'info, Config>,

    /// Chose the node; pays the rent and gets it back when the lease ends.
    #[account(mut)]
    pub scheduler: Signer<'info>,

    /// Accepts the lease on the rig's behalf.
    pub node_key: Signer<'info>,

    #[account(mut)]
    pub job: AccountLoader<'info, Job>,

    #[account(
        mut,
        has_one = node_key @ MarketError::WrongNodeKey,
        has_one = provider @ MarketError::WrongProvider,
    )]
    pub node: AccountLoader<'info, Node>,

    /// Its stake backs the lease.
    #[account(mut)]
    pub provider: AccountLoader<'info, Provider>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(
        feature = "idl-build",
        account(
            seeds = [
                seeds::LEASE,
                job.key().as_ref(),
                &job.load()?.opened_slot.to_le_bytes(),
                &job.load()?.leases_opened.to_le_bytes(),
            ],
            bump,
        )
    )]
    pub lease: UncheckedAccount<'info>,

    pub system_program: Program<'info, System>,
}

impl OpenLease<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenLeaseArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let parameters = accounts.config.load()?.rules()?;
        let mut job = accounts.job.load_mut()?;
        let mut node = accounts.node.load_mut()?;
        let mut provider = accounts.provider.load_mut()?;
        let number = job.leases_opened;
        let (job_reserved_before, stake_locked_before) = (job.reserved, provider.stake_locked);

        let (mut job_rules, mut node_rules, mut stake) = (job.rules()?, node.rules()?, provider.stake());
        let offer = LeaseOffer { price: PricePerGpuHour(args.price), maximum: Seconds(args.maximum_seconds) };
        let rules = transitions::open_lease(&mut job_rules, &mut node_rules, &mut stake, offer, &parameters, now)
            .map_err(MarketError::from)?;
        job.update(&job_rules)?;
        node.update(&node_rules)?;
        provider.update_stake(&stake)?;

        let mut lease = Lease {
            version: VERSION,
            bump: args.lease_bump,
            number,
            job: accounts.job.key(),
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            rent_payer: accounts.scheduler.key(),
            ..Lease::zeroed()
        };
        lease.update(&rules)?;
        let seeds: &[&[u8]] =
            &[seeds::LEASE, lease.job.as_ref(), &job.opened_slot.to_le_bytes(), &number.to_le_bytes()];
        let place = Place { seeds, bump: args.lease_bump };
        create::account(&accounts.scheduler, &accounts.lease, place, &lease)?;

        let event = LeaseOpened {
            job: lease.job,
            lease: accounts.lease.key(),
            number,
            node: lease.node,
            provider: lease.provider,
            price: lease.price,
            units: lease.units,
            maximum_seconds: lease.maximum_seconds,
            reserved: lease.reserved,
            job_reserved_before,
            job_reserved_after: job.reserved,
            bond: lease.bond,
            stake_locked_before,
            stake_locked_after: provider.stake_locked,
            start_by: lease.start_by,
            ends_by: lease.ends_by,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
