use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::{
    self as protocol, BasisPoints, GpuUnits, HardwareClass, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, Verification,
};

/// Values of [`JobTerms::verification`].
const ATTESTED: u8 = 0;
const SPOT_CHECK: u8 = 1;
const QUORUM: u8 = 2;
const ATTESTED_HARDWARE: u8 = 3;

/// What a buyer asks for when opening a job.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobTerms {
    /// Bit per GPU class; 0 accepts every class, also none.
    pub gpu_classes: u64,
    /// Highest price in micro-USDC per GPU-hour.
    pub maximum_price: u64,
    /// Longest lease in seconds.
    pub lease_seconds: u64,
    /// Seconds the job waits for a lease, at first and after each failed one.
    pub start_window: u64,
    /// All that the funder pays in, in micro-USDC.
    pub deposit: u64,
    /// Seconds from a lease's final voucher until it settles as reported; 0 settles at once.
    pub dispute_window: u64,
    /// Least memory of one GPU in MiB; 0 accepts any.
    pub vram_mib: u32,
    /// Bit per region; 0 accepts every region.
    pub regions: u32,
    /// GPUs per lease.
    pub units: u16,
    /// Leases at the same time, one node each.
    pub concurrent_leases: u16,
    /// How many leases may fail by their node's fault before the job ends.
    pub retries: u16,
    /// Share of the tasks that are run again, in basis points; 0 unless the verification is a spot check.
    pub spot_check_bps: u16,
    /// Nodes whose GPUs are simulated are taken only where this is not 0.
    pub accept_simulated: u8,
    /// Not 0: takes leases at a node's spot price, which may be preempted.
    pub spot: u8,
    /// 0 none, 1 silver, 2 gold.
    pub service_level: u8,
    /// 0 streaming, 1 on result.
    pub payment: u8,
    /// 0 attested, 1 spot check, 2 quorum, 3 attested hardware.
    pub verification: u8,
    /// Equal results that win; 0 unless the verification is a quorum.
    pub quorum_needed: u8,
    /// Leases that are compared; 0 unless the verification is a quorum.
    pub quorum_size: u8,
    /// 1 challenged, 2 enclave; 0 unless the verification is attested hardware.
    pub hardware_class: u8,
}

impl From<protocol::JobTerms> for JobTerms {
    fn from(from: protocol::JobTerms) -> Self {
        let (mut spot_check, mut needed, mut size, mut class) = (BasisPoints::ZERO, 0, 0, HardwareClass::Claimed);
        let verification = match from.verification {
            Verification::Attested => ATTESTED,
            Verification::SpotCheck { share } => {
                spot_check = share;
                SPOT_CHECK
            }
            Verification::Quorum { needed: least, size: all } => {
                (needed, size) = (least, all);
                QUORUM
            }
            Verification::AttestedHardware { class: least } => {
                class = least;
                ATTESTED_HARDWARE
            }
        };
        Self {
            gpu_classes: from.requirements.gpu_classes,
            maximum_price: from.maximum_price.0,
            lease_seconds: from.lease_seconds.0,
            start_window: from.start_window.0,
            deposit: from.deposit.0,
            dispute_window: from.dispute_window.0,
            vram_mib: from.requirements.vram_mib,
            regions: from.requirements.regions,
            units: from.requirements.units.0,
            concurrent_leases: from.concurrent_leases,
            retries: from.retries,
            spot_check_bps: spot_check.0,
            accept_simulated: from.requirements.accept_simulated.into(),
            spot: from.spot.into(),
            service_level: from.service_level as u8,
            payment: from.payment as u8,
            verification,
            quorum_needed: needed,
            quorum_size: size,
            hardware_class: class as u8,
        }
    }
}

impl TryFrom<JobTerms> for protocol::JobTerms {
    type Error = protocol::Error;

    fn try_from(from: JobTerms) -> std::result::Result<Self, protocol::Error> {
        let verification = match from.verification {
            ATTESTED => Verification::Attested,
            SPOT_CHECK => Verification::SpotCheck { share: BasisPoints(from.spot_check_bps) },
            QUORUM => Verification::Quorum { needed: from.quorum_needed, size: from.quorum_size },
            ATTESTED_HARDWARE => {
                Verification::AttestedHardware { class: HardwareClass::try_from(from.hardware_class)? }
            }
            _ => return Err(protocol::Error::TermsInvalid),
        };
        Ok(Self {
            requirements: Requirements {
                gpu_classes: from.gpu_classes,
                vram_mib: from.vram_mib,
                units: GpuUnits(from.units),
                regions: from.regions,
                accept_simulated: from.accept_simulated != 0,
            },
            maximum_price: PricePerGpuHour(from.maximum_price),
            concurrent_leases: from.concurrent_leases,
            lease_seconds: Seconds(from.lease_seconds),
            start_window: Seconds(from.start_window),
            retries: from.retries,
            deposit: MicroUsdc(from.deposit),
            spot: from.spot != 0,
            service_level: ServiceLevel::try_from(from.service_level).map_err(|_| protocol::Error::TermsInvalid)?,
            payment: Payment::try_from(from.payment)?,
            verification,
            dispute_window: Seconds(from.dispute_window),
        })
    }
}
