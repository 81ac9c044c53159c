use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{seeds, Address, PricePerGpuHour, Seconds};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, LeaseOpened};
use crate::state::{Config, Job, Lease, Node, Provider, Quorum};
use crate::{clock, round, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenLeaseArgs {
    /// Micro-USDC per GPU-hour, as both signers saw it: the node's posted price, its bid in an auction, or
    /// what the buyer awards.
    pub price: u64,
    /// Most seconds the lease can be paid for.
    pub maximum_seconds: u64,
    /// Root of all bids, where the price is one of an auction; zeros otherwise.
    pub bid_book_root: [u8; 32],
    pub lease_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenLease<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// Chose the node: the network's scheduler, or the job's buyer, who needs none.
    pub authority: Signer<'info>,

    /// Pays the lease's rent and gets it back when the lease ends: the authority, or another wallet. A
    /// scheduler with several such wallets keeps unrelated jobs from waiting for one that all of them write.
    #[account(mut)]
    pub rent_payer: Signer<'info>,

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

    /// The round that the lease joins; none for a job without a quorum.
    #[account(mut)]
    pub quorum: Option<AccountLoader<'info, Quorum>>,

    pub system_program: Program<'info, System>,
}

impl OpenLease<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenLeaseArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let config = accounts.config.load()?;
        let parameters = config.rules()?;
        let round = round::of(&accounts.job, accounts.quorum.as_ref())?;
        let mut job = accounts.job.load_mut()?;
        let mut node = accounts.node.load_mut()?;
        let mut provider = accounts.provider.load_mut()?;
        let number = job.leases_opened;
        let (slot_bytes, number_bytes) = (job.opened_slot.to_le_bytes(), number.to_le_bytes());
        let seeds: &[&[u8]] = &[seeds::LEASE, accounts.job.as_ref().key.as_ref(), &slot_bytes, &number_bytes];
        let place = Place::prove(&accounts.lease, seeds, args.lease_bump)?;
        let (job_reserved_before, stake_locked_before) = (job.reserved, provider.stake_locked);

        let (mut job_rules, mut node_rules, mut provider_rules) = (job.rules()?, node.rules()?, provider.rules()?);
        let counted = job_rules.terms.verification.is_quorum();
        require!(counted == round.is_some(), MarketError::WrongQuorum);
        let scheduled = accounts.authority.key() == config.scheduler;
        // A buyer who filled a quorum with its own rigs could outvote the one that worked.
        let awarded = accounts.authority.key() == job.buyer && !counted;
        require!(scheduled || awarded, MarketError::WrongAuthority);
        let offer = LeaseOffer {
            price: PricePerGpuHour(args.price),
            maximum: Seconds(args.maximum_seconds),
            negotiated: !scheduled || args.bid_book_root != [0; 32],
        };
        let rules =
            transitions::open_lease(&mut job_rules, &mut node_rules, &mut provider_rules, offer, &parameters, now)
                .map_err(MarketError::from)?;
        job.update(&job_rules)?;
        node.update(&node_rules)?;
        provider.update(&provider_rules)?;
        let attestor = if job.attestor == Pubkey::default() { config.scheduler } else { job.attestor };

        let mut lease = Lease {
            version: VERSION,
            bump: args.lease_bump,
            number,
            job: accounts.job.key(),
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            attestor,
            rent_payer: accounts.rent_payer.key(),
            bid_book_root: args.bid_book_root,
            ..Lease::zeroed()
        };
        lease.update(&rules)?;
        create::account(&accounts.rent_payer, place, &lease)?;
        if let Some(round) = round {
            let mut quorum = round.load()?.rules()?;
            let (address, provider) = (accounts.lease.key().to_bytes(), lease.provider.to_bytes());
            let latest_end = rules.latest_end().map_err(MarketError::from)?;
            quorum.join(Address(address), Address(provider), latest_end, now).map_err(MarketError::from)?;
            round.load_mut()?.update(&quorum)?;
        }

        let event = LeaseOpened {
            job: lease.job,
            lease: accounts.lease.key(),
            number,
            node: lease.node,
            provider: lease.provider,
            attestor: lease.attestor,
            bid_book_root: lease.bid_book_root,
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
