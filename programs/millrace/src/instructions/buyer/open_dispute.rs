use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use bytemuck::Zeroable;
use millrace_protocol::{seeds, transitions, Verification};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, DisputeOpened};
use crate::state::{Config, Dispute, Job, Lease};
use crate::{clock, tokens, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenDisputeArgs {
    /// SHA-256 of the challenger's evidence.
    pub evidence_hash: [u8; 32],
    pub dispute_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenDispute<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// The job's buyer, or the network's scheduler where results are spot-checked. Pays the bond and the
    /// dispute's rent.
    #[account(mut)]
    pub challenger: Signer<'info>,

    /// CHECK: Where the bond comes from: a token account of the challenger's.
    #[account(
        mut,
        constraint = tokens::mint(&challenger_tokens)? == job.load()?.mint @ MarketError::WrongMint,
        constraint = tokens::owner(&challenger_tokens)? == challenger.key() @ MarketError::WrongTokenOwner,
    )]
    pub challenger_tokens: UncheckedAccount<'info>,

    #[account(mut, has_one = job_vault @ MarketError::WrongVault)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Named by the job; holds the bond until the dispute is over.
    #[account(mut)]
    pub job_vault: UncheckedAccount<'info>,

    #[account(mut, has_one = job @ MarketError::WrongJob)]
    pub lease: AccountLoader<'info, Lease>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::DISPUTE, lease.key().as_ref()], bump))]
    pub dispute: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl OpenDispute<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenDisputeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let seeds: &[&[u8]] = &[seeds::DISPUTE, accounts.lease.as_ref().key.as_ref()];
        let place = Place::prove(&accounts.dispute, seeds, args.dispute_bump)?;

        let config = accounts.config.load()?;
        let mut job = accounts.job.load()?.rules()?;
        let mut lease = accounts.lease.load()?.rules()?;
        let checked = matches!(job.terms.verification, Verification::SpotCheck { .. });
        let challenger = accounts.challenger.key();
        let may = challenger == accounts.job.load()?.buyer || (checked && challenger == config.scheduler);
        require!(may, MarketError::WrongChallenger);
        let rules =
            transitions::open_dispute(&mut job, &mut lease, &config.rules()?, now).map_err(MarketError::from)?;
        accounts.job.load_mut()?.update(&job)?;
        accounts.lease.load_mut()?.update(&lease)?;
        let dispute = Dispute {
            version: VERSION,
            bump: args.dispute_bump,
            job: accounts.job.key(),
            lease: accounts.lease.key(),
            challenger,
            evidence_hash: args.evidence_hash,
            rent_payer: challenger,
            bond: rules.bond.0,
            opened_at: rules.opened_at.0,
            decide_by: rules.decide_by.0,
            ..Dispute::zeroed()
        };
        create::account(&accounts.challenger, place, &dispute)?;

        let (from, vault) = (&accounts.challenger_tokens, &accounts.job_vault);
        let (challenger_before, vault_before) = (tokens::balance(from)?, tokens::balance(vault)?);
        tokens::transfer(from, vault, &accounts.challenger, rules.bond, &[])?;
        let (challenger_after, vault_after) = (tokens::balance(from)?, tokens::balance(vault)?);
        tokens::check_vault(vault_after, job.vault_balance().map_err(MarketError::from)?)?;

        let event = DisputeOpened {
            job: dispute.job,
            lease: dispute.lease,
            dispute: accounts.dispute.key(),
            challenger,
            evidence_hash: dispute.evidence_hash,
            bond: dispute.bond,
            challenger_before: challenger_before.0,
            challenger_after: challenger_after.0,
            vault_before: vault_before.0,
            vault_after: vault_after.0,
            decide_by: dispute.decide_by,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
