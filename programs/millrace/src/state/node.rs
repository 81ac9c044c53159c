use anchor_lang::prelude::*;
use millrace_protocol::{
    self as protocol, GpuUnits, HardwareAttestation, HardwareClass, NodeStatus, PricePerGpuHour, ServiceLevel,
    UnixSeconds,
};

use super::check_version;
use crate::constants::SPARE;
use crate::types::Hardware;
use crate::MarketError;

/// A rig on the market. Seeds: `node`, provider, index.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// 0 active, 1 draining.
    pub status: u8,
    /// The highest service level the node answers for: 0 none, 1 silver, 2 gold.
    pub service_level: u8,
    /// Counts from 0 within the provider.
    pub index: u32,
    pub provider: Pubkey,
    /// Hot key on the rig: accepts leases, cannot reach stake or earnings.
    pub node_key: Pubkey,
    /// The scheduler that attested the hardware last; zeros without an attestation.
    pub attestor: Pubkey,
    /// SHA-256 of what was attested.
    pub attestation_digest: [u8; 32],
    pub rent_payer: Pubkey,
    pub hardware: Hardware,
    /// Driver version as major * 1000 + minor; 0 without a GPU.
    pub driver: u32,
    /// CUDA version as major * 1000 + minor; 0 without one.
    pub cuda: u32,
    /// Bit flags in the provider's word, such as a sandboxed runtime.
    pub capabilities: u32,
    /// GPUs under lease.
    pub leased: u16,
    /// Score of the last attestation's challenge, as its attestor counts.
    pub attestation_score: u16,
    /// 0 claimed, 1 challenged, 2 enclave.
    pub attestation_class: u8,
    pub padding: [u8; 7],
    /// Posted price in micro-USDC per GPU-hour.
    pub price: u64,
    /// Price of preemptible leases in micro-USDC per GPU-hour; 0 takes none.
    pub spot_price: u64,
    /// Unix seconds; zero without an attestation.
    pub attestation_expires_at: u64,
    /// Unix seconds.
    pub added_at: u64,
    pub spare: [u8; SPARE],
}

impl Node {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a status that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Node, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Node {
            hardware: self.hardware.into(),
            price: PricePerGpuHour(self.price),
            spot_price: PricePerGpuHour(self.spot_price),
            service_level: ServiceLevel::try_from(self.service_level)?,
            attestation: HardwareAttestation {
                class: HardwareClass::try_from(self.attestation_class)?,
                expires_at: UnixSeconds(self.attestation_expires_at),
            },
            leased: GpuUnits(self.leased),
            status: NodeStatus::try_from(self.status)?,
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`].
    pub fn update(&mut self, node: &protocol::Node) -> Result<()> {
        self.hardware = node.hardware.into();
        self.price = node.price.0;
        self.spot_price = node.spot_price.0;
        self.service_level = node.service_level as u8;
        self.attestation_class = node.attestation.class as u8;
        self.attestation_expires_at = node.attestation.expires_at.0;
        self.leased = node.leased.0;
        self.status = node.status as u8;
        Ok(node.invariant().map_err(MarketError::from)?)
    }

    /// What was attested was attested of the rig as it was, under the key that it had.
    pub fn forget_attestation(&mut self) {
        self.attestor = Pubkey::default();
        self.attestation_digest = [0; 32];
        self.attestation_score = 0;
        self.attestation_class = HardwareClass::Claimed as u8;
        self.attestation_expires_at = 0;
    }
}
