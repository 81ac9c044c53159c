//! What somebody may do, one file each.

mod add_node;
mod add_stake;
mod cancel_job;
mod close_job;
mod expire_job;
mod expire_lease;
mod initialize;
mod open_job;
mod open_lease;
mod raw;
mod register_provider;
mod settle;
mod wait;

use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{InstructionData, ToAccountMetas};
use arbitrary::Arbitrary;
use millrace_testkit::Call;

use crate::market::Market;

/// Something that somebody does. Numbers that choose one of several are taken modulo how many
/// there are.
#[derive(Arbitrary, Clone, Debug)]
pub enum Deed {
    AddNode(add_node::AddNode),
    AddStake(add_stake::AddStake),
    CancelJob(cancel_job::CancelJob),
    CloseJob(close_job::CloseJob),
    ExpireJob(expire_job::ExpireJob),
    ExpireLease(expire_lease::ExpireLease),
    Initialize(initialize::Initialize),
    OpenJob(open_job::OpenJob),
    OpenLease(open_lease::OpenLease),
    Raw(raw::Raw),
    RegisterProvider(register_provider::RegisterProvider),
    Settle(settle::Settle),
    Wait(wait::Wait),
}

impl Deed {
    /// The transaction; none where there is nothing to do it to, or where it is only time that passes.
    pub fn call(&self, market: &mut Market) -> Option<Vec<Instruction>> {
        match self {
            Self::AddNode(deed) => deed.call(market),
            Self::AddStake(deed) => deed.call(market),
            Self::CancelJob(deed) => deed.call(market),
            Self::CloseJob(deed) => deed.call(market),
            Self::ExpireJob(deed) => deed.call(market),
            Self::ExpireLease(deed) => deed.call(market),
            Self::Initialize(deed) => deed.call(market),
            Self::OpenJob(deed) => deed.call(market),
            Self::OpenLease(deed) => deed.call(market),
            Self::Raw(deed) => deed.call(market),
            Self::RegisterProvider(deed) => deed.call(market),
            Self::Settle(deed) => deed.call(market),
            Self::Wait(_) => None,
        }
    }

    /// Whether the very same transaction may not happen again. What adds to a balance may, and bytes
    /// at random may be such.
    pub fn happens_once(&self) -> bool {
        !matches!(self, Self::AddStake(_) | Self::Raw(_))
    }
}

/// The transaction of a call.
fn transaction<A: ToAccountMetas, D: InstructionData>(call: &Call<A, D>) -> Vec<Instruction> {
    call.before.iter().cloned().chain([call.instruction()]).collect()
}
