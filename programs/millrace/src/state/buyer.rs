use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, MicroUsdc};

use super::check_version;
use crate::constants::SPARE;
use crate::MarketError;

/// A buyer's prepaid balance. Seeds: `buyer`, owner.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Buyer {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 2],
    /// Jobs opened from the balance.
    pub jobs_opened: u32,
    /// The wallet that may withdraw, allow delegates, and cancel.
    pub owner: Pubkey,
    /// Holds the balance. Seeds: `buyer_vault`, buyer.
    pub buyer_vault: Pubkey,
    pub mint: Pubkey,
    pub rent_payer: Pubkey,
    /// What the vault holds, in micro-USDC.
    pub balance: u64,
    /// All that was ever put in, refunds of jobs not included, in micro-USDC.
    pub deposited: u64,
    /// All that was ever taken out, jobs not included, in micro-USDC.
    pub withdrawn: u64,
    /// All that ever went into jobs, in micro-USDC.
    pub spent: u64,
    /// All that ever came back from jobs, in micro-USDC.
    pub refunded: u64,
    /// Jobs of the balance that ended by a cancel.
    pub jobs_cancelled: u32,
    /// Disputes about jobs of the balance that were ruled for the provider.
    pub disputes_lost: u32,
    /// Jobs that still have to be refunded into the balance.
    pub jobs_live: u32,
    /// Allowances that exist.
    pub allowances: u32,
    pub spare: [u8; SPARE],
}

impl Buyer {
    /// # Errors
    /// [`MarketError::UnknownVersion`].
    pub fn rules(&self) -> std::result::Result<protocol::Buyer, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Buyer {
            balance: MicroUsdc(self.balance),
            deposited: MicroUsdc(self.deposited),
            withdrawn: MicroUsdc(self.withdrawn),
            spent: MicroUsdc(self.spent),
            refunded: MicroUsdc(self.refunded),
            jobs_opened: self.jobs_opened,
            jobs_live: self.jobs_live,
            jobs_cancelled: self.jobs_cancelled,
            disputes_lost: self.disputes_lost,
            allowances: self.allowances,
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`] when the history does not add up.
    pub fn update(&mut self, buyer: &protocol::Buyer) -> Result<()> {
        self.balance = buyer.balance.0;
        self.deposited = buyer.deposited.0;
        self.withdrawn = buyer.withdrawn.0;
        self.spent = buyer.spent.0;
        self.refunded = buyer.refunded.0;
        self.jobs_opened = buyer.jobs_opened;
        self.jobs_cancelled = buyer.jobs_cancelled;
        self.disputes_lost = buyer.disputes_lost;
        self.jobs_live = buyer.jobs_live;
        self.allowances = buyer.allowances;
        Ok(buyer.invariant().map_err(MarketError::from)?)
    }
}
