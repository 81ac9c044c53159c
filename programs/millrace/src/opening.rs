//! What opening a job is, wherever its deposit comes from.

use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::{self as protocol, seeds, transitions, UnixSeconds};

use crate::constants::VERSION;
use crate::create::{self, Place};
use crate::state::{Config, Job};
use crate::types::JobTerms;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenJobArgs {
    /// Any number that names none of the buyer's live jobs.
    pub id: u64,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    pub terms: JobTerms,
    /// Whose vouchers count; the network's scheduler where none is named.
    pub attestor: Option<Pubkey>,
    pub job_bump: u8,
    pub job_vault_bump: u8,
}

/// The accounts of a new job, and who it belongs to.
pub struct NewJob<'a, 'info> {
    pub config: &'a AccountLoader<'info, Config>,
    /// Pays the rent and gets it back.
    pub rent_payer: &'a AccountInfo<'info>,
    pub job: &'a AccountInfo<'info>,
    pub job_vault: &'a AccountInfo<'info>,
    /// The network's mint.
    pub mint: &'a AccountInfo<'info>,
    pub buyer: Pubkey,
    pub funder: Pubkey,
    pub prepaid: bool,
}

impl NewJob<'_, '_> {
    /// Creates the job and its empty vault; the deposit is the caller's to move.
    ///
    /// # Errors
    /// [`MarketError::NetworkPaused`], those of [`transitions::open_job`] and of [`create`].
    pub fn create(&self, args: &OpenJobArgs) -> Result<(Job, protocol::Job, UnixSeconds)> {
        let id = args.id.to_le_bytes();
        let seeds: &[&[u8]] = &[seeds::JOB, self.buyer.as_ref(), &id];
        let job_place = Place::prove(self.job, seeds, args.job_bump)?;
        let seeds: &[&[u8]] = &[seeds::JOB_VAULT, self.job.key.as_ref()];
        let vault_place = Place::prove(self.job_vault, seeds, args.job_vault_bump)?;

        let clock = Clock::get()?;
        let now = clock::now(&clock)?;
        let config = self.config.load()?;
        require!(config.paused == 0, MarketError::NetworkPaused);
        let terms = args.terms.try_into().map_err(MarketError::from)?;
        let rules = transitions::open_job(terms, &config.rules()?, now).map_err(MarketError::from)?;

        let mut job = Job {
            version: VERSION,
            bump: args.job_bump,
            prepaid: self.prepaid.into(),
            buyer: self.buyer,
            funder: self.funder,
            attestor: args.attestor.unwrap_or_default(),
            rent_payer: *self.rent_payer.key,
            mint: config.mint,
            job_vault: *self.job_vault.key,
            spec_hash: args.spec_hash,
            id: args.id,
            opened_slot: clock.slot,
            opened_at: now.0,
            ..Job::zeroed()
        };
        job.update(&rules)?;
        create::account(self.rent_payer, job_place, &job)?;
        create::vault(self.rent_payer, vault_place, self.mint, self.job.key)?;
        Ok((job, rules, now))
    }
}
