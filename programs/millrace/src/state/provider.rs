use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, Earnings, MicroUsdc, Stake};

use super::check_version;
use crate::constants::{DISPLAY_NAME_BYTES, SPARE};
use crate::MarketError;

/// Who offers nodes, with the ledgers of its two vaults. Seeds: `provider`, owner.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 2],
    /// Nodes added so far; the index of the next one.
    pub n_nodes: u32,
    /// The wallet that registered: stakes, and adds nodes.
    pub owner: Pubkey,
    /// Backs the leases. Seeds: `stake`, provider.
    pub stake_vault: Pubkey,
    /// Receives every payment. Seeds: `earnings`, provider.
    pub earnings_vault: Pubkey,
    pub rent_payer: Pubkey,
    /// UTF-8, padded with zeros.
    pub display_name: [u8; DISPLAY_NAME_BYTES as usize],
    /// What the stake vault holds, in micro-USDC.
    pub stake_total: u64,
    /// The part of it that stands as bond for live leases, in micro-USDC.
    pub stake_locked: u64,
    /// All stake ever paid in, in micro-USDC.
    pub staked: u64,
    /// All stake ever taken as a penalty, in micro-USDC.
    pub slashed: u64,
    /// What the owner has in the earnings vault, in micro-USDC.
    pub earnings_owner: u64,
    /// What the network has in the earnings vault, in micro-USDC.
    pub earnings_fees: u64,
    /// Unix seconds.
    pub registered_at: u64,
    pub spare: [u8; SPARE],
}

impl Provider {
    pub fn stake(&self) -> Stake {
        Stake { total: MicroUsdc(self.stake_total), locked: MicroUsdc(self.stake_locked) }
    }

    pub fn earnings(&self) -> Earnings {
        Earnings { owner: MicroUsdc(self.earnings_owner), fees: MicroUsdc(self.earnings_fees) }
    }

    /// The display name as text.
    ///
    /// # Errors
    /// When the bytes are not UTF-8, which `register_provider` never writes.
    pub fn name(&self) -> std::result::Result<&str, std::str::Utf8Error> {
        let length = self.display_name.iter().position(|byte| *byte == 0).unwrap_or(self.display_name.len());
        std::str::from_utf8(&self.display_name[..length])
    }

    /// Books a payment into the stake, or a penalty out of it, by the change of its total.
    ///
    /// # Errors
    /// [`MarketError::Overflow`], and those of [`Self::invariant`].
    pub fn update_stake(&mut self, stake: &Stake) -> Result<()> {
        let (before, after) = (self.stake().total, stake.total);
        let paid_in = after.saturating_minus(before);
        let taken = before.saturating_minus(after);
        self.staked = MicroUsdc(self.staked).plus(paid_in).map_err(MarketError::from)?.0;
        self.slashed = MicroUsdc(self.slashed).plus(taken).map_err(MarketError::from)?.0;
        self.stake_total = stake.total.0;
        self.stake_locked = stake.locked.0;
        self.invariant()
    }

    /// # Errors
    /// Those of [`Self::invariant`].
    pub fn update_earnings(&mut self, earnings: &Earnings) -> Result<()> {
        self.earnings_owner = earnings.owner.0;
        self.earnings_fees = earnings.fees.0;
        self.invariant()
    }

    /// # Errors
    /// [`MarketError::UnknownVersion`], [`MarketError::InvariantBroken`] when the ledgers contradict
    /// each other.
    pub fn invariant(&self) -> Result<()> {
        check_version(self.version)?;
        Ok(self.ledgers_agree().map_err(MarketError::from)?)
    }

    fn ledgers_agree(&self) -> std::result::Result<(), protocol::Error> {
        let stake = self.stake();
        stake.invariant()?;
        self.earnings().total()?;
        let left = MicroUsdc(self.staked).minus(MicroUsdc(self.slashed));
        if left == Ok(stake.total) {
            Ok(())
        } else {
            Err(protocol::Error::InvariantBroken)
        }
    }
}
