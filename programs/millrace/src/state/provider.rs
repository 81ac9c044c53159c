use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::{
    self as protocol, Address, MicroUsdc, Payout, ProviderStatus, Reputation, Stake, UnixSeconds, UNBONDING_SLOTS,
};

use super::check_version;
use crate::constants::{DISPLAY_NAME_BYTES, SPARE};
use crate::MarketError;

/// Stake on its way out.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbonding {
    /// Micro-USDC; zero in a free slot.
    pub amount: u64,
    /// Unix seconds.
    pub unlocks_at: u64,
}

/// Who offers nodes, with the ledgers of its two vaults. Seeds: `provider`, owner.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// 0 active, 1 draining, 2 delisted.
    pub status: u8,
    pub padding: u8,
    /// Nodes that have not been removed.
    pub nodes: u32,
    /// The wallet that registered: stakes, and adds nodes.
    pub owner: Pubkey,
    /// Whose token account earnings go to.
    pub payout_owner: Pubkey,
    /// Takes over at `next_payout_from`.
    pub next_payout_owner: Pubkey,
    /// Backs the leases. Seeds: `stake`, provider.
    pub stake_vault: Pubkey,
    /// Receives every payment. Seeds: `earnings`, provider.
    pub earnings_vault: Pubkey,
    pub rent_payer: Pubkey,
    /// UTF-8, padded with zeros.
    pub display_name: [u8; DISPLAY_NAME_BYTES as usize],
    /// What the stake vault holds, in micro-USDC.
    pub stake_total: u64,
    /// The part of it that stands as bond for leases that are not settled, in micro-USDC.
    pub stake_locked: u64,
    /// All stake ever paid in, in micro-USDC.
    pub staked: u64,
    /// All stake ever taken as a penalty, a credit or a forfeit, in micro-USDC.
    pub slashed: u64,
    /// All stake that ever went back to the owner, in micro-USDC.
    pub stake_withdrawn: u64,
    /// The part of the stake that is on its way out.
    pub unbonding: [Unbonding; UNBONDING_SLOTS],
    /// What the payout owner has in the earnings vault, in micro-USDC.
    pub earnings_owner: u64,
    /// What the network has in the earnings vault, in micro-USDC.
    pub earnings_fees: u64,
    /// All that ever came into the earnings vault, in micro-USDC.
    pub earnings_received: u64,
    /// All that the payout owner ever withdrew, in micro-USDC.
    pub earnings_withdrawn: u64,
    /// All that was ever swept to the treasury, in micro-USDC.
    pub earnings_swept: u64,
    /// Weight of good leases at `reputation_at`, in micro-USDC of fees.
    pub reputation_good: u64,
    /// Weight of failed leases at `reputation_at`, in micro-USDC of fees.
    pub reputation_bad: u64,
    /// Unix seconds.
    pub reputation_at: u64,
    /// Unix seconds; zero without a change of the payout owner under way.
    pub next_payout_from: u64,
    /// Unix seconds.
    pub registered_at: u64,
    /// Index of the next node.
    pub nodes_added: u32,
    pub padding_end: [u8; 4],
    pub spare: [u8; SPARE],
}

impl Provider {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a status that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Provider, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Provider {
            status: ProviderStatus::try_from(self.status)?,
            stake: Stake {
                total: MicroUsdc(self.stake_total),
                locked: MicroUsdc(self.stake_locked),
                unbonding: self.unbonding.map(|slot| protocol::Unbonding {
                    amount: MicroUsdc(slot.amount),
                    unlocks_at: UnixSeconds(slot.unlocks_at),
                }),
                paid_in: MicroUsdc(self.staked),
                slashed: MicroUsdc(self.slashed),
                withdrawn: MicroUsdc(self.stake_withdrawn),
            },
            earnings: protocol::Earnings {
                owner: MicroUsdc(self.earnings_owner),
                fees: MicroUsdc(self.earnings_fees),
                received: MicroUsdc(self.earnings_received),
                withdrawn: MicroUsdc(self.earnings_withdrawn),
                swept: MicroUsdc(self.earnings_swept),
            },
            reputation: Reputation {
                good: MicroUsdc(self.reputation_good),
                bad: MicroUsdc(self.reputation_bad),
                updated_at: UnixSeconds(self.reputation_at),
            },
            nodes: self.nodes,
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`] when a ledger does not add up.
    pub fn update(&mut self, provider: &protocol::Provider) -> Result<()> {
        self.status = provider.status as u8;
        self.stake_total = provider.stake.total.0;
        self.stake_locked = provider.stake.locked.0;
        self.unbonding =
            provider.stake.unbonding.map(|slot| Unbonding { amount: slot.amount.0, unlocks_at: slot.unlocks_at.0 });
        self.staked = provider.stake.paid_in.0;
        self.slashed = provider.stake.slashed.0;
        self.stake_withdrawn = provider.stake.withdrawn.0;
        self.earnings_owner = provider.earnings.owner.0;
        self.earnings_fees = provider.earnings.fees.0;
        self.earnings_received = provider.earnings.received.0;
        self.earnings_withdrawn = provider.earnings.withdrawn.0;
        self.earnings_swept = provider.earnings.swept.0;
        self.reputation_good = provider.reputation.good.0;
        self.reputation_bad = provider.reputation.bad.0;
        self.reputation_at = provider.reputation.updated_at.0;
        self.nodes = provider.nodes;
        Ok(provider.invariant().map_err(MarketError::from)?)
    }

    /// Who is paid, now and after a change under way.
    pub fn payout(&self) -> Payout {
        Payout {
            owner: Address(self.payout_owner.to_bytes()),
            next: Address(self.next_payout_owner.to_bytes()),
            next_from: UnixSeconds(self.next_payout_from),
        }
    }

    pub fn update_payout(&mut self, payout: &Payout) {
        self.payout_owner = payout.owner.0.into();
        self.next_payout_owner = payout.next.0.into();
        self.next_payout_from = payout.next_from.0;
    }

    /// The display name as text.
    ///
    /// # Errors
    /// When the bytes are not UTF-8, which `register_provider` never writes.
    pub fn name(&self) -> std::result::Result<&str, std::str::Utf8Error> {
        let length = self.display_name.iter().position(|byte| *byte == 0).unwrap_or(self.display_name.len());
        std::str::from_utf8(&self.display_name[..length])
    }
}
