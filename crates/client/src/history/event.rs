mod counted;
mod course;

use anchor_lang::{AnchorDeserialize, Discriminator};
use millrace::events;
use millrace_protocol::{Address, GpuUnits, LeaseOutcome, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};

use crate::address::address;

/// What a transaction did to a job. Times are the chain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEvent {
    Opened {
        buyer: Address,
        funder: Address,
        deposit: MicroUsdc,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        at: UnixSeconds,
    },
    Extended {
        /// Added to the deposit.
        added: MicroUsdc,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        at: UnixSeconds,
    },
    LeaseOpened {
        lease: Address,
        number: u32,
        node: Address,
        provider: Address,
        price: PricePerGpuHour,
        units: GpuUnits,
        reserved: MicroUsdc,
        bond: MicroUsdc,
        /// Root of all bids, where the price is one of an auction; zeros otherwise.
        bid_book_root: [u8; 32],
        at: UnixSeconds,
    },
    Settled {
        lease: Address,
        number: u32,
        node: Address,
        provider: Address,
        sequence: u64,
        /// Attested since the lease was opened.
        metered: Seconds,
        /// Moved by this voucher, fee included.
        payment: MicroUsdc,
        /// The network's part of `payment`.
        fee: MicroUsdc,
        /// From the node's bond into the job's vault: the service level's credit.
        compensation: MicroUsdc,
        /// How the lease ended; none while it goes on.
        outcome: Option<LeaseOutcome>,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        at: UnixSeconds,
    },
    /// A lease ended otherwise than by a voucher.
    LeaseSettled {
        lease: Address,
        number: u32,
        node: Address,
        provider: Address,
        outcome: LeaseOutcome,
        metered: Seconds,
        /// Moved by this settlement, fee included.
        payment: MicroUsdc,
        /// The network's part of `payment`.
        fee: MicroUsdc,
        /// From the node's bond into the job's vault.
        compensation: MicroUsdc,
        /// A challenger's bond that went back to the challenger.
        challenger_refund: MicroUsdc,
        /// A challenger's bond that went to the provider.
        challenger_forfeit: MicroUsdc,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        at: UnixSeconds,
    },
    /// More time for a live lease.
    LeaseExtended {
        lease: Address,
        node: Address,
        maximum: Seconds,
        /// Held of the deposit for the lease.
        reserved: MicroUsdc,
        at: UnixSeconds,
    },
    /// The node has taken its one extension of the start.
    StartExtended {
        lease: Address,
        node: Address,
        start_by: UnixSeconds,
        at: UnixSeconds,
    },
    /// The node works on although no voucher comes.
    LeaseHeld {
        lease: Address,
        node: Address,
        checkpoint_by: UnixSeconds,
        at: UnixSeconds,
    },
    /// A spot lease ends with the notice.
    PreemptionNoticed {
        lease: Address,
        node: Address,
        preempted_at: UnixSeconds,
        at: UnixSeconds,
    },
    /// A reported lease was challenged; its settlement tells what became of the bond.
    DisputeOpened {
        lease: Address,
        challenger: Address,
        /// SHA-256 of the challenger's evidence.
        evidence_hash: [u8; 32],
        /// The challenger's, into the job's vault.
        bond: MicroUsdc,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        decide_by: UnixSeconds,
        at: UnixSeconds,
    },
    QuorumOpened {
        round: u32,
        at: UnixSeconds,
    },
    ResultCommitted {
        lease: Address,
        round: u32,
        at: UnixSeconds,
    },
    ResultRevealed {
        lease: Address,
        round: u32,
        root: [u8; 32],
        at: UnixSeconds,
    },
    QuorumTallied {
        round: u32,
        /// The result that had enough votes.
        winner: Option<[u8; 32]>,
        at: UnixSeconds,
    },
    QuorumClosed {
        round: u32,
        at: UnixSeconds,
    },
    Cancelled {
        at: UnixSeconds,
    },
    Expired {
        at: UnixSeconds,
    },
    Closed {
        funder: Address,
        /// What the job's ledger says is left.
        refund: MicroUsdc,
        /// What strangers had sent to the vault; goes to the funder too.
        surplus: MicroUsdc,
        vault_before: MicroUsdc,
        vault_after: MicroUsdc,
        at: UnixSeconds,
    },
}

impl JobEvent {
    /// The node whose lease it is about; `None` for events about the job alone, and for those that name a lease
    /// and not its node.
    pub fn node(&self) -> Option<Address> {
        match self {
            Self::LeaseOpened { node, .. }
            | Self::Settled { node, .. }
            | Self::LeaseSettled { node, .. }
            | Self::LeaseExtended { node, .. }
            | Self::StartExtended { node, .. }
            | Self::LeaseHeld { node, .. }
            | Self::PreemptionNoticed { node, .. } => Some(*node),
            Self::Opened { .. }
            | Self::Extended { .. }
            | Self::DisputeOpened { .. }
            | Self::QuorumOpened { .. }
            | Self::ResultCommitted { .. }
            | Self::ResultRevealed { .. }
            | Self::QuorumTallied { .. }
            | Self::QuorumClosed { .. }
            | Self::Cancelled { .. }
            | Self::Expired { .. }
            | Self::Closed { .. } => None,
        }
    }

    /// Reads an event of the program and the job it is about; `None` for events about no job.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Address, Self)> {
        if let Some(event) = read::<events::JobOpened>(bytes) {
            let opened = Self::Opened {
                buyer: address(event.buyer),
                funder: address(event.funder),
                deposit: MicroUsdc(event.deposit),
                vault_before: MicroUsdc(event.vault_before),
                vault_after: MicroUsdc(event.vault_after),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), opened));
        }
        if let Some(event) = read::<events::JobExtended>(bytes) {
            let extended = Self::Extended {
                added: MicroUsdc(event.added),
                vault_before: MicroUsdc(event.vault_before),
                vault_after: MicroUsdc(event.vault_after),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), extended));
        }
        if let Some(event) = read::<events::LeaseOpened>(bytes) {
            let opened = Self::LeaseOpened {
                lease: address(event.lease),
                number: event.number,
                node: address(event.node),
                provider: address(event.provider),
                price: PricePerGpuHour(event.price),
                units: GpuUnits(event.units),
                reserved: MicroUsdc(event.reserved),
                bond: MicroUsdc(event.bond),
                bid_book_root: event.bid_book_root,
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), opened));
        }
        if let Some(event) = read::<events::VoucherSettled>(bytes) {
            let settled = Self::Settled {
                lease: address(event.lease),
                number: event.number,
                node: address(event.node),
                provider: address(event.provider),
                sequence: event.sequence,
                metered: Seconds(event.metered_seconds),
                payment: MicroUsdc(event.payment),
                fee: MicroUsdc(event.fee),
                outcome: match event.outcome {
                    Some(number) => Some(LeaseOutcome::try_from(number).ok()?),
                    None => None,
                },
                compensation: MicroUsdc(event.compensation),
                vault_before: MicroUsdc(event.before.job_vault),
                vault_after: MicroUsdc(event.after.job_vault),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), settled));
        }
        let course = Self::decode_course(bytes).or_else(|| Self::decode_dispute(bytes));
        course.or_else(|| Self::decode_round(bytes)).or_else(|| Self::decode_end(bytes))
    }

    fn decode_end(bytes: &[u8]) -> Option<(Address, Self)> {
        if let Some(event) = read::<events::LeaseSettled>(bytes) {
            let settled = Self::LeaseSettled {
                lease: address(event.lease),
                number: event.number,
                node: address(event.node),
                provider: address(event.provider),
                outcome: LeaseOutcome::try_from(event.outcome).ok()?,
                metered: Seconds(event.metered_seconds),
                payment: MicroUsdc(event.payment),
                fee: MicroUsdc(event.fee),
                compensation: MicroUsdc(event.compensation),
                challenger_refund: MicroUsdc(event.challenger_refund),
                challenger_forfeit: MicroUsdc(event.challenger_forfeit),
                vault_before: MicroUsdc(event.before.job_vault),
                vault_after: MicroUsdc(event.after.job_vault),
                at: UnixSeconds(event.at),
            };
            return Some((address(event.job), settled));
        }
        if let Some(event) = read::<events::JobCancelled>(bytes) {
            return Some((address(event.job), Self::Cancelled { at: UnixSeconds(event.at) }));
        }
        if let Some(event) = read::<events::JobExpired>(bytes) {
            return Some((address(event.job), Self::Expired { at: UnixSeconds(event.at) }));
        }
        let event = read::<events::JobClosed>(bytes)?;
        let closed = Self::Closed {
            funder: address(event.funder),
            refund: MicroUsdc(event.refund),
            surplus: MicroUsdc(event.surplus),
            vault_before: MicroUsdc(event.job_vault_before),
            vault_after: MicroUsdc(event.job_vault_after),
            at: UnixSeconds(event.at),
        };
        Some((address(event.job), closed))
    }
}

/// Bytes behind the fields are allowed: a later program may append some.
fn read<E: AnchorDeserialize + Discriminator>(bytes: &[u8]) -> Option<E> {
    E::deserialize(&mut bytes.strip_prefix(E::DISCRIMINATOR)?).ok()
}
